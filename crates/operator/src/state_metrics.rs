//! What this replica knows of the leader and of its own certificate, as gauges.

use ingraft_controllers::Leadership;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use tokio::sync::watch;
use tokio::time::Instant;

/// Looked at whenever metrics are read.
#[derive(Debug)]
pub struct StateMetrics {
    started: Instant,
    leadership: watch::Receiver<Leadership>,
    is_trusted: watch::Receiver<bool>,
}

impl StateMetrics {
    /// Of what is sent here.
    pub fn new(leadership: watch::Receiver<Leadership>, is_trusted: watch::Receiver<bool>) -> Self {
        Self { started: Instant::now(), leadership, is_trusted }
    }
}

impl Collector for StateMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut gauge = |name: &str, help: &str, unit: Option<&Unit>, value: f64| {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, unit, gauge.metric_type())?)
        };
        let leadership = *self.leadership.borrow();
        gauge("ingraft_leader", "Whether this replica leads", None, f64::from(leadership.is_ours))?;
        gauge(
            "ingraft_leader_idle",
            "Time since the Lease of the leader was last seen to be renewed",
            Some(&Unit::Seconds),
            leadership.renewed.unwrap_or(self.started).elapsed().as_secs_f64(),
        )?;
        gauge(
            "ingraft_trusted",
            "Whether the API server trusts the certificate that this replica serves with",
            None,
            f64::from(*self.is_trusted.borrow()),
        )
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn says_who_leads_and_for_how_long_nobody_was_seen_to() {
        let (leadership, is_trusted) = (watch::Sender::default(), watch::Sender::new(false));
        let metrics = StateMetrics::new(leadership.subscribe(), is_trusted.subscribe());
        let mut registry = Registry::default();
        registry.register_collector(Box::new(metrics));
        let has = |lines: [&str; 3]| {
            let mut text = String::new();
            encode(&mut text, &registry).unwrap();
            assert!(lines.iter().all(|line| text.contains(&format!("\n{line}\n"))), "{text}");
        };
        tokio::time::advance(std::time::Duration::from_secs(90)).await;
        has(["ingraft_leader 0.0", "ingraft_leader_idle_seconds 90.0", "ingraft_trusted 0.0"]);
        leadership.send_replace(Leadership { is_ours: true, renewed: Some(Instant::now()) });
        is_trusted.send_replace(true);
        has(["ingraft_leader 1.0", "ingraft_leader_idle_seconds 0.0", "ingraft_trusted 1.0"]);
    }
}

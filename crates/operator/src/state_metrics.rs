//! What this replica knows of the leader and of its own certificate, as gauges.

use ingraft_cluster::authority::Authority;
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
    authority: watch::Receiver<Option<Authority>>,
    is_trusted: watch::Receiver<bool>,
}

impl StateMetrics {
    /// Of what is sent here.
    pub fn new(
        leadership: watch::Receiver<Leadership>,
        authority: watch::Receiver<Option<Authority>>,
        is_trusted: watch::Receiver<bool>,
    ) -> Self {
        Self { started: Instant::now(), leadership, authority, is_trusted }
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
        )?;
        let Some(end) = self.authority.borrow().as_ref().map(|authority| authority.not_after) else {
            return Ok(());
        };
        let help = "When the certificate ends that this replica serves with, in seconds since 1970";
        let end = ConstGauge::new(end);
        let name = "ingraft_certificate_expiry_timestamp";
        end.encode(encoder.encode_descriptor(name, help, Some(&Unit::Seconds), end.metric_type())?)
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn says_who_leads_and_for_how_long_nobody_was_seen_to() {
        let (leadership, authority, is_trusted) =
            (watch::Sender::default(), watch::Sender::default(), watch::Sender::new(false));
        let metrics =
            StateMetrics::new(leadership.subscribe(), authority.subscribe(), is_trusted.subscribe());
        let mut registry = Registry::default();
        registry.register_collector(Box::new(metrics));
        let has = |lines: [&str; 3]| {
            let mut text = String::new();
            encode(&mut text, &registry).unwrap();
            assert!(lines.iter().all(|line| text.contains(&format!("\n{line}\n"))), "{text}");
            text
        };
        tokio::time::advance(std::time::Duration::from_secs(90)).await;
        let text = has(["ingraft_leader 0.0", "ingraft_leader_idle_seconds 90.0", "ingraft_trusted 0.0"]);
        assert!(!text.contains("ingraft_certificate"), "{text}");
        leadership.send_replace(Leadership { is_ours: true, renewed: Some(Instant::now()) });
        is_trusted.send_replace(true);
        let not_after = 1_800_000_000;
        let serves =
            Authority { key: String::new(), certificate: String::new(), bundle: String::new(), not_after };
        authority.send_replace(Some(serves));
        let text = has(["ingraft_leader 1.0", "ingraft_leader_idle_seconds 0.0", "ingraft_trusted 1.0"]);
        assert!(text.contains("\ningraft_certificate_expiry_timestamp_seconds 1800000000\n"), "{text}");
    }
}

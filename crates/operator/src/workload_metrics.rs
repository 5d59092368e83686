//! How many workloads are in which state, as gauges of the leader.

use ingraft_controllers::{Leadership, WorkloadCounts};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use tokio::sync::watch;

/// Looked at whenever metrics are read. Only the leader counts, so that all replicas together tell of each workload once.
#[derive(Debug)]
pub struct WorkloadMetrics {
    leadership: watch::Receiver<Leadership>,
    counts: watch::Receiver<Option<WorkloadCounts>>,
}

impl WorkloadMetrics {
    /// Of what is sent here.
    pub fn new(
        leadership: watch::Receiver<Leadership>,
        counts: watch::Receiver<Option<WorkloadCounts>>,
    ) -> Self {
        Self { leadership, counts }
    }
}

impl Collector for WorkloadMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let counts = self.counts.borrow().filter(|_| self.leadership.borrow().is_ours);
        let Some(WorkloadCounts { asked, injected, missed, outdated, failed, refused, newer_image }) = counts
        else {
            return Ok(());
        };
        let help = "Workloads by state, as the leader sees them";
        let mut metric = encoder.encode_descriptor("ingraft_workloads", help, None, MetricType::Gauge)?;
        for (state, count) in [
            ("asked", asked),
            ("injected", injected),
            ("missed", missed),
            ("outdated", outdated),
            ("failed", failed),
            ("refused", refused),
            ("newer-image", newer_image),
        ] {
            ConstGauge::new(count).encode(metric.encode_family(&[("state", state)])?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    #[test]
    fn only_a_leader_that_has_counted_tells() {
        let (leadership, counts) = (watch::Sender::default(), watch::Sender::default());
        let mut registry = Registry::default();
        let metrics = WorkloadMetrics::new(leadership.subscribe(), counts.subscribe());
        registry.register_collector(Box::new(metrics));
        let text = || {
            let mut text = String::new();
            encode(&mut text, &registry).unwrap();
            text
        };
        let lead = |is_ours| leadership.send_replace(Leadership { is_ours, renewed: None });
        lead(true);
        assert_eq!(text(), "# EOF\n");
        counts.send_replace(Some(WorkloadCounts { asked: 3, missed: 1, ..WorkloadCounts::default() }));
        assert!(text().contains("\ningraft_workloads{state=\"asked\"} 3\n"), "{}", text());
        assert!(text().contains("\ningraft_workloads{state=\"missed\"} 1\n"), "{}", text());
        assert!(text().contains("\ningraft_workloads{state=\"failed\"} 0\n"), "{}", text());
        lead(false);
        assert_eq!(text(), "# EOF\n");
    }
}

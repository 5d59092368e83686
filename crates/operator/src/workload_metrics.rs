//! How many workloads are in which state, and whether reviews arrive, as gauges of the leader.

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
    path_is_healthy: watch::Receiver<Option<bool>>,
}

impl WorkloadMetrics {
    /// Of what is sent here.
    pub fn new(
        leadership: watch::Receiver<Leadership>,
        counts: watch::Receiver<Option<WorkloadCounts>>,
        path_is_healthy: watch::Receiver<Option<bool>>,
    ) -> Self {
        Self { leadership, counts, path_is_healthy }
    }
}

impl Collector for WorkloadMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        if !self.leadership.borrow().is_ours {
            return Ok(());
        }
        if let Some(is_healthy) = *self.path_is_healthy.borrow() {
            let help = "Whether reviews arrive at the operator, as the leader has tried with one API server; absent where \
                        that cannot be told";
            let gauge = ConstGauge::new(i64::from(is_healthy));
            let name = "ingraft_admission_path_healthy";
            gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        let Some(WorkloadCounts { asked, injected, missed, outdated, failed, refused, newer_image }) =
            *self.counts.borrow()
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
        let path = watch::Sender::default();
        let mut registry = Registry::default();
        let metrics = WorkloadMetrics::new(leadership.subscribe(), counts.subscribe(), path.subscribe());
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
        assert!(!text().contains("ingraft_admission_path_healthy"), "it is not known yet");
        path.send_replace(Some(false));
        assert!(text().contains("\ningraft_admission_path_healthy 0\n"), "{}", text());
        path.send_replace(Some(true));
        assert!(text().contains("\ningraft_admission_path_healthy 1\n"), "{}", text());
        lead(false);
        assert_eq!(text(), "# EOF\n");
    }
}

//! How long each watch has heard nothing, as a gauge.

use ingraft_cluster::client::LastHeard;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// Watches by what is watched. Looked at whenever metrics are read.
#[derive(Debug, Default)]
pub struct WatchMetrics(Vec<(String, LastHeard)>);

impl WatchMetrics {
    /// Adds a watch.
    pub fn add(&mut self, resource: impl Into<String>, last_heard: LastHeard) {
        self.0.push((resource.into(), last_heard));
    }
}

impl Collector for WatchMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let help = "Time since a watch last heard from the API server: an answer, an event or a bookmark";
        let mut metric =
            encoder.encode_descriptor("ingraft_watch_idle", help, Some(&Unit::Seconds), MetricType::Gauge)?;
        for (resource, last_heard) in &self.0 {
            let labels = [("resource", resource.as_str())];
            let idle = ConstGauge::new(last_heard.elapsed().as_secs_f64());
            idle.encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn says_how_long_each_watch_has_heard_nothing() {
        let mut watches = WatchMetrics::default();
        watches.add("services", LastHeard::default());
        tokio::time::advance(std::time::Duration::from_secs(90)).await;
        watches.add("nodes", LastHeard::default());
        let mut registry = Registry::default();
        registry.register_collector(Box::new(watches));
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        assert!(text.contains("ingraft_watch_idle_seconds{resource=\"services\"} 90.0\n"), "{text}");
        assert!(text.contains("ingraft_watch_idle_seconds{resource=\"nodes\"} 0.0\n"), "{text}");
    }
}

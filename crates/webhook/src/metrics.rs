//! What is counted of admission reviews.

use ingraft_api::Language;
use ingraft_core::Finding;
use ingraft_core::finding::{ChoiceFinding, ContainerFinding};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Counters of admission reviews.
#[derive(Debug, Clone)]
pub struct Metrics {
    reviews: Family<ReviewLabels, Counter>,
    findings: Family<FindingLabels, Counter>,
    duration: Histogram,
    reports_dropped: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReviewLabels {
    webhook: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FindingLabels {
    code: &'static str,
    severity: &'static str,
    language: &'static str,
}

impl FindingLabels {
    fn of(finding: &Finding) -> Self {
        let language = finding.language().map_or("", Language::key);
        Self { code: finding.code(), severity: finding.severity().as_str(), language }
    }
}

impl Metrics {
    /// Registers the counters.
    pub fn register(registry: &mut Registry) -> Self {
        let buckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0];
        let metrics = Self {
            reviews: Family::default(),
            findings: Family::default(),
            duration: Histogram::new(buckets),
            reports_dropped: Counter::default(),
        };
        let admission = registry.sub_registry_with_prefix("ingraft_admission");
        admission.register("reviews", "Admission reviews, by webhook and outcome", metrics.reviews.clone());
        let help = "Findings about pods under admission, by code, severity and language";
        admission.register("findings", help, metrics.findings.clone());
        // What alerts look at is there before it happens: Prometheus sees no increase in what has just appeared.
        let withheld = ContainerFinding::InjectionWithheld { message: String::new() };
        for finding in [Finding::pod(withheld, ""), Finding::pod(ChoiceFinding::InternalError, "")] {
            metrics.findings.get_or_create(&FindingLabels::of(&finding)).inc_by(0);
        }
        let help = "Time to answer a pod's review, from the body read to the answer written";
        admission.register_with_unit("duration", help, Unit::Seconds, metrics.duration.clone());
        let help = "Reports that did not become Events because too many were waiting";
        admission.register("reports_dropped", help, metrics.reports_dropped.clone());
        metrics
    }

    /// Counts a review.
    pub fn review(&self, webhook: &'static str, outcome: &'static str) {
        self.reviews.get_or_create(&ReviewLabels { webhook, outcome }).inc();
    }

    /// Counts a finding about a pod.
    pub fn finding(&self, finding: &Finding) {
        self.findings.get_or_create(&FindingLabels::of(finding)).inc();
    }

    pub(crate) fn duration(&self, seconds: f64) {
        self.duration.observe(seconds);
    }

    pub(crate) fn report_dropped(&self) {
        self.reports_dropped.inc();
    }
}

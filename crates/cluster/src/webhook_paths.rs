//! The paths at which the API server calls the webhook server: it serves them, and the registration names them.

/// The pod webhook.
pub const POD: &str = "/mutate-v1-pod";
/// The webhook that warns about workloads.
pub const WORKLOAD_WARNINGS: &str = "/validate-workload";
/// The defaulting webhook for Instrumentations.
pub const INSTRUMENTATION: &str = "/mutate-opentelemetry-io-v1alpha1-instrumentation";
/// The webhook that warns about Instrumentations.
pub const INSTRUMENTATION_WARNINGS: &str = "/validate-opentelemetry-io-v1alpha1-instrumentation";
/// The webhook of the self-test.
pub const SELF_TEST: &str = "/self-test";

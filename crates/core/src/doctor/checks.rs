//! What several objects show together: one file each, with what is looked at and a test that breaks exactly that.

mod collectors;
mod conditions;
mod crashes;
mod definitions;
mod endpoint_services;
mod network_policies;
mod operator;
mod order;
mod refused_pods;
mod registration;
mod service_targets;
mod standby;
mod webhooks;

use super::{Diagnosis, ObjectRef, Scene};

pub(super) use collectors::has_sidecar;
pub use collectors::{COLLECTOR, collector_of};
pub use endpoint_services::endpoint_services;
pub use order::order;
pub use webhooks::webhook_services;

/// All of them, in the order of the way from an annotation to telemetry.
const CHECKS: [fn(&Scene<'_>) -> Vec<Diagnosis>; 12] = [
    definitions::check,
    operator::check,
    registration::check,
    conditions::check,
    webhooks::check,
    network_policies::check,
    endpoint_services::check,
    service_targets::check,
    collectors::check,
    standby::check,
    refused_pods::check,
    crashes::check,
];

/// What several objects show together.
pub fn check(scene: &Scene<'_>) -> Vec<Diagnosis> {
    CHECKS.iter().flat_map(|check| check(scene)).collect()
}

/// Whether the OpenTelemetry Operator injects, and Ingraft does not.
pub(super) fn is_of_others(scene: &Scene<'_>) -> bool {
    operator::ours(scene).next().is_none() && operator::of_others(scene).next().is_some()
}

/// The kind under which it is noted that the pods behind a Service were asked for.
const SLICES: &str = "EndpointSlice";

/// Whether a pod is ready behind a Service; `None` where nobody asked. EndpointSlices are asked for by Service, and are complete
/// under a kind of its own: `EndpointSlice/<namespace>/<name>`.
fn has_ready_pod(scene: &Scene<'_>, namespace: &str, name: &str) -> Option<bool> {
    use crate::json::{label, list, string};
    use serde_json::Value;
    if !scene.resources.is_complete(&slices(namespace, name)) {
        return None;
    }
    let own = |slice: &&Value| label(slice, "kubernetes.io/service-name") == name;
    // <https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/>: absent means ready.
    let is_ready = |endpoint: &Value| {
        endpoint.pointer("/conditions/ready").and_then(Value::as_bool).unwrap_or(true)
            && !list(endpoint, "addresses").is_empty()
    };
    let mut slices = scene.resources.within(SLICES, namespace).filter(own);
    Some(slices.any(|slice| {
        string(slice, "addressType") != Some("FQDN") && list(slice, "endpoints").iter().any(is_ready)
    }))
}

/// What is complete once the EndpointSlices of a Service were asked for.
pub fn slices(namespace: &str, name: &str) -> String {
    format!("{SLICES}/{namespace}/{name}")
}

/// The object that a document is.
fn object(document: &serde_json::Value) -> ObjectRef {
    ObjectRef::of(document, "")
}

#[cfg(test)]
pub(super) mod tests;

//! Which kind of object was meant by one whose `apiVersion` or `kind` is wrong.

use ingraft_api::instrumentation::{GROUP, KIND, VERSION};
use ingraft_core::workload::may_concern;
use serde_json::Value;
use strsim::damerau_levenshtein;

/// What makes pods.
const WORKLOADS: [(&str, &str); 8] = [
    ("v1", "Pod"),
    ("v1", "ReplicationController"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "ReplicaSet"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
];

/// `apiVersion` and `kind` as an object says them.
pub(crate) fn written(object: &Value) -> (&str, &str) {
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    (text("apiVersion"), text("kind"))
}

/// Whether an object is an Instrumentation, or almost one.
pub(crate) fn is_instrumentation(object: &Value) -> bool {
    let (version, kind) = written(object);
    let is_kind =
        kind.trim_end_matches('s').eq_ignore_ascii_case(KIND) || damerau_levenshtein(kind, KIND) <= 2;
    let is_group = version.contains("opentelemetry") || is_of_kubernetes(version) || {
        damerau_levenshtein(version, &format!("{GROUP}/{VERSION}")) <= 3
    };
    is_kind && is_group
}

/// Whether an object that the API server refuses was to be an Instrumentation.
pub fn means_instrumentation(object: &Value) -> bool {
    let (version, kind) = written(object);
    is_instrumentation(object) || (kind.is_empty() && version == format!("{GROUP}/{VERSION}"))
}

/// The version and kind that were meant by those of an object with annotations of ours, where the API server does not know
/// what it says.
pub(crate) fn workload(object: &Value) -> Option<(&'static str, &'static str)> {
    let (version, kind) = written(object);
    let is_near = |known: &str| {
        let is_same = kind.trim_end_matches('s').eq_ignore_ascii_case(known);
        // Short ones are like others.
        is_same || (known.len() > 7 && damerau_levenshtein(kind, known) <= 2)
    };
    let is_exact = |(_, known): &&(&str, &str)| *known == kind;
    let known = WORKLOADS.iter().find(is_exact);
    let (meant, known) = known.or_else(|| WORKLOADS.iter().find(|(_, known)| is_near(known)))?;
    let is_right = *meant == version && *known == kind;
    (!is_right && is_of_kubernetes(version) && may_concern(object)).then_some((*meant, *known))
}

/// Whether a version is of a group that only Kubernetes itself may have: those of others contain a dot.
fn is_of_kubernetes(version: &str) -> bool {
    !version.is_empty() && !version.contains('.')
}

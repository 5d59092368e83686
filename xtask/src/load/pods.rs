//! Pods that were created while the operator was away, and what is told of them.

use ingraft_testkit::Kubectl;
use serde_json::Value;

/// The pods of the namespace `shop` whose names begin so.
pub(super) fn pods(kubectl: &Kubectl, prefix: &str) -> anyhow::Result<Vec<Value>> {
    let listed = kubectl.json(&["get", "pods", "-n", "shop", "-o", "json"])?;
    let all = listed.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    let is_ours =
        |pod: &Value| at(pod, "/metadata/name").as_str().is_some_and(|name| name.starts_with(prefix));
    Ok(all.into_iter().filter(is_ours).collect())
}

/// What a pod says of what was injected into it.
pub(super) fn injected(pod: &Value) -> Option<&str> {
    at(pod, "/metadata/annotations/ingraft.dev~1injected").as_str()
}

/// How many workloads are told as missed.
pub(super) fn told(kubectl: &Kubectl) -> anyhow::Result<usize> {
    let missed = ["get", "events", "-n", "shop", "--field-selector=reason=PodMissed", "-o", "name"];
    Ok(kubectl.run(&missed)?.lines().count())
}

/// What is at a place of a document; null where there is nothing.
pub(super) fn at<'a>(document: &'a Value, pointer: &str) -> &'a Value {
    document.pointer(pointer).unwrap_or(&Value::Null)
}

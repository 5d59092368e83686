//! What `fieldRef` and `resourceFieldRef` stand for, where the pod shows it.
//!
//! A pod that is still on its way gets more: labels, a ServiceAccount, default requests. What such a pod does not show
//! is not known; of one that has been stored and has a node, what is not there is empty.

use serde_json::Value;

use super::Inputs;
use crate::json::{list, named, string, string_at};
use crate::quantity;

/// The text of a field:
/// <https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/kubelet/kubelet_pods.go> (`podFieldSelectorRuntimeValue`).
pub(super) fn field(inputs: &Inputs<'_>, path: &str) -> Option<String> {
    let pod = inputs.pod;
    let shown = |pointer| string_at(pod, pointer).filter(|text| !text.is_empty()).map(str::to_owned);
    match path {
        "metadata.name" => shown("/metadata/name"),
        "metadata.namespace" => Some(inputs.namespace.to_owned()),
        "metadata.uid" => shown("/metadata/uid"),
        // The second is the name that the field had in the first versions of the API.
        "spec.nodeName" | "spec.host" => shown("/spec/nodeName"),
        "spec.serviceAccountName" => {
            shown("/spec/serviceAccountName").or_else(|| is_final(pod).then(String::new))
        }
        "status.hostIP" => shown("/status/hostIP"),
        "status.podIP" => shown("/status/podIP"),
        "status.hostIPs" => addresses(pod, "hostIPs"),
        "status.podIPs" => addresses(pod, "podIPs"),
        _ => {
            let (map, key) = path.strip_suffix("']")?.split_once("['")?;
            let map = match map {
                "metadata.labels" => "labels",
                "metadata.annotations" => "annotations",
                _ => return None,
            };
            let text =
                pod.get("metadata").and_then(|metadata| metadata.get(map)).and_then(|map| string(map, key));
            text.map(str::to_owned).or_else(|| is_final(pod).then(String::new))
        }
    }
}

fn addresses(pod: &Value, field: &str) -> Option<String> {
    let addresses = list(pod.get("status")?, field).iter().filter_map(|address| string(address, "ip"));
    let addresses: Vec<&str> = addresses.collect();
    (!addresses.is_empty()).then(|| addresses.join(","))
}

/// Whether nothing is added to the pod any more before its containers start. Its node and the node's labels come last
/// (<https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#podtopologylabels>).
fn is_final(pod: &Value) -> bool {
    let shown = |pointer| string_at(pod, pointer).is_some_and(|text| !text.is_empty());
    shown("/metadata/uid") && shown("/spec/nodeName")
}

/// The amount of a resource in units of the divisor:
/// <https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/api/v1/resource/helpers.go> (`ExtractContainerResourceValue`).
pub(super) fn resource(inputs: &Inputs<'_>, reference: &Value) -> Option<String> {
    let (kind, name) = string(reference, "resource")?.split_once('.')?;
    let has_default = matches!(name, "cpu" | "memory" | "ephemeral-storage");
    if !matches!(kind, "requests" | "limits") || !(has_default || name.starts_with("hugepages-")) {
        return None;
    }
    let units = |quantity: &Value| match quantity {
        Value::String(text) => quantity::round_up(text, per_unit(name)),
        Value::Number(number) => quantity::round_up(&number.to_string(), per_unit(name)),
        _ => None,
    };
    let spec = inputs.pod.get("spec").unwrap_or(&Value::Null);
    let (container, takes_default) = match string(reference, "containerName").filter(|name| !name.is_empty())
    {
        None => (inputs.container, true),
        // An init container that is named gets no default, not even from itself.
        Some(name) => match named(list(spec, "containers"), name) {
            Some(container) => (container, true),
            None => (named(list(spec, "initContainers"), name)?, false),
        },
    };
    let amount = |object: &Value| match object.get("resources").and_then(|all| all.get(kind)?.get(name)) {
        Some(quantity) => units(quantity).map(Some),
        None => Some(None),
    };
    let mut found = amount(container)?;
    // The limit of the pod or else, which is not known here, what the node has.
    if kind == "limits" && has_default && takes_default && found.is_none_or(|amount| amount == 0) {
        let of_pod = if name == "ephemeral-storage" { None } else { amount(spec)? };
        found = Some(of_pod.filter(|amount| *amount > 0)?);
    }
    let found = found.or_else(|| is_final(inputs.pod).then_some(0))?;
    let divisor = reference.get("divisor").map_or(Some(0), units)?;
    let divisor = if divisor == 0 { per_unit(name) } else { divisor };
    Some(found.div_ceil(divisor).to_string())
}

/// CPU is counted in thousandths.
fn per_unit(resource: &str) -> u128 {
    if resource == "cpu" { 1000 } else { 1 }
}

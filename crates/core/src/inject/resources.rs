//! CPU and memory of the containers that are added, so that the pod stays what it is and is accepted where it was
//! (docs/reference/payload.md 9).
//!
//! An init container counts only if it needs more than all others together, so one that ends has what its target has:
//! no quota, LimitRange or ratio that accepts the target refuses it. One that keeps running adds to the pod's sum, and
//! has little. In a Guaranteed pod limits and requests are equal and no larger than the pod's own; in a pod with
//! resources of its own, there are none. Requests never exceed limits.

use serde_json::{Map, Value};

use super::language_context::LanguageContext;
use super::pod::{Container, Pod};
use crate::defaults;
use crate::json::list;
use crate::quantity::{self, amount};

/// Limits and requests, by resource.
pub(crate) type Requirements = [Map<String, Value>; 2];

const KINDS: [&str; 2] = ["limits", "requests"];
const RESOURCES: [&str; 2] = ["cpu", "memory"];
/// What is taken from a target: also what has no default.
pub(crate) const OF_TARGET: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

/// The resources of an init container that ends, for a target: those that the Instrumentation chooses, or else the
/// target's.
pub(crate) fn of_init_container(context: &LanguageContext<'_, '_>, target: Container<'_>) -> Option<Value> {
    let defaults = defaults::requirements(context.profile.requests, None);
    of_target(context.pod, context.requirements.clone(), &defaults, target)
}

/// The same where nobody chooses, with these limits and requests where the target has none.
pub(crate) fn of_probe(pod: &Pod<'_>, defaults: &Requirements, target: Container<'_>) -> Option<Value> {
    of_target(pod, defaults.clone(), defaults, target)
}

/// The resources of a container that keeps running beside the application, within what the namespace allows.
pub(crate) fn of_sidecar(context: &LanguageContext<'_, '_>) -> Option<Value> {
    let mut requirements = context.requirements.clone();
    let chosen = defaults::requirements(context.profile.requests, None) != requirements;
    for range in context.pod.limit_ranges().filter(|_| !chosen) {
        range.fit(&mut requirements);
    }
    fitted(context.pod, requirements)
}

/// Replaces limits or requests by those of the target, unless they differ from the default because somebody chose them.
/// What a target has only the other kind of has no default either: it could contradict that.
fn of_target(
    pod: &Pod<'_>,
    mut requirements: Requirements,
    defaults: &Requirements,
    target: Container<'_>,
) -> Option<Value> {
    let of_target = |kind: &str, resource: &str| {
        target.json.get("resources")?.get(kind)?.get(resource).filter(|amount| !amount.is_null())
    };
    let maps = requirements.iter_mut().zip(defaults).zip(KINDS);
    for ((amounts, _), kind) in maps.filter(|((amounts, default), _)| *amounts == *default) {
        for resource in OF_TARGET {
            if let Some(own) = of_target(kind, resource) {
                amounts.insert(resource.to_owned(), own.clone());
            } else if KINDS.iter().any(|kind| of_target(kind, resource).is_some()) {
                amounts.remove(resource);
            }
        }
    }
    fitted(pod, requirements)
}

fn fitted(pod: &Pod<'_>, [mut limits, mut requests]: Requirements) -> Option<Value> {
    let of_pod = pod.spec().get("resources").and_then(Value::as_object);
    if of_pod.is_some_and(|resources| !resources.is_empty()) {
        return None;
    }
    if let Some(sums) = guaranteed_sums(pod.spec()) {
        for (resource, sum) in sums {
            if limits.get(resource).and_then(amount).is_none_or(|limit| limit > sum) {
                limits.insert(resource.to_owned(), quantity::format(sum).into());
            }
        }
        requests.clone_from(&limits);
    }
    for (resource, request) in &mut requests {
        if let Some(limit) = limits.get(resource)
            && amount(request) > amount(limit)
        {
            *request = limit.clone();
        }
    }
    let maps = KINDS.into_iter().zip([limits, requests]).filter(|(_, map)| !map.is_empty());
    Some(Value::Object(maps.map(|(kind, map)| (kind.to_owned(), Value::Object(map))).collect()))
}

/// The limits and requests of a pod's containers in sum, by kind and resource.
pub(crate) type Sums = [[f64; 2]; 2];

/// What the containers of a pod that run beside each other ask for in sum.
pub(crate) fn sums(spec: &Value) -> Sums {
    let all = |kind: &str, resource: &str| {
        let amounts = list(spec, "containers").iter().filter_map(|container| of(container, kind, resource));
        amounts.sum()
    };
    KINDS.map(|kind| RESOURCES.map(|resource| all(kind, resource)))
}

/// Whether a container asks for more than these sums.
pub(crate) fn exceeds(container: &Value, sums: &Sums) -> bool {
    KINDS.iter().zip(sums).any(|(kind, sums)| {
        let mut pairs = RESOURCES.iter().zip(sums);
        pairs.any(|(resource, sum)| of(container, kind, resource).is_some_and(|amount| amount > *sum))
    })
}

fn of(container: &Value, kind: &str, resource: &str) -> Option<f64> {
    container.get("resources")?.get(kind)?.get(resource).and_then(amount)
}

/// For a pod of the class Guaranteed, what its containers may use in sum of CPU and memory:
/// <https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/#guaranteed>.
fn guaranteed_sums(spec: &Value) -> Option<[(&'static str, f64); 2]> {
    let mut sums = RESOURCES.map(|resource| (resource, 0.0));
    for key in ["initContainers", "containers"] {
        for container in list(spec, key) {
            for (resource, sum) in &mut sums {
                let limit = of(container, "limits", resource).filter(|limit| *limit > 0.0)?;
                if of(container, "requests", resource)
                    .is_some_and(|request| request.total_cmp(&limit).is_ne())
                {
                    return None;
                }
                if key == "containers" {
                    *sum += limit;
                }
            }
        }
    }
    sums.iter().all(|(_, sum)| *sum > 0.0).then_some(sums)
}

//! The resources of init containers, as [`crate::inject`] chooses them: those of the container, or else the plan's.

use super::guards::NO_FILES;
use super::{Variables, first, map};
use crate::inject::resources::OF_TARGET;

/// The names of limit and request here, for each resource that is planned.
const NAMES: [(&str, &str); OF_TARGET.len()] =
    [("limitCpu", "requestCpu"), ("limitMemory", "requestMemory"), ("limitStorage", "requestStorage")];

pub(super) fn variables() -> Variables {
    let mut variables: Variables = vec![
        ("ofContainer", "variables.agent[0].?resources.?ofContainer.orValue([])".to_owned()),
        ("guaranteed", guaranteed()),
        ("sumCpu", sum("cpu")),
        ("sumMemory", sum("memory")),
    ];
    // Nothing in a Guaranteed pod may use more of these than all its containers.
    let sums = [Some("variables.sumCpu"), Some("variables.sumMemory"), None];
    for ((resource, (limit, request)), sum) in OF_TARGET.into_iter().zip(NAMES).zip(sums) {
        let chosen = amount("limits", resource);
        variables.push((limit, sum.map_or_else(|| chosen.clone(), |sum| within(&chosen, sum))));
        let chosen = amount("requests", resource);
        // No request exceeds its limit; in a Guaranteed pod both are equal.
        let fitted = format!(
            "variables.guaranteed ? variables.{limit} : ({chosen}).map(it, variables.{limit}.size() > 0 && \
             quantity(it).isGreaterThan(quantity(variables.{limit}[0])) ? variables.{limit}[0] : it)"
        );
        variables.push((request, fitted));
    }
    let all = |names: [&str; OF_TARGET.len()]| {
        map(&OF_TARGET
            .map(|resource| format!("?{resource}"))
            .into_iter()
            .zip(names.map(|name| first(&format!("variables.{name}"))))
            .collect::<Vec<_>>())
    };
    variables.push(("limits", all(NAMES.map(|names| names.0))));
    variables.push(("requests", all(NAMES.map(|names| names.1))));
    let optional = |name: &str| {
        format!("(variables.{name}.size() == 0 ? optional.none() : optional.of(dyn(variables.{name})))")
    };
    let resources = map(&[("?limits", &optional("limits")), ("?requests", &optional("requests"))]);
    variables.push((
        "resources",
        // A pod with resources of its own shares them among its containers.
        "has(object.spec.resources) && (has(object.spec.resources.limits) || has(object.spec.resources.requests) || \
         has(object.spec.resources.claims))"
            .to_owned()
            + &format!(" ? [] : [{resources}]"),
    ));
    variables
}

/// Whether the pod is Guaranteed: <https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/#guaranteed>.
fn guaranteed() -> String {
    let amount = |kind: &str, resource: &str| format!("container.?resources.?{kind}[?'{resource}']");
    let equal = |resource: &str| {
        let (limit, request) = (amount("limits", resource), amount("requests", resource));
        format!(
            "{limit}.hasValue() && quantity(string({limit}.value())).isGreaterThan(quantity('0')) && \
             (!{request}.hasValue() || quantity(string({request}.value())).compareTo(quantity(string({limit}.value()))) == 0)"
        )
    };
    format!("variables.containers.all(container, {} && {})", equal("cpu"), equal("memory"))
}

/// In a Guaranteed pod, what its containers may use together.
fn sum(resource: &str) -> String {
    format!(
        "variables.guaranteed ? [object.spec.containers.map(container, \
         quantity(string(container.resources.limits['{resource}'])).asApproximateFloat()).sum()] : []"
    )
}

/// A limit where there is no sum or where it is within it, or else the sum.
fn within(limit: &str, sum: &str) -> String {
    format!(
        "{sum}.size() == 0 || [{limit}].exists(it, it.size() > 0 && \
         quantity(it[0]).asApproximateFloat() <= {sum}[0]) ? ({limit}) : [{formatted}]",
        formatted = formatted(&format!("{sum}[0]")),
    )
}

/// A number as [`quantity::format`](crate::quantity::format) writes it, rounded up to thousandths.
fn formatted(number: &str) -> String {
    format!(
        "[{number} * 1000.0 - 0.000001].map(it, double(int(it)) < it ? int(it) + 1 : int(it))\
         .map(it, it % 1000 == 0 ? string(it / 1000) : string(it) + 'm')[0]"
    )
}

/// Nothing is missing that the target has: whoever completes containers and their amounts may have done so before.
pub(super) fn fits() -> String {
    let own = |kind: &str, resource: &str| format!("variables.target.?resources.?{kind}[?'{resource}']");
    let complete = OF_TARGET.into_iter().zip(NAMES).map(|(resource, (limit, request))| {
        let is_there = |kind: &str, ours: &str| {
            format!("(!{}.hasValue() || variables.{ours}.size() > 0)", own(kind, resource))
        };
        format!("{} && {}", is_there("limits", limit), is_there("requests", request))
    });
    let complete = complete.collect::<Vec<_>>().join(" && ");
    format!("{NO_FILES} || variables.resources.size() == 0 || ({complete})")
}

/// A limit or request: the container's own, nothing where it has only the other kind, or else the plan's.
fn amount(kind: &str, resource: &str) -> String {
    let own = |kind: &str| format!("variables.target.?resources.?{kind}[?'{resource}']");
    let planned =
        format!("variables.agent[0].?resources.?{kind}[?'{resource}'].optMap(it, [string(it)]).orValue([])");
    format!(
        "!('{kind}' in variables.ofContainer) ? {planned} : {own}.hasValue() ? [string({own}.value())] : \
         {limit}.hasValue() || {request}.hasValue() ? [] : {planned}",
        own = own(kind),
        limit = own("limits"),
        request = own("requests"),
    )
}

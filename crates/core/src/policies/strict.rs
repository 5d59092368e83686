//! Pods that are to be refused rather than run without injection, because they have the label `ingraft.dev/require`.
//!
//! A policy, so that it holds while no replica runs. What makes the pods tries again by itself, in the end every 17 minutes
//! (<https://github.com/kubernetes/client-go/blob/v0.35.4/util/workqueue/default_rate_limiters.go>); until then its Events
//! `FailedCreate` have our text.
//!
//! `failurePolicy` is `Fail`: whoever demands injection wants no pod of which it is not known. Other pods cannot be held up
//! by it: the API server looks at the label first, and whatever it cannot evaluate is about pods with the label.

use ingraft_api::annotations::{INJECTED, REQUIRE};
use serde_json::{Value, json};

use super::cel::text;
use super::{Policy, rule};
use crate::finding::{ContainerFinding, Finding};
use crate::inject::probe::VOLUME;
use crate::owner::{Owner, WorkloadRef};

/// The name of the policy.
const STRICT: &str = "ingraft-require";

/// Whether a message of the API server says that the policy has refused a pod.
pub fn is_strict_refusal(message: &str) -> bool {
    message.contains(&format!("ValidatingAdmissionPolicy '{STRICT}'"))
}

/// What to say of a workload whose pods the policy has refused. Its owners are those of the pods, nearest first.
pub fn strict_pod_refused(owners: &[Owner], namespace: &str) -> Option<Finding> {
    let named = |owner: &Owner| format!("{}/{}", owner.kind.as_str().to_lowercase(), owner.name);
    let (nearest, workload) = (named(owners.first()?), owners.last()?);
    let (name, kind) = (workload.name.as_str().into(), Some(workload.kind));
    let restart = WorkloadRef { kind, namespace: namespace.into(), name }.restart();
    // Any change of it has its controller look again.
    let annotate = || format!("kubectl annotate {nearest} -n {namespace} --overwrite retried=\"$(date)\"");
    let retry = restart.unwrap_or_else(annotate);
    let (workload, namespace) = (named(workload), namespace.to_owned());
    Some(Finding::pod(ContainerFinding::StrictPodRefused { workload, namespace, retry }, ""))
}

/// The policy and its binding, for an operator in `namespace`. Without the operator's PodDisruptionBudget, which is removed
/// with Ingraft, nothing is refused.
///
/// A pod counts as injected if it has our annotation and something of ours: the annotation alone may have been pasted.
///
/// ```
/// let [policy, binding] = ingraft_core::policies::strict("observability");
/// assert_eq!(policy["metadata"]["name"], binding["spec"]["policyName"]);
/// assert_eq!(binding["spec"]["paramRef"]["parameterNotFoundAction"], "Allow");
/// ```
pub fn strict(namespace: &str) -> [Value; 2] {
    let mut constraints = json!({"resourceRules": [rule("", "v1", &["pods"], &["CREATE"])]});
    super::set(&mut constraints, "objectSelector", json!({"matchLabels": {REQUIRE: "true"}}));
    let containers = "object.spec.?initContainers.orValue([]) + object.spec.?containers.orValue([])";
    let variables = [
        ("annotations", "object.metadata.?annotations.orValue({})".to_owned()),
        ("containers", containers.to_owned()),
        ("variables", "variables.containers.map(container, container.?env.orValue([]))".to_owned()),
        ("volumes", "object.spec.?volumes.orValue([])".to_owned()),
    ];
    let named = |item: &str, prefixes: &[&str]| {
        let begins: Vec<_> =
            prefixes.iter().map(|prefix| format!("{item}.name.startsWith({})", text(prefix))).collect();
        begins.join(" || ")
    };
    let files = ["opentelemetry-auto-instrumentation", "otel-agent-", "otel-apache-", "otel-nginx-"];
    let fields = ["OTEL_RESOURCE_ATTRIBUTES_", "OTEL_POD_IP", "OTEL_NODE_IP"];
    let expression = format!(
        "{injected} in variables.annotations && (variables.containers.exists(container, {containers}) || \
         variables.volumes.exists(volume, volume.name == {file} || {volumes}) || \
         variables.variables.exists(env, env.exists(variable, {fields})))",
        injected = text(INJECTED),
        containers = named("container", &files),
        file = text(VOLUME),
        volumes = named("volume", &files),
        fields = named("variable", &fields),
    );
    let refused = format!(
        "{} demands that this pod is injected, and nothing was injected. To see why: ingraft explain TYPE/NAME -n ",
        text(REQUIRE).trim_matches('\'')
    );
    let validation = json!({
        "expression": expression,
        "messageExpression": format!("{} + request.namespace", text(&refused)),
    });
    Policy {
        name: STRICT,
        binding: STRICT,
        action: "Deny",
        failure: "Fail",
        constraints,
        conditions: Vec::new(),
        variables: variables.map(|(name, expression)| (name.to_owned(), expression)).to_vec(),
        validations: vec![validation],
    }
    .documents(Some(namespace))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Locale, OwnerKind};

    #[test]
    fn the_command_fits_what_makes_the_pods() {
        let owner = |kind, name: &str| Owner { kind, name: name.to_owned(), uid: None };
        for (owners, expected) in [
            (
                &[owner(OwnerKind::ReplicaSet, "web-1"), owner(OwnerKind::Deployment, "web")][..],
                "ingraft explain deployment/web -n shop; then, to try again at once: kubectl rollout restart deployment/web -n shop",
            ),
            (
                &[owner(OwnerKind::Job, "sum-1"), owner(OwnerKind::CronJob, "sum")],
                "ingraft explain cronjob/sum -n shop; then, to try again at once: kubectl annotate job/sum-1 -n shop --overwrite retried=\"$(date)\"",
            ),
        ] {
            let note = strict_pod_refused(owners, "shop").unwrap().event_note(Locale::En);
            assert!(note.ends_with(expected), "{note}");
        }
        assert_eq!(strict_pod_refused(&[], "shop"), None);
    }
}

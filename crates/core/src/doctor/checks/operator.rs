//! Whether somebody injects, and who.

use serde_json::Value;

use super::{object, webhooks};
use crate::doctor::{Diagnosis, ObjectRef, Scene};
use crate::finding::ClusterFinding;
use crate::json::{label, list, string, string_at};
use crate::settings::Mode;

const KIND: &str = "Deployment";

/// The Deployments of Ingraft.
pub(super) fn ours<'a>(scene: &Scene<'a>) -> impl Iterator<Item = &'a Value> + use<'a> {
    let is_ours = |deployment: &&Value| {
        label(deployment, "app.kubernetes.io/instance") == "ingraft"
            && label(deployment, "app.kubernetes.io/name") == "opentelemetry-operator"
    };
    scene.resources.of(KIND).filter(is_ours)
}

/// The Deployments of the OpenTelemetry Operator, by the labels of its manifests and of its chart.
pub(super) fn of_others<'a>(scene: &Scene<'a>) -> impl Iterator<Item = &'a Value> + use<'a> {
    let is_theirs = |deployment: &&Value| {
        label(deployment, "app.kubernetes.io/name") == "opentelemetry-operator"
            && label(deployment, "app.kubernetes.io/instance") != "ingraft"
    };
    scene.resources.of(KIND).filter(is_theirs)
}

/// What is registered to complete Instrumentations, and its Service as `namespace/name`: whatever the labels of its Deployment
/// are, it injects pods too.
fn registered<'a>(scene: &Scene<'a>) -> Option<(&'a Value, String)> {
    let webhooks =
        webhooks::of_others(scene).flat_map(|one| list(one, "webhooks").iter().map(move |it| (one, it)));
    webhooks.into_iter().find_map(|(configuration, webhook)| {
        let service = webhook.pointer("/clientConfig/service")?;
        // Its path: <https://github.com/open-telemetry/opentelemetry-operator/blob/main/config/webhook/manifests.yaml>.
        let completes =
            string(service, "path")?.starts_with("/mutate-opentelemetry-io-v1alpha1-instrumentation");
        let [namespace, name] = ["namespace", "name"].map(|field| string(service, field).unwrap_or_default());
        completes.then(|| (configuration, format!("{namespace}/{name}")))
    })
}

pub(super) fn check(scene: &Scene<'_>) -> Vec<Diagnosis> {
    if !scene.resources.is_complete(KIND) {
        return Vec::new();
    }
    let other = of_others(scene).next();
    let mut found = Vec::new();
    match (ours(scene).next(), other) {
        // The API server injects by itself, and needs nobody.
        (None, None) if scene.resources.of("Plan").any(needs_no_operator) => {}
        (None, None) => found.push(if let Some((configuration, deployment)) = registered(scene) {
            Diagnosis::of(ClusterFinding::OperatorOfOthers { deployment }, object(configuration))
        } else {
            let place = ObjectRef::new(KIND, "opentelemetry-operator-system", "ingraft-operator");
            Diagnosis::of(ClusterFinding::OperatorMissing, place)
        }),
        (None, Some(other)) => {
            let reason = ClusterFinding::OperatorOfOthers { deployment: path(other) };
            found.push(Diagnosis::of(reason, object(other)));
            found.extend(unready(other, scene));
        }
        (Some(own), other) => {
            if let Some(other) = other {
                let reason = ClusterFinding::TwoOperators { deployment: path(other) };
                found.push(Diagnosis::of(reason, object(own)));
            }
            found.extend(unready(own, scene));
            if scene.settings.mode != Mode::Inject {
                let reason = ClusterFinding::OperatorOnlyWatches { mode: scene.settings.mode.as_str() };
                found.push(Diagnosis::of(reason, object(own)));
            }
        }
    }
    found
}

/// Whether pods need no mark that only an operator's plan makes.
fn needs_no_operator(plan: &Value) -> bool {
    string_at(plan, "/spec/token").unwrap_or_default().is_empty()
}

/// A Deployment as `namespace/name`.
fn path(deployment: &Value) -> String {
    let ObjectRef { namespace, name, .. } = object(deployment);
    format!("{namespace}/{name}")
}

/// What is told where no replica is ready.
fn unready(deployment: &Value, scene: &Scene<'_>) -> Option<Diagnosis> {
    let ready = deployment.pointer("/status/readyReplicas").and_then(Value::as_u64).unwrap_or(0);
    let why = || not_ready(deployment, scene).unwrap_or_default();
    let reason = || ClusterFinding::OperatorNotReady { deployment: path(deployment), why: why() };
    (ready == 0).then(|| Diagnosis::of(reason(), object(deployment)))
}

/// Why no replica is ready, as far as it shows.
fn not_ready(deployment: &Value, scene: &Scene<'_>) -> Option<String> {
    if deployment.pointer("/spec/replicas").and_then(Value::as_u64) == Some(0) {
        return Some("spec.replicas: 0".to_owned());
    }
    let own = object(deployment);
    let instance = label(deployment, "app.kubernetes.io/instance");
    let is_own = |pod: &&Value| label(pod, "app.kubernetes.io/instance") == instance;
    let pods = scene.resources.within("Pod", &own.namespace).filter(is_own);
    let waiting =
        pods.flat_map(|pod| pod.get("status").map_or(&[][..], |status| list(status, "containerStatuses")));
    let why = waiting.filter_map(|status| {
        let waiting = status.pointer("/state/waiting").or_else(|| status.pointer("/lastState/terminated"))?;
        let words = [string(waiting, "reason"), string(waiting, "message")];
        Some(words.into_iter().flatten().collect::<Vec<_>>().join(": "))
    });
    let condition = || {
        let conditions = deployment.get("status").map_or(&[][..], |status| list(status, "conditions"));
        let failing = conditions.iter().find(|one| {
            string(one, "type") == Some("ReplicaFailure") && string(one, "status") == Some("True")
        });
        failing.and_then(|one| string(one, "message")).map(str::to_owned)
    };
    why.into_iter().find(|why| !why.is_empty()).or_else(condition)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::checks::tests::Known;

    fn deployment(namespace: &str, name: &str, instance: &str, ready: u32) -> Value {
        json!({
            "kind": "Deployment",
            "metadata": {"namespace": namespace, "name": name, "labels": {
                "app.kubernetes.io/name": "opentelemetry-operator", "app.kubernetes.io/instance": instance,
            }},
            "status": {"readyReplicas": ready},
        })
    }

    #[test]
    fn nobody_injects_where_there_is_no_operator() {
        let missing = "OperatorMissing deployment/ingraft-operator -n opentelemetry-operator-system";
        assert_eq!(Known::default().complete(&[KIND]).said(check), [missing]);
        assert_eq!(Known::default().said(check), [""; 0], "nobody was allowed to look");
        let compiled =
            Known::of([json!({"kind": "Plan", "metadata": {"name": "ingraft"}, "spec": {"token": ""}})]);
        assert_eq!(compiled.complete(&[KIND]).said(check), [""; 0]);
    }

    #[test]
    fn the_other_operator_is_named() {
        let other = deployment("otel", "operator", "release", 1);
        assert_eq!(Known::of([other.clone()]).said(check), ["OperatorOfOthers deployment/operator -n otel"]);
        let told =
            ["OperatorOfOthers deployment/operator -n otel", "OperatorNotReady deployment/operator -n otel"];
        assert_eq!(Known::of([deployment("otel", "operator", "release", 0)]).said(check), told);
        let own = deployment("system", "ingraft-operator", "ingraft", 1);
        assert_eq!(
            Known::of([own, other]).said(check),
            ["TwoOperators deployment/ingraft-operator -n system"]
        );
    }

    /// Charts of vendors have other labels.
    #[test]
    fn the_other_operator_is_seen_by_what_it_registers() {
        let path = "/mutate-opentelemetry-io-v1alpha1-instrumentation";
        let known = |name: &str| {
            let service = json!({"namespace": "splunk", "name": "webhook", "path": path});
            let pods = json!([{"apiGroups": [""], "resources": ["pods"], "operations": ["CREATE"]}]);
            let webhooks =
                json!([{"clientConfig": {"service": service}}, {"clientConfig": {}, "rules": pods}]);
            let registered = json!({"kind": "MutatingWebhookConfiguration", "metadata": {"name": name}, "webhooks": webhooks});
            Known::of([registered]).complete(&[KIND])
        };
        assert_eq!(known("splunk").said(check), ["OperatorOfOthers mutatingwebhookconfiguration/splunk"]);
        let missing = "OperatorMissing deployment/ingraft-operator -n opentelemetry-operator-system";
        assert_eq!(
            known("zz-ingraft-operator").said(check),
            [missing],
            "our own stays when its Deployment goes"
        );
    }

    #[test]
    fn an_operator_without_a_ready_replica_says_why() {
        let pod = json!({
            "kind": "Pod",
            "metadata": {"namespace": "system", "name": "a", "labels": {"app.kubernetes.io/instance": "ingraft"}},
            "status": {"containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such host"}}}]},
        });
        let known = Known::of([deployment("system", "ingraft-operator", "ingraft", 0), pod]);
        assert_eq!(known.said(check), ["OperatorNotReady deployment/ingraft-operator -n system"]);
        let Known { resources, snapshot, settings, pods } = &known;
        let found = check(&Scene { snapshot, settings, resources, pods });
        assert!(found[0].finding.message(crate::Locale::En).contains("ImagePullBackOff: no such host"));
    }

    #[test]
    fn an_operator_that_only_watches_is_told() {
        let mut known = Known::of([deployment("system", "ingraft-operator", "ingraft", 1)]);
        assert_eq!(known.said(check), [""; 0]);
        known.settings.mode = Mode::Observe;
        assert_eq!(known.said(check), ["OperatorOnlyWatches deployment/ingraft-operator -n system"]);
    }
}

//! Other webhooks that change pods, and what becomes of pods where they do not answer.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{has_ready_pod, object, operator, registration};
use crate::doctor::{Diagnosis, Scene};
use crate::finding::ClusterFinding;
use crate::json::{list, string, string_at};

const KIND: &str = "MutatingWebhookConfiguration";

pub(super) fn check(scene: &Scene<'_>) -> Vec<Diagnosis> {
    let mut found = Vec::new();
    let is_here = operator::ours(scene).next().is_some();
    for configuration in of_others(scene) {
        let name = object(configuration).name;
        if is_here && name.as_str() > registration::NAME {
            let reason = ClusterFinding::WebhookLater { configuration: name.clone() };
            found.push(Diagnosis::of(reason, object(configuration)));
        }
        let silent = closed(configuration).find(|(namespace, service)| {
            let ports = scene.snapshot.services.known(namespace, service);
            matches!(ports, Some(None)) || has_ready_pod(scene, namespace, service) == Some(false)
        });
        if let Some((namespace, service)) = silent {
            let service = format!("{namespace}/{service}");
            let reason = ClusterFinding::WebhookRefuses { configuration: name, service };
            found.push(Diagnosis::of(reason, object(configuration)));
        }
    }
    found
}

/// The Services, as namespace and name, without which pods are refused: whoever asks for EndpointSlices asks for those of these.
pub fn webhook_services(scene: &Scene<'_>) -> BTreeSet<(String, String)> {
    let all = of_others(scene).flat_map(closed);
    all.map(|(namespace, name)| (namespace.to_owned(), name.to_owned())).collect()
}

/// The configurations of others that have new pods changed.
pub(super) fn of_others<'a>(scene: &Scene<'a>) -> impl Iterator<Item = &'a Value> + use<'a> {
    let is_ours =
        |one: &Value| string_at(one, "/metadata/name").is_some_and(|name| name.starts_with("zz-ingraft-"));
    let changes_pods = |one: &Value| list(one, "webhooks").iter().any(is_about_pods);
    scene.resources.of(KIND).filter(move |one| !is_ours(one) && changes_pods(one))
}

/// The Services of the webhooks of pods that fail closed.
fn closed(configuration: &Value) -> impl Iterator<Item = (&str, &str)> {
    // <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#failure-policy>: the default.
    let fails = |webhook: &&Value| string(webhook, "failurePolicy").unwrap_or("Fail") == "Fail";
    let webhooks =
        list(configuration, "webhooks").iter().filter(|webhook| is_about_pods(webhook)).filter(fails);
    webhooks.filter_map(|webhook| {
        let service = webhook.pointer("/clientConfig/service")?;
        Some((string(service, "namespace")?, string(service, "name")?))
    })
}

/// Whether a webhook is asked about new pods.
pub(super) fn is_about_pods(webhook: &Value) -> bool {
    let has = |rule: &Value, field: &str, words: [&str; 2]| {
        list(rule, field).iter().filter_map(Value::as_str).any(|word| words.contains(&word))
    };
    list(webhook, "rules").iter().any(|rule| {
        has(rule, "resources", ["pods", "*"])
            && has(rule, "operations", ["CREATE", "*"])
            && has(rule, "apiGroups", ["", "*"])
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::checks::tests::Known;

    fn configuration(name: &str, policy: &str, resource: &str) -> Value {
        json!({
            "kind": KIND, "metadata": {"name": name},
            "webhooks": [{
                "failurePolicy": policy,
                "clientConfig": {"service": {"namespace": "mesh", "name": "injector"}},
                "rules": [{"apiGroups": [""], "resources": [resource], "operations": ["CREATE"]}],
            }],
        })
    }

    #[test]
    fn a_webhook_that_nobody_answers_refuses_pods() {
        let told = ["WebhookRefuses mutatingwebhookconfiguration/mesh"];
        let mut known = Known::of([configuration("mesh", "Fail", "pods")]);
        assert_eq!(known.said(check), [""; 0], "Services are not known");
        known.snapshot.services.set_complete();
        assert_eq!(known.said(check), told);
        known.snapshot.services.insert("mesh".into(), "injector".into(), vec![443]);
        assert_eq!(known.said(check), [""; 0], "nobody asked for its pods");
        let mut known = known.complete(&["EndpointSlice/mesh/injector"]);
        assert_eq!(known.said(check), told);
        known.resources.add(json!({
            "kind": "EndpointSlice",
            "metadata": {"namespace": "mesh", "name": "injector-1", "labels": {"kubernetes.io/service-name": "injector"}},
            "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": true}}],
        }));
        assert_eq!(known.said(check), [""; 0]);
        for (policy, resource) in [("Ignore", "pods"), ("Fail", "deployments")] {
            let mut known = Known::of([configuration("mesh", policy, resource)]);
            known.snapshot.services.set_complete();
            assert_eq!(known.said(check), [""; 0], "{policy} {resource}");
        }
    }

    #[test]
    fn a_webhook_that_comes_later_is_named() {
        let labels = json!({"app.kubernetes.io/name": "opentelemetry-operator", "app.kubernetes.io/instance": "ingraft"});
        let operator =
            json!({"kind": "Deployment", "metadata": {"namespace": "a", "name": "b", "labels": labels}});
        let known = Known::of([
            operator,
            configuration("zzz", "Ignore", "*"),
            configuration("mesh", "Ignore", "*"),
            configuration("zz-ingraft-self-test", "Ignore", "pods"),
        ]);
        assert_eq!(known.said(check), ["WebhookLater mutatingwebhookconfiguration/zzz"]);
    }
}

//! Whether the API server sends pods to the operator.

use serde_json::Value;

use super::{object, operator, webhooks};
use crate::doctor::{Diagnosis, ObjectRef, Scene};
use crate::finding::ClusterFinding;
use crate::json::{list, string_at};
use crate::settings::Mode;

const KIND: &str = "MutatingWebhookConfiguration";
/// The operator registers itself here.
pub(super) const NAME: &str = "zz-ingraft-operator";

/// The OpenTelemetry Operator registers here, by the names of its chart.
const NAME_OF_OTHERS: &str = "opentelemetry-operator-mutation";

pub(super) fn check(scene: &Scene<'_>) -> Vec<Diagnosis> {
    if scene.settings.mode == Mode::Off || !scene.resources.is_complete(KIND) {
        return Vec::new();
    }
    let found = match (operator::ours(scene).next(), operator::of_others(scene).next()) {
        (Some(_), _) => scene.resources.get(KIND, "", NAME).ok_or(NAME),
        (None, Some(other)) => {
            let namespace = object(other).namespace;
            scene.resources.of(KIND).find(|one| is_served_from(one, &namespace)).ok_or(NAME_OF_OTHERS)
        }
        (None, None) => return Vec::new(),
    };
    let trusts = |webhook: &Value| {
        string_at(webhook, "/clientConfig/caBundle").is_some_and(|bundle| !bundle.is_empty())
    };
    let works = |found: &Value| {
        let webhooks = list(found, "webhooks");
        !webhooks.is_empty() && webhooks.iter().all(trusts)
    };
    let name = match found {
        Ok(found) if works(found) => return Vec::new(),
        Ok(found) => object(found).name,
        Err(name) => name.to_owned(),
    };
    let place = ObjectRef::new(KIND, "", &name);
    vec![Diagnosis::of(ClusterFinding::RegistrationMissing { name }, place)]
}

/// Whether a configuration sends new pods to a Service of a namespace.
fn is_served_from(configuration: &Value, namespace: &str) -> bool {
    let is_there =
        |webhook: &&Value| string_at(webhook, "/clientConfig/service/namespace") == Some(namespace);
    list(configuration, "webhooks").iter().filter(is_there).any(webhooks::is_about_pods)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::checks::tests::Known;

    #[test]
    fn a_registration_without_webhooks_sends_nothing() {
        let labels = json!({"app.kubernetes.io/name": "opentelemetry-operator", "app.kubernetes.io/instance": "ingraft"});
        let operator =
            json!({"kind": "Deployment", "metadata": {"namespace": "a", "name": "b", "labels": labels}});
        let told = ["RegistrationMissing mutatingwebhookconfiguration/zz-ingraft-operator"];
        let registered = |webhooks: Value| {
            Known::of([
                operator.clone(),
                json!({"kind": KIND, "metadata": {"name": NAME}, "webhooks": webhooks}),
            ])
        };
        assert_eq!(Known::of([operator.clone()]).complete(&[KIND]).said(check), told);
        assert_eq!(registered(json!([])).said(check), told);
        assert_eq!(registered(json!([{"clientConfig": {}}])).said(check), told);
        assert_eq!(registered(json!([{"clientConfig": {"caBundle": "Y2E="}}])).said(check), [""; 0]);
        assert_eq!(Known::default().complete(&[KIND]).said(check), [""; 0], "there is no operator");
        let mut off = registered(json!([]));
        off.settings.mode = Mode::Off;
        assert_eq!(off.said(check), [""; 0]);
    }

    #[test]
    fn the_other_operator_is_registered_under_any_name() {
        let labels = json!({"app.kubernetes.io/name": "opentelemetry-operator"});
        let operator =
            json!({"kind": "Deployment", "metadata": {"namespace": "otel", "name": "b", "labels": labels}});
        let told = ["RegistrationMissing mutatingwebhookconfiguration/opentelemetry-operator-mutation"];
        assert_eq!(Known::of([operator.clone()]).complete(&[KIND]).said(check), told);
        let registered = |namespace: &str, bundle: &str| {
            let client = json!({"service": {"namespace": namespace, "name": "webhook"}, "caBundle": bundle});
            let rules = json!([{"apiGroups": [""], "resources": ["pods"], "operations": ["CREATE"]}]);
            let webhooks = json!([{"clientConfig": client, "rules": rules}]);
            Known::of([
                operator.clone(),
                json!({"kind": KIND, "metadata": {"name": "any"}, "webhooks": webhooks}),
            ])
        };
        assert_eq!(registered("otel", "Y2E=").said(check), [""; 0]);
        assert_eq!(registered("mesh", "Y2E=").said(check), told, "it is somebody else's");
        let told = ["RegistrationMissing mutatingwebhookconfiguration/any"];
        assert_eq!(registered("otel", "").said(check), told, "nobody has written whom to trust");
    }
}

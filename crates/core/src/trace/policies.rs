//! Which NetworkPolicies treat one pod otherwise than another:
//! <https://kubernetes.io/docs/concepts/services-networking/network-policies/>.

use serde_json::Value;

use crate::json::{list, string};

/// The policies among these, all of one namespace, with rules about what pods may reach, that select pods with either labels
/// and not those with the others. By their names.
pub fn selecting_one(policies: &[Value], some: &Value, others: &Value) -> Vec<String> {
    let differs = |policy: &&Value| {
        let spec = policy.get("spec").unwrap_or(&Value::Null);
        let selector = spec.get("podSelector").unwrap_or(&Value::Null);
        is_about_egress(spec) && selects(selector, some) != selects(selector, others)
    };
    names(policies.iter().filter(differs))
}

/// The policies among these, all of the namespace of who receives, that say by labels who may reach pods with the labels
/// `receiver`, and say it of pods with either labels and not of those with the others.
pub fn who_let_in_one(policies: &[Value], receiver: &Value, some: &Value, others: &Value) -> Vec<String> {
    let differs = |policy: &&Value| {
        let spec = policy.get("spec").unwrap_or(&Value::Null);
        let peers = list(spec, "ingress").iter().flat_map(|rule| list(rule, "from"));
        let mut selectors = peers.filter_map(|peer| peer.get("podSelector"));
        selects(spec.get("podSelector").unwrap_or(&Value::Null), receiver)
            && selectors.any(|selector| selects(selector, some) != selects(selector, others))
    };
    names(policies.iter().filter(differs))
}

fn names<'a>(policies: impl Iterator<Item = &'a Value>) -> Vec<String> {
    let name = |policy: &Value| {
        let metadata = policy.get("metadata")?;
        Some(format!("{}/{}", string(metadata, "namespace")?, string(metadata, "name")?))
    };
    policies.filter_map(name).collect()
}

/// Whether a policy says what pods may reach: where it has rules about that, and also where it has none and says that it is
/// about that, which allows nothing.
fn is_about_egress(spec: &Value) -> bool {
    let types = list(spec, "policyTypes");
    if types.is_empty() {
        !list(spec, "egress").is_empty()
    } else {
        types.iter().any(|kind| kind == "Egress")
    }
}

/// Whether a selector takes what has these labels. An empty one takes all:
/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#resources-that-support-set-based-requirements>.
fn selects(selector: &Value, labels: &Value) -> bool {
    let wanted = selector.get("matchLabels").and_then(Value::as_object);
    let has_all = wanted.into_iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    has_all && list(selector, "matchExpressions").iter().all(|requirement| meets(requirement, labels))
}

fn meets(requirement: &Value, labels: &Value) -> bool {
    let value = string(requirement, "key").and_then(|key| labels.get(key));
    let is_listed = value.is_some_and(|value| list(requirement, "values").contains(value));
    match string(requirement, "operator").unwrap_or_default() {
        "In" => is_listed,
        "NotIn" => !is_listed,
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn policy(name: &str, spec: &Value) -> Value {
        json!({"metadata": {"name": name, "namespace": "shop"}, "spec": spec})
    }

    #[test]
    fn names_those_that_select_only_one_of_both() {
        let (web, ours) =
            (json!({"app": "web", "tier": "front"}), json!({"app.kubernetes.io/managed-by": "ingraft"}));
        let select = |selector: Value| json!({"podSelector": selector, "policyTypes": ["Egress"]});
        let expression = |key: &str, operator: &str| {
            select(json!({"matchExpressions": [{"key": key, "operator": operator, "values": ["web"]}]}))
        };
        let policies = [
            policy("all", &select(json!({}))),
            policy("web", &select(json!({"matchLabels": {"app": "web"}}))),
            policy("other", &select(json!({"matchLabels": {"app": "web", "tier": "back"}}))),
            policy("in", &expression("app", "In")),
            policy("not-in", &expression("app", "NotIn")),
            policy("exists", &expression("app", "Exists")),
            policy("exists-not", &expression("app", "DoesNotExist")),
            policy("odd", &expression("app", "Odd")),
            policy("ingress", &json!({"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [{}]})),
            policy("rules", &json!({"podSelector": {"matchLabels": {"app": "web"}}, "egress": [{}]})),
            policy("null", &Value::Null),
        ];
        let expected =
            ["web", "in", "not-in", "exists", "exists-not", "rules"].map(|name| format!("shop/{name}"));
        assert_eq!(selecting_one(&policies, &web, &ours), expected);
        assert_eq!(selecting_one(&policies, &ours, &web), expected);
    }

    #[test]
    fn names_those_of_the_receiver_that_let_in_only_one_of_both() {
        let (collector, web, ours) = (json!({"app": "collector"}), json!({"otlp": "yes"}), json!({"a": "b"}));
        let from = |app: &str, peer: Value| json!({"podSelector": {"matchLabels": {"app": app}}, "ingress": [{"from": [peer]}]});
        let by_label = || json!({"namespaceSelector": {}, "podSelector": {"matchLabels": {"otlp": "yes"}}});
        let policies = [
            policy("labels", &from("collector", by_label())),
            policy("namespaces", &from("collector", json!({"namespaceSelector": {}}))),
            policy("elsewhere", &from("database", by_label())),
        ];
        assert_eq!(who_let_in_one(&policies, &collector, &web, &ours), ["shop/labels"]);
    }
}

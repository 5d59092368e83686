//! Why a pod is as it is, as a person would ask: who requests what, and which variables change.

use ingraft_api::Language;
use ingraft_api::annotations::INJECT;
use serde_json::Value;

use crate::json::{annotation, list, named, string};
use crate::snapshot::Snapshot;

/// An annotation that says something about injection, on the pod, its namespace, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The key.
    pub key: &'static str,
    /// What the pod or template says; empty where it says nothing.
    pub by_pod: String,
    /// What the namespace says; empty where it says nothing.
    pub by_namespace: String,
}

/// What pod and namespace say about injection.
pub fn said(pod: &Value, namespace: &str, snapshot: &Snapshot) -> Vec<Said> {
    let of_namespace = |key| snapshot.namespace(namespace).map_or("", |namespace| namespace.annotation(key));
    let keys = Language::ALL.into_iter().map(Language::inject_key).chain([INJECT]);
    let said = keys.map(|key| Said {
        key,
        by_pod: annotation(pod, key).to_owned(),
        by_namespace: of_namespace(key).to_owned(),
    });
    said.filter(|said| !said.by_pod.is_empty() || !said.by_namespace.is_empty()).collect()
}

/// The variables of a container that injection changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedVariables {
    /// The container.
    pub container: String,
    /// Those that it did not have.
    pub added: Vec<String>,
    /// Those of its own that ours were joined with.
    pub joined: Vec<String>,
}

/// What changes from one pod to another, by container; nothing about those that stay as they are, or are new.
pub fn changed_variables(before: &Value, after: &Value) -> Vec<ChangedVariables> {
    let containers = |pod: &Value| -> Vec<Value> {
        let spec = pod.get("spec").unwrap_or(&Value::Null);
        [list(spec, "initContainers"), list(spec, "containers")].concat()
    };
    let (before, after) = (containers(before), containers(after));
    let changed = after.iter().filter_map(|container| {
        let name = string(container, "name")?;
        let earlier = list(named(&before, name)?, "env");
        let mut changed =
            ChangedVariables { container: name.to_owned(), added: Vec::new(), joined: Vec::new() };
        for variable in list(container, "env") {
            let Some(name) = string(variable, "name") else { continue };
            match named(earlier, name) {
                None => changed.added.push(name.to_owned()),
                Some(own) if own != variable => changed.joined.push(name.to_owned()),
                Some(_) => {}
            }
        }
        (!changed.added.is_empty() || !changed.joined.is_empty()).then_some(changed)
    });
    changed.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Namespace;

    #[test]
    fn both_sides_are_heard() {
        let (java, python) = (Language::Java.inject_key(), Language::Python.inject_key());
        let mut snapshot = Snapshot::default();
        let namespace = Namespace::new([(java.to_owned(), "obs/base".to_owned())]);
        snapshot.namespaces.insert(String::new(), "shop".into(), namespace);
        let pod = json!({"metadata": {"annotations": {java: "true", python: "false"}}});
        let told: Vec<_> = said(&pod, "shop", &snapshot)
            .into_iter()
            .map(|Said { key, by_pod, by_namespace }| (key, by_pod, by_namespace))
            .collect();
        let own = |text: &str| text.to_owned();
        assert_eq!(told, [(java, own("true"), own("obs/base")), (python, own("false"), own(""))]);
        assert_eq!(said(&json!({}), "other", &snapshot), []);
    }

    #[test]
    fn tells_what_was_joined_from_what_was_added() {
        let pod =
            |env: &Value| json!({"spec": {"containers": [{"name": "app", "env": env}, {"name": "other"}]}});
        let before = pod(&json!([{"name": "A", "value": "1"}, {"name": "B", "value": "1"}]));
        let after = pod(
            &json!([{"name": "A", "value": "1 2"}, {"name": "B", "value": "1"}, {"name": "C", "value": "3"}]),
        );
        let changed = ChangedVariables {
            container: "app".to_owned(),
            added: vec!["C".to_owned()],
            joined: vec!["A".to_owned()],
        };
        assert_eq!(changed_variables(&before, &after), [changed]);
        assert_eq!(changed_variables(&before, &before), []);
    }
}

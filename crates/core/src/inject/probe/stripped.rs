//! Takes probes back where another webhook has removed the references to their files. Webhooks that are built with types
//! older than Kubernetes 1.34 leave `valueFrom: {}` behind, and the API server refuses such a pod.

use serde_json::Value;

use super::command::{COPIER, plan, probed};
use crate::edit::Edit;
use crate::json::{list, named, string};

/// The edits after which the pod is as if it had never had probes; `None` where no reference is missing.
pub(crate) fn take_back(pod: &Value) -> Option<Vec<Edit>> {
    let spec = pod.get("spec")?;
    let probes: Vec<Probe<'_>> = list(spec, "initContainers").iter().filter_map(Probe::of).collect();
    let is_target = |probe: &&Probe<'_>, container: &Value| string(container, "name") == Some(&probe.target);
    let lists = ["initContainers", "containers"].map(|key| (key, list(spec, key)));
    let is_stripped = |container: &Value| {
        probes.iter().filter(|probe| is_target(probe, container)).any(|probe| probe.lost_reference(container))
    };
    if !lists.iter().any(|(_, containers)| containers.iter().any(is_stripped)) {
        return None;
    }
    let restored = |container: &Value| match probes.iter().find(|probe| is_target(probe, container)) {
        Some(probe) => probe.restored(container),
        None => container.clone(),
    };
    let has_name = |container: &Value, name: &str| string(container, "name") == Some(name);
    let uses_program = |container: &&Value| {
        named(list(container, "volumeMounts"), super::VOLUME).is_some()
            && !has_name(container, COPIER)
            && Probe::of(container).is_none()
    };
    // The clone of a configuration needs copier and volume, and no reference.
    let is_needed = list(spec, "initContainers").iter().any(|container| uses_program(&container));
    let is_ours =
        |container: &Value| has_name(container, COPIER) && !is_needed || Probe::of(container).is_some();
    let mut edits: Vec<Edit> = lists
        .iter()
        .filter(|(_, containers)| !containers.is_empty())
        .map(|(key, containers)| {
            let kept = containers.iter().filter(|container| !is_ours(container)).map(restored);
            Edit::add(format!("/spec/{key}"), kept.collect::<Vec<Value>>())
        })
        .collect();
    let volumes = list(spec, "volumes").iter();
    let kept = volumes.filter(|volume| is_needed || !has_name(volume, super::VOLUME)).cloned();
    edits.push(Edit::add("/spec/volumes", kept.collect::<Vec<Value>>()));
    Some(edits)
}

/// A probe in a pod.
struct Probe<'p> {
    /// The name of the container that it is for.
    target: String,
    /// The variables that it decides about.
    names: Vec<String>,
    /// Its own variables: those that the target would have without us.
    env: &'p [Value],
}

impl<'p> Probe<'p> {
    fn of(container: &'p Value) -> Option<Self> {
        let plan = plan(container)?;
        let names = plan.names().into_iter().map(str::to_owned).collect();
        Some(Self { target: probed(&plan)?.to_owned(), names, env: list(container, "env") })
    }

    fn decides(&self, entry: &Value) -> bool {
        self.names.iter().any(|name| string(entry, "name") == Some(name))
    }

    fn lost_reference(&self, target: &Value) -> bool {
        list(target, "env").iter().any(|entry| self.decides(entry) && has_no_source(entry))
    }

    /// The target with the entries that it had, and without those that we had added.
    fn restored(&self, target: &Value) -> Value {
        let restored = |entry: &Value| {
            let is_ours = self.decides(entry)
                && (has_no_source(entry) || entry.pointer("/valueFrom/fileKeyRef").is_some());
            if is_ours {
                named(self.env, string(entry, "name").unwrap_or_default()).cloned()
            } else {
                Some(entry.clone())
            }
        };
        let env: Vec<Value> = list(target, "env").iter().filter_map(restored).collect();
        let mut target = target.clone();
        if let Some(target) = target.as_object_mut() {
            target.insert("env".to_owned(), env.into());
        }
        target
    }
}

/// Whether nothing is left of an entry's source.
fn has_no_source(entry: &Value) -> bool {
    let source = entry.get("valueFrom").and_then(Value::as_object);
    string(entry, "value").unwrap_or_default().is_empty()
        && source.is_some_and(|source| source.values().all(Value::is_null))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::edit::apply;

    fn pod(source: &Value) -> Value {
        let command = [
            "/ingraft-env/ingraft-probe",
            "probe",
            "/ingraft-env/app.env",
            "--default",
            "A",
            "1",
            "--default",
            "B",
            "2",
        ];
        let optional = json!({"name": "B", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k", "optional": true}}});
        json!({"spec": {
            "initContainers": [
                {"name": "before"},
                {"name": "ingraft-probe-copier", "command": ["/ingraft-probe", "install", "/ingraft-env", "app.env"]},
                {"name": "ingraft-probe-0", "command": command, "env": [optional]},
            ],
            "containers": [{"name": "app", "env": [
                {"name": "OWN", "value": ""},
                {"name": "A", "valueFrom": source},
                {"name": "B", "valueFrom": {"fileKeyRef": {"key": "B"}}},
            ]}],
            "volumes": [{"name": "ingraft-env"}, {"name": "data"}],
        }})
    }

    #[test]
    fn nothing_is_left_of_a_probe_whose_references_were_removed() {
        assert_eq!(take_back(&pod(&json!({"fileKeyRef": {"key": "A"}}))), None);
        for source in [json!({}), json!({"fileKeyRef": null})] {
            let mut pod = pod(&source);
            let edits = take_back(&pod).unwrap();
            let optional = pod["spec"]["initContainers"][2]["env"][0].clone();
            apply(&mut pod, &edits);
            assert_eq!(pod["spec"]["initContainers"], json!([{"name": "before"}]));
            assert_eq!(pod["spec"]["containers"][0]["env"], json!([{"name": "OWN", "value": ""}, optional]));
            assert_eq!(pod["spec"]["volumes"], json!([{"name": "data"}]));
        }
    }
}

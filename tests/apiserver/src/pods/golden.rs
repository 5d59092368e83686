//! The pods of the golden cases in `testdata/inject`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ingraft_cluster::documents;
use serde_json::{Map, Value, json};

use super::{Case, admit, namespaces};
use crate::cluster::shared;

#[test]
fn every_pod_of_the_golden_cases_stays_valid() {
    let Some((cluster, _)) = shared() else { return };
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/inject"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
    folders.sort();
    let mut golden = Golden::default();
    for folder in &folders {
        golden.read(folder, false);
        golden.read(folder, true);
    }
    namespaces(cluster, &golden.namespaces);
    // Those that the definition refuses are for the command line alone, and so are pods that were never valid.
    cluster.create(false, &golden.instrumentations);
    cluster.wait_seen();
    let tally = admit(cluster, &golden.cases);
    tally.check(700);
}

/// The golden cases, each moved to namespaces of its own.
#[derive(Default)]
struct Golden {
    namespaces: BTreeMap<String, (Option<String>, Value)>,
    instrumentations: Vec<Value>,
    cases: Vec<Case>,
}

impl Golden {
    fn read(&mut self, folder: &Path, restricted: bool) {
        let case = folder.file_name().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(folder.join("input.yaml")).unwrap();
        let documents = documents::read(case, &text).unwrap();
        let objects: Vec<&Value> = documents
            .iter()
            .flat_map(|document| documents::objects(&document.value))
            .map(|(_, object)| object)
            .collect();
        let moved = |namespace: &str| {
            let suffix = if restricted { "-r" } else { "" };
            format!("{namespace}-{case}{suffix}")
        };
        let own = |object: &Value| object["metadata"]["namespace"].as_str().unwrap_or("default").to_owned();
        let names: BTreeSet<String> = objects.iter().map(|object| own(object)).collect();
        for name in &names {
            let declared = objects
                .iter()
                .find(|object| object["kind"] == "Namespace" && object["metadata"]["name"] == **name);
            let annotations = declared.map(|namespace| &namespace["metadata"]["annotations"]);
            let annotations = annotations.and_then(Value::as_object).cloned().unwrap_or_default();
            let annotations = move_references(annotations, &names, moved);
            let own = declared.and_then(|namespace| {
                namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"].as_str()
            });
            // The API server stores no level that it does not know.
            let own = own.filter(|level| ["baseline", "restricted"].contains(level));
            let level = if restricted { Some("restricted") } else { own };
            self.namespaces.insert(moved(name), (level.map(str::to_owned), annotations.into()));
        }
        for object in objects {
            let mut object = object.clone();
            let namespace = moved(&own(&object));
            if object["kind"] == "Instrumentation" {
                object["metadata"]["namespace"] = namespace.into();
                self.instrumentations.push(object);
                continue;
            }
            let template = match object["kind"].as_str() {
                Some("Pod") => "",
                Some("CronJob") => "/spec/jobTemplate/spec/template",
                Some("Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" | "Rollout") => {
                    "/spec/template"
                }
                _ => continue,
            };
            let Some(template) = object.pointer(template) else { continue };
            let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"], "spec": template["spec"]});
            if pod["metadata"].is_null() {
                pod["metadata"] = json!({});
            }
            let what = format!("{namespace}: {} {}", object["kind"], object["metadata"]["name"]);
            let annotations = pod["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
            pod["metadata"]["annotations"] = move_references(annotations, &names, moved).into();
            pod["metadata"]["namespace"] = namespace.into();
            if pod["metadata"].get("generateName").is_none() {
                pod["metadata"]["name"] = "named-later".into();
            }
            if restricted {
                harden(&mut pod);
            }
            self.cases.push(Case { what, pod });
        }
    }
}

/// Leads references to Instrumentations into the namespaces of their case. Values that are no text are left out: the
/// API server takes none.
fn move_references(
    annotations: Map<String, Value>,
    names: &BTreeSet<String>,
    moved: impl Fn(&str) -> String,
) -> Map<String, Value> {
    let moved = |value: &str| match value.split_once('/') {
        Some((namespace, name)) if names.contains(namespace) => format!("{}/{name}", moved(namespace)),
        _ => value.to_owned(),
    };
    annotations.into_iter().filter_map(|(key, value)| Some((key, moved(value.as_str()?).into()))).collect()
}

/// Adds what Pod Security *restricted* asks for where a pod does not say otherwise.
fn harden(pod: &mut Value) {
    let complete = |place: &mut Value, wanted: Value| {
        if place.is_null() {
            *place = json!({});
        }
        let Value::Object(wanted) = wanted else { return };
        for (key, value) in wanted {
            if let Some(place) = place.as_object_mut() {
                place.entry(key).or_insert(value);
            }
        }
    };
    let of_pod = json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}});
    complete(&mut pod["spec"]["securityContext"], of_pod);
    for list in ["initContainers", "containers"] {
        for container in pod["spec"][list].as_array_mut().into_iter().flatten() {
            let of_container = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
            complete(&mut container["securityContext"], of_container);
        }
    }
}

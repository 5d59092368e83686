//! The pods of the golden cases in `testdata/inject`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Case, admit, namespaces};
use crate::cluster::shared;
use crate::golden::{GoldenCase, golden_cases};

#[test]
fn every_pod_of_the_golden_cases_stays_valid() {
    let (cluster, _) = shared();
    let mut golden = Golden::default();
    for case in golden_cases("") {
        golden.add(case, false);
    }
    for case in golden_cases("-r") {
        golden.add(case, true);
    }
    namespaces(cluster, &golden.namespaces);
    // Those that the definition refuses are for the command line alone, and so are pods that were never valid.
    cluster.create(false, &golden.instrumentations);
    cluster.wait_seen();
    let tally = admit(cluster, &golden.cases);
    tally.check(700);
}

/// The golden cases, ready for a cluster.
#[derive(Default)]
pub(super) struct Golden {
    pub(super) namespaces: BTreeMap<String, (Option<String>, Value)>,
    pub(super) instrumentations: Vec<Value>,
    pub(super) cases: Vec<Case>,
}

impl Golden {
    pub(super) fn add(&mut self, case: GoldenCase, restricted: bool) {
        for (name, metadata) in case.namespaces {
            let own = metadata["labels"]["pod-security.kubernetes.io/enforce"].as_str();
            // The API server stores no level that it does not know.
            let own = own.filter(|level| ["baseline", "restricted"].contains(level));
            let level = if restricted { Some("restricted") } else { own };
            self.namespaces.insert(name, (level.map(str::to_owned), texts(&metadata["annotations"])));
        }
        for object in case.objects {
            let namespace = object["metadata"]["namespace"].clone();
            if object["kind"] == "Instrumentation" {
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
            pod["metadata"]["annotations"] = texts(&pod["metadata"]["annotations"]);
            pod["metadata"]["namespace"] = namespace;
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

/// Annotations, without values that are not text: the API server takes none.
fn texts(annotations: &Value) -> Value {
    let mut annotations = annotations.as_object().cloned().unwrap_or_default();
    annotations.retain(|_, value| value.is_string());
    annotations.into()
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

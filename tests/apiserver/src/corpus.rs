//! Pods of every kind that the API server may hold.

mod environment;
mod resources;
mod security;
mod targets;
mod volumes;
mod whole;

use serde_json::{Value, json};

use crate::cluster::pod;
pub(crate) use resources::RESOURCES;
pub(crate) use security::SECURITY;
pub(crate) use targets::TARGETS;

/// A change to a pod: what it is about, and how it is made.
pub(crate) type Change = (&'static str, fn(&mut Value));

/// A pod that passes Pod Security *restricted*, with two containers.
pub(crate) fn base() -> Value {
    let mut pod = pod("default", "base", &json!({}));
    pod["metadata"]["labels"] = json!({"app": "web"});
    let context = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    pod["spec"] = json!({
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {"name": "app", "image": "example.com/app:1.2.0", "securityContext": context},
            {"name": "helper", "image": "example.com/helper", "securityContext": context},
        ],
    });
    pod
}

/// Appends to a list that may be absent.
fn add(list: &mut Value, items: Value) {
    let Value::Array(items) = items else { panic!("no list: {items}") };
    if list.is_null() {
        *list = json!([]);
    }
    list.as_array_mut().unwrap().extend(items);
}

fn env(pod: &mut Value, variables: Value) {
    add(&mut pod["spec"]["containers"][0]["env"], variables);
}

fn volume(pod: &mut Value, volume: &Value, mount_path: &str) {
    let mount = json!({"name": volume["name"], "mountPath": mount_path});
    add(&mut pod["spec"]["containers"][0]["volumeMounts"], json!([mount]));
    add(&mut pod["spec"]["volumes"], json!([volume]));
}

fn annotate(pod: &mut Value, key: &str, value: &str) {
    pod["metadata"]["annotations"][key] = value.into();
}

/// A volume whose files variables could come from.
pub(crate) const A_VOLUME_WITH_FILES: Change =
    ("a volume with files", |pod| volume(pod, &json!({"name": "files", "emptyDir": {}}), "/files"));

/// Every change, with the axis that it belongs to: of one axis a pod gets at most one.
pub(crate) fn changes() -> Vec<(usize, Change)> {
    let axes = [environment::ENVIRONMENT, volumes::VOLUMES, SECURITY, RESOURCES, TARGETS, whole::WHOLE];
    axes.iter()
        .enumerate()
        .flat_map(|(axis, changes)| changes.iter().map(move |change| (axis, *change)))
        .collect()
}

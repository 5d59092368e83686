//! Pods that exist, trimmed while they are read: whose they are, what they request and got, which images run, and how
//! their containers fare.

use ingraft_api::annotations::{CONTROL, INJECTED};
use ingraft_core::Namespace;
use ingraft_core::probe_report::is_ours;
use k8s_openapi::api::core::v1;
use kube::{Api, Client};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::slim::{Part, Slim};

/// A pod of the cluster.
pub type SeenPod = Slim<v1::Pod, PodSpec, PodStatus>;

/// All pods of the cluster.
pub fn pods(client: Client) -> Api<SeenPod> {
    Api::all(client)
}

/// Where a pod runs, and what.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    node_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    init_containers: Option<Vec<InitContainer>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    containers: Option<Vec<Container>>,
}

impl Part for PodSpec {
    const ALL_LABELS: bool = true;

    fn concerns(key: &str) -> bool {
        Namespace::concerns(key) || [INJECTED, CONTROL].contains(&key)
    }
}

/// An init container, and what it was called with if it is ours.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, from = "AnyInitContainer")]
struct InitContainer {
    name: String,
    image: String,
    command: Vec<String>,
    args: Vec<String>,
}

/// An init container before it is trimmed.
#[derive(Default, Deserialize)]
#[serde(default)]
struct AnyInitContainer {
    name: String,
    image: String,
    command: Option<Vec<String>>,
    args: Option<Vec<String>>,
}

impl From<AnyInitContainer> for InitContainer {
    fn from(AnyInitContainer { name, image, command, args }: AnyInitContainer) -> Self {
        let (command, args) = (command.unwrap_or_default(), args.unwrap_or_default());
        if is_ours(&command, &args) {
            Self { name, image, command, args }
        } else {
            Self { name, image, ..Self::default() }
        }
    }
}

/// A container.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Container {
    name: String,
    image: String,
}

/// How the containers of a pod fare.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodStatus {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phase: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    init_container_statuses: Option<Vec<ContainerStatus>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    container_statuses: Option<Vec<ContainerStatus>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    conditions: Option<Vec<Condition>>,
}

impl Part for PodStatus {}

/// Whether something holds of a pod, such as that it is ready.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Condition {
    r#type: String,
    status: String,
}

/// How a container fares.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct ContainerStatus {
    name: String,
    #[serde(rename = "imageID")]
    image_id: String,
    state: Value,
    #[serde(rename = "lastState")]
    last_state: Value,
    ready: bool,
    #[serde(rename = "restartCount")]
    restart_count: u32,
}

impl SeenPod {
    /// The node that it was given to; empty before.
    pub fn node(&self) -> &str {
        self.spec.node_name.as_deref().unwrap_or_default()
    }

    /// The names of its init containers.
    pub fn init_containers(&self) -> impl Iterator<Item = &str> {
        self.spec.init_containers.iter().flatten().map(|container| container.name.as_str())
    }

    /// The images that its containers run: the reference, and what it stood for when the container started.
    pub fn running_images(&self) -> impl Iterator<Item = (&str, &str)> {
        let statuses = self.status.container_statuses.iter().flatten();
        let running = statuses.filter(|status| status.state.get("running").is_some());
        running.filter(|status| !status.image_id.is_empty()).filter_map(|status| {
            let mut containers = self.spec.containers.iter().flatten();
            let container = containers.find(|container| container.name == status.name)?;
            Some((container.image.as_str(), status.image_id.as_str()))
        })
    }

    /// What is read of it, as a document.
    pub fn document(&self) -> Value {
        json!({"metadata": self.metadata, "spec": self.spec, "status": self.status})
    }
}

#[cfg(test)]
mod tests {
    use ingraft_core::Locale;
    use ingraft_core::probe_report::failure;

    use super::*;

    #[test]
    fn reads_what_matters_and_nothing_else() {
        let pod = json!({
            "metadata": {
                "name": "web-0", "namespace": "shop", "uid": "u", "managedFields": [{"manager": "kubectl"}],
                "labels": {"pod-template-hash": "abc"}, "annotations": {"other/key": "large"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-abc", "uid": "r"}],
            },
            "spec": {
                "nodeName": "n1", "serviceAccountName": "default",
                "initContainers": [{"name": "i", "image": "init:1", "command": ["PASSWORD"], "env": [{"name": "PASSWORD"}]}],
                "containers": [
                    {"name": "app", "image": "app:1", "env": [{"name": "PASSWORD", "value": "secret"}]},
                    {"name": "waits", "image": "app:2"},
                ],
            },
            "status": {
                "phase": "Running",
                "containerStatuses": [
                    {"name": "app", "imageID": "app@sha256:a", "state": {"running": {}}, "ready": true},
                    {"name": "waits", "imageID": "", "state": {"waiting": {"reason": "ErrImagePull"}}},
                ],
            },
        });
        let pod: SeenPod = serde_json::from_value(pod).unwrap();
        assert_eq!(pod.node(), "n1");
        assert_eq!(pod.running_images().collect::<Vec<_>>(), [("app:1", "app@sha256:a")]);
        let document = pod.document();
        assert_eq!(document["metadata"]["ownerReferences"][0]["name"], "web-abc");
        assert_eq!(
            document["spec"]["initContainers"],
            json!([{"name": "i", "image": "init:1", "command": [], "args": []}])
        );
        let text = document.to_string();
        assert!(
            !["kubectl", "large", "PASSWORD", "secret"].iter().any(|trimmed| text.contains(trimmed)),
            "{text}"
        );
    }

    /// What is judged by a trimmed pod is judged as by the whole one.
    #[test]
    fn trimming_changes_no_judgement() {
        let clone = json!({
            "name": "otel-agent-source-container-clone", "image": "web:1",
            "command": ["/ingraft-env/ingraft-probe", "clone", "/conf", "/clone"],
        });
        let status = json!({
            "name": "otel-agent-source-container-clone", "imageID": "web@sha256:a", "restartCount": 2,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "message": "no space"}},
        });
        let pod = json!({
            "metadata": {"name": "web-0", "namespace": "shop", "uid": "u"},
            "spec": {"initContainers": [clone], "containers": []},
            "status": {"phase": "Pending", "initContainerStatuses": [status]},
        });
        let judged = |pod: &Value| {
            let trimmed: SeenPod = serde_json::from_value(pod.clone()).unwrap();
            let [whole, trimmed] = [pod, &trimmed.document()].map(|pod| failure(pod, "shop", "ours:1"));
            assert_eq!(whole, trimmed);
            whole.map(|failure| failure.finding.message(Locale::En))
        };
        let message = judged(&pod).expect("it does not start");
        assert!(message.ends_with("Error: no space, exit code 1"), "{message}");
        for (pointer, value) in [
            ("/metadata", json!({"deletionTimestamp": "2026-01-01T00:00:00Z"})),
            ("/status/phase", json!("Failed")),
            ("/spec/initContainers/0/command", json!(["cp"])),
        ] {
            let mut other = pod.clone();
            *other.pointer_mut(pointer).unwrap() = value;
            assert_eq!(judged(&other), None, "{pointer}");
        }
    }
}

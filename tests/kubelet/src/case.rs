//! A container, and all that its environment depends on.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// The namespace of the pod.
pub(crate) const NAMESPACE: &str = "shop";

/// The container that is asked about.
pub(crate) const CONTAINER: &str = "app";

/// Texts by key, by the name of what holds them.
pub(crate) type Texts = BTreeMap<&'static str, BTreeMap<&'static str, String>>;

#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) pod: Value,
    pub(crate) config_maps: Texts,
    pub(crate) secrets: Texts,
    pub(crate) services: Vec<Value>,
    pub(crate) node: Value,
    /// Contents by path, by volume.
    pub(crate) files: Texts,
    /// What the kubelet does not see.
    pub(crate) image: Vec<(String, String)>,
}

impl Case {
    pub(crate) fn container(&self) -> &Value {
        let containers = self.pod["spec"]["containers"].as_array().unwrap();
        containers.iter().find(|container| container["name"] == CONTAINER).unwrap()
    }

    /// Whether a variable may hold what only the node knows: its own resources, which are not simulated.
    pub(crate) fn depends_on_the_node(&self) -> bool {
        let entries = self.container()["env"].as_array().unwrap();
        entries.iter().any(|entry| entry.pointer("/valueFrom/resourceFieldRef").is_some())
    }

    /// The case as the program around the kubelet reads it.
    pub(crate) fn json(&self) -> Value {
        let objects = |objects: &Texts, encode: fn(&String) -> String| -> Vec<Value> {
            let object = |(name, data): (&&str, &BTreeMap<&str, String>)| {
                let data: BTreeMap<_, _> = data.iter().map(|(key, text)| (*key, encode(text))).collect();
                json!({"metadata": {"name": name, "namespace": NAMESPACE}, "data": data})
            };
            objects.iter().map(object).collect()
        };
        json!({
            "pod": self.pod,
            "container": CONTAINER,
            "configMaps": objects(&self.config_maps, String::clone),
            "secrets": objects(&self.secrets, |text| BASE64_STANDARD.encode(text)),
            "services": self.services,
            "node": self.node,
            "files": self.files,
        })
    }
}

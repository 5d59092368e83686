//! What the operator remembers of images and nodes, in a ConfigMap of its namespace: the leader writes it, all replicas
//! follow it.

use ingraft_core::node::Proofs;
use ingraft_core::{Facts, Snapshot};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ApiResource, DynamicObject};
use kube::{Api, Client};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The ConfigMap's name.
pub const CONFIG_MAP: &str = "ingraft-facts";
/// The key of what probes found in images, a [`Facts`] in JSON.
const IMAGES: &str = "facts.json";
/// The key of what is proven of nodes, a [`Proofs`] in JSON.
const NODES: &str = "nodes.json";
/// The most that is kept of images: a ConfigMap holds 1 MiB
/// (<https://kubernetes.io/docs/concepts/configuration/configmap/>).
const LARGEST: usize = 900 * 1024;

/// The ConfigMaps of a namespace, as documents: code for all fields of an object is large.
pub fn config_maps(client: &Client, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &ApiResource::erase::<ConfigMap>(&()))
}

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// What probes found in images.
    pub images: Facts,
    /// What is proven of nodes.
    pub nodes: Proofs,
}

impl Memory {
    /// What a snapshot has of it.
    pub fn of(snapshot: &Snapshot) -> Self {
        Self { images: snapshot.facts.clone(), nodes: snapshot.proofs.clone() }
    }

    /// Puts it into a snapshot.
    pub fn fill(self, snapshot: &mut Snapshot) {
        (snapshot.facts, snapshot.proofs) = (self.images, self.nodes);
    }

    /// Reads the ConfigMap. What cannot be understood counts as nothing: it will be learnt again.
    pub fn read(config_map: &DynamicObject) -> Self {
        fn part<T: DeserializeOwned + Default>(config_map: &DynamicObject, key: &str) -> T {
            let text = config_map.data.get("data").and_then(|data| data.get(key)?.as_str());
            text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
        }
        Self { images: part(config_map, IMAGES), nodes: part(config_map, NODES) }
    }

    /// The data of the ConfigMap.
    pub fn data(&self) -> Value {
        let nodes = serde_json::to_string(&self.nodes).unwrap_or_default();
        json!({IMAGES: self.images.to_text(LARGEST), NODES: nodes})
    }
}

/// Reads what is remembered.
///
/// # Errors
/// When the cluster does not answer, or does not allow it.
pub async fn recall(client: &Client, namespace: &str) -> kube::Result<Memory> {
    let saved = config_maps(client, namespace).get_opt(CONFIG_MAP).await?;
    Ok(saved.as_ref().map(Memory::read).unwrap_or_default())
}

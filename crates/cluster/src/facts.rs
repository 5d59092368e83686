//! What the operator remembers, in a ConfigMap of its namespace that all replicas follow. The leader writes what is known
//! of images and nodes; any replica writes what it alone has learnt, each thing under a key of its own.

use ingraft_core::node::Proofs;
use ingraft_core::{Facts, Halt, Halts, Refusals, Snapshot};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};

/// The ConfigMap's name.
pub const CONFIG_MAP: &str = "ingraft-facts";
/// The key of what probes found in images, a [`Facts`] in JSON.
const IMAGES: &str = "facts.json";
/// The key of what is proven of nodes, a [`Proofs`] in JSON.
const NODES: &str = "nodes.json";
/// The beginning of the key of a [`Refusal`] in JSON; the unique id of what makes the pods follows.
const REFUSAL: &str = "refusal.";
/// The most that is kept of images: with all else a ConfigMap holds 1 MiB
/// (<https://kubernetes.io/docs/concepts/configuration/configmap/>).
const LARGEST: usize = 750 * 1024;

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
    /// What any replica may have written.
    pub flags: Flags,
}

/// What each replica writes by itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Flags {
    /// Which pods others have refused.
    pub refusals: Refusals,
    /// Where probes have gone wrong.
    pub halts: Halts,
}

impl Flags {
    /// Puts it into a snapshot.
    pub fn fill(self, snapshot: &mut Snapshot) {
        snapshot.refusals = self.refusals;
        snapshot.halts.follow(self.halts);
    }
}

impl Memory {
    /// Puts it into a snapshot.
    pub fn fill(self, snapshot: &mut Snapshot) {
        (snapshot.facts, snapshot.proofs) = (self.images, self.nodes);
        self.flags.fill(snapshot);
    }

    /// Reads the ConfigMap. What cannot be understood counts as nothing: it will be learnt again.
    pub fn read(config_map: &DynamicObject) -> Self {
        let mut memory = Self::default();
        for (key, text) in config_map.data.get("data").and_then(Value::as_object).into_iter().flatten() {
            let text = text.as_str().unwrap_or_default();
            if key == IMAGES {
                memory.images = serde_json::from_str(text).unwrap_or_default();
            } else if key == NODES {
                memory.nodes = serde_json::from_str(text).unwrap_or_default();
            } else if let Some(owner) = key.strip_prefix(REFUSAL) {
                let refusal = serde_json::from_str(text).ok();
                memory.flags.refusals.extend(refusal.map(|refusal| (owner.to_owned(), refusal)));
            } else if let Some(halt) = Halt::parse(key) {
                memory.flags.halts.0.insert(halt, Some(text.parse().unwrap_or_default()));
            }
        }
        memory
    }
}

/// The data that the leader writes.
pub fn of_leader(snapshot: &Snapshot) -> Value {
    let nodes = serde_json::to_string(&snapshot.proofs).unwrap_or_default();
    json!({IMAGES: snapshot.facts.to_text(LARGEST), NODES: nodes})
}

/// Reads what is remembered.
///
/// # Errors
/// When the cluster does not answer, or does not allow it.
pub async fn recall(client: &Client, namespace: &str) -> kube::Result<Memory> {
    let saved = config_maps(client, namespace).get_opt(CONFIG_MAP).await?;
    Ok(saved.as_ref().map(Memory::read).unwrap_or_default())
}

/// The key of what is known of the pods that an object makes.
pub fn refusal_key(owner: &str) -> String {
    format!("{REFUSAL}{owner}")
}

/// Writes one key, or removes it, and leaves all others alone.
///
/// # Errors
/// When the cluster does not answer, or does not allow it.
pub async fn write_key(
    client: &Client,
    namespace: &str,
    key: &str,
    value: Option<String>,
) -> kube::Result<()> {
    let config_maps = config_maps(client, namespace);
    let patch = json!({"data": {key: value}});
    match config_maps.patch(CONFIG_MAP, &PatchParams::default(), &Patch::Merge(&patch)).await {
        Err(kube::Error::Api(status)) if status.code == 404 => {
            let mut object = DynamicObject::new(CONFIG_MAP, &ApiResource::erase::<ConfigMap>(&()));
            object.data = patch;
            config_maps.create(&PostParams::default(), &object).await.map(drop)
        }
        result => result.map(drop),
    }
}

//! What is known of images, as the operator keeps it in a ConfigMap of its namespace.

use ingraft_core::Facts;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ApiResource, DynamicObject};
use kube::{Api, Client};

/// The ConfigMap's name.
pub const CONFIG_MAP: &str = "ingraft-facts";
/// The key of its only entry, a [`Facts`] in JSON.
pub const KEY: &str = "facts.json";

/// The ConfigMaps of a namespace, as documents: code for all fields of an object is large.
pub fn config_maps(client: &Client, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &ApiResource::erase::<ConfigMap>(&()))
}

/// Reads what was saved. What cannot be understood counts as nothing: it will be learnt again.
///
/// # Errors
/// When the cluster does not answer, or does not allow it.
pub async fn recall(client: &Client, namespace: &str) -> kube::Result<Option<Facts>> {
    let saved = config_maps(client, namespace).get_opt(CONFIG_MAP).await?;
    Ok(saved.and_then(|saved| serde_json::from_str(saved.data.get("data")?.get(KEY)?.as_str()?).ok()))
}

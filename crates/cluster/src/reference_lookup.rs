//! Asks a cluster which Secrets and ConfigMaps exist. Only metadata is requested, never content.

use std::collections::BTreeSet;

use ingraft_core::{ReferenceKind, Snapshot, references};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

/// The cluster did not say whether an object exists.
#[derive(Debug, thiserror::Error)]
#[error("failed to look for {kind} {namespace}/{name}")]
pub struct Error {
    kind: &'static str,
    namespace: String,
    name: String,
    #[source]
    source: Box<kube::Error>,
}

/// Looks in the namespaces for every Secret and ConfigMap that an Instrumentation names. Afterwards the snapshot knows
/// of each whether it exists; those among the manifests do.
///
/// # Errors
/// When the API server cannot be reached, or does not allow the question.
pub async fn learn(
    client: &Client,
    snapshot: &mut Snapshot,
    namespaces: &BTreeSet<&str>,
) -> Result<(), Error> {
    let named: BTreeSet<(ReferenceKind, String)> = snapshot
        .instrumentations
        .iter()
        .flat_map(|instrumentation| references(&instrumentation.spec))
        .map(|(kind, name)| (kind, name.to_owned()))
        .collect();
    for (kind, name) in &named {
        for &namespace in namespaces {
            let objects = match kind {
                ReferenceKind::ConfigMap => &mut snapshot.config_maps,
                ReferenceKind::Secret => &mut snapshot.secrets,
            };
            let exists = match kind {
                ReferenceKind::ConfigMap => exists::<ConfigMap>(client, namespace, name).await,
                ReferenceKind::Secret => exists::<Secret>(client, namespace, name).await,
            };
            let failed = |source| Error {
                kind: kind.as_str(),
                namespace: namespace.to_owned(),
                name: name.clone(),
                source: Box::new(source),
            };
            if exists.map_err(failed)? && objects.get(namespace, name).is_none() {
                objects.insert(namespace.to_owned(), name.clone(), None);
            }
        }
    }
    snapshot.config_maps.set_complete();
    snapshot.secrets.set_complete();
    Ok(())
}

async fn exists<K>(client: &Client, namespace: &str, name: &str) -> kube::Result<bool>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + std::fmt::Debug,
{
    if !can_exist(namespace, name) {
        return Ok(false);
    }
    let api = Api::<K>::namespaced(client.clone(), namespace);
    Ok(api.get_metadata_opt(name).await?.is_some())
}

/// Whether there may be such an object: a manifest can name anything, and not all of it can be requested.
/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names>
pub(crate) fn can_exist(namespace: &str, name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    [namespace, name].iter().all(|text| !text.is_empty() && text.bytes().all(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_name_cannot_exist() {
        assert!(can_exist("shop", "kube-root-ca.crt"));
        for (namespace, name) in [("shop", "a b"), ("shop", ""), ("", "a"), ("shop", "a/b"), ("S", "a")] {
            assert!(!can_exist(namespace, name), "{namespace}/{name}");
        }
    }
}

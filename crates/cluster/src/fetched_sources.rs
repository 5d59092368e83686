//! What the environment of a container is made from, fetched from the API server when it is needed.

use std::collections::BTreeMap;

use ingraft_core::ReferenceKind;
use ingraft_core::environment::{Source, Sources};
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};
use kube::api::ListParams;
use kube::{Api, Client};
use serde_json::Value;

/// The Services of a namespace and `kubernetes`, from which service links are made.
///
/// # Errors
/// When the cluster does not answer, or does not allow it.
pub async fn services(client: &Client, namespace: &str) -> kube::Result<Vec<Value>> {
    let services = |namespace: &str| Api::<Service>::namespaced(client.clone(), namespace);
    let mut all = services(namespace).list(&ListParams::default()).await?.items;
    all.extend(services("default").get_opt("kubernetes").await?.filter(|_| namespace != "default"));
    Ok(all.iter().filter_map(|service| serde_json::to_value(service).ok()).collect())
}

/// Keys and the values that may be shown.
type Keys = BTreeMap<String, Option<String>>;

/// The ConfigMaps and Secrets that a container names; `None` for those that do not exist. Of Secrets only the keys are
/// kept.
#[derive(Debug, Default)]
pub struct FetchedSources(BTreeMap<(ReferenceKind, String), Option<Keys>>);

impl FetchedSources {
    /// Fetches one of them, unless it is known already.
    ///
    /// # Errors
    /// When the cluster does not answer, or does not allow it.
    pub async fn fetch(
        &mut self,
        client: &Client,
        namespace: &str,
        kind: ReferenceKind,
        name: &str,
    ) -> kube::Result<()> {
        let key = (kind, name.to_owned());
        if self.0.contains_key(&key) {
            return Ok(());
        }
        let keys = match kind {
            ReferenceKind::ConfigMap => {
                let found = Api::<ConfigMap>::namespaced(client.clone(), namespace).get_opt(name).await?;
                let data = found.map(|found| found.data.unwrap_or_default());
                data.map(|data| data.into_iter().map(|(key, value)| (key, Some(value))).collect())
            }
            ReferenceKind::Secret => {
                let found = Api::<Secret>::namespaced(client.clone(), namespace).get_opt(name).await?;
                let data = found.map(|found| found.data.unwrap_or_default());
                data.map(|data| data.into_keys().map(|key| (key, None)).collect())
            }
        };
        self.0.insert(key, keys);
        Ok(())
    }
}

impl Sources for FetchedSources {
    fn source(&self, kind: ReferenceKind, name: &str) -> Source<'_> {
        match self.0.get(&(kind, name.to_owned())) {
            None => Source::Unknown,
            Some(None) => Source::Missing,
            Some(Some(keys)) => {
                Source::Keys(keys.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect())
            }
        }
    }
}

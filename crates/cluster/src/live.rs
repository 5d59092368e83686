//! What a running cluster knows, asked once, with the rights of whoever asks.

use std::collections::BTreeMap;

use ingraft_api::Instrumentation;
use ingraft_api::annotations::POD_SECURITY_ENFORCE;
use ingraft_core::environment::{Source, Sources};
use ingraft_core::{Namespace, Node, ReferenceKind, Settings, Snapshot};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace as KubeNamespace, Node as KubeNode, Secret};
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::{Api, Client, ResourceExt};
use serde_json::Value;

use crate::settings_args::settings_of_operator;

/// The kinds that can be asked for, as people write them.
const KINDS: [(&[&str], &str, &str, &str, &str); 8] = [
    (&["pod", "pods", "po"], "", "v1", "Pod", "pods"),
    (&["deployment", "deployments", "deploy"], "apps", "v1", "Deployment", "deployments"),
    (&["statefulset", "statefulsets", "sts"], "apps", "v1", "StatefulSet", "statefulsets"),
    (&["daemonset", "daemonsets", "ds"], "apps", "v1", "DaemonSet", "daemonsets"),
    (&["replicaset", "replicasets", "rs"], "apps", "v1", "ReplicaSet", "replicasets"),
    (&["job", "jobs"], "batch", "v1", "Job", "jobs"),
    (&["cronjob", "cronjobs", "cj"], "batch", "v1", "CronJob", "cronjobs"),
    (&["rollout", "rollouts"], "argoproj.io", "v1alpha1", "Rollout", "rollouts"),
];

/// An object of one of the kinds above; `None` for a kind that makes no pods.
///
/// # Errors
/// When the object does not exist, or the cluster does not answer.
pub async fn object(client: &Client, kind: &str, namespace: &str, name: &str) -> Option<kube::Result<Value>> {
    let wanted = kind.to_lowercase();
    let (_, group, version, kind, plural) =
        KINDS.iter().find(|(names, ..)| names.contains(&wanted.as_str()))?;
    let api_version = if group.is_empty() { (*version).to_owned() } else { format!("{group}/{version}") };
    let resource = ApiResource {
        group: (*group).to_owned(),
        version: (*version).to_owned(),
        api_version,
        kind: (*kind).to_owned(),
        plural: (*plural).to_owned(),
    };
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &resource);
    let answer =
        api.get(name).await.and_then(|object| serde_json::to_value(object).map_err(kube::Error::SerdeError));
    Some(answer)
}

/// What decisions about a namespace depend on.
///
/// # Errors
/// When the cluster does not answer, or does not allow it.
pub async fn snapshot(client: &Client, namespace: &str) -> kube::Result<Snapshot> {
    let mut snapshot = Snapshot::default();
    let own = Api::<KubeNamespace>::all(client.clone()).get_opt(namespace).await?.unwrap_or_default();
    let level = own.labels().get(POD_SECURITY_ENFORCE).cloned();
    let annotations = own.metadata.annotations.unwrap_or_default();
    let kept = Namespace::new(annotations).enforcing(level.as_deref());
    snapshot.namespaces.insert(String::new(), namespace.to_owned(), kept);
    let everything = ListParams::default();
    for instrumentation in Api::<Instrumentation>::all(client.clone()).list(&everything).await? {
        let (home, name) = (instrumentation.namespace().unwrap_or_default(), instrumentation.name_any());
        snapshot.instrumentations.insert(home, name, instrumentation);
    }
    for node in Api::<KubeNode>::all(client.clone()).list(&everything).await? {
        let name = node.name_any();
        let info = node.status.and_then(|status| status.node_info).unwrap_or_default();
        snapshot.nodes.insert(String::new(), name, Node::new(&info.kubelet_version, info.architecture));
    }
    Ok(snapshot)
}

/// What the cluster's operator was told, and where it is; `None` where there is none.
///
/// # Errors
/// When the cluster does not answer, or does not allow it.
pub async fn operator(client: &Client) -> kube::Result<Option<(Settings, String)>> {
    let ours = ListParams::default().labels("app.kubernetes.io/instance=ingraft");
    let found = Api::<Deployment>::all(client.clone()).list(&ours).await?.items.into_iter().next();
    let Some(deployment) = found else { return Ok(None) };
    let namespace = deployment.namespace().unwrap_or_default();
    let containers = deployment.spec.and_then(|spec| spec.template.spec).unwrap_or_default().containers;
    let manager = containers.into_iter().find(|container| container.name == "manager");
    Ok(Some((manager.as_ref().map(settings_of_operator).unwrap_or_default(), namespace)))
}

/// The Services of a namespace and `kubernetes`, from which service links are made.
///
/// # Errors
/// When the cluster does not answer, or does not allow it.
pub async fn services(client: &Client, namespace: &str) -> kube::Result<Vec<Value>> {
    let services =
        |namespace: &str| Api::<k8s_openapi::api::core::v1::Service>::namespaced(client.clone(), namespace);
    let mut all = services(namespace).list(&ListParams::default()).await?.items;
    all.extend(services("default").get_opt("kubernetes").await?.filter(|_| namespace != "default"));
    Ok(all.iter().filter_map(|service| serde_json::to_value(service).ok()).collect())
}

/// Keys and the values that are told.
type Keys = BTreeMap<String, Option<String>>;

/// The ConfigMaps and Secrets that a container names; `None` for those that do not exist. Of Secrets only the keys are
/// kept.
#[derive(Debug, Default)]
pub struct Material(BTreeMap<(ReferenceKind, String), Option<Keys>>);

impl Material {
    /// Asks for one of them, unless it is known already.
    ///
    /// # Errors
    /// When the cluster does not answer, or does not allow it.
    pub async fn learn(
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

impl Sources for Material {
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

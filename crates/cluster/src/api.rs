//! What a running cluster knows, asked once, with the rights of whoever asks.

use ingraft_api::Instrumentation;
use ingraft_core::{LimitRange, Snapshot};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1;
use k8s_openapi::api::node::v1::RuntimeClass;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::core::DeserializeGuard;
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::learn::{Learn, NodeObject, learn};
use crate::slim::{Ports, Slim};
use crate::workloads::PAGE;

/// A kind of object that makes pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkloadKind {
    names: &'static [&'static str],
    group: &'static str,
    version: &'static str,
    kind: &'static str,
}

/// All of them. The first name is the plural.
const KINDS: [WorkloadKind; 9] = [
    kind(&["pods", "pod", "po"], "", "v1", "Pod"),
    kind(&["deployments", "deployment", "deploy"], "apps", "v1", "Deployment"),
    kind(&["statefulsets", "statefulset", "sts"], "apps", "v1", "StatefulSet"),
    kind(&["daemonsets", "daemonset", "ds"], "apps", "v1", "DaemonSet"),
    kind(&["replicasets", "replicaset", "rs"], "apps", "v1", "ReplicaSet"),
    kind(&["replicationcontrollers", "replicationcontroller", "rc"], "", "v1", "ReplicationController"),
    kind(&["jobs", "job"], "batch", "v1", "Job"),
    kind(&["cronjobs", "cronjob", "cj"], "batch", "v1", "CronJob"),
    kind(&["rollouts", "rollout", "ro"], "argoproj.io", "v1alpha1", "Rollout"),
];

const fn kind(
    names: &'static [&'static str],
    group: &'static str,
    version: &'static str,
    kind: &'static str,
) -> WorkloadKind {
    WorkloadKind { names, group, version, kind }
}

impl WorkloadKind {
    /// The kind that people mean by a name such as `deploy`, in any case.
    ///
    /// ```
    /// use ingraft_cluster::api::WorkloadKind;
    /// assert_eq!(WorkloadKind::parse("Deployment"), WorkloadKind::parse("deploy"));
    /// assert!(WorkloadKind::parse("service").is_none());
    /// ```
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        KINDS.into_iter().find(|kind| kind.names.contains(&name.as_str()))
    }

    /// A name of each kind, in the singular.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KINDS.iter().filter_map(|kind| kind.names.get(1).copied())
    }

    /// The names of the objects of this kind in a namespace, a page of them.
    ///
    /// # Errors
    /// When the cluster does not answer or allow it.
    pub async fn names_in(self, client: &Client, namespace: &str) -> kube::Result<Vec<String>> {
        let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &self.resource());
        let page = api.list_metadata(&ListParams::default().limit(PAGE)).await?;
        Ok(page.iter().map(ResourceExt::name_any).collect())
    }

    /// An object of this kind, as the API server has it.
    ///
    /// # Errors
    /// When there is no such object, or the cluster does not answer or allow it.
    pub async fn get(self, client: &Client, namespace: &str, name: &str) -> kube::Result<Value> {
        let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &self.resource());
        serde_json::to_value(api.get(name).await?).map_err(kube::Error::SerdeError)
    }

    /// The kind as the API server serves it.
    pub fn resource(self) -> ApiResource {
        let Self { names, group, version, kind } = self;
        let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version,
            kind: kind.to_owned(),
            plural: names.first().copied().unwrap_or_default().to_owned(),
        }
    }
}

/// The names of the namespaces, a page of them.
///
/// # Errors
/// When the cluster does not answer or allow it.
pub async fn namespace_names(client: &Client) -> kube::Result<Vec<String>> {
    let api = Api::<v1::Namespace>::all(client.clone());
    let page = api.list_metadata(&ListParams::default().limit(PAGE)).await?;
    Ok(page.iter().map(ResourceExt::name_any).collect())
}

/// What a cluster knows that decisions about the pods of a namespace, or of all, depend on.
#[derive(Debug, Default)]
pub struct Known {
    /// As the operator's watches would have it.
    pub snapshot: Snapshot,
    /// What whoever asked was not allowed to see, or what cannot be read, for people.
    pub unseen: Vec<String>,
}

/// Lists the kinds that the operator watches. Where it is about one namespace, only its own objects are listed of kinds of which
/// only those matter.
///
/// # Errors
/// When the cluster does not answer. What it does not allow is named in the result.
pub async fn known(client: &Client, namespace: Option<&str>, secrets: bool) -> kube::Result<Known> {
    let mut reader = Reader { client, namespace, known: Known::default() };
    reader.namespaces().await?;
    reader.list(Api::<NodeObject>::all(client.clone()), true).await?;
    reader.list(Api::<RuntimeClass>::all(client.clone()), true).await?;
    reader.everywhere::<DeserializeGuard<Instrumentation>>().await?;
    reader.everywhere::<Slim<v1::Service, Ports>>().await?;
    reader.in_namespace::<Slim<v1::LimitRange, LimitRange>>().await?;
    reader.in_namespace::<Slim<Deployment>>().await?;
    reader.in_namespace::<Slim<CronJob>>().await?;
    reader.in_namespace::<Slim<v1::ConfigMap>>().await?;
    if secrets {
        reader.in_namespace::<Slim<v1::Secret>>().await?;
    }
    Ok(reader.known)
}

struct Reader<'a> {
    client: &'a Client,
    /// The namespace that it is about; all where there is none.
    namespace: Option<&'a str>,
    known: Known,
}

impl Reader<'_> {
    /// All namespaces, or at least the one.
    async fn namespaces(&mut self) -> kube::Result<()> {
        let namespaces = Api::<Slim<v1::Namespace>>::all(self.client.clone());
        if !self.list(namespaces.clone(), true).await?
            && let Some(own) = self.namespace
            && let Ok(Some(own)) = namespaces.get_opt(own).await
        {
            learn(&mut self.known.snapshot.namespaces, own);
        }
        Ok(())
    }

    async fn in_namespace<K>(&mut self) -> kube::Result<()>
    where
        K: Learn + Resource<Scope = NamespaceResourceScope> + Clone + std::fmt::Debug,
    {
        let all = || Api::<K>::all(self.client.clone());
        let own = self.namespace.map(|own| Api::<K>::namespaced(self.client.clone(), own));
        self.list(own.unwrap_or_else(all), true).await.map(drop)
    }

    /// All objects of a kind, or at least those of the namespace.
    async fn everywhere<K>(&mut self) -> kube::Result<()>
    where
        K: Learn + Resource<Scope = NamespaceResourceScope> + Clone + std::fmt::Debug,
    {
        if !self.list(Api::<K>::all(self.client.clone()), true).await?
            && let Some(own) = self.namespace
        {
            self.list(Api::<K>::namespaced(self.client.clone(), own), false).await?;
        }
        Ok(())
    }

    /// Takes up a list. Returns whether that was allowed.
    async fn list<K>(&mut self, api: Api<K>, complete: bool) -> kube::Result<bool>
    where
        K: Learn + Clone + std::fmt::Debug,
    {
        let listed = pages(&api, ListParams::default()).await;
        let Some(list) = self.allowed(listed)? else { return Ok(false) };
        let Some(objects) = K::objects(&mut self.known.snapshot) else { return Ok(true) };
        for object in list {
            if let Err(error) = object.readable() {
                let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
                self.known
                    .unseen
                    .push(format!("{} {namespace}/{name} cannot be read: {error}", K::kind(&())));
            }
            learn(objects, object);
        }
        if complete {
            objects.set_complete();
        }
        Ok(true)
    }

    /// The answer, if there is one; a refusal is noted.
    fn allowed<T>(&mut self, answer: kube::Result<T>) -> kube::Result<Option<T>> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(kube::Error::Api(status)) if status.code == 403 => {
                self.known.unseen.push(status.message);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// All objects that a list has.
pub(crate) async fn pages<K>(api: &Api<K>, params: ListParams) -> kube::Result<Vec<K>>
where
    K: Clone + std::fmt::Debug + DeserializeOwned,
{
    let mut objects = Vec::new();
    each_page(api, params, |page| objects.extend(page)).await?;
    Ok(objects)
}

/// The objects that a list has, asked for and taken up in parts.
pub(crate) async fn each_page<K>(
    api: &Api<K>,
    params: ListParams,
    mut take: impl FnMut(Vec<K>),
) -> kube::Result<()>
where
    K: Clone + std::fmt::Debug + DeserializeOwned,
{
    let mut params = params.limit(PAGE);
    loop {
        let page = api.list(&params).await?;
        take(page.items);
        match page.metadata.continue_.filter(|next| !next.is_empty()) {
            Some(next) => params = params.continue_token(&next),
            None => return Ok(()),
        }
    }
}

/// An installed operator.
#[derive(Debug)]
pub struct Operator {
    /// Where it is.
    pub namespace: String,
    /// The container that runs it.
    pub container: v1::Container,
}

/// The operator of a cluster; `None` if there is none.
///
/// # Errors
/// When the cluster does not answer, or does not allow it.
pub async fn operator(client: &Client) -> kube::Result<Option<Operator>> {
    let ours = ListParams::default().labels("app.kubernetes.io/instance=ingraft");
    let deployments = Api::<Deployment>::all(client.clone()).list(&ours).await?;
    Ok(deployments.items.into_iter().find_map(|deployment| {
        let namespace = deployment.namespace().unwrap_or_default();
        let containers = deployment.spec?.template.spec?.containers;
        let container = containers.into_iter().find(|container| container.name == "manager")?;
        Some(Operator { namespace, container })
    }))
}

//! Workloads as the leader reads them: what decisions depend on, and nothing else.

use std::borrow::Cow;
use std::collections::BTreeSet;

use ingraft_core::crash::Templates;
use ingraft_core::workload::template_hash;
use ingraft_core::{OwnerKind, WorkloadRef};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::Resource as _;
use k8s_openapi::api::apps::v1::{ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::{Value, json};

use crate::api::pages;

/// The annotation in which kubectl keeps all of what it has applied:
/// <https://kubernetes.io/docs/reference/labels-annotations-taints/#kubectl-kubernetes-io-last-applied-configuration>.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The kinds that every cluster has. ReplicaSets and Jobs that nobody controls are known by their pods: a cluster keeps
/// many that Deployments and CronJobs control.
pub fn kinds() -> [ApiResource; 4] {
    [
        ApiResource::erase::<Deployment>(&()),
        ApiResource::erase::<StatefulSet>(&()),
        ApiResource::erase::<DaemonSet>(&()),
        ApiResource::erase::<CronJob>(&()),
    ]
}

/// Argo Rollouts, if the cluster serves them.
///
/// # Errors
/// When the API server cannot be asked.
pub async fn rollouts(client: &Client) -> kube::Result<Option<ApiResource>> {
    let kind = ApiResource::erase::<Rollout>(&());
    match client.list_api_group_resources(&kind.api_version).await {
        Ok(list) if list.resources.iter().any(|resource| resource.kind == kind.kind) => Ok(Some(kind)),
        Ok(_) => Ok(None),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(error),
    }
}

/// An Argo Rollout, of which only metadata is read.
#[derive(Debug, Clone)]
pub(crate) enum Rollout {}

impl Resource for Rollout {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        OwnerKind::Rollout.as_str().into()
    }

    fn group((): &()) -> Cow<'_, str> {
        "argoproj.io".into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1alpha1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "rollouts".into()
    }

    fn meta(&self) -> &ObjectMeta {
        match *self {}
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match *self {}
    }
}

/// So many objects are listed at once.
pub const PAGE: u32 = 100;

/// All workloads of a kind.
pub fn all(client: &Client, kind: &ApiResource) -> Api<DynamicObject> {
    Api::all_with(client.clone(), kind)
}

/// The kind of pods.
pub fn pods() -> ApiResource {
    ApiResource::erase::<Pod>(&())
}

/// The objects of a kind in a namespace.
///
/// # Errors
/// When the API server does not answer.
pub async fn of_namespace(
    client: &Client,
    kind: &ApiResource,
    namespace: &str,
) -> kube::Result<Vec<DynamicObject>> {
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, kind);
    pages(&api, ListParams::default()).await
}

/// What is kept of a pod; `None` if it is gone.
///
/// # Errors
/// When the API server does not answer.
pub async fn pod(client: &Client, namespace: &str, name: &str) -> kube::Result<Option<Value>> {
    let kind = pods();
    Ok(object(client, &kind, namespace, name).await?.map(|pod| document(pod, &kind)))
}

/// An object, whole; `None` if it is gone. It is looked for in a list, because a role that may watch need not get.
///
/// # Errors
/// When the API server does not answer.
async fn object(
    client: &Client,
    kind: &ApiResource,
    namespace: &str,
    name: &str,
) -> kube::Result<Option<DynamicObject>> {
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, kind);
    let found = api.list(&ListParams::default().fields(&format!("metadata.name={name}"))).await?;
    Ok(found.items.into_iter().next())
}

/// The kind of a workload that is watched; `None` for others.
fn kind_of(workload: &WorkloadRef) -> Option<ApiResource> {
    let kind = workload.kind?.as_str();
    kinds().into_iter().chain([ApiResource::erase::<Rollout>(&())]).find(|known| known.kind == kind)
}

/// Where a workload is; `None` for kinds that nobody watches.
pub fn api_of(client: &Client, workload: &WorkloadRef) -> Option<Api<DynamicObject>> {
    Some(Api::namespaced_with(client.clone(), &workload.namespace, &kind_of(workload)?))
}

/// A workload, whole; `None` if it is gone, or of a kind that nobody watches.
///
/// # Errors
/// When the API server does not answer.
pub async fn whole(client: &Client, workload: &WorkloadRef) -> kube::Result<Option<DynamicObject>> {
    let Some(kind) = kind_of(workload) else { return Ok(None) };
    object(client, &kind, &workload.namespace, &workload.name).await
}

/// The hash of the template of a whole workload; `None` where that is elsewhere.
pub fn hash_of(workload: &DynamicObject) -> Option<String> {
    workload.data.pointer("/spec/template").map(template_hash)
}

/// The hashes of the templates of revisions of a workload, as its pods name them.
///
/// A ReplicaSet has the template, and its own hash as a label; a ControllerRevision holds it as a patch:
/// <https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/controller/history/controller_history.go>. Of a StatefulSet's
/// pods the label is the revision's name, of a DaemonSet's the last part of it.
///
/// # Errors
/// When the API server does not answer.
pub async fn templates(
    client: &Client,
    workload: &WorkloadRef,
    revisions: &BTreeSet<String>,
) -> kube::Result<Templates> {
    let of_sets = ApiResource::erase::<ReplicaSet>(&());
    let (kind, pointer) = match workload.kind {
        Some(OwnerKind::Deployment | OwnerKind::Rollout) => (of_sets, "/spec/template"),
        _ => (ApiResource::erase::<ControllerRevision>(&()), "/data/spec/template"),
    };
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), &workload.namespace, &kind);
    let is_own = |object: &DynamicObject| {
        let owners = object.metadata.owner_references.iter().flatten();
        let mut owners = owners.filter(|owner| owner.controller == Some(true));
        owners.any(|owner| OwnerKind::parse(&owner.kind) == workload.kind && *owner.name == *workload.name)
    };
    let mut templates = Templates::new();
    for revision in revisions {
        let all = ListParams::default();
        let params = match workload.kind {
            Some(OwnerKind::Deployment) => all.labels(&format!("pod-template-hash={revision}")),
            Some(OwnerKind::Rollout) => all.labels(&format!("rollouts-pod-template-hash={revision}")),
            Some(OwnerKind::StatefulSet) => all.fields(&format!("metadata.name={revision}")),
            Some(OwnerKind::DaemonSet) => all.fields(&format!("metadata.name={}-{revision}", workload.name)),
            _ => continue,
        };
        let found = api.list(&params).await?;
        let mut own = found.items.iter().filter(|object| is_own(object));
        let template = own.find_map(|object| object.data.pointer(pointer));
        // One that is gone is like no other.
        let hash = template.map_or_else(|| revision.clone(), template_hash);
        templates.insert(revision.as_str().into(), hash);
    }
    Ok(templates)
}

/// What a workload is called.
pub fn reference(object: &DynamicObject, kind: &ApiResource) -> WorkloadRef {
    WorkloadRef {
        kind: OwnerKind::parse(&kind.kind),
        namespace: object.namespace().unwrap_or_default().into(),
        name: object.name_any().into(),
    }
}

/// The document, without what others write about it, and without what decides nothing: of its spec only what its pods are
/// made from.
pub fn document(object: DynamicObject, kind: &ApiResource) -> Value {
    let DynamicObject { metadata, mut data, .. } = object;
    let mut annotations = metadata.annotations.unwrap_or_default();
    annotations.remove(LAST_APPLIED);
    let kept = json!({
        "name": metadata.name, "namespace": metadata.namespace, "uid": metadata.uid,
        "generation": metadata.generation, "annotations": annotations, "labels": metadata.labels,
        "ownerReferences": metadata.owner_references,
    });
    let mut spec = data.get_mut("spec").map(Value::take).unwrap_or_default();
    if kind.kind != Pod::KIND
        && let Some(spec) = spec.as_object_mut()
    {
        spec.retain(|field, _| ["template", "jobTemplate"].contains(&field.as_str()));
    }
    json!({"apiVersion": kind.api_version, "kind": kind.kind, "metadata": kept, "spec": spec})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_controller_writes_changes_no_document() {
        let [kind, ..] = kinds();
        let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}});
        let read = |version: &str, replicas: u32| {
            let object = json!({
                "metadata": {
                    "name": "web", "namespace": "shop", "resourceVersion": version, "generation": 3,
                    "annotations": {"kubectl.kubernetes.io/last-applied-configuration": version, "a": "b"},
                    "managedFields": [{"manager": version}],
                },
                "spec": {"replicas": replicas, "template": template}, "status": {"replicas": replicas},
            });
            document(serde_json::from_value(object).unwrap(), &kind)
        };
        let document = read("1", 1);
        assert_eq!(document, read("2", 5));
        assert_eq!(document["spec"]["template"], template);
        assert_eq!(document["metadata"]["annotations"], json!({"a": "b"}));
    }
}

//! Workloads as the leader reads them: what decisions depend on, and nothing else.

use ingraft_core::{OwnerKind, WorkloadRef};
use k8s_openapi::Resource as _;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

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

/// A kind that can be restarted.
pub fn restartable(kind: OwnerKind) -> Option<ApiResource> {
    match kind {
        OwnerKind::Deployment => Some(ApiResource::erase::<Deployment>(&())),
        OwnerKind::StatefulSet => Some(ApiResource::erase::<StatefulSet>(&())),
        OwnerKind::DaemonSet => Some(ApiResource::erase::<DaemonSet>(&())),
        OwnerKind::Rollout => Some(rollout()),
        OwnerKind::ReplicaSet | OwnerKind::Job | OwnerKind::CronJob => None,
    }
}

fn rollout() -> ApiResource {
    let kind = GroupVersionKind::gvk("argoproj.io", "v1alpha1", OwnerKind::Rollout.as_str());
    ApiResource::from_gvk_with_plural(&kind, "rollouts")
}

/// Argo Rollouts, if the cluster serves them.
///
/// # Errors
/// When the API server cannot be asked.
pub async fn rollouts(client: &Client) -> kube::Result<Option<ApiResource>> {
    let kind = rollout();
    match client.list_api_group_resources(&kind.api_version).await {
        Ok(list) if list.resources.iter().any(|resource| resource.kind == kind.kind) => Ok(Some(kind)),
        Ok(_) => Ok(None),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
        Err(error) => Err(error),
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
    let (mut params, mut objects) = (ListParams::default().limit(PAGE), Vec::new());
    loop {
        let page = api.list(&params).await?;
        objects.extend(page.items);
        match page.metadata.continue_.filter(|next| !next.is_empty()) {
            Some(next) => params = params.continue_token(&next),
            None => return Ok(objects),
        }
    }
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
pub async fn object(
    client: &Client,
    kind: &ApiResource,
    namespace: &str,
    name: &str,
) -> kube::Result<Option<DynamicObject>> {
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, kind);
    let found = api.list(&ListParams::default().fields(&format!("metadata.name={name}"))).await?;
    Ok(found.items.into_iter().next())
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
    annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
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

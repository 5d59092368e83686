//! Workloads as the leader reads them: whole, but for what controllers and tools write about them.

use ingraft_core::{OwnerKind, WorkloadRef};
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

/// Argo Rollouts, if the cluster serves them.
///
/// # Errors
/// When the API server cannot be asked.
pub async fn rollouts(client: &Client) -> kube::Result<Option<ApiResource>> {
    let kind = GroupVersionKind::gvk("argoproj.io", "v1alpha1", OwnerKind::Rollout.as_str());
    match client.list_api_group_resources(&kind.api_version()).await {
        Ok(list) if list.resources.iter().any(|resource| resource.kind == kind.kind) => {
            Ok(Some(ApiResource::from_gvk_with_plural(&kind, "rollouts")))
        }
        Ok(_) => Ok(None),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// All workloads of a kind.
pub fn all(client: &Client, kind: &ApiResource) -> Api<DynamicObject> {
    Api::all_with(client.clone(), kind)
}

/// The workloads of a kind in a namespace.
///
/// # Errors
/// When the API server does not answer.
pub async fn of_namespace(
    client: &Client,
    kind: &ApiResource,
    namespace: &str,
) -> kube::Result<Vec<DynamicObject>> {
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, kind);
    Ok(api.list(&ListParams::default()).await?.items)
}

/// A pod, whole; `None` if it is gone. It is looked for in a list, because a role that may watch need not get.
///
/// # Errors
/// When the API server does not answer.
pub async fn pod(client: &Client, namespace: &str, name: &str) -> kube::Result<Option<Value>> {
    let kind = ApiResource::erase::<Pod>(&());
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &kind);
    let found = api.list(&ListParams::default().fields(&format!("metadata.name={name}"))).await?;
    Ok(found.items.into_iter().next().map(|pod| document(pod, &kind)))
}

/// What a workload is called.
pub fn reference(object: &DynamicObject, kind: &ApiResource) -> WorkloadRef {
    WorkloadRef {
        kind: OwnerKind::parse(&kind.kind),
        namespace: object.namespace().unwrap_or_default().into(),
        name: object.name_any().into(),
    }
}

/// The document, without status, version, managed fields, and the copy of itself that `kubectl apply` leaves.
pub fn document(mut object: DynamicObject, kind: &ApiResource) -> Value {
    object.metadata.managed_fields = None;
    object.metadata.resource_version = None;
    if let Some(annotations) = &mut object.metadata.annotations {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
    let spec = object.data.get_mut("spec").map(Value::take);
    json!({"apiVersion": kind.api_version, "kind": kind.kind, "metadata": object.metadata, "spec": spec})
}

//! What keeps objects of a cluster as they are.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// What keeps an object as it is, by the labels, annotations and fields that it writes: a change by somebody else is undone,
/// or lost with the next one of it. <https://helm.sh/docs/chart_best_practices/labels/>,
/// <https://argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking/>,
/// <https://fluxcd.io/flux/components/kustomize/kustomizations/>, <https://carvel.dev/kapp/docs/latest/state-namespace/>,
/// <https://cloud.google.com/kubernetes-engine/enterprise/config-sync/docs/reference/annotations>,
/// <https://github.com/rancher/wrangler/tree/master/pkg/apply>.
pub(super) fn keeper(metadata: &ObjectMeta) -> Option<&'static str> {
    let has = |map: &Option<BTreeMap<String, String>>, prefix: &str| {
        map.iter().flatten().any(|(key, _)| key.starts_with(prefix))
    };
    let managed_by = metadata.labels.as_ref().and_then(|labels| labels.get("app.kubernetes.io/managed-by"));
    let written_by = |word: &str| {
        let managers = metadata.managed_fields.iter().flatten().filter_map(|entry| entry.manager.as_deref());
        managers.into_iter().any(|manager| manager.starts_with(word))
    };
    let (labels, annotations) = (&metadata.labels, &metadata.annotations);
    if has(annotations, "argocd.argoproj.io/tracking-id")
        || has(labels, "argocd.argoproj.io/instance")
        || written_by("argocd")
    {
        Some("Argo CD")
    } else if has(labels, "kustomize.toolkit.fluxcd.io/")
        || has(labels, "helm.toolkit.fluxcd.io/")
        || written_by("kustomize-controller")
        || written_by("helm-controller")
    {
        Some("Flux")
    } else if has(annotations, "meta.helm.sh/release-name")
        || managed_by.is_some_and(|by| by == "Helm")
        || written_by("helm")
    {
        Some("Helm")
    } else if has(labels, "kapp.k14s.io/app") {
        Some("kapp")
    } else if has(annotations, "configmanagement.gke.io/managed") {
        Some("Config Sync")
    } else if has(labels, "objectset.rio.cattle.io/hash") || has(annotations, "objectset.rio.cattle.io/") {
        Some("Fleet")
    } else if metadata.owner_references.iter().flatten().next().is_some() {
        Some("the object that owns it")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn labels_annotations_owners_and_writers_show_it() {
        let kept = |metadata: Value| keeper(&serde_json::from_value(metadata).unwrap());
        let label = |key: &str| kept(json!({"labels": {key: "x"}}));
        let annotation = |key: &str| kept(json!({"annotations": {key: "x"}}));
        assert_eq!(label("app"), None);
        assert_eq!(label("kapp.k14s.io/app"), Some("kapp"));
        assert_eq!(annotation("configmanagement.gke.io/managed"), Some("Config Sync"));
        assert_eq!(label("objectset.rio.cattle.io/hash"), Some("Fleet"));
        assert_eq!(kept(json!({"managedFields": [{"manager": "helm"}]})), Some("Helm"));
        let owner = json!({"apiVersion": "example.com/v1", "kind": "App", "name": "web", "uid": "1"});
        assert_eq!(kept(json!({"ownerReferences": [owner]})), Some("the object that owns it"));
    }
}

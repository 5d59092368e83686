//! PodDisruptionBudgets that speak against a restart: Kubernetes asks none when it replaces pods.

use std::collections::BTreeMap;

use ingraft_core::healing::Obstacle;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::ListParams;
use kube::core::{Selector, SelectorExt as _};
use kube::{Api, Client, ResourceExt};
use serde_json::Value;

/// The budgets of a namespace.
///
/// # Errors
/// When the API server does not answer.
pub async fn of_namespace(client: &Client, namespace: &str) -> kube::Result<Vec<PodDisruptionBudget>> {
    let budgets = Api::<PodDisruptionBudget>::namespaced(client.clone(), namespace);
    Ok(budgets.list(&ListParams::default()).await?.items)
}

/// A budget, if there is one, that allows no pod of a workload with this `spec` to be disrupted. A budget counts the pods of
/// several workloads, so any that is about its pods is one while something else is under way in the namespace.
pub fn exhausted(budgets: &[PodDisruptionBudget], data: &Value, is_busy: bool) -> Option<Obstacle> {
    let labels = data.pointer("/spec/template/metadata/labels").cloned().unwrap_or_default();
    let labels: BTreeMap<String, String> = serde_json::from_value(labels).unwrap_or_default();
    let is_exhausted = |budget: &&PodDisruptionBudget| {
        let selector = budget.spec.as_ref().and_then(|spec| spec.selector.clone());
        // One that cannot be read may be about these pods.
        let is_about = selector.is_some_and(|selector| {
            Selector::try_from(selector).map_or(true, |selector| selector.matches(&labels))
        });
        is_about && (is_busy || budget.status.as_ref().is_none_or(|status| status.disruptions_allowed < 1))
    };
    budgets.iter().find(is_exhausted).map(|budget| Obstacle::Budget(budget.name_any()))
}

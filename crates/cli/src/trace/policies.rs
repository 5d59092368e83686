//! NetworkPolicies that treat the pod that sends otherwise than the pods of the workload.

use ingraft_core::trace::{Policies, labels, selecting_one, who_let_in_one};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::ListParams;
use kube::{Api, Client};
use serde_json::Value;

use super::collector::Collector;
use super::source::{Source, allowed};

/// Those about what pods of the workload's namespace may reach, and those about who may reach the Collector.
pub async fn differing(
    client: &Client,
    namespace: &str,
    source: &Source,
    collector: &Collector,
) -> anyhow::Result<Policies> {
    let (of_workload, ours) = (source.pod.pointer("/metadata/labels").unwrap_or(&Value::Null), labels());
    let (policies, mut unseen) = of_namespace(client, namespace).await?;
    let mut differing = selecting_one(&policies, of_workload, &ours);
    if let Some((place, receiver)) = collector.labels() {
        let (policies, of_receiver) = of_namespace(client, place).await?;
        differing.extend(who_let_in_one(&policies, &receiver, of_workload, &ours));
        unseen = unseen.or(of_receiver);
    }
    differing.dedup();
    Ok(Policies { differing, unseen })
}

/// The policies of a namespace, or what the API server says that does not show them.
async fn of_namespace(client: &Client, namespace: &str) -> anyhow::Result<(Vec<Value>, Option<String>)> {
    let listed =
        Api::<NetworkPolicy>::namespaced(client.clone(), namespace).list(&ListParams::default()).await;
    let (listed, unseen) = allowed(listed)?;
    let policies = listed.into_iter().flat_map(|list| list.items);
    let policies: Result<Vec<Value>, _> = policies.map(serde_json::to_value).collect();
    Ok((policies?, unseen))
}

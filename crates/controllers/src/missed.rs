//! Pods that were created after their namespace began to ask and before the API server knew that it does.

use ingraft_cluster::error_chain::Chain;
use ingraft_cluster::report::{Report, Reports};
use ingraft_cluster::watch::Store;
use ingraft_core::finding::ChoiceFinding;
use ingraft_core::{Finding, Request, Settings, inject, owner};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::{Api, Client, ResourceExt};
use time::OffsetDateTime;

/// Pods that are older were there before, and nobody expects anything of them.
const YOUNG_SECONDS: i64 = 10;
/// So many pods of a namespace are looked at.
const MOST: u32 = 500;

/// Tells of such pods in a namespace. `now` is the API server's time.
pub(crate) async fn report_missed(
    client: &Client,
    store: &Store,
    settings: &Settings,
    reports: &Reports,
    namespace: &str,
    now: OffsetDateTime,
) {
    let pods =
        Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &ApiResource::erase::<Pod>(&()));
    let pods = match pods.list(&ListParams::default().limit(MOST)).await {
        Ok(pods) => pods,
        Err(error) => {
            tracing::warn!(error = %Chain(&error), namespace, "failed to look for pods that were missed");
            return;
        }
    };
    for pod in pods.items.iter().filter(|pod| is_young(pod, now)) {
        let Ok(document) = serde_json::to_value(pod) else { continue };
        let report = {
            let snapshot = store.read();
            let owners = owner::owners(&document, namespace, &snapshot);
            let request =
                Request { pod: &document, namespace, owners: &owners, snapshot: &snapshot, settings };
            if inject(&request).edits.is_empty() {
                continue;
            }
            let finding = Finding::pod(ChoiceFinding::PodMissed, "");
            Report { namespace: namespace.to_owned(), pod: pod.name_any(), owners, findings: vec![finding] }
        };
        let message = report.findings.iter().map(|finding| finding.message(settings.locale)).next();
        tracing::warn!(
            code = "PodMissed",
            k8s.namespace.name = namespace,
            k8s.pod.name = report.pod,
            "{}",
            message.unwrap_or_default()
        );
        reports.send(report);
    }
}

fn is_young(pod: &DynamicObject, now: OffsetDateTime) -> bool {
    let created = pod.metadata.creation_timestamp.as_ref().map(|time| time.0.as_second());
    created.is_some_and(|created| created + YOUNG_SECONDS >= now.unix_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_pods_were_there_before() {
        let pod = serde_json::json!({"metadata": {"name": "a", "creationTimestamp": "1970-01-01T00:01:40Z"}});
        let pod: DynamicObject = serde_json::from_value(pod).unwrap();
        let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        assert!(is_young(&pod, at(110)) && !is_young(&pod, at(111)));
    }
}

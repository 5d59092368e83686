//! Tells of strict pods that were refused (`ingraft_core::policies`), while no replica ran too: what makes them tries again
//! by itself, and the pauses grow to minutes. Nothing of anybody's is touched: the Event gives the command. The leader
//! alone tells.

use std::collections::BTreeSet;

use futures::TryStreamExt;
use ingraft_cluster::client::WATCH_LIFE;
use ingraft_cluster::clock::now;
use ingraft_cluster::report::{Report, Reports};
use ingraft_cluster::watch::Store;
use ingraft_core::policies::{is_strict_refusal, strict_pod_refused};
use ingraft_core::{Owner, OwnerKind, owner};
use k8s_openapi::api::events::v1::Event;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use serde_json::json;

use crate::repeats::Repeats;

/// Whoever was refused longer ago has tried again since, in seconds:
/// <https://github.com/kubernetes/client-go/blob/v0.35.4/util/workqueue/default_rate_limiters.go>.
const LONGEST_PAUSE: i64 = 1000;

/// Watches Events about pods that could not be created, for as long as this replica leads.
pub async fn watch_strict_pods(client: Client, store: &Store, reports: &Reports) {
    let config = watcher::Config::default().fields("reason=FailedCreate").page_size(100).timeout(WATCH_LIFE);
    let mut events = std::pin::pin!(watcher(Api::<Event>::all(client), config).default_backoff());
    // The Events of which has been told; they are counted up as the refusals go on.
    let (mut told, mut repeats) = (BTreeSet::new(), Repeats::default());
    loop {
        match events.try_next().await {
            Ok(Some(watcher::Event::Apply(event) | watcher::Event::InitApply(event))) => {
                let is_strict = is_strict_refusal(event.note.as_deref().unwrap_or_default());
                if is_strict && is_recent(&event) && told.insert(event.uid()) {
                    tell(&event, store, reports);
                }
            }
            Ok(Some(watcher::Event::Delete(event))) => {
                told.remove(&event.uid());
            }
            Ok(Some(_)) => {}
            Ok(None) => return,
            Err(error) => repeats.watch_failed("events", &error),
        }
    }
}

/// Whether what made the pod may still wait before it tries again.
fn is_recent(event: &Event) -> bool {
    let series = event.series.as_ref().map(|series| series.last_observed_time.0.as_second());
    let last = event.deprecated_last_timestamp.as_ref().map(|time| time.0.as_second());
    let once = event.event_time.as_ref().map(|time| time.0.as_second());
    let now = i64::try_from(now()).unwrap_or(i64::MAX);
    series.or(last).or(once).is_none_or(|last| last + LONGEST_PAUSE >= now)
}

fn tell(event: &Event, store: &Store, reports: &Reports) {
    let namespace = event.namespace().unwrap_or_default();
    let owners = owners(event, &namespace, store);
    let Some(finding) = strict_pod_refused(&owners, &namespace) else { return };
    // The pods do not exist: what is said is about the workload.
    let pod = owners.last().map(|owner| owner.name.clone()).unwrap_or_default();
    let report = Report { namespace, pod, pod_uid: None, owners, findings: vec![finding] };
    reports.log(&report);
    reports.send(report);
}

/// What makes the pods that the Event is about, nearest first.
fn owners(event: &Event, namespace: &str, store: &Store) -> Vec<Owner> {
    let regarding = event.regarding.clone().unwrap_or_default();
    let name = regarding.name.unwrap_or_default();
    // As the Deployment's controller names a ReplicaSet; the pods are not there to tell.
    let hash = name.rsplit('-').next().unwrap_or_default();
    let pod = json!({"metadata": {
        "labels": {"pod-template-hash": hash},
        "ownerReferences": [{"kind": regarding.kind, "name": name, "uid": regarding.uid}],
    }});
    let mut owners = owner::owners(&pod, namespace, &store.read());
    owners.retain(|owner| owner.kind != OwnerKind::Deployment || owner.uid.is_some());
    owners
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, name: &str, last: &str) -> Event {
        serde_json::from_value(json!({
            "metadata": {"namespace": "shop"}, "eventTime": null, "deprecatedLastTimestamp": last,
            "regarding": {"kind": kind, "name": name, "uid": "u"},
        }))
        .unwrap()
    }

    #[test]
    fn a_deployment_counts_if_it_is_known() {
        let store = Store::default();
        let names = |store: &Store| {
            let owners = owners(&event("ReplicaSet", "web-6f5c8", "2026-01-01T00:00:00Z"), "shop", store);
            owners.into_iter().map(|owner| owner.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&store), ["web-6f5c8"]);
        store.update(|snapshot| {
            snapshot.deployments.insert("shop".into(), "web".into(), "d".into());
        });
        assert_eq!(names(&store), ["web-6f5c8", "web"]);
    }

    #[test]
    fn whoever_was_refused_long_ago_has_tried_again() {
        assert!(!is_recent(&event("Job", "sum", "2020-01-01T00:00:00Z")));
        assert!(is_recent(&event("Job", "sum", "2999-01-01T00:00:00Z")));
    }
}

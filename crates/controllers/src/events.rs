//! Findings as Events, on the workload and on the Instrumentation, where `kubectl get events` and `kubectl describe`
//! show them.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ingraft_cluster::error_chain::Chain;
use ingraft_cluster::report::Report;
use ingraft_cluster::watch::Store;
use ingraft_core::{Finding, Locale, Subject};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource};
use tokio::sync::mpsc;

use crate::NAME;

/// The same finding about the same object is published again only after this long.
const QUIET: Duration = Duration::from_mins(1);
/// So many recent Events are remembered.
const REMEMBERED: usize = 4096;

/// Publishes reports as Events for as long as there are any.
pub async fn publish_events(
    client: Client,
    store: Arc<Store>,
    mut reports: mpsc::Receiver<Arc<Report>>,
    locale: Locale,
) {
    let recorder = recorder(client);
    let mut recent = Recent::default();
    while let Some(report) = reports.recv().await {
        for finding in &report.findings {
            for object in objects(&report, finding, &store) {
                let event = event(finding, "Inject", locale);
                if !recent.is_due(&object, &event) {
                    continue;
                }
                if let Err(error) = recorder.publish(&event, &object).await {
                    tracing::warn!(error = %Chain(&error), code = finding.code(), "failed to publish an Event");
                }
            }
        }
    }
}

/// The Events that were published a short time ago.
#[derive(Debug, Default)]
struct Recent(HashMap<u64, Instant>);

impl Recent {
    /// Whether to publish an Event now. Two findings with one code, about two containers of one object, are two Events.
    fn is_due(&mut self, object: &ObjectReference, event: &Event) -> bool {
        let ObjectReference { kind, namespace, name, .. } = object;
        let mut hasher = DefaultHasher::new();
        (kind, namespace, name, &event.reason, &event.note).hash(&mut hasher);
        let (key, now) = (hasher.finish(), Instant::now());
        if self.0.get(&key).is_some_and(|last| now - *last < QUIET) {
            return false;
        }
        if self.0.len() >= REMEMBERED {
            self.0.retain(|_, last| now - *last < QUIET);
        }
        if self.0.len() < REMEMBERED {
            self.0.insert(key, now);
        }
        true
    }
}

/// What publishes Events in the operator's name.
pub(crate) fn recorder(client: Client) -> Recorder {
    let reporter = Reporter { controller: NAME.to_owned(), instance: std::env::var("HOSTNAME").ok() };
    Recorder::new(client, reporter)
}

/// A finding as an Event about an action of ours.
pub(crate) fn event(finding: &Finding, action: &str, locale: Locale) -> Event {
    Event {
        type_: EventType::Warning,
        reason: finding.code().to_owned(),
        note: Some(finding.event_note(locale)),
        action: action.to_owned(),
        secondary: None,
    }
}

/// The objects that an Event belongs to: what makes the pod, and the Instrumentation if it is about that.
fn objects(report: &Report, finding: &Finding, store: &Store) -> Vec<ObjectReference> {
    let mut objects = vec![workload(report)];
    if let Subject::Instrumentation(reference) = &finding.subject
        && let Some((namespace, name)) = reference.split_once('/')
        && let Some(instrumentation) = store.read().instrumentations.get(namespace, name)
    {
        objects.push(instrumentation.object_ref(&()));
    }
    objects
}

/// The outermost owner of the pod whose unique id is known, without which `kubectl describe` shows no Event, or else
/// the pod itself.
fn workload(report: &Report) -> ObjectReference {
    let namespace = Some(report.namespace.clone());
    match report.owners.iter().rev().find(|owner| owner.uid.is_some()) {
        Some(owner) => ObjectReference {
            api_version: Some(owner.kind.api_version().to_owned()),
            kind: Some(owner.kind.as_str().to_owned()),
            name: Some(owner.name.clone()),
            namespace,
            uid: owner.uid.clone(),
            ..ObjectReference::default()
        },
        None => ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            name: Some(report.pod.clone()),
            namespace,
            ..ObjectReference::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use ingraft_core::finding::VariableFinding;

    use super::*;

    #[test]
    fn the_same_finding_about_two_containers_is_two_events() {
        let about = |container: &str| {
            let (container, variable) = (container.to_owned(), "X".to_owned());
            let reason = VariableFinding::VariableNotMergeable { container, variable };
            event(&Finding::pod(reason, ""), "Inject", Locale::En)
        };
        let object =
            |name: &str| ObjectReference { name: Some(name.to_owned()), ..ObjectReference::default() };
        let mut recent = Recent::default();
        assert!(recent.is_due(&object("shop"), &about("app")));
        assert!(recent.is_due(&object("shop"), &about("worker")));
        assert!(recent.is_due(&object("other"), &about("app")));
        assert!(!recent.is_due(&object("shop"), &about("app")));
    }
}

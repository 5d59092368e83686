//! Findings as Events, on the workload and on the Instrumentation, where `kubectl get events` and `kubectl describe`
//! show them.
//!
//! The same finding about the same object is one Event, whichever replica tells it and however often: its name follows
//! from both, and its count grows. (An Event that nobody repeats is removed after an hour.)

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use futures::{StreamExt as _, stream};
use ingraft_cluster::error_chain::Chain;
use ingraft_cluster::recent::Recent;
use ingraft_cluster::report::Report;
use ingraft_cluster::watch::Store;
use ingraft_core::{Finding, Locale, Severity, Subject};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource};
use serde_json::json;
use tokio::sync::mpsc;

use crate::NAME;

/// So many Events are published at once.
const AT_ONCE: usize = 8;
/// The longest name of an Event: <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>.
const LONGEST_NAME: usize = 253;

/// Publishes reports as Events for as long as there are any: several at once, since a new leader has many to tell.
pub async fn publish_events(
    client: Client,
    store: Arc<Store>,
    mut reports: mpsc::Receiver<Arc<Report>>,
    locale: Locale,
) {
    let mut recent = Recent::default();
    let reports = stream::poll_fn(|context| reports.poll_recv(context));
    let events = reports.flat_map(|report| stream::iter(due(&report, &store, &mut recent, locale)));
    events.for_each_concurrent(AT_ONCE, |event| publish(&client, event)).await;
}

/// The Events of a report that were not published a short time ago.
fn due(report: &Report, store: &Store, recent: &mut Recent, locale: Locale) -> Vec<Event> {
    let mut due = Vec::new();
    for finding in &report.findings {
        let events = objects(report, finding, store).into_iter();
        let events = events.map(|object| event(finding, "Inject", &object, locale));
        due.extend(events.filter(|event| recent.is_due((&event.metadata.namespace, &event.metadata.name))));
    }
    due
}

/// A finding as an Event about an action of ours.
pub(crate) fn event(finding: &Finding, action: &str, object: &ObjectReference, locale: Locale) -> Event {
    let kind = if finding.severity() > Severity::Info { "Warning" } else { "Normal" };
    new(kind, finding.code(), finding.event_note(locale), action, object)
}

/// An Event about an object. Two with another note, about two containers for example, are two Events.
pub(crate) fn new(kind: &str, reason: &str, note: String, action: &str, object: &ObjectReference) -> Event {
    let ObjectReference { kind: of, namespace, name, uid, .. } = object;
    let mut hasher = DefaultHasher::new();
    // A pod under review has no unique id yet.
    let uid = uid.as_ref().filter(|_| of.as_deref() != Some("Pod"));
    (of, uid, reason, &note).hash(&mut hasher);
    let hash = format!(".{:016x}", hasher.finish());
    Event {
        metadata: ObjectMeta {
            name: Some(prefix(name.as_deref().unwrap_or_default(), LONGEST_NAME - hash.len()) + &hash),
            namespace: namespace.clone().or_else(|| Some("default".to_owned())),
            ..ObjectMeta::default()
        },
        action: Some(action.to_owned()),
        event_time: Some(MicroTime(Timestamp::now())),
        note: Some(note),
        reason: Some(reason.to_owned()),
        regarding: Some(object.clone()),
        reporting_controller: Some(NAME.to_owned()),
        reporting_instance: Some(std::env::var("HOSTNAME").unwrap_or_else(|_| NAME.to_owned())),
        type_: Some(kind.to_owned()),
        ..Event::default()
    }
}

/// As much of an object's name as fits, so that a name results that the API server takes. A review may say anything, such
/// as the beginning of a name that ends with a dash.
fn prefix(name: &str, longest: usize) -> String {
    let prefix = name.get(..name.floor_char_boundary(longest)).unwrap_or_default();
    let prefix = prefix.trim_end_matches(|end: char| !end.is_ascii_alphanumeric());
    if prefix.is_empty() { "pod".to_owned() } else { prefix.to_owned() }
}

/// Creates an Event, or counts it if it is there. A failure is logged: nobody waits for an Event.
pub(crate) async fn publish(client: &Client, event: Event) {
    let namespace = event.metadata.namespace.clone().unwrap_or_default();
    let events = Api::<Event>::namespaced(client.clone(), &namespace);
    if let Err(error) = create_or_count(&events, &event).await {
        let reason = event.reason.unwrap_or_default();
        tracing::warn!(error = %Chain(&error), reason, "failed to publish an Event");
    }
}

async fn create_or_count(events: &Api<Event>, event: &Event) -> kube::Result<()> {
    match events.create(&PostParams::default(), event).await {
        Err(kube::Error::Api(status)) if status.is_already_exists() => {}
        done => return done.map(drop),
    }
    let name = event.metadata.name.as_deref().unwrap_or_default();
    let params = ListParams::default().fields(&format!("metadata.name={name}"));
    let found = events.list(&params).await?.items.into_iter().next();
    // One that has no series yet happened once: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
    let count = found.and_then(|found| found.series).map_or(1, |series| series.count);
    let series = json!({"count": count.saturating_add(1), "lastObservedTime": event.event_time});
    let patch = Patch::Merge(json!({"series": series}));
    match events.patch(name, &PatchParams::default(), &patch).await {
        // It was removed this moment.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        done => done.map(drop),
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
            uid: report.pod_uid.clone(),
            ..ObjectReference::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use ingraft_core::finding::VariableFinding;

    use super::*;

    fn object(kind: &str, name: &str, uid: Option<&str>) -> ObjectReference {
        ObjectReference {
            kind: Some(kind.to_owned()),
            name: Some(name.to_owned()),
            namespace: Some("shop".to_owned()),
            uid: uid.map(str::to_owned),
            ..ObjectReference::default()
        }
    }

    fn about(container: &str, object: &ObjectReference) -> Event {
        let (container, variable) = (container.to_owned(), "X".to_owned());
        let reason = VariableFinding::VariableNotMergeable { container, variable, optional: true };
        event(&Finding::pod(reason, ""), "Inject", object, Locale::En)
    }

    #[test]
    fn the_same_finding_about_two_containers_is_two_events() {
        let (shop, other) =
            (object("Deployment", "web", Some("u1")), object("Deployment", "web", Some("u2")));
        let name = |container: &str, object: &ObjectReference| about(container, object).metadata.name;
        assert_eq!(name("app", &shop), name("app", &shop));
        assert_ne!(name("app", &shop), name("worker", &shop));
        assert_ne!(name("app", &shop), name("app", &other), "a Deployment that was created anew");
    }

    #[test]
    fn every_replica_gives_an_event_the_same_name() {
        let name = |object: &ObjectReference| about("app", object).metadata.name.unwrap();
        let early = name(&object("Pod", "web", None));
        assert_eq!(early, name(&object("Pod", "web", Some("u"))), "before and after it was created");
        assert!(early.starts_with("web."), "{early}");
        assert_eq!(name(&object("Pod", &"a".repeat(253), None)).len(), LONGEST_NAME);
        // Whatever a review says.
        assert!(name(&object("Pod", &format!("a{}", "é".repeat(150)), None)).starts_with("a."));
        assert!(name(&object("Pod", "web-1-", None)).starts_with("web-1."));
        assert!(name(&object("Pod", "", None)).starts_with("pod."));
    }
}

//! Learns from the pods of the cluster: what probes report, what keeps them from running, and what image references stand
//! for by now. The leader alone watches them.

use std::collections::{BTreeSet, HashSet};
use std::sync::Mutex;

use futures::TryStreamExt;
use ingraft_cluster::client::WATCH_LIFE;
use ingraft_cluster::pods::{SeenPod, pods};
use ingraft_cluster::report::{Report, Reports};
use ingraft_cluster::watch::Store;
use ingraft_core::probe_report::{
    ProbeReport, StartFailure, failure, is_telling, not_attached, reports as probe_reports,
};
use ingraft_core::{RunningPod, Settings, Snapshot, WorkloadRef, owner};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, ResourceExt};
use serde_json::Value;
use tokio::sync::watch;

use crate::fleet::{self, Fleet};
use crate::repeats::Repeats;

/// Watches all pods, for as long as this replica leads, and tells whoever saves what was learnt.
pub async fn watch_pods(
    client: Client,
    store: &Store,
    settings: &Settings,
    reports: &Reports,
    learnt: &watch::Sender<()>,
    fleet: &Mutex<Fleet>,
) {
    let config = watcher::Config::default().page_size(100).timeout(WATCH_LIFE);
    let mut events = std::pin::pin!(watcher(pods(client), config).default_backoff());
    // What the init containers of a pod have told: a pod changes more often than they tell something.
    let (mut told, mut repeats) = (BTreeSet::new(), Repeats::default());
    // The same before all pods were listed again; some of them may have gone.
    let mut before = BTreeSet::new();
    let mut listed = HashSet::new();
    loop {
        match events.try_next().await {
            Ok(Some(watcher::Event::Init)) => {
                before = std::mem::take(&mut told);
                listed.clear();
            }
            Ok(Some(watcher::Event::InitDone)) => {
                before.clear();
                fleet::lock(fleet).keep_only_pods(&std::mem::take(&mut listed));
            }
            Ok(Some(event @ (watcher::Event::Apply(_) | watcher::Event::InitApply(_)))) => {
                let is_listed = matches!(event, watcher::Event::InitApply(_));
                let (watcher::Event::Apply(pod) | watcher::Event::InitApply(pod)) = event else { continue };
                let uid = pod.uid().unwrap_or_default();
                if is_listed {
                    listed.insert(uid.clone());
                }
                let document = pod.document();
                see(&pod, &document, store, fleet);
                told.extend(before.extract_if(.., |(known, _)| *known == uid));
                if learn_of_init_containers(&pod, &document, store, settings, reports, &mut told)
                    | see_images(&pod, store)
                {
                    learnt.send_replace(());
                }
            }
            Ok(Some(watcher::Event::Delete(pod))) => {
                let uid = pod.uid().unwrap_or_default();
                told.retain(|(known, _)| *known != uid);
                fleet::lock(fleet).forget_pod(&uid);
            }
            Ok(None) => return,
            Err(error) => repeats.watch_failed("pods", &error),
        }
    }
}

/// Takes up whose the pod is, and how it fares.
fn see(pod: &SeenPod, document: &Value, store: &Store, fleet: &Mutex<Fleet>) {
    let (namespace, name, uid) =
        (pod.namespace().unwrap_or_default(), pod.name_any(), pod.uid().unwrap_or_default());
    let workload = WorkloadRef::of_pod(document, &namespace, &store.read());
    fleet::lock(fleet).see_pod(&uid, &name, workload, RunningPod::of(document));
}

/// Takes up which images run. Returns whether that puts anything in doubt.
fn see_images(pod: &SeenPod, store: &Store) -> bool {
    let namespace = pod.namespace().unwrap_or_default();
    store.update_if(|Snapshot { nodes, facts, .. }| {
        let architecture = nodes.get("", pod.node()).map_or("", |node| node.class.architecture.as_str());
        pod.running_images()
            .fold(false, |moved, (image, id)| moved | facts.see(&namespace, image, id, architecture))
    })
}

/// Takes up what init containers of ours tell. Returns whether that says anything new of an image.
fn learn_of_init_containers(
    pod: &SeenPod,
    document: &Value,
    store: &Store,
    settings: &Settings,
    reports: &Reports,
    told: &mut BTreeSet<(String, String)>,
) -> bool {
    if !pod.init_containers().any(is_telling) {
        return false;
    }
    let namespace = pod.namespace().unwrap_or_default();
    let report = |findings| {
        let owners = owner::owners(document, &namespace, &store.read());
        let (namespace, pod, pod_uid) = (namespace.clone(), pod.name_any(), pod.uid());
        let report = Report { namespace, pod, pod_uid, owners, findings };
        reports.log(&report);
        reports.send(report);
    };
    let mut is_new = |what: String| told.insert((pod.uid().unwrap_or_default(), what));
    if let Some(StartFailure { halt, finding }) = failure(document, &namespace, &settings.probe_image)
        && is_new(finding.code().to_owned())
    {
        store.note_halt(halt);
        report(vec![finding]);
    }
    let not_attached = not_attached(document);
    if !not_attached.is_empty() && is_new("not attached".to_owned()) {
        report(not_attached);
    }
    let mut changed = false;
    for probe in probe_reports(document, &settings.probe_image) {
        let findings = probe.review();
        // One that fails may run again.
        let outcome = if probe.said.is_ok() { "reported" } else { "failed" };
        if !is_new(format!("{} {outcome}", probe.container)) {
            continue;
        }
        if !findings.is_empty() {
            report(findings);
        }
        let ProbeReport { image, id, said: Ok(said), .. } = probe else {
            continue;
        };
        changed |= store.update_if(|snapshot| {
            snapshot.facts.learn(&namespace, &image, &id, &said.architecture, said.facts)
        });
    }
    changed
}

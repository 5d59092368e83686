//! What is remembered of images and nodes: the leader learns it and saves it in a ConfigMap, which all others follow.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use ingraft_api::annotations::PROBED;
use ingraft_cluster::client::WATCH_LIFE;
use ingraft_cluster::error_chain::Chain;
use ingraft_cluster::facts::{CONFIG_MAP, Memory, config_maps, of_leader, recall};
use ingraft_cluster::readiness::Pending;
use ingraft_cluster::report::{Report, Reports};
use ingraft_cluster::watch::Store;
use ingraft_core::probe_report::{ProbeFailure, ProbeReport, failure, reports as probe_reports};
use ingraft_core::{Halts, Settings, Snapshot, owner};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::FIELD_MANAGER;
use crate::leader::Leadership;
use crate::repeats::Repeats;

/// Facts come in bursts, when a Deployment starts many pods; this long they are collected.
const COLLECT: Duration = Duration::from_secs(5);

/// Follows what is remembered, for as long as the process runs. Of images and nodes the leader knows it first.
pub async fn follow_memory(
    client: Client,
    namespace: String,
    store: Arc<Store>,
    leadership: watch::Receiver<Leadership>,
    loading: Pending,
) {
    let config =
        watcher::Config::default().fields(&format!("metadata.name={CONFIG_MAP}")).timeout(WATCH_LIFE);
    let mut events = std::pin::pin!(watcher(config_maps(&client, &namespace), config).default_backoff());
    let (mut loading, mut repeats) = (Some(loading), Repeats::default());
    loop {
        match events.try_next().await {
            Ok(Some(watcher::Event::Apply(saved) | watcher::Event::InitApply(saved))) => {
                let (memory, leads) = (Memory::read(&saved), leadership.borrow().is_ours);
                store.update(|snapshot| {
                    if leads {
                        memory.flags.fill(snapshot);
                    } else {
                        memory.fill(snapshot);
                    }
                });
            }
            // Somebody wants all of it forgotten.
            Ok(Some(watcher::Event::Delete(_))) => store.update(|snapshot| {
                snapshot.halts = Halts::default();
                Memory::default().fill(snapshot);
            }),
            Ok(Some(watcher::Event::InitDone)) => drop(loading.take().map(Pending::done)),
            Ok(Some(_)) => {}
            Ok(None) => return,
            Err(error) => repeats.watch_failed("configmaps", &error),
        }
    }
}

/// Reads what the leader before this one remembered.
pub async fn take_over_memory(client: &Client, namespace: &str, store: &Store) {
    match recall(client, namespace).await {
        Ok(memory) => store.update(|snapshot| memory.fill(snapshot)),
        Err(error) => tracing::warn!(error = %Chain(&error), "failed to read ConfigMap {CONFIG_MAP}"),
    }
}

/// Learns from the pods in which probes run, on the leader only, and tells whoever saves it.
pub async fn watch_probes(
    client: Client,
    store: &Store,
    settings: &Settings,
    reports: &Reports,
    learnt: &watch::Sender<()>,
) {
    let config =
        watcher::Config::default().labels(&format!("{PROBED}=true")).page_size(100).timeout(WATCH_LIFE);
    // As documents: code for all fields of a pod would be a sixth of the program.
    let pods = Api::<DynamicObject>::all_with(client, &ApiResource::erase::<Pod>(&()));
    let mut events = std::pin::pin!(watcher(pods, config).default_backoff());
    // Pods whose probes have reported: a pod changes more often than they report.
    let (mut reported, mut repeats) = (BTreeSet::new(), Repeats::default());
    loop {
        match events.try_next().await {
            Ok(Some(watcher::Event::Apply(pod) | watcher::Event::InitApply(pod))) => {
                if learn(&pod, store, settings, reports, &mut reported) {
                    learnt.send_replace(());
                }
            }
            Ok(Some(watcher::Event::Delete(pod))) => {
                let uid = pod.uid().unwrap_or_default();
                reported.retain(|(known, _)| *known != uid);
            }
            Ok(Some(_)) => {}
            Ok(None) => return,
            Err(error) => repeats.watch_failed("pods", &error),
        }
    }
}

/// Saves what is remembered whenever something was learnt, on the leader only.
pub async fn save_memory(client: &Client, namespace: &str, store: &Store, mut learnt: watch::Receiver<()>) {
    while learnt.changed().await.is_ok() {
        tokio::time::sleep(COLLECT).await;
        learnt.mark_unchanged();
        if let Err(error) = save(client, namespace, store).await {
            tracing::warn!(error = %Chain(&error), "failed to write ConfigMap {CONFIG_MAP}");
        }
    }
}

/// Takes up what the probes of a pod reported. Returns whether it says anything new of an image.
fn learn(
    pod: &DynamicObject,
    store: &Store,
    settings: &Settings,
    reports: &Reports,
    reported: &mut BTreeSet<(String, String)>,
) -> bool {
    let namespace = pod.namespace().unwrap_or_default();
    let Ok(document) = serde_json::to_value(pod) else {
        return false;
    };
    if let Some(ProbeFailure { halt, finding }) = failure(&document, &namespace, &settings.probe_image)
        && reported.insert((pod.uid().unwrap_or_default(), finding.code().to_owned()))
    {
        store.note_halt(halt);
        let (code, message) = (finding.code(), finding.message(settings.locale));
        tracing::warn!(code, k8s.namespace.name = namespace, k8s.pod.name = pod.name_any(), "{message}");
        let owners = owner::owners(&document, &namespace, &store.read());
        let (namespace, pod) = (namespace.clone(), pod.name_any());
        reports.send(Report { namespace, pod, owners, findings: vec![finding] });
    }
    let mut changed = false;
    for report in probe_reports(&document, &settings.probe_image) {
        let findings = report.review();
        // One that fails may run again.
        let outcome = if report.said.is_ok() { "reported" } else { "failed" };
        if !reported.insert((pod.uid().unwrap_or_default(), format!("{} {outcome}", report.container))) {
            continue;
        }
        if !findings.is_empty() {
            let owners = owner::owners(&document, &namespace, &store.read());
            reports.send(Report { namespace: namespace.clone(), pod: pod.name_any(), owners, findings });
        }
        let ProbeReport { image, id, said: Ok(said), .. } = report else {
            continue;
        };
        store.update(|snapshot| {
            changed |= snapshot.facts.learn(&namespace, &image, &id, &said.architecture, said.facts);
        });
    }
    changed
}

async fn save(client: &Client, namespace: &str, store: &Store) -> kube::Result<()> {
    store.update(|snapshot| {
        let Snapshot { facts, namespaces, .. } = snapshot;
        facts.retain(|namespace| namespaces.known("", namespace).is_none_or(|known| known.is_some()));
    });
    let data = of_leader(&store.read());
    let object: Value = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": CONFIG_MAP,
            "labels": {"app.kubernetes.io/name": "opentelemetry-operator", "app.kubernetes.io/instance": "ingraft"},
        },
        "data": data,
    });
    let params = PatchParams::apply(FIELD_MANAGER).force();
    config_maps(client, namespace).patch(CONFIG_MAP, &params, &Patch::Apply(object)).await.map(drop)
}

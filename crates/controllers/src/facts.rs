//! What probes report of images: read from their pods, saved in a ConfigMap for the next start.
//!
//! Every replica reads the same pods, so all know the same. Only the leader saves it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use ingraft_api::annotations::PROBED;
use ingraft_cluster::client::WATCH_LIFE;
use ingraft_cluster::error_chain::Chain;
use ingraft_cluster::facts::{CONFIG_MAP, KEY, config_maps, recall};
use ingraft_cluster::report::{Report, Reports};
use ingraft_cluster::watch::Store;
use ingraft_core::probe_report::{ProbeReport, reports as probe_reports};
use ingraft_core::{Settings, owner};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::FIELD_MANAGER;

/// Facts come in bursts, when a Deployment starts many pods; this long they are collected.
const COLLECT: Duration = Duration::from_secs(5);
/// The most that is kept: a ConfigMap holds 1 MiB (<https://kubernetes.io/docs/concepts/configuration/configmap/>).
const LARGEST: usize = 900 * 1024;

/// Takes up what was saved of facts before.
pub async fn load_facts(client: &Client, namespace: &str, store: &Store) {
    match recall(client, namespace).await {
        Ok(Some(facts)) => store.update(|snapshot| snapshot.facts = facts),
        Ok(None) => {}
        Err(error) => tracing::warn!(error = %Chain(&error), "failed to read ConfigMap {CONFIG_MAP}"),
    }
}

/// Learns from the pods in which probes run, for as long as the process runs, and tells whoever saves facts.
pub async fn watch_probes(
    client: Client,
    store: Arc<Store>,
    settings: Settings,
    reports: Reports,
    learnt: watch::Sender<()>,
) {
    let config =
        watcher::Config::default().labels(&format!("{PROBED}=true")).page_size(100).timeout(WATCH_LIFE);
    // As documents: code for all fields of a pod would be a sixth of the program.
    let pods = Api::<DynamicObject>::all_with(client, &ApiResource::erase::<Pod>(&()));
    let mut events = std::pin::pin!(watcher(pods, config).default_backoff());
    // Pods whose probes have reported: a pod changes more often than they report.
    let mut reported = BTreeSet::new();
    loop {
        match events.try_next().await {
            Ok(Some(watcher::Event::Apply(pod) | watcher::Event::InitApply(pod))) => {
                if learn(&pod, &store, &settings, &reports, &mut reported) {
                    learnt.send_replace(());
                }
            }
            Ok(Some(watcher::Event::Delete(pod))) => {
                let uid = pod.uid().unwrap_or_default();
                reported.retain(|(known, _)| *known != uid);
            }
            Ok(Some(_)) => {}
            Ok(None) => return,
            Err(error) => tracing::warn!(error = %Chain(&error), "failed to watch probes, will try again"),
        }
    }
}

/// Saves what is known of images whenever something was learnt: on the leader only.
pub async fn save_facts(client: &Client, namespace: &str, store: &Store, mut learnt: watch::Receiver<()>) {
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
    let mut changed = false;
    for report in probe_reports(&document, &settings.probe_image) {
        let findings = report.review();
        if !reported.insert((pod.uid().unwrap_or_default(), report.container.clone())) {
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
    let text = store.read().facts.to_text(LARGEST);
    let object: Value = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": CONFIG_MAP,
            "labels": {"app.kubernetes.io/name": "opentelemetry-operator", "app.kubernetes.io/instance": "ingraft"},
        },
        "data": {KEY: text},
    });
    let params = PatchParams::apply(FIELD_MANAGER).force();
    config_maps(client, namespace).patch(CONFIG_MAP, &params, &Patch::Apply(object)).await.map(drop)
}

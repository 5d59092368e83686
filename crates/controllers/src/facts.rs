//! What probes report of images: read from their pods, kept in a ConfigMap across restarts.
//!
//! Every replica reads the same pods, so all know the same; the ConfigMap is only for the next start.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use ingraft_api::annotations::PROBED;
use ingraft_cluster::cause::Chain;
use ingraft_cluster::facts::{CONFIG_MAP, KEY, config_maps, recall};
use ingraft_cluster::watch::Store;
use ingraft_core::probe_report::{ProbeReport, reports as probe_reports};
use ingraft_core::{Settings, owner};
use ingraft_webhook::{Report, Reports};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use crate::FIELD_MANAGER;

/// Facts come in bursts, when a Deployment starts many pods; this long they are collected.
const COLLECT: Duration = Duration::from_secs(5);
/// The most that is kept: a ConfigMap holds 1 MiB (<https://kubernetes.io/docs/concepts/configuration/configmap/>).
const LARGEST: usize = 900 * 1024;

/// Takes up what was kept of facts before.
pub async fn recall_facts(client: &Client, namespace: &str, store: &Store) {
    match recall(client, namespace).await {
        Ok(Some(facts)) => store.update(|snapshot| snapshot.facts = facts),
        Ok(None) => {}
        Err(error) => tracing::warn!(error = %Chain(&error), "failed to read ConfigMap {CONFIG_MAP}"),
    }
}

/// Learns from the pods in which probes run, for as long as the process runs.
pub async fn learn_facts(
    client: Client,
    namespace: String,
    store: Arc<Store>,
    settings: Settings,
    reports: Reports,
) {
    let config = watcher::Config::default().labels(&format!("{PROBED}=true")).page_size(100);
    // As documents: code for all fields of a pod would be a sixth of the program.
    let pods = Api::<DynamicObject>::all_with(client.clone(), &ApiResource::erase::<Pod>(&()));
    let pods = watcher(pods, config).default_backoff();
    let mut events = std::pin::pin!(pods);
    let mut save = tokio::time::interval(COLLECT);
    save.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut changed = false;
    // Pods whose probes were heard: a pod changes more often than they report.
    let mut heard = BTreeSet::new();
    loop {
        tokio::select! {
            event = events.try_next() => match event {
                Ok(Some(watcher::Event::Apply(pod) | watcher::Event::InitApply(pod))) => {
                    changed |= learn(&pod, &store, &settings, &reports, &mut heard);
                }
                Ok(Some(watcher::Event::Delete(pod))) => {
                    let uid = pod.uid().unwrap_or_default();
                    heard.retain(|(known, _)| *known != uid);
                }
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(error) => tracing::warn!(error = %Chain(&error), "failed to watch probes, will try again"),
            },
            _ = save.tick(), if changed => {
                changed = false;
                if let Err(error) = keep(&client, &namespace, &store).await {
                    tracing::warn!(error = %Chain(&error), "failed to write ConfigMap {CONFIG_MAP}");
                }
            }
        }
    }
}

/// Takes up what the probes of a pod reported. Answers whether it says anything new of an image.
fn learn(
    pod: &DynamicObject,
    store: &Store,
    settings: &Settings,
    reports: &Reports,
    heard: &mut BTreeSet<(String, String)>,
) -> bool {
    let namespace = pod.namespace().unwrap_or_default();
    let Ok(document) = serde_json::to_value(pod) else {
        return false;
    };
    let mut changed = false;
    for report in probe_reports(&document, &settings.probe_image) {
        let findings = report.review();
        if !heard.insert((pod.uid().unwrap_or_default(), report.container.clone())) {
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

async fn keep(client: &Client, namespace: &str, store: &Store) -> kube::Result<()> {
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

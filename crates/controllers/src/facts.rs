//! What is remembered of images and nodes: the leader learns it and saves it in a ConfigMap, which all others follow.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use ingraft_cluster::client::WATCH_LIFE;
use ingraft_cluster::error_chain::Chain;
use ingraft_cluster::facts::{CONFIG_MAP, Memory, config_maps, of_leader, recall};
use ingraft_cluster::readiness::Pending;
use ingraft_cluster::watch::Store;
use ingraft_core::{Halts, Snapshot};
use kube::Client;
use kube::api::{Patch, PatchParams};
use kube::runtime::{WatchStreamExt, watcher};
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
                // Whoever leads before this has been read knows no more than this.
                let knows_more = leadership.borrow().is_ours && loading.is_none();
                let memory = Memory::read(&saved);
                store.update(|snapshot| {
                    if knows_more {
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

//! Learns of pods that were refused after we had changed them, so that the next ones pass untouched. Every replica
//! watches: only the one that changed a pod knows what it did. What it finds is kept in the ConfigMap that all follow.

use std::collections::HashMap;
use std::sync::Arc;

use futures::TryStreamExt;
use ingraft_cluster::client::WATCH_LIFE;
use ingraft_cluster::clock::now;
use ingraft_cluster::error_chain::Chain;
use ingraft_cluster::facts::{CONFIG_MAP, refusal_key, write_key};
use ingraft_cluster::watch::Store;
use ingraft_core::refusal::refused;
use ingraft_core::{Refusal, Verdict};
use k8s_openapi::api::events::v1::Event;
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use tokio::time::Instant;

use crate::repeats::Repeats;

/// So many refusals are remembered: each takes half a kilobyte of a ConfigMap.
const MOST: usize = 200;

/// Watches Events about pods that could not be created, for as long as the process runs.
pub async fn watch_refusals(client: Client, namespace: String, store: Arc<Store>) {
    let config = watcher::Config::default().fields("reason=FailedCreate").page_size(100).timeout(WATCH_LIFE);
    let events = Api::<DynamicObject>::all_with(client.clone(), &ApiResource::erase::<Event>(&()));
    let mut events = std::pin::pin!(watcher(events, config).default_backoff());
    // Since when this replica has known that the pods of an owner are withheld: its own clock counts.
    let mut withheld: HashMap<String, Instant> = HashMap::new();
    let mut repeats = Repeats::default();
    loop {
        match events.try_next().await {
            // What was listed happened before: whoever was refused will try again.
            Ok(Some(watcher::Event::Apply(event))) => {
                let Some((owner, refusal)) = learn(&event, &store, &mut withheld) else { continue };
                if let Err(error) = keep(&client, &namespace, &store, &owner, refusal).await {
                    tracing::warn!(error = %Chain(&error), "failed to write ConfigMap {CONFIG_MAP}");
                }
            }
            Ok(Some(_)) => {}
            Ok(None) => return,
            Err(error) => repeats.watch_failed("events", &error),
        }
    }
}

/// What an Event tells of an owner of pods, if that is new.
fn learn(
    event: &DynamicObject,
    store: &Store,
    withheld: &mut HashMap<String, Instant>,
) -> Option<(String, Refusal)> {
    let text = |pointer: &str| event.data.pointer(pointer).and_then(|value| value.as_str());
    let (owner, message) = (text("/regarding/uid")?, text("/note").unwrap_or_default());
    // Whoever may write Events elsewhere says nothing about this pod.
    let namespace = event.metadata.namespace.as_deref();
    let attempt = store.attempts.of(owner).filter(|attempt| namespace == Some(&attempt.maker.namespace))?;
    let snapshot = store.read();
    let known = snapshot.refusals.get(owner);
    if withheld.len() > snapshot.refusals.len() {
        withheld.retain(|owner, _| snapshot.refusals.contains_key(owner));
    }
    let withheld_for = match known.map(|known| known.verdict) {
        Some(Verdict::Withheld) => {
            Some(withheld.entry(owner.to_owned()).or_insert_with(Instant::now).elapsed())
        }
        _ => None,
    };
    let refusal = refused(&attempt, known, message, now(), withheld_for)?;
    if refusal.verdict == Verdict::Withheld {
        withheld.insert(owner.to_owned(), Instant::now());
    }
    tracing::info!(
        k8s.namespace.name = refusal.maker.namespace,
        workload = format!("{}/{}", refusal.maker.kind.to_lowercase(), refusal.maker.name),
        verdict = ?refusal.verdict,
        "a pod was refused: {message}",
    );
    Some((owner.to_owned(), refusal))
}

/// Lets all replicas know, this one at once, and forgets what is over.
async fn keep(
    client: &Client,
    namespace: &str,
    store: &Store,
    owner: &str,
    refusal: Refusal,
) -> kube::Result<()> {
    let value = serde_json::to_string(&refusal).map_err(kube::Error::SerdeError)?;
    let mut over = Vec::new();
    store.update(|snapshot| {
        let refusals = &mut snapshot.refusals;
        refusals.insert(owner.to_owned(), refusal);
        while refusals.len() > MOST {
            let oldest = refusals.iter().min_by_key(|(_, refusal)| refusal.since);
            let Some(oldest) = oldest.map(|(owner, _)| owner.clone()) else { break };
            refusals.remove(&oldest);
            over.push(oldest);
        }
    });
    for owner in over {
        write_key(client, namespace, &refusal_key(&owner), None).await?;
    }
    write_key(client, namespace, &refusal_key(owner), Some(value)).await?;
    Ok(())
}

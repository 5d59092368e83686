//! Shows on one node of each class that a variable arrives from a probe's file, before applications depend on it: on
//! the leader only.

use std::collections::BTreeMap;
use std::time::Duration;

use ingraft_cluster::clock::today;
use ingraft_cluster::error_chain::Chain;
use ingraft_cluster::watch::Store;
use ingraft_core::canary::{DEADLINE_SECONDS, canary, canary_result, why};
use ingraft_core::node::OLDEST_WITH_FILES;
use ingraft_core::{EnvProbe, Node, NodeClass, Settings, Snapshot};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ApiResource, DeleteParams, DynamicObject, PostParams};
use kube::{Api, Client};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// The name of the pod.
const NAME: &str = "ingraft-canary";
/// Between two looks at the pod, and between changes of nodes and a look at them.
const LOOK: Duration = Duration::from_millis(500);
/// The longest that deleting it may take.
const GONE: Duration = Duration::from_secs(30);
/// A class on which it failed is tried again after this long: an image may be there by then.
const AGAIN: Duration = Duration::from_mins(5);
/// At the latest after this long the nodes are looked at, so that the day is noted.
const NOTE: Duration = Duration::from_hours(1);

/// Proves classes of nodes as they come, for as long as this replica leads, and tells whoever saves it.
pub async fn prove_nodes(
    client: &Client,
    namespace: &str,
    store: &Store,
    settings: &Settings,
    learnt: &watch::Sender<()>,
) {
    let pods =
        Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &ApiResource::erase::<Pod>(&()));
    let mut changes = store.subscribe();
    let mut failed: BTreeMap<NodeClass, Failed> = BTreeMap::new();
    store.synced().reached().await;
    loop {
        changes.mark_unchanged();
        note(store, learnt);
        failed.retain(|class, _| !store.read().proofs.is_proven(class));
        let next = (settings.probes() && settings.env_probe == EnvProbe::Auto)
            .then(|| unproven(&store.read(), &failed))
            .flatten();
        let Some((node_name, node)) = next else {
            // Whoever failed is tried again even if nothing changes.
            let limit = if failed.is_empty() { NOTE } else { AGAIN };
            let _ = timeout(limit, changes.changed()).await;
            sleep(LOOK).await;
            continue;
        };
        let class = node.class.clone();
        match prove(&pods, &node_name, &node, &settings.probe_image).await {
            Ok(()) => {
                tracing::info!(%class, node = node_name, "variables arrive from the files of probes");
                store.update(|snapshot| snapshot.proofs.prove(&class, today()));
                learnt.send_replace(());
            }
            Err(error) => {
                tracing::warn!(
                    %class, node = node_name, error,
                    "pods that may run on such nodes have no probes: pod {namespace}/{NAME} did not succeed there",
                );
                let times = failed.get(&class).map_or(0, |failed| failed.times) + 1;
                failed.insert(class, Failed { since: Instant::now(), times });
            }
        }
    }
}

/// Notes which nodes there are today.
fn note(store: &Store, learnt: &watch::Sender<()>) {
    let day = today();
    let mut proofs = store.read().proofs.clone();
    if proofs.see(store.read().nodes.iter(), day) {
        store.update(|snapshot| snapshot.proofs = proofs);
        learnt.send_replace(());
    }
}

/// When and how often a class has failed.
#[derive(Debug, Clone, Copy)]
struct Failed {
    since: Instant,
    times: usize,
}

/// A node of a class that is to be proven and has not failed lately: of a class that has never failed, or else of the
/// one that has failed the longest ago, and another node of it each time.
fn unproven(snapshot: &Snapshot, failed: &BTreeMap<NodeClass, Failed>) -> Option<(String, Node)> {
    let mut classes: BTreeMap<&NodeClass, Vec<(&str, &Node)>> = BTreeMap::new();
    for (name, node) in snapshot.nodes.in_namespace("") {
        let is_due = failed.get(&node.class).is_none_or(|failed| failed.since.elapsed() >= AGAIN);
        let is_candidate = node.accepts_pods && node.is_ordinary();
        let is_new = node.class.minor() >= OLDEST_WITH_FILES && !snapshot.proofs.is_proven(&node.class);
        if is_due && is_candidate && is_new {
            classes.entry(&node.class).or_default().push((name, node));
        }
    }
    let last = |class: &NodeClass| failed.get(class).map(|failed| failed.since);
    let (class, nodes) = classes.into_iter().min_by_key(|(class, _)| last(class))?;
    let times = failed.get(class).map_or(0, |failed| failed.times);
    let (name, node) = *nodes.get(times % nodes.len())?;
    Some((name.to_owned(), node.clone()))
}

/// Runs the pod on a node. Fails with what kept the variable from arriving.
async fn prove(pods: &Api<DynamicObject>, node_name: &str, node: &Node, image: &str) -> Result<(), String> {
    let chain = |error: kube::Error| Chain(&error).to_string();
    remove(pods).await.map_err(chain)?;
    let pod: DynamicObject =
        serde_json::from_value(canary(NAME, node_name, node, image)).map_err(|error| error.to_string())?;
    pods.create(&PostParams::default(), &pod).await.map_err(chain)?;
    let deadline = Instant::now() + Duration::from_secs(u64::from(DEADLINE_SECONDS)) + LOOK * 10;
    let result = loop {
        sleep(LOOK).await;
        let found = match pods.get_opt(NAME).await {
            Ok(Some(pod)) => serde_json::to_value(pod).unwrap_or_default(),
            Ok(None) => break Err("somebody deleted it".to_owned()),
            Err(error) => break Err(chain(error)),
        };
        match canary_result(&found) {
            Some(result) => break result,
            None if Instant::now() > deadline => break Err(why(found.get("status").unwrap_or(&Value::Null))),
            None => {}
        }
    };
    if let Err(error) = remove(pods).await {
        tracing::warn!(error = %Chain(&error), "failed to delete pod {NAME}");
    }
    result
}

/// Deletes the pod, and waits until it is gone. A leader before this one may have left it.
async fn remove(pods: &Api<DynamicObject>) -> kube::Result<()> {
    let (params, start) = (DeleteParams::default().grace_period(0), Instant::now());
    loop {
        match pods.delete(NAME, &params).await {
            Ok(_) if start.elapsed() < GONE => sleep(LOOK).await,
            // Somebody's finalizer keeps it: creating the next one will tell.
            Ok(_) => return Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

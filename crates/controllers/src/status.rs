//! What `kubectl describe otelinst` shows: the leader writes the status of Instrumentations.

use std::sync::Mutex;
use std::time::Duration;

use ingraft_api::Instrumentation;
use ingraft_api::instrumentation::{GROUP, InstrumentationStatus, KIND, VERSION, WorkloadCounts};
use ingraft_cluster::error_chain::Chain;
use ingraft_cluster::watch::Store;
use ingraft_core::endpoint_probe::{self, ProbeEndpoints};
use ingraft_core::instrumentation_status::{READY, status};
use ingraft_core::{Settings, review};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::fleet::{self, Fleet};
use crate::repeats::Repeats;
use crate::trials::Trials;
use crate::{FIELD_MANAGER, events};

/// The status of an Instrumentation is written at most this often.
const PERIOD: Duration = Duration::from_secs(5);

/// After a failure, the next is tried after this long.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// Keeps the status of all Instrumentations, and the counts of all workloads, for as long as this replica leads.
pub async fn keep_status(
    client: &Client,
    store: &Store,
    settings: &Settings,
    fleet: &Mutex<Fleet>,
    trials: &Trials,
    choice: ProbeEndpoints,
    counts: &watch::Sender<Option<WorkloadCounts>>,
) {
    let (mut tick, mut repeats) = (interval(PERIOD), Repeats::default());
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut changes = store.subscribe();
    // What was known of workloads and trials when all was written; `None` where something is still to be written.
    let mut written = None;
    loop {
        tick.tick().await;
        let is_new = changes.has_changed().unwrap_or(false);
        let tried = trials.revision();
        let (pending, all, revision) = {
            let fleet = fleet::lock(fleet);
            // Before everything was read once, the numbers would be false.
            if !fleet.is_complete || !is_new && written == Some((fleet.revision(), tried)) {
                continue;
            }
            changes.mark_unchanged();
            (changed(store, settings, &fleet, trials, choice), fleet.counts(), (fleet.revision(), tried))
        };
        counts.send_replace(Some(all));
        written = Some(revision);
        for (instrumentation, new) in pending {
            match write(client, &instrumentation, &new).await {
                Ok(()) => tell_readiness(client, &instrumentation, &new).await,
                // It was removed this moment.
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => {
                    // What refuses one refuses the others: a role, or a definition, of an earlier release.
                    if repeats.is_due("status") {
                        let name = instrumentation.reference();
                        let error = Chain(&error).to_string();
                        tracing::warn!(
                            instrumentation = name,
                            error,
                            "failed to write a status, will try again"
                        );
                    }
                    written = None;
                    tokio::time::sleep(AFTER_FAILURE).await;
                    break;
                }
            }
        }
    }
}

/// The Instrumentations whose status is not what it should be, and what it should be.
fn changed(
    store: &Store,
    settings: &Settings,
    fleet: &Fleet,
    trials: &Trials,
    choice: ProbeEndpoints,
) -> Vec<(Instrumentation, InstrumentationStatus)> {
    let snapshot = store.read();
    let mut asking = fleet.asking();
    let now = Time(Timestamp::now());
    let status_of = |one: &Instrumentation| {
        let findings = review(one, &snapshot, settings);
        let reference = one.reference();
        let workloads = asking.remove(reference.as_str()).unwrap_or_default();
        status(one, &findings, &trials.about(&reference), workloads, &now, settings.locale)
    };
    let mut all: Vec<_> = snapshot.instrumentations.iter().map(status_of).collect();
    let pairs = snapshot.instrumentations.iter().zip(all.drain(..));
    pairs.filter(|(one, new)| !is_written(one, new, choice)).map(|(one, new)| (one.clone(), new)).collect()
}

/// Whether a status says all that it should say, and not what was found when endpoints were still tried.
fn is_written(
    instrumentation: &Instrumentation,
    new: &InstrumentationStatus,
    choice: ProbeEndpoints,
) -> bool {
    let is_left =
        |condition: &Condition| choice == ProbeEndpoints::Off && condition.type_ == endpoint_probe::CONDITION;
    instrumentation.status.as_ref().is_some_and(|old| {
        let conditions = |status: &InstrumentationStatus| status.conditions.clone().unwrap_or_default();
        (old.observed_generation, old.workloads, &old.first)
            == (new.observed_generation, new.workloads, &new.first)
            && conditions(new).iter().all(|condition| conditions(old).contains(condition))
            && !conditions(old).iter().any(is_left)
    })
}

async fn write(
    client: &Client,
    instrumentation: &Instrumentation,
    new: &InstrumentationStatus,
) -> kube::Result<()> {
    let (namespace, name) = (instrumentation.namespace().unwrap_or_default(), instrumentation.name_any());
    let api = Api::<Instrumentation>::namespaced(client.clone(), &namespace);
    let object: Value = json!({
        "apiVersion": format!("{GROUP}/{VERSION}"), "kind": KIND,
        // Not one that was created under the same name since.
        "metadata": {"name": name, "namespace": namespace, "uid": instrumentation.metadata.uid},
        "status": new,
    });
    let params = PatchParams::apply(FIELD_MANAGER).force();
    api.patch_status(&name, &params, &Patch::Apply(object)).await.map(drop)
}

/// Tells by an Event when an Instrumentation has become ready, or is not ready any more.
async fn tell_readiness(client: &Client, instrumentation: &Instrumentation, new: &InstrumentationStatus) {
    let condition = |status: &InstrumentationStatus| {
        status.conditions.iter().flatten().find(|condition| condition.type_ == READY).cloned()
    };
    let before = instrumentation.status.as_ref().and_then(condition);
    let Some(now) = condition(new) else { return };
    let is_ready = now.status == "True";
    // One that was never looked at is expected to be ready.
    if before.map_or(is_ready, |before| before.status == now.status) {
        return;
    }
    let kind = if is_ready { "Normal" } else { "Warning" };
    let object = instrumentation.object_ref(&());
    events::publish(client, events::new(kind, &now.reason, now.message, "Review", &object)).await;
}

//! Restarts workloads whose pods lack what they request, where somebody allows that (`ingraft_core::healing`). The leader
//! alone does; what it has done stands on the workloads, so that the next leader goes on from there.

use std::collections::BTreeSet;
use std::time::Duration;

use ingraft_cluster::budgets;
use ingraft_cluster::error_chain::Chain;
use ingraft_cluster::workloads::{api_of, whole};
use ingraft_core::finding::HealingFinding;
use ingraft_core::healing::{Obstacle, Patient, choose, obstacle};
use k8s_openapi::jiff::Timestamp;
use kube::api::Patch;
use tokio::time::{MissedTickBehavior, interval};

use crate::as_healer;
use crate::repeats::Repeats;
use crate::trials::Trials;
use crate::workloads::Workloads;

/// How often to look for what may be restarted.
const PERIOD: Duration = Duration::from_secs(2);

/// So much of what the API server says is told.
const LONGEST_MESSAGE: usize = 200;

/// Restarts what may be restarted, for as long as this replica leads: at most so many at once.
pub async fn heal(workloads: &Workloads, trials: &Trials, at_once: usize) {
    let (mut tick, mut repeats) = (interval(PERIOD), Repeats::default());
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let patients = {
            let fleet = workloads.fleet();
            if !fleet.is_complete {
                continue;
            }
            fleet.patients()
        };
        // Pods that are created now might not be injected either.
        if !trials.reviews_arrive() {
            if patients.iter().any(|patient| patient.case.is_some()) && repeats.is_due("path") {
                tracing::warn!("nothing is healed until the API server is known to reach the operator");
            }
            continue;
        }
        hold_back_behind_the_stuck(workloads, &patients, at_once);
        let under_way = patients.iter().filter(|patient| patient.is_under_way());
        let mut busy: BTreeSet<Box<str>> =
            under_way.map(|patient| patient.workload.namespace.clone()).collect();
        for patient in choose(patients, at_once) {
            match restart(workloads, &patient, &busy).await {
                Ok(true) => drop(busy.insert(patient.workload.namespace.clone())),
                Ok(false) => {}
                // Somebody has changed it this moment: it is looked at again.
                Err(kube::Error::Api(status)) if status.code == 409 || status.code == 404 => {}
                Err(kube::Error::Api(status)) => {
                    workloads.fleet().hold_back(&patient.workload, refusal(&status.message));
                }
                Err(error) => {
                    let error = Chain(&error).to_string();
                    if repeats.is_due(&error) {
                        tracing::warn!(workload = %patient.workload, error, "failed to restart, will try again");
                    }
                }
            }
        }
    }
}

/// Why the API server does not take a change, by what it says.
fn refusal(message: &str) -> Obstacle {
    // https://kubernetes.io/docs/reference/access-authn-authz/authorization/
    if message.contains("cannot patch resource") || message.contains("cannot list resource") {
        Obstacle::NotPermitted
    } else {
        Obstacle::Refused(message.chars().take(LONGEST_MESSAGE).collect())
    }
}

/// Says of the first that waits that nothing is restarted any more, because what was restarted does not come back.
fn hold_back_behind_the_stuck(workloads: &Workloads, patients: &[Patient], at_once: usize) {
    let stuck = patients.iter().filter(|patient| patient.is_stuck()).count();
    let waits =
        |patient: &&Patient| patient.waits() && matches!(patient.obstacle, None | Some(Obstacle::Halted(_)));
    let first = patients.iter().filter(waits).min_by_key(|patient| patient.turn());
    if let Some(first) = first.filter(|first| stuck >= at_once && first.obstacle.is_none()) {
        workloads.fleet().hold_back(&first.workload, Obstacle::Halted(stuck));
    }
}

/// Restarts a workload, if nothing speaks against it as it is now. `busy` are the namespaces in which something is under
/// way. Returns whether it was restarted.
async fn restart(workloads: &Workloads, patient: &Patient, busy: &BTreeSet<Box<str>>) -> kube::Result<bool> {
    let Patient { workload, case: Some(case), .. } = patient else { return Ok(false) };
    let Some(kind) = workload.kind else { return Ok(false) };
    let client = &workloads.client;
    let Some(object) = whole(client, workload).await? else { return Ok(false) };
    let obstacle = match obstacle(Some(kind), &object.metadata, &object.data) {
        None => {
            let budgets = budgets::of_namespace(client, &workload.namespace).await?;
            budgets::exhausted(&budgets, &object.data, busy.contains(&workload.namespace))
        }
        known => known,
    };
    let obstacle =
        obstacle.or_else(|| case.was_healed_of(&object.metadata).then_some(Obstacle::HealedBefore));
    if let Some(obstacle) = obstacle {
        workloads.fleet().hold_back(workload, obstacle);
        return Ok(false);
    }
    let now = format!("{:.0}", Timestamp::now());
    let Some(api) = api_of(client, workload) else { return Ok(false) };
    let patch = Patch::Merge(case.restart(kind, &object.metadata, &now));
    api.patch(&workload.name, &as_healer(), &patch).await?;
    workloads.fleet().restarted(workload);
    let reason = HealingFinding::Healed { workload: workload.clone(), ailment: case.ailment };
    workloads.tell(workload, object.metadata.uid.as_deref(), reason);
    Ok(true)
}

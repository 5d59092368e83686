//! Restarts workloads whose pods lack what they request, where somebody allows that (`ingraft_core::healing`). The leader
//! alone does; what it has done stands on the workloads, so that the next leader goes on from there.

use std::collections::BTreeMap;
use std::time::Duration;

use ingraft_cluster::error_chain::Chain;
use ingraft_cluster::report::Report;
use ingraft_cluster::workloads::{object, restartable};
use ingraft_core::finding::HealingFinding;
use ingraft_core::healing::{Case, Obstacle, Patient, choose, obstacle};
use ingraft_core::{Finding, Owner, WorkloadRef};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::{Selector, SelectorExt as _};
use kube::{Api, Client, ResourceExt};
use tokio::time::{MissedTickBehavior, interval};

use crate::repeats::Repeats;
use crate::trials::Trials;
use crate::workloads::Workloads;

/// How often to look for what may be restarted.
const PERIOD: Duration = Duration::from_secs(2);

/// Who restarts, as `metadata.managedFields` have it. Flux takes back what a manager does whose name begins with `kubectl`:
/// <https://fluxcd.io/flux/components/kustomize/kustomizations/#server-side-apply>.
const HEALER: &str = "ingraft-heal";

/// Restarts what may be restarted, for as long as this replica leads: at most so many at once.
pub async fn heal(workloads: &Workloads, trials: &Trials, at_once: usize) {
    let (mut tick, mut repeats) = (interval(PERIOD), Repeats::default());
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        // Pods that are created now might not be injected either.
        if trials.is_path_healthy() != Some(true) {
            continue;
        }
        let patients = {
            let fleet = workloads.fleet();
            if !fleet.is_complete {
                continue;
            }
            fleet.patients()
        };
        hold_back_behind_the_failing(workloads, &patients, at_once);
        for patient in choose(patients, at_once) {
            match restart(workloads, &patient).await {
                Ok(()) => {}
                Err(kube::Error::Api(status)) if status.is_forbidden() => {
                    workloads.fleet().hold_back(&patient.workload, Obstacle::NotPermitted);
                }
                // Somebody has changed it this moment: it is looked at again.
                Err(kube::Error::Api(status)) if status.is_conflict() || status.is_not_found() => {}
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

/// Says of the first that waits that nothing is restarted any more, because what was restarted does not come back.
fn hold_back_behind_the_failing(workloads: &Workloads, patients: &[Patient<WorkloadRef>], at_once: usize) {
    let is_failing =
        |patient: &&Patient<WorkloadRef>| patient.is_ours && patient.obstacle == Some(Obstacle::Failing);
    let failing = patients.iter().filter(is_failing).count();
    let waits = |patient: &&Patient<WorkloadRef>| patient.case.is_some() && patient.obstacle.is_none();
    let first = patients.iter().filter(waits).min_by_key(|patient| (patient.created, &patient.workload));
    if let Some(first) = first.filter(|_| failing > 0 && failing >= at_once) {
        workloads.fleet().hold_back(&first.workload, Obstacle::Halted(failing));
    }
}

/// Restarts a workload, if nothing speaks against it as it is now.
async fn restart(workloads: &Workloads, patient: &Patient<WorkloadRef>) -> kube::Result<()> {
    let Patient { workload, case: Some(case), .. } = patient else { return Ok(()) };
    let Some(kind) = workload.kind else { return Ok(()) };
    let Some(resource) = restartable(kind) else { return Ok(()) };
    let client = &workloads.client;
    let Some(object) = object(client, &resource, &workload.namespace, &workload.name).await? else {
        return Ok(());
    };
    let obstacle = match obstacle(Some(kind), &object.metadata, &object.data) {
        None => exhausted_budget(client, &workload.namespace, &object).await?.map(Obstacle::Budget),
        known => known,
    };
    let obstacle =
        obstacle.or_else(|| case.was_healed_of(&object.metadata).then_some(Obstacle::HealedBefore));
    if let Some(obstacle) = obstacle {
        workloads.fleet().hold_back(workload, obstacle);
        return Ok(());
    }
    let patch = case.restart(kind, &object.metadata, &Timestamp::now().to_string());
    write(client, &resource, workload, &patch).await?;
    workloads.fleet().restarted(workload);
    tell(workloads, workload, case, object.metadata.uid.as_deref());
    Ok(())
}

async fn write(
    client: &Client,
    kind: &ApiResource,
    workload: &WorkloadRef,
    patch: &serde_json::Value,
) -> kube::Result<()> {
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), &workload.namespace, kind);
    let params = PatchParams { field_manager: Some(HEALER.to_owned()), ..PatchParams::default() };
    api.patch(&workload.name, &params, &Patch::Merge(patch)).await.map(drop)
}

/// The budget, if any, that allows no pod of a workload to be disrupted.
async fn exhausted_budget(
    client: &Client,
    namespace: &str,
    object: &DynamicObject,
) -> kube::Result<Option<String>> {
    let labels = object.data.pointer("/spec/template/metadata/labels").cloned().unwrap_or_default();
    let labels: BTreeMap<String, String> = serde_json::from_value(labels).unwrap_or_default();
    let budgets = Api::<PodDisruptionBudget>::namespaced(client.clone(), namespace);
    let is_exhausted = |budget: &PodDisruptionBudget| {
        let selector = budget.spec.as_ref().and_then(|spec| spec.selector.clone());
        // One that cannot be read may be about these pods.
        let is_about = selector.is_some_and(|selector| {
            Selector::try_from(selector).map_or(true, |selector| selector.matches(&labels))
        });
        is_about && budget.status.as_ref().is_none_or(|status| status.disruptions_allowed < 1)
    };
    let exhausted = budgets.list(&ListParams::default()).await?.items.into_iter().find(is_exhausted);
    Ok(exhausted.map(|budget| budget.name_any()))
}

fn tell(workloads: &Workloads, workload: &WorkloadRef, case: &Case, uid: Option<&str>) {
    let reason = HealingFinding::Healed { workload: workload.clone(), ailment: case.ailment };
    let owner = |kind| Owner { kind, name: workload.name.to_string(), uid: uid.map(str::to_owned) };
    let report = Report {
        namespace: workload.namespace.to_string(),
        pod: workload.name.to_string(),
        pod_uid: uid.map(str::to_owned),
        owners: workload.kind.map(owner).into_iter().collect(),
        findings: vec![Finding::pod(reason, "")],
    };
    workloads.reports.log(&report);
    workloads.reports.send(report);
}

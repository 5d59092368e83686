//! Which workloads are restarted so that their pods get what they request, and which never are.
//!
//! ```text
//!  decisions, pods ─► Case: what is wrong, and whether somebody allows that it is healed
//!  the workload    ─► Obstacle: what speaks against a restart
//!  both, budget    ─► choose ─► restart: a patch of annotations, in the words of `kubectl rollout restart`
//! ```
//!
//! A restart changes the template's annotation alone: the workload's own strategy decides how its pods are replaced. Each
//! reason restarts a workload once: what was healed is written on its metadata in the same patch.

mod obstacle;

use std::collections::BTreeMap;

use ingraft_api::annotations::{HEAL, HEALED};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use crate::finding::Finding;
use crate::fnv::Fnv;
use crate::guard::Guard;
use crate::inject::Decision;
use crate::json::annotation;
use crate::owner::{OwnerKind, WorkloadRef};
use crate::settings::{Heal, Settings};
use crate::snapshot::Snapshot;
use crate::standing::{RunningPod, Standing, has_newer_image, standing};
use crate::workload::{RESTARTED_AT, Workload, template_hash};

pub use obstacle::{Obstacle, is_held, means_downtime, obstacle, restarted_at};

/// Why a workload is restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ailment {
    /// The API server has injected pods by itself, without what only the operator knows.
    Standby,
    /// Pods run with an earlier default image than new ones would.
    NewerImage,
    /// Pods run with what an Instrumentation meant before it was changed.
    Outdated,
    /// Pods run without what they request.
    Missed,
}

impl Ailment {
    /// The word in `ingraft.dev/healed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standby => "standby",
            Self::NewerImage => "newer-image",
            Self::Outdated => "outdated",
            Self::Missed => "missed",
        }
    }

    /// What has to be allowed before it is healed.
    pub const fn needs(self) -> Heal {
        match self {
            Self::Standby | Self::NewerImage | Self::Outdated => Heal::Outdated,
            Self::Missed => Heal::Missed,
        }
    }
}

/// What somebody has written to allow or forbid healing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leave {
    /// What that allows.
    pub level: Heal,
    /// The value of `ingraft.dev/heal`, as written.
    pub value: String,
    /// Where.
    pub by: LeaveOf,
}

/// Who allows or forbids healing with an annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaveOf {
    /// The workload itself.
    Workload,
    /// Its namespace.
    Namespace,
    /// An Instrumentation that it requests, as `namespace/name`.
    Instrumentation(String),
}

/// A workload that somebody wants to be healed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What is wrong.
    pub ailment: Ailment,
    /// Changes with what is wrong, what the template says and what its pods should have: so the same is healed once.
    hash: String,
    /// Changes with what its pods should have alone.
    pub meant: String,
    /// The same was healed before, and did not help.
    pub was_healed: bool,
    /// Injection is turned off for this template.
    pub is_blocked: bool,
}

/// What somebody allows for a workload: on itself, on its namespace, or on its Instrumentation if that is in the same
/// namespace. The nearest counts; where nobody says anything, the operator's own setting does.
///
/// A value that is unknown allows nothing.
pub fn allowed(
    document: &Value,
    namespace: &str,
    decisions: &[Decision],
    snapshot: &Snapshot,
) -> Option<Leave> {
    let read = |value: &str, by: LeaveOf| {
        let level = Heal::parse(value).unwrap_or(Heal::Off);
        (!value.is_empty()).then(|| Leave { level, value: value.to_owned(), by })
    };
    let of_namespace = || read(snapshot.namespace(namespace)?.annotation(HEAL), LeaveOf::Namespace);
    let of_instrumentations = || {
        let own = decisions.iter().filter_map(|decision| {
            let reference = decision.instrumentation.as_deref()?;
            let (place, name) = reference.split_once('/')?;
            let one = snapshot.instrumentations.get(place, name).filter(|_| place == namespace)?;
            let value = one.metadata.annotations.as_ref()?.get(HEAL)?;
            read(value, LeaveOf::Instrumentation(reference.to_owned()))
        });
        // One that does not allow it counts.
        own.min_by_key(|leave| leave.level)
    };
    read(annotation(document, HEAL), LeaveOf::Workload).or_else(of_namespace).or_else(of_instrumentations)
}

/// What is to be healed of a workload for which this much is allowed, whoever may do it.
pub fn case<'a>(
    document: &Value,
    decisions: &[Decision],
    pods: impl IntoIterator<Item = &'a RunningPod, IntoIter: Clone>,
    level: Heal,
    settings: &Settings,
) -> Option<Case> {
    let pods = pods.into_iter();
    // One that was let start without injection shows something while it stays.
    if pods.clone().any(|pod| pod.is_control) {
        return None;
    }
    let newer = || decisions.iter().any(|decision| has_newer_image(decision, pods.clone()));
    let standings = decisions.iter().map(|decision| standing(decision, pods.clone()));
    // What is refused does not keep the rest from being healed. An agent that does not start would not start again.
    let worst = standings.filter(|standing| *standing != Standing::Refused).max()?;
    let ailment = match worst {
        Standing::Missed => Ailment::Missed,
        Standing::Outdated => Ailment::Outdated,
        Standing::Injected if settings.heal_images && newer() => Ailment::NewerImage,
        Standing::Injected if pods.clone().any(RunningPod::is_by_policy) => Ailment::Standby,
        _ => return None,
    };
    if level < ailment.needs() {
        return None;
    }
    let template = Workload::of(document)?.template;
    let (mut hasher, mut shared) = (Fnv::new(), Fnv::new());
    hasher.add_bytes(template_hash(template).as_bytes());
    for Decision { language, injected, .. } in decisions {
        let image =
            injected.as_ref().and_then(|one| one.image.as_ref()).filter(|_| ailment == Ailment::NewerImage);
        let meant = injected.as_ref().map(|one| (&one.instrumentation, &one.hash, &one.containers));
        hasher.add(&(language.key(), meant, image));
        shared.add(&(
            language.key(),
            injected.as_ref().map(|one| (&one.instrumentation, &one.hash, &one.image)),
        ));
    }
    let is_blocked = Guard::of_document(document, template).is_some_and(|guard| guard.block().is_some());
    let (hash, meant) = (hasher.text(), shared.text());
    let mut case = Case { ailment, hash, meant, was_healed: false, is_blocked };
    case.was_healed = case.is_named_by(annotation(document, HEALED));
    Some(case)
}

/// What was healed of a workload: of each ailment the last.
pub(crate) fn healed(value: &str) -> BTreeMap<&str, &str> {
    value.split(',').filter_map(|reason| reason.trim().split_once('/')).collect()
}

/// What keeps a case from being healed, given what speaks against a restart.
pub(crate) fn in_the_way(case: &Case, obstacle: Option<Obstacle>, settings: &Settings) -> Option<Obstacle> {
    if settings.heal.is_none() {
        Some(Obstacle::NotPermitted)
    } else {
        // What was restarted this moment is under way, whatever is written on it.
        obstacle.clone().filter(Obstacle::is_unsettled).or_else(|| case.obstacle()).or(obstacle)
    }
}

/// What is to be said of a case, given what speaks against a restart.
pub fn review(
    workload: &WorkloadRef,
    case: &Case,
    obstacle: Option<Obstacle>,
    settings: &Settings,
) -> Option<Finding> {
    in_the_way(case, obstacle, settings)?.told(workload)
}

impl Case {
    /// What speaks against it whatever the workload does.
    pub fn obstacle(&self) -> Option<Obstacle> {
        if self.is_blocked {
            Some(Obstacle::Blocked)
        } else {
            self.was_healed.then_some(Obstacle::HealedBefore)
        }
    }

    fn is_named_by(&self, value: &str) -> bool {
        healed(value).get(self.ailment.as_str()) == Some(&&*self.hash)
    }

    /// Whether a workload with this metadata was restarted for it.
    pub fn was_healed_of(&self, metadata: &ObjectMeta) -> bool {
        let value = metadata.annotations.as_ref().and_then(|annotations| annotations.get(HEALED));
        value.is_some_and(|value| self.is_named_by(value))
    }

    /// The patch of a workload that has its pods created anew. It holds for the version of the workload that was looked at,
    /// and writes down what it is for.
    pub fn restart(&self, kind: OwnerKind, metadata: &ObjectMeta, now: &str) -> Value {
        let before = metadata.annotations.as_ref().and_then(|annotations| annotations.get(HEALED));
        let mut all = healed(before.map_or("", String::as_str));
        all.insert(self.ailment.as_str(), &self.hash);
        let all: Vec<String> = all.iter().map(|(ailment, hash)| format!("{ailment}/{hash}")).collect();
        let spec = match kind {
            // https://argo-rollouts.readthedocs.io/en/stable/features/restart/
            OwnerKind::Rollout => json!({"restartAt": now}),
            _ => json!({"template": {"metadata": {"annotations": {RESTARTED_AT: now}}}}),
        };
        json!({
            "metadata": {
                "uid": metadata.uid, "resourceVersion": metadata.resource_version,
                "annotations": {HEALED: all.join(",")},
            },
            "spec": spec,
        })
    }
}

/// A workload that may be restarted, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patient {
    /// Which.
    pub workload: WorkloadRef,
    /// When it was created, in seconds since 1970: the oldest comes first.
    pub created: i64,
    /// What is to be healed.
    pub case: Option<Case>,
    /// What speaks against a restart.
    pub obstacle: Option<Obstacle>,
    /// It was restarted by us lately.
    pub is_ours: bool,
    /// It has been available for some time since.
    pub has_come_back: bool,
    /// What its pods have since then, as [`Case::meant`] names it.
    pub tried: Option<String>,
}

impl Patient {
    /// Whether it was restarted and is not available.
    pub fn is_under_way(&self) -> bool {
        self.is_ours && self.obstacle.as_ref().is_some_and(Obstacle::is_unsettled)
    }

    /// Whether its last rollout is stuck.
    pub fn is_stuck(&self) -> bool {
        self.is_ours && matches!(self.obstacle, Some(Obstacle::Failing | Obstacle::Unready))
    }

    /// Which comes first: the oldest.
    pub fn turn(&self) -> (i64, &WorkloadRef) {
        (self.created, &self.workload)
    }

    /// Whether it is still to be restarted for what is wrong with it.
    pub fn waits(&self) -> bool {
        self.case.as_ref().is_some_and(|case| case.obstacle().is_none())
    }
}

/// Which are restarted now, so that no more than `at_once` are under way. One that is available again is still under way for
/// some time, unless another has shown by then that what its pods have now does no harm.
pub fn choose(mut patients: Vec<Patient>, at_once: usize) -> Vec<Patient> {
    let is_proven = |one: &Patient| {
        let mut alike = patients.iter().filter(|other| other.is_ours && other.tried == one.tried);
        one.tried.is_some() && alike.clone().any(|other| other.has_come_back) && !alike.any(Patient::is_stuck)
    };
    let counts = |one: &&Patient| one.is_under_way() || one.is_ours && !one.has_come_back && !is_proven(one);
    let under_way = patients.iter().filter(counts).count();
    patients.retain(|patient| patient.obstacle.is_none() && patient.waits());
    patients.sort_by(|one, other| one.turn().cmp(&other.turn()));
    patients.truncate(at_once.saturating_sub(under_way));
    patients
}

#[cfg(test)]
mod tests;

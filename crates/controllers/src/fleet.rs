//! What the leader knows of the cluster's workloads: what is decided about each, and how its pods fare.

mod crashes;
mod treatment;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ingraft_api::Language;
use ingraft_api::instrumentation::WorkloadCounts;
use ingraft_cluster::report::Report;
use ingraft_core::crash::{self, NamedPod, Templates};
use ingraft_core::finding::CrashFinding;
use ingraft_core::healing::{self, Obstacle, Patient};
use ingraft_core::instrumentation_status::Asking;
use ingraft_core::standing::{self, has_newer_image, standing};
use ingraft_core::{
    Decision, Finding, Namespace, Outcome, OwnerKind, Reason, RunningPod, Settings, Severity, Snapshot,
    Standing, Workload, WorkloadRef,
};
use serde_json::Value;
use tokio::time::Instant;

use treatment::Treatment;

pub(crate) use crashes::Evicted;
pub(crate) use treatment::Course;

/// Larger documents are not kept: no template that people write comes near.
const LARGEST: usize = 256 * 1024;
/// So much memory documents may take altogether. The limit in `deploy/operator.yaml` has room for it.
const MOST: usize = 24 * 1024 * 1024;
/// Pods that request something else than the template by now are being replaced, for so long. Then they are judged: the
/// rollout is stuck, or nothing replaces them.
const ROLLOUT: Duration = Duration::from_mins(10);
/// What lasts is told again after this long: Events are removed after an hour.
const REPEAT: Duration = Duration::from_mins(50);

/// What was applied together is decided about together: an Instrumentation may follow its workload.
const SETTLE: Duration = Duration::from_secs(2);

/// The workloads of the cluster, as far as they or their namespaces request something, and all pods.
#[derive(Debug, Default)]
pub struct Fleet {
    workloads: BTreeMap<WorkloadRef, Held>,
    /// The workload of each pod, by the pod's unique id.
    pods: HashMap<Box<str>, WorkloadRef>,
    /// What is to be decided about, and since when.
    due: BTreeMap<WorkloadRef, Instant>,
    /// The templates of revisions, by workload, while injected pods fail and others run.
    templates: BTreeMap<WorkloadRef, Templates>,
    /// How much memory documents take.
    kept: usize,
    /// Grows with everything that a status may show.
    revision: u64,
    /// All pods have been listed once.
    has_pods: bool,
    /// Everything has been read and decided about once: until then, there are fewer workloads than there are.
    pub(crate) is_complete: bool,
}

/// What is kept of one workload.
#[derive(Debug, Default)]
struct Held {
    /// What it says; `None` for one that nobody has read, because nothing requests anything of its pods.
    object: Option<Object>,
    pods: Vec<KnownPod>,
    decisions: Vec<Decision>,
    treatment: Treatment,
    /// What was told and still holds, since when, and whether it is about pods that run.
    told: HashMap<u64, (Instant, bool)>,
}

/// A pod that exists.
#[derive(Debug)]
struct KnownPod {
    uid: Box<str>,
    name: Box<str>,
    state: RunningPod,
}

/// A document, in the form that takes least memory.
#[derive(Debug)]
struct Object {
    uid: Option<String>,
    generation: Option<i64>,
    /// What its pods request by themselves: see [`standing::asks`].
    asks: u64,
    /// When that changed.
    since: Instant,
    /// The document is that of a pod.
    is_pod: bool,
    document: Box<[u8]>,
}

impl Held {
    /// The pods that count: those made from what it says now, and those that should have been replaced by now.
    fn current(&self) -> impl Iterator<Item = &RunningPod> + Clone {
        let object = self.object.as_ref();
        let asks = object.map(|object| object.asks);
        let is_over = object.is_some_and(|object| object.since.elapsed() > ROLLOUT);
        self.pods.iter().map(|pod| &pod.state).filter(move |pod| is_over || Some(pod.asks) == asks)
    }

    /// All pods by their names.
    fn named_pods(&self) -> impl Iterator<Item = NamedPod<'_>> + Clone {
        self.pods.iter().map(|pod| (&*pod.name, &pod.state))
    }

    fn is_empty(&self) -> bool {
        self.object.is_none() && self.pods.is_empty()
    }
}

/// The fleet that tasks share; none of them waits while it holds it.
pub(crate) fn lock(fleet: &Mutex<Fleet>) -> MutexGuard<'_, Fleet> {
    fleet.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fleet {
    /// Takes up a workload that exists, as it is now.
    pub(crate) fn see(&mut self, workload: WorkloadRef, document: &Value, namespace: Option<&Namespace>) {
        let asked = namespace.is_some_and(Namespace::asks);
        let template = Workload::of(document).map(|workload| standing::asks(workload.template));
        // An Argo Rollout may have its template elsewhere: its pods tell.
        let Some(asks) = template.filter(|_| asked || ingraft_core::workload::may_concern(document)) else {
            return self.forget(&workload);
        };
        let mut object = Object {
            uid: uid_of(document, &workload),
            generation: document.pointer("/metadata/generation").and_then(Value::as_i64),
            asks,
            since: Instant::now(),
            is_pod: is_pod(document),
            document: document.to_string().into_bytes().into(),
        };
        let known = self.workloads.get(&workload).and_then(|held| held.object.as_ref());
        if known.is_some_and(|known| known.document == object.document) {
            return;
        }
        let kept = self.kept - known.map_or(0, |known| known.document.len()) + object.document.len();
        if object.document.len() > LARGEST || kept > MOST {
            tracing::warn!(%workload, "too large, or one too many: what is wrong with it is not told");
            return self.forget(&workload);
        }
        self.kept = kept;
        self.revision += 1;
        let held = self.workloads.entry(workload.clone()).or_default();
        match &held.object {
            Some(known) if known.uid == object.uid => {
                if known.generation != object.generation {
                    held.told.retain(|_, (_, is_running)| *is_running);
                }
                if known.asks == object.asks {
                    object.since = known.since;
                }
            }
            _ => held.told.clear(),
        }
        held.object = Some(object);
        self.due.entry(workload).or_insert_with(Instant::now);
    }

    /// Takes up how the rollout of a workload stands, if it is one that requests something.
    pub(crate) fn see_course(&mut self, workload: &WorkloadRef, course: Course) {
        let held = self.workloads.get_mut(workload).filter(|held| held.object.is_some());
        if held.is_some_and(|held| held.treatment.see(course)) {
            self.due.entry(workload.clone()).or_insert_with(Instant::now);
        }
    }

    /// Something kept a workload from being restarted.
    pub(crate) fn hold_back(&mut self, workload: &WorkloadRef, why: Obstacle) {
        if let Some(held) = self.workloads.get_mut(workload) {
            held.treatment.hold_back(why);
            self.due.entry(workload.clone()).or_insert_with(Instant::now);
        }
    }

    /// A workload was restarted.
    pub(crate) fn restarted(&mut self, workload: &WorkloadRef) {
        if let Some(held) = self.workloads.get_mut(workload) {
            held.treatment.restarted();
        }
    }

    /// Whether somebody allows that a workload is healed.
    pub(crate) fn may_heal(&self, workload: &WorkloadRef) -> bool {
        self.workloads.get(workload).is_some_and(|held| held.treatment.is_allowed())
    }

    /// The workloads that may be restarted, or were.
    pub(crate) fn patients(&self) -> Vec<Patient> {
        self.workloads.iter().filter_map(|(workload, held)| held.treatment.patient(workload)).collect()
    }

    /// A workload is gone, or requests nothing.
    pub(crate) fn forget(&mut self, workload: &WorkloadRef) {
        if let Some(held) = self.workloads.get_mut(workload).filter(|held| held.object.is_some()) {
            self.kept -= held.object.as_ref().map_or(0, |object| object.document.len());
            self.revision += 1;
            let pods = std::mem::take(&mut held.pods);
            *held = Held { pods, ..Held::default() };
        }
        self.drop_if_empty(workload);
    }

    /// Forgets the workloads of a kind that were not listed.
    pub(crate) fn keep_only(&mut self, kind: Option<OwnerKind>, listed: &BTreeSet<WorkloadRef>) {
        let gone = self.workloads.keys().filter(|known| known.kind == kind && !listed.contains(*known));
        for workload in gone.cloned().collect::<Vec<_>>() {
            self.forget(&workload);
        }
    }

    /// Takes up a pod as it is now; `None` for one of which nothing is expected any more.
    pub(crate) fn see_pod(
        &mut self,
        uid: &str,
        name: &str,
        workload: WorkloadRef,
        state: Option<RunningPod>,
    ) {
        let Some(state) = state else { return self.forget_pod(uid) };
        if self.pods.get(uid).is_some_and(|known| *known != workload) {
            self.forget_pod(uid);
        }
        let held = self.workloads.entry(workload.clone()).or_default();
        match held.pods.iter_mut().find(|known| *known.uid == *uid) {
            Some(known) if known.state == state => return,
            Some(known) => known.state = state,
            None => held.pods.push(KnownPod { uid: uid.into(), name: name.into(), state }),
        }
        self.pods.insert(uid.into(), workload.clone());
        self.revision += 1;
        self.due.entry(workload).or_insert_with(Instant::now);
    }

    /// A pod is gone.
    pub(crate) fn forget_pod(&mut self, uid: &str) {
        let Some(workload) = self.pods.remove(uid) else { return };
        if let Some(held) = self.workloads.get_mut(&workload) {
            held.pods.retain(|known| *known.uid != *uid);
            self.revision += 1;
        }
        // What was read by its pods is gone with the last of them.
        let is_over =
            |held: &Held| held.pods.is_empty() && held.object.as_ref().is_some_and(|object| object.is_pod);
        if self.workloads.get(&workload).is_some_and(is_over) {
            self.forget(&workload);
        }
        self.drop_if_empty(&workload);
    }

    /// Forgets the pods that were not listed.
    pub(crate) fn keep_only_pods(&mut self, listed: &HashSet<String>) {
        let gone = self.pods.keys().filter(|uid| !listed.contains(&***uid)).cloned().collect::<Vec<_>>();
        for uid in gone {
            self.forget_pod(&uid);
        }
        self.has_pods = true;
    }

    /// Whether all pods have been listed once.
    pub(crate) const fn has_all_pods(&self) -> bool {
        self.has_pods
    }

    fn drop_if_empty(&mut self, workload: &WorkloadRef) {
        if self.workloads.get(workload).is_some_and(Held::is_empty) {
            self.workloads.remove(workload);
            self.templates.remove(workload);
            self.due.remove(workload);
        }
    }

    /// Has everything decided about again: something that decisions depend on has changed.
    pub(crate) fn decide_all_again(&mut self) {
        let now = Instant::now().checked_sub(SETTLE).unwrap_or_else(Instant::now);
        // What time alone has changed is to be shown too.
        self.revision += 1;
        for (workload, held) in &self.workloads {
            if held.object.is_some() {
                self.due.entry(workload.clone()).or_insert(now);
            }
        }
    }

    /// Has the pods of a namespace looked at again that no workload was read for.
    pub(crate) fn look_again(&mut self, namespace: &str) {
        let now = Instant::now();
        for workload in self.workloads.keys().filter(|workload| &*workload.namespace == namespace) {
            self.due.entry(workload.clone()).or_insert(now);
        }
    }

    /// What is to be decided about now, and is no longer due.
    pub(crate) fn take_due(&mut self) -> Vec<WorkloadRef> {
        let now = Instant::now();
        let due = self.due.iter().filter(|(_, since)| now - **since >= SETTLE);
        let due: Vec<WorkloadRef> = due.map(|(workload, _)| workload.clone()).collect();
        for workload in &due {
            self.due.remove(workload);
        }
        due
    }

    /// What could not be told, or read, is tried again later.
    pub(crate) fn put_off(&mut self, workload: WorkloadRef) {
        self.due.entry(workload).or_insert_with(Instant::now);
    }

    /// Whether pods request something, and what they are made from has not been read.
    pub(crate) fn is_unread(&self, workload: &WorkloadRef, namespace: Option<&Namespace>) -> bool {
        let nothing = standing::asks(&Value::Null);
        let asked = namespace.is_some_and(Namespace::asks);
        self.workloads.get(workload).is_some_and(|held| {
            is_read_by_pod(workload)
                && held.object.is_none()
                && held.pods.iter().any(|pod| asked || pod.state.asks != nothing)
        })
    }

    /// The name of a pod of a workload.
    pub(crate) fn pod_of(&self, workload: &WorkloadRef) -> Option<String> {
        Some(self.workloads.get(workload)?.pods.first()?.name.to_string())
    }

    /// Decides about a workload. Returns what is to be told of it.
    pub(crate) fn decide(
        &mut self,
        workload: &WorkloadRef,
        snapshot: &Snapshot,
        settings: &Settings,
    ) -> Option<Report> {
        let held = self.workloads.get_mut(workload)?;
        let object = held.object.as_ref()?;
        let document: Value = serde_json::from_slice(&object.document).ok()?;
        let Outcome { findings, mut decisions, .. } =
            Workload::of(&document)?.inject(&workload.namespace, snapshot, settings);
        let withheld = standing::withhold(workload, &mut decisions, held.current(), snapshot);
        let leave = healing::allowed(&document, &workload.namespace, &decisions, snapshot);
        let level = leave.map(|leave| leave.level).or(settings.heal);
        let case =
            level.and_then(|level| healing::case(&document, &decisions, held.current(), level, settings));
        let is_injected =
            decisions.iter().any(|one| held.current().any(|pod| pod.standing(one) == Standing::Injected));
        held.treatment.diagnose(case.clone(), level, is_injected);
        let obstacle = held.treatment.obstacle();
        let healing = case.and_then(|case| healing::review(workload, &case, obstacle, settings));
        let running = decisions.iter().filter_map(|one| standing::review(workload, one, held.current()));
        let (pods, none) = (held.named_pods().collect::<Vec<_>>(), Templates::new());
        let templates = self.templates.get(workload).unwrap_or(&none);
        let crashes = crash::review(workload, &document, &pods, templates);
        let findings = findings.into_iter().filter(|finding| finding.severity() > Severity::Info);
        let findings = findings.chain(withheld).chain(running).chain(healing).chain(crashes);
        let mut findings: Vec<Finding> = findings.collect();
        if held.decisions != decisions {
            held.decisions = decisions;
            self.revision += 1;
        }
        let holds: Vec<u64> = findings.iter().map(|finding| key(finding, settings)).collect();
        held.told.retain(|key, (at, _)| holds.contains(key) && at.elapsed() < REPEAT);
        let mut holds = holds.into_iter();
        findings.retain(|_| holds.next().is_none_or(|key| !held.told.contains_key(&key)));
        if findings.is_empty() {
            return None;
        }
        Some(Report::about(workload, object.uid.as_deref(), findings))
    }

    /// Findings of a workload were told.
    pub(crate) fn told(&mut self, workload: &WorkloadRef, findings: &[Finding], settings: &Settings) {
        if let Some(held) = self.workloads.get_mut(workload) {
            let now = Instant::now();
            let told = |finding: &Finding| (key(finding, settings), (now, is_of_pods(finding)));
            held.told.extend(findings.iter().map(told));
        }
    }

    /// Whether a pod of a workload is known.
    pub(crate) fn has_pods(&self, workload: &WorkloadRef) -> bool {
        self.workloads.get(workload).is_some_and(|held| !held.pods.is_empty())
    }

    /// Grows with everything that a status may show.
    pub(crate) const fn revision(&self) -> u64 {
        self.revision
    }

    /// The workloads that request each Instrumentation, by its reference, in the order of their names.
    pub(crate) fn asking(&self) -> HashMap<&str, Vec<Asking<'_>>> {
        let mut asking: HashMap<&str, Vec<Asking<'_>>> = HashMap::new();
        for (workload, held) in &self.workloads {
            let mut by_reference: BTreeMap<&str, Asking<'_>> = BTreeMap::new();
            for decision in &held.decisions {
                let Some(reference) = decision.instrumentation.as_deref() else { continue };
                let standing = standing(decision, held.current());
                let newer = has_newer_image(decision, held.current());
                let entry = by_reference.entry(reference);
                let asking = entry.or_insert(Asking { workload, standing, has_newer_image: newer });
                asking.standing = asking.standing.max(standing);
                asking.has_newer_image |= newer;
            }
            for (reference, one) in by_reference {
                asking.entry(reference).or_default().push(one);
            }
        }
        asking
    }

    /// The languages in which each Instrumentation is requested, by its reference.
    pub(crate) fn languages(&self) -> HashMap<&str, BTreeSet<Language>> {
        let mut languages: HashMap<&str, BTreeSet<Language>> = HashMap::new();
        for decision in self.workloads.values().flat_map(|held| &held.decisions) {
            if let Some(reference) = decision.instrumentation.as_deref() {
                languages.entry(reference).or_default().insert(decision.language);
            }
        }
        languages
    }

    /// How all workloads fare that request something.
    pub(crate) fn counts(&self) -> WorkloadCounts {
        let mut counts = WorkloadCounts::default();
        for held in self.workloads.values().filter(|held| !held.decisions.is_empty()) {
            counts.asked += 1;
            let worst = held.decisions.iter().map(|decision| standing(decision, held.current())).max();
            match worst.unwrap_or(Standing::Idle) {
                Standing::Idle => {}
                Standing::Injected => counts.injected += 1,
                Standing::Outdated => counts.outdated += 1,
                Standing::Missed => counts.missed += 1,
                Standing::Refused => counts.refused += 1,
                Standing::Failed => counts.failed += 1,
            }
            let newer = held.decisions.iter().any(|decision| has_newer_image(decision, held.current()));
            counts.newer_image += u32::from(newer);
        }
        counts
    }
}

/// Whether a pod may stand for what makes it: because nobody watches that, or it has no template.
fn is_read_by_pod(workload: &WorkloadRef) -> bool {
    matches!(workload.kind, None | Some(OwnerKind::ReplicaSet | OwnerKind::Job | OwnerKind::Rollout))
}

/// The unique id of a workload, whose document may be that of a pod of it.
fn uid_of(document: &Value, workload: &WorkloadRef) -> Option<String> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let metadata = document.get("metadata")?;
    let owners = metadata.get("ownerReferences").and_then(Value::as_array);
    match workload.kind.filter(|_| is_pod(document)) {
        None => text(metadata, "uid"),
        Some(kind) => {
            let is_it = |owner: &&Value| text(owner, "kind").as_deref() == Some(kind.as_str());
            owners.into_iter().flatten().find(is_it).and_then(|owner| text(owner, "uid"))
        }
    }
}

fn is_pod(document: &Value) -> bool {
    document.get("kind").is_some_and(|kind| kind == "Pod")
}

/// Whether a finding is about pods that run, which stay when the workload's document changes.
pub(crate) fn is_of_pods(finding: &Finding) -> bool {
    matches!(
        finding.reason,
        Reason::Running(_)
            | Reason::Healing(_)
            | Reason::Crash(CrashFinding::CrashAfterInjection { .. } | CrashFinding::CrashIsNotOurs { .. })
    )
}

/// What tells a finding from others of its workload.
fn key(finding: &Finding, settings: &Settings) -> u64 {
    let mut hasher = DefaultHasher::new();
    (finding.code(), &finding.pointer, finding.message(settings.locale)).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;

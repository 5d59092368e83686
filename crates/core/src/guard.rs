//! What a workload's own annotations say of its pods that crash once they are injected: that one is to start without, to
//! see what comes of it, or that none is injected any more.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use ingraft_api::annotations::{BLOCKED, CONTROL};
use serde_json::Value;

use crate::finding::CrashFinding;
use crate::inject::WithoutInjection;
use crate::json::annotation;
use crate::owner::{OwnerKind, WorkloadRef};
use crate::snapshot::Snapshot;
use crate::workload::template_hash;

/// The kinds of workloads that are guarded: what runs for good, and whose pods are made again.
pub const GUARDED: [OwnerKind; 4] =
    [OwnerKind::Deployment, OwnerKind::StatefulSet, OwnerKind::DaemonSet, OwnerKind::Rollout];
/// So long a control start may take, in seconds.
pub(crate) const CONTROL_LASTS: u64 = 10 * 60;
/// A control start may begin so many seconds later than it is by the clock of a replica: that of the leader is another.
const SKEW: u64 = 60;
/// No value that Ingraft writes is longer, in bytes.
const LONGEST: usize = 100;

/// The guards of workloads; of those without such annotations nothing is kept.
pub type Guards = BTreeMap<WorkloadRef, Guard>;

/// What `ingraft.dev/control` and `ingraft.dev/blocked` of a workload say, and for which template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guard {
    /// The value of `ingraft.dev/control`; empty where there is none.
    pub control: String,
    /// The value of `ingraft.dev/blocked`; empty where there is none.
    pub blocked: String,
    /// The generation of the workload.
    pub generation: Option<i64>,
    /// The hash of its template (see [`template_hash`]); `None` while that has not been read.
    pub template: Option<String>,
    /// The generation in which the template was read: most changes of a workload, such as of its replicas, change no template.
    pub read: Option<i64>,
    /// Its control start goes on, by the clock: nothing else ends one for certain, because anybody may write the annotation,
    /// and `kubectl rollout undo` brings it back.
    pub goes_on: bool,
}

/// A control start: pods of a workload start without injection, to see whether they crash without it too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// It goes on.
    Open {
        /// The template hash.
        hash: String,
        /// Since when, in seconds since 1970.
        since: u64,
    },
    /// It is over, and is not tried again for this template.
    Over {
        /// The template hash.
        hash: String,
        /// What came of it.
        outcome: ControlOutcome,
    },
}

/// What came of a control start that has not shown that injection is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlOutcome {
    /// The pod crashed without injection too.
    NotOurs,
    /// The pod neither ran nor crashed in time.
    Unclear,
}

impl ControlOutcome {
    const ALL: [Self; 2] = [Self::NotOurs, Self::Unclear];

    const fn as_str(self) -> &'static str {
        match self {
            Self::NotOurs => "not-ours",
            Self::Unclear => "unclear",
        }
    }
}

impl Control {
    /// Reads the value of `ingraft.dev/control`.
    ///
    /// ```
    /// use ingraft_core::guard::Control;
    /// let open = Control::parse("3f2a@1790000000");
    /// assert_eq!(open, Some(Control::Open { hash: "3f2a".to_owned(), since: 1_790_000_000 }));
    /// assert_eq!(Control::parse("3f2a"), None);
    /// ```
    pub fn parse(value: &str) -> Option<Self> {
        if let Some((hash, since)) = value.split_once('@') {
            return Some(Self::Open { hash: hash.to_owned(), since: since.parse().ok()? });
        }
        let (hash, outcome) = value.split_once('=')?;
        let outcome = ControlOutcome::ALL.into_iter().find(|known| known.as_str() == outcome)?;
        Some(Self::Over { hash: hash.to_owned(), outcome })
    }

    /// When it goes on, in seconds since 1970; `None` for one that is over.
    fn span(&self) -> Option<RangeInclusive<u64>> {
        let Self::Open { since, .. } = self else { return None };
        Some(since.saturating_sub(SKEW)..=since.saturating_add(CONTROL_LASTS))
    }

    /// Whether it goes on at a time, in seconds since 1970.
    pub(crate) fn goes_on(&self, now: u64) -> bool {
        self.span().is_some_and(|span| span.contains(&now))
    }
}

/// As the value of `ingraft.dev/control`.
impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { hash, since } => write!(f, "{hash}@{since}"),
            Self::Over { hash, outcome } => write!(f, "{hash}={}", outcome.as_str()),
        }
    }
}

impl Guard {
    /// What annotations of a workload in a generation say; `None` where they say nothing of it.
    pub fn of<'a>(generation: Option<i64>, annotation: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let value =
            |key| annotation(key).filter(|value| value.len() <= LONGEST).unwrap_or_default().to_owned();
        let guard = Self { control: value(CONTROL), blocked: value(BLOCKED), generation, ..Self::default() };
        (!guard.control.is_empty() || !guard.blocked.is_empty()).then_some(guard)
    }

    /// What the document of a workload says of itself.
    pub fn of_document(document: &Value, template: &Value) -> Option<Self> {
        let kind = document.get("kind").and_then(Value::as_str).and_then(OwnerKind::parse);
        kind.filter(|kind| GUARDED.contains(kind))?;
        let generation = document.pointer("/metadata/generation").and_then(Value::as_i64);
        let guard = Self::of(generation, |key| Some(annotation(document, key)))?;
        Some(Self { template: Some(template_hash(template)), ..guard })
    }

    /// Keeps what was read of the template: it counts until it is read again. The same control start goes on as before.
    #[must_use]
    pub fn after(self, known: Option<&Self>) -> Self {
        let Some(known) = known else { return self };
        let goes_on = known.goes_on && known.control == self.control;
        Self { template: known.template.clone(), read: known.read, goes_on, ..self }
    }

    /// Takes up the time, in seconds since 1970. Returns whether that changes anything.
    pub fn see_time(&mut self, now: u64) -> bool {
        let goes_on = Control::parse(&self.control).is_some_and(|control| control.goes_on(now));
        std::mem::replace(&mut self.goes_on, goes_on) != goes_on
    }

    /// When the time changes something next, in seconds since 1970.
    pub fn next_change(&self, now: u64) -> Option<u64> {
        let span = Control::parse(&self.control)?.span()?;
        [*span.start(), span.end().saturating_add(1)].into_iter().find(|at| *at > now)
    }

    /// Whether the template has yet to be read in this generation.
    pub fn is_unread(&self) -> bool {
        self.template.is_none() || self.read != self.generation
    }

    /// The hash and the cause for which nothing is injected into new pods. While the template is unknown, the block counts.
    pub fn block(&self) -> Option<(&str, &str)> {
        let (hash, cause) = self.blocked.split_once('=')?;
        self.template.as_ref().is_none_or(|template| template == hash).then_some((hash, cause))
    }

    /// The control start of its template.
    pub fn control(&self) -> Option<Control> {
        let control = Control::parse(&self.control)?;
        let (Control::Open { hash, .. } | Control::Over { hash, .. }) = &control;
        (self.template.as_ref() == Some(hash)).then_some(control)
    }

    /// Why a workload's new pods, if any injection would change them, are left as they are.
    pub(crate) fn hold(&self, workload: &WorkloadRef) -> Option<WithoutInjection> {
        if let Some((_, cause)) = self.block() {
            let (workload, cause) = (workload.clone(), cause.to_owned());
            return Some(WithoutInjection::because(CrashFinding::InjectionBlocked { workload, cause }));
        }
        match self.control()? {
            Control::Open { hash, .. } if self.goes_on => {
                let reason = CrashFinding::ControlStart { workload: workload.clone() };
                Some(WithoutInjection { marks: Some(hash), ..WithoutInjection::because(reason) })
            }
            Control::Open { .. } | Control::Over { .. } => None,
        }
    }
}

/// Why a pod is left as it is by what is known of its workload.
pub(crate) fn hold(pod: &Value, namespace: &str, snapshot: &Snapshot) -> Option<WithoutInjection> {
    if snapshot.guards.is_empty() {
        return None;
    }
    let workload = WorkloadRef::of_pod(pod, namespace, snapshot);
    snapshot.guards.get(&workload)?.hold(&workload)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Edit, Finding, Outcome, Request, Settings, Workload, inject};

    fn guard(control: &str, blocked: &str, template: Option<&str>) -> Guard {
        let values = BTreeMap::from([(CONTROL, control), (BLOCKED, blocked)]);
        let guard = Guard::of(Some(1), |key| values.get(key).copied()).unwrap();
        Guard { template: template.map(str::to_owned), goes_on: true, ..guard }
    }

    #[test]
    fn a_block_counts_for_its_template_and_while_that_is_unknown() {
        assert_eq!(guard("", "a=loader", Some("a")).block(), Some(("a", "loader")));
        assert_eq!(guard("", "a=loader", None).block(), Some(("a", "loader")));
        assert_eq!(guard("", "a=loader", Some("b")).block(), None);
        assert_eq!(guard("", "loader", None).block(), None, "nobody knows for which template");
    }

    #[test]
    fn a_control_start_counts_only_for_its_template() {
        let open = Control::Open { hash: "a".to_owned(), since: 7 };
        let over = Control::Over { hash: "a".to_owned(), outcome: ControlOutcome::NotOurs };
        for control in [open, over] {
            assert_eq!(Control::parse(&control.to_string()), Some(control.clone()));
            assert_eq!(guard(&control.to_string(), "", Some("a")).control(), Some(control.clone()));
            assert_eq!(guard(&control.to_string(), "", Some("b")).control(), None);
            assert_eq!(guard(&control.to_string(), "", None).control(), None);
        }
    }

    #[test]
    fn what_was_read_of_a_template_counts_until_it_is_read_again() {
        let known = Guard { read: Some(1), ..guard("", "a=loader", Some("a")) };
        let next = |generation| Guard { generation, template: None, ..known.clone() }.after(Some(&known));
        for (generation, is_unread) in [(Some(1), false), (Some(2), true)] {
            let next = next(generation);
            assert_eq!((next.template.as_deref(), next.is_unread()), (Some("a"), is_unread));
        }
        assert!(guard("", "a=loader", None).is_unread());
    }

    /// Whoever wrote it may be gone, or have another clock.
    #[test]
    fn a_control_start_ends_by_the_clock() {
        let mut open = guard("a@1000", "", Some("a"));
        open.goes_on = false;
        let steps =
            [(0, false, Some(940)), (940, true, Some(1601)), (1600, true, Some(1601)), (1601, false, None)];
        for (now, goes_on, next) in steps {
            open.see_time(now);
            assert_eq!((open.goes_on, open.next_change(now)), (goes_on, next), "{now}");
            assert!(!open.see_time(now), "the same time tells nothing new");
        }
        let latest = guard(&format!("a@{}", u64::MAX), "", Some("a"));
        assert_eq!(latest.next_change(u64::MAX - 1), Some(u64::MAX));
        for control in ["", "a=unclear"] {
            assert_eq!(guard(control, "a=loader", Some("a")).next_change(0), None);
        }
    }

    #[test]
    fn only_the_same_control_start_goes_on_as_before() {
        let known = guard("a@7", "", Some("a"));
        let next = |control| Guard { goes_on: false, ..guard(control, "", None) }.after(Some(&known));
        assert!(next("a@7").goes_on && !next("a@8").goes_on);
    }

    /// What is decided about a pod of Deployment `web` that requests something, where the Deployment has this guard.
    fn decided(guard: Guard) -> Outcome {
        let pod = json!({
            "metadata": {
                "name": "web-6f5c8-x", "annotations": {"instrumentation.opentelemetry.io/inject-sdk": "base"},
                "labels": {"pod-template-hash": "6f5c8"},
                "ownerReferences": [{
                    "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-6f5c8", "uid": "r", "controller": true,
                }],
            },
            "spec": {"containers": [{"name": "app", "image": "app:1"}]},
        });
        let mut snapshot = snapshot();
        let workload = WorkloadRef::of_pod(&pod, "shop", &snapshot);
        snapshot.guards.insert(workload, guard);
        let settings = Settings::default();
        inject(&Request {
            pod: &pod,
            namespace: "shop",
            owners: &[],
            snapshot: &snapshot,
            settings: &settings,
        })
    }

    fn snapshot() -> Snapshot {
        let mut snapshot = Snapshot::default();
        let base = json!({"metadata": {"name": "base", "namespace": "shop"}, "spec": {"exporter": {"endpoint": "http://c.obs:4318"}}});
        snapshot.instrumentations.insert("shop".into(), "base".into(), serde_json::from_value(base).unwrap());
        snapshot
    }

    fn codes(outcome: &Outcome) -> Vec<&'static str> {
        outcome.findings.iter().map(Finding::code).collect()
    }

    #[test]
    fn a_pod_of_a_blocked_workload_passes_untouched() {
        let outcome = decided(guard("", "a=loader", Some("a")));
        assert_eq!((codes(&outcome), outcome.edits.len()), (vec!["InjectionBlocked"], 0));
        assert!(outcome.attempt.unwrap().is_withheld && outcome.decisions[0].injected.is_none());
        let other = decided(guard("", "a=loader", Some("b")));
        assert_eq!((codes(&other), other.edits.is_empty()), (vec!["Injected"], false));
    }

    #[test]
    fn a_pod_of_a_control_start_passes_with_a_mark() {
        let outcome = decided(guard("a@7", "", Some("a")));
        assert_eq!(codes(&outcome), ["ControlStart"]);
        assert_eq!(outcome.edits, [Edit::add("/metadata/annotations/ingraft.dev~1control", "a")]);
        for guard in
            [guard("a=not-ours", "", Some("a")), Guard { goes_on: false, ..guard("a@7", "", Some("a")) }]
        {
            assert_eq!(codes(&decided(guard)), ["Injected"]);
        }
    }

    #[test]
    fn of_a_template_only_the_block_is_told() {
        let document = |control: &str, blocked: &str| {
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": "web", "annotations": {CONTROL: control, BLOCKED: blocked}},
                "spec": {"template": {
                    "metadata": {"annotations": {"instrumentation.opentelemetry.io/inject-sdk": "base"}},
                    "spec": {"containers": [{"name": "app", "image": "app:1"}]},
                }},
            })
        };
        let hash = template_hash(&document("", "")["spec"]["template"]);
        let codes = |control: &str, blocked: &str| {
            let document = document(control, blocked);
            codes(&Workload::of(&document).unwrap().inject("shop", &snapshot(), &Settings::default()))
        };
        assert_eq!(codes("", &format!("{hash}=loader")), ["InjectionBlocked"]);
        assert_eq!(codes("", "other=loader"), ["Injected"]);
        assert_eq!(codes(&format!("{hash}@7"), ""), ["Injected"]);
    }

    #[test]
    fn only_what_runs_for_good_has_a_guard() {
        let document = |kind: &str| json!({"kind": kind, "metadata": {"annotations": {BLOCKED: "a=loader"}}});
        let template = json!({});
        let has = |kind| Guard::of_document(&document(kind), &template).is_some();
        assert!(has("Deployment") && has("Rollout") && !has("ReplicaSet") && !has("Job"));
        let long =
            json!({"kind": "Deployment", "metadata": {"annotations": {BLOCKED: "a".repeat(LONGEST + 1)}}});
        assert_eq!(Guard::of_document(&long, &template), None);
    }
}

//! What to do about pods that do not run once they are injected, one step at a time: everything that was decided before is
//! in the objects.
//!
//! ```text
//!  injected pods fail, others run ──► open: the next pod starts without injection, and one that fails is evicted
//!                                       │
//!   pod that was let start without:     ├── runs, while injected ones still fail ──► blocked: those are evicted
//!                                       ├── fails too ─────────────────────────────► not ours
//!                                       └── neither within ten minutes ────────────► unclear
//! ```

use super::{Crash, NamedPod, Templates, evidence, template_of};
use crate::guard::{CONTROL_LASTS, Control, ControlOutcome, GUARDED, Guard};
use crate::owner::{OwnerKind, WorkloadRef};
use crate::standing::RunningPod;

/// Every replica knows of a control start after so many seconds.
const KNOWN: u64 = 5;
/// A pod has to run for so many seconds at least before that says anything.
const SHORTEST: u64 = 30;
/// What could not be started is tried again after so many seconds at the latest: MaxContainerBackOff in
/// <https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/kubelet/kubelet.go>, and some to spare.
const TRIED_AGAIN: u64 = 330;

/// A workload that may be guarded.
#[derive(Debug, Clone, Copy)]
pub struct Guarded<'a> {
    /// Which.
    pub workload: &'a WorkloadRef,
    /// How many pods it is to have.
    pub replicas: u64,
    /// Its pods are to be refused rather than run without injection, or another controller writes it.
    pub is_excluded: bool,
    /// What its annotations say, and the hash of its template.
    pub guard: &'a Guard,
    /// Its pods.
    pub pods: &'a [NamedPod<'a>],
    /// The hashes of the templates of its revisions.
    pub templates: &'a Templates,
    /// When we have restarted it last, in seconds since 1970.
    pub healed_at: Option<i64>,
    /// The time, in seconds since 1970.
    pub now: u64,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Write this into `ingraft.dev/control`; nothing where it is to be removed.
    Control(Option<Control>),
    /// Inject nothing any more: write `<hash>=<code>` into `ingraft.dev/blocked`, and remove `ingraft.dev/control`.
    Block {
        /// The template hash.
        hash: String,
        /// The cause.
        code: &'static str,
    },
    /// Evict a pod that fails, by its name.
    Evict(String),
}

/// What to do next about a workload for which healing is allowed.
pub fn step(guarded: &Guarded<'_>) -> Option<Step> {
    let Guarded { workload, replicas, is_excluded, guard, pods, templates, healed_at, now } = *guarded;
    let template = guard.template.as_deref()?;
    let of_template = || pods.iter().filter(|(_, pod)| template_of(pod, templates) == template);
    // One that has run again since is merely not ready.
    let is_crashing = |pod: &RunningPod| {
        let ended = pod.crash.as_ref().map_or(0, |crash| u64::from(crash.ended));
        pod.fails_injected() && (ended == 0 || now.saturating_sub(ended) <= CONTROL_LASTS)
    };
    let fails = || of_template().filter(|(_, pod)| is_crashing(pod));
    let evicted = fails().next().map(|(name, _)| Step::Evict((*name).to_owned()));
    let is_left_alone = !workload.kind.is_some_and(|kind| GUARDED.contains(&kind))
        || workload.kind == Some(OwnerKind::StatefulSet) && replicas < 2
        || is_excluded;
    if is_left_alone {
        return None;
    }
    if guard.block().is_some() {
        return evicted;
    }
    let controls = || of_template().map(|(_, pod)| *pod).filter(|pod| pod.is_control && !pod.is_injected());
    let over = |outcome| Some(Step::Control(Some(Control::Over { hash: template.to_owned(), outcome })));
    let control = guard.control();
    if let Some(Control::Over { .. }) = control {
        return None;
    }
    // One that has never run shows nothing.
    if controls().any(|pod| pod.crash.as_ref().is_some_and(|crash| crash.ended > 0)) {
        return over(ControlOutcome::NotOurs);
    }
    let crashes: Vec<&Crash> = fails().filter_map(|(_, pod)| pod.crash.as_deref()).collect();
    if let Some(crash) = crashes.first()
        && controls().any(|pod| is_proof(pod, &crashes, now))
    {
        return Some(Step::Block { hash: template.to_owned(), code: crash.cause.as_str() });
    }
    // One from an earlier control start shows nothing any more.
    let is_recent = |pod: &RunningPod| {
        pod.running_since.is_none_or(|since| now.saturating_sub(since.into()) <= CONTROL_LASTS)
    };
    match control {
        // Later pods are injected again, and show whether that is still to blame.
        Some(_) if controls().any(is_recent) => Some(Step::Control(None)),
        Some(control) if !control.goes_on(now) => over(ControlOutcome::Unclear),
        Some(Control::Open { since, .. }) if since.saturating_add(KNOWN) > now => None,
        Some(_) => evicted,
        // One is enough, whatever it has shown.
        None if controls().next().is_some() => None,
        None if fails().next().is_none() => None,
        None => evidence(template, pods, templates, healed_at)
            .map(|_| Step::Control(Some(Control::Open { hash: template.to_owned(), since: now }))),
    }
}

/// Whether a pod that was let start without injection shows that injection is to blame for these crashes: one happened, or
/// would have ended, since that pod runs, and it has run for twice as long as any of them took. That it is ready shows
/// nothing: without a readiness probe, every pod is that runs.
fn is_proof(control: &RunningPod, crashes: &[&Crash], now: u64) -> bool {
    let Some(since) = control.running_since else { return false };
    let runs = now.saturating_sub(since.into());
    let longest = crashes.iter().map(|crash| u64::from(crash.lived)).max().unwrap_or_default();
    let shortest = if crashes.iter().any(|crash| crash.ended > since) {
        SHORTEST
    } else if crashes.iter().all(|crash| crash.ended == 0) {
        TRIED_AGAIN
    } else {
        return false;
    };
    runs >= shortest.max(2 * longest) && runs <= CONTROL_LASTS
}

//! Containers that do not run, and why, as far as their last state tells; and whether pods of a workload do so only once
//! they are injected.

mod control;

use std::collections::BTreeMap;

use ingraft_api::Language;
use ingraft_api::annotations::HEALED;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

pub use control::{Guarded, Step, step};

use crate::finding::{CrashFinding, Finding};
use crate::guard::{Control, ControlOutcome, Guard};
use crate::healing::restarted_at;
use crate::json::{annotation, list, string, string_at};
use crate::owner::WorkloadRef;
use crate::probe_report::{describe_end, exit_code, failed_state};
use crate::standing::RunningPod;
use crate::workload::Workload;

/// A container that was started again so often crash-loops, also while it happens to run.
const LOOPS: u64 = 2;
/// The longest part of what the kubelet says that is kept, in bytes.
const LONGEST: usize = 200;
/// Node.js ends with it when it does not take an option: <https://nodejs.org/api/process.html#exit-codes>.
const NODE_INVALID_ARGUMENT: i64 = 9;
/// A dynamic loader, or a shell, ends with it when it does not find what it is to run:
/// <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_08_02>.
const NOT_FOUND: i64 = 127;

/// Why a container does not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The JVM does not know an option.
    OptionUnknown,
    /// Node.js does not take an option.
    OptionNotAllowed,
    /// The agent's files are not there.
    AgentMissing,
    /// A module is not found.
    ModuleMissing,
    /// It took more memory than its limit.
    OutOfMemory,
    /// A program or library cannot be loaded.
    Loader,
    /// An image cannot be pulled.
    ImagePull,
    /// A quota is exceeded.
    Quota,
    /// What its variables refer to is missing.
    ConfigMissing,
    /// Its program cannot be started.
    NotStarted,
    /// The last state does not tell.
    Unknown,
}

/// What the kubelet or the program says, by cause; the first that is found counts. The reasons are those of
/// <https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/kubelet/images/types.go>, of `kuberuntime_container.go` next to
/// it, and of containerd; the rest is what a JVM, Node.js, Python, glibc and musl print.
const SIGNS: [(Cause, &[&str]); 10] = [
    (Cause::OptionNotAllowed, &["is not allowed in NODE_OPTIONS"]),
    (
        Cause::AgentMissing,
        &[
            "Error opening zip file or JAR manifest missing",
            "Could not find agent library",
            "Cannot find module '/otel-auto-instrumentation",
            "/otel-auto-instrumentation: No such file",
        ],
    ),
    (
        Cause::OptionUnknown,
        &["Unrecognized option", "Unrecognized VM option", "Could not create the Java Virtual Machine"],
    ),
    (
        Cause::ModuleMissing,
        &["Cannot find module", "MODULE_NOT_FOUND", "ModuleNotFoundError", "No module named"],
    ),
    (Cause::OutOfMemory, &["OOMKilled", "OutOfMemoryError", "heap out of memory"]),
    (
        Cause::Loader,
        &["error while loading shared libraries", "symbol lookup error", "Error relocating", "`GLIBC"],
    ),
    (Cause::Quota, &["exceeded quota"]),
    (Cause::ImagePull, &["ErrImage", "ImagePullBackOff", "InvalidImageName", "RegistryUnavailable"]),
    (Cause::ConfigMissing, &["CreateContainerConfigError"]),
    (Cause::NotStarted, &["StartError", "ContainerCannotRun", "RunContainerError", "CreateContainerError"]),
];

impl Cause {
    /// All of them.
    pub(crate) const ALL: [Self; 11] = [
        Self::OptionUnknown,
        Self::OptionNotAllowed,
        Self::AgentMissing,
        Self::ModuleMissing,
        Self::OutOfMemory,
        Self::Loader,
        Self::ImagePull,
        Self::Quota,
        Self::ConfigMissing,
        Self::NotStarted,
        Self::Unknown,
    ];

    /// As the annotation `ingraft.dev/blocked` gives it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OptionUnknown => "option-unknown",
            Self::OptionNotAllowed => "option-not-allowed",
            Self::AgentMissing => "agent-missing",
            Self::ModuleMissing => "module-missing",
            Self::OutOfMemory => "out-of-memory",
            Self::Loader => "loader",
            Self::ImagePull => "image-pull",
            Self::Quota => "quota",
            Self::ConfigMissing => "config-missing",
            Self::NotStarted => "not-started",
            Self::Unknown => "unknown",
        }
    }

    /// The cause of what the kubelet says of a container that ended with an exit code, if it ever ran.
    fn of(why: &str, exit_code: Option<i64>) -> Self {
        let says = |(_, signs): &&(Self, &[&str])| signs.iter().any(|sign| why.contains(sign));
        match (SIGNS.iter().find(says), exit_code) {
            (Some((cause, _)), _) => *cause,
            (None, Some(NODE_INVALID_ARGUMENT)) => Self::OptionNotAllowed,
            (None, Some(NOT_FOUND)) => Self::Loader,
            (None, _) => Self::Unknown,
        }
    }
}

/// A container that crash-loops or cannot start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crash {
    /// Its name.
    pub container: Box<str>,
    /// Why, as far as its last state tells.
    pub cause: Cause,
    /// What the kubelet says.
    pub why: Box<str>,
    /// For how many seconds it ran last.
    pub lived: u32,
    /// When it ended last, in seconds since 1970; 0 if it never ran.
    pub ended: u32,
}

impl Crash {
    /// The first container of a pod that does not run.
    pub(crate) fn of(pod: &Value) -> Option<Self> {
        let status = pod.get("status")?;
        let statuses = ["initContainerStatuses", "containerStatuses"].map(|key| list(status, key));
        statuses.into_iter().flatten().find_map(Self::of_container)
    }

    fn of_container(status: &Value) -> Option<Self> {
        if status.get("ready").and_then(Value::as_bool) == Some(true) {
            return None;
        }
        let ended = status.pointer("/state/terminated").or_else(|| status.pointer("/lastState/terminated"));
        let restarts = status.get("restartCount").and_then(Value::as_u64).unwrap_or_default();
        let loops = || ended.filter(|ended| restarts >= LOOPS && exit_code(ended) != 0).map(describe_end);
        let mut why = failed_state(status).or_else(loops)?;
        why.truncate(why.floor_char_boundary(LONGEST));
        Some(Self {
            container: string(status, "name")?.into(),
            cause: Cause::of(&why, ended.map(exit_code)),
            why: why.into(),
            lived: ended.and_then(lived).unwrap_or_default(),
            ended: ended.and_then(|ended| seconds(string(ended, "finishedAt")?)).unwrap_or_default(),
        })
    }
}

/// For how many seconds a container ran that has ended. One that could not be started did so in 1970.
fn lived(ended: &Value) -> Option<u32> {
    let at = |key| seconds(string(ended, key)?).filter(|seconds| *seconds > 0);
    at("finishedAt")?.checked_sub(at("startedAt")?)
}

/// Since when all containers of a pod have run, in seconds since 1970; `None` where one does not, or was started again.
pub(crate) fn running_since(pod: &Value) -> Option<u32> {
    let is_first =
        |status: &Value| status.get("restartCount").and_then(Value::as_u64).unwrap_or_default() == 0;
    let started =
        |status: &Value| seconds(string_at(status, "/state/running/startedAt")?).filter(|_| is_first(status));
    let statuses = list(pod.get("status")?, "containerStatuses").iter();
    statuses.map(started).collect::<Option<Vec<_>>>()?.into_iter().max()
}

/// A time in seconds since 1970.
fn seconds(time: &str) -> Option<u32> {
    time.parse::<Timestamp>().ok()?.as_second().try_into().ok()
}

/// The hashes of the templates of a workload's revisions, as far as they have been read.
pub type Templates = BTreeMap<Box<str>, String>;

/// A pod by its name, and what matters of it.
pub type NamedPod<'a> = (&'a str, &'a RunningPod);

/// What tells the template of a pod from others: its hash, or the revision itself where that is not known.
fn template_of<'a>(pod: &'a RunningPod, templates: &'a Templates) -> &'a str {
    templates.get(&pod.revision).map_or(&pod.revision, String::as_str)
}

/// What shows that a template runs without what was injected into the pods of it that do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran {
    /// Pods of it that were not injected run.
    Untouched,
    /// Pods of it run into which something else was injected: another agent, or the same with other settings.
    Otherwise,
    /// It ran until it was restarted so that its pods are injected.
    Before,
}

/// A crash may be the doing of a restart for so many seconds.
const AFTERMATH: i64 = 30 * 60;

/// When we have restarted a workload last, by its document, in seconds since 1970.
pub fn healed_at(document: &Value) -> Option<i64> {
    let was_healed = !annotation(document, HEALED).is_empty();
    restarted_at(document).filter(|_| was_healed)
}

/// Whether an injected pod crashed soon after its workload was restarted.
fn follows(pod: &RunningPod, healed_at: Option<i64>) -> bool {
    let ended = pod.crash.as_ref().map_or(0, |crash| i64::from(crash.ended));
    healed_at.is_some_and(|at| (0..=AFTERMATH).contains(&ended.saturating_sub(at)))
}

/// Whether some pods are ready; `None` where some crash, beside which that shows nothing.
fn some_run<'a>(mut pods: impl Iterator<Item = &'a RunningPod>) -> Option<bool> {
    pods.try_fold(false, |run, pod| pod.crash.is_none().then_some(run || pod.is_ready))
}

/// What shows that a template runs without what was injected into the pods of it that do not run, if anything does.
fn evidence(
    template: &str,
    pods: &[NamedPod<'_>],
    templates: &Templates,
    healed_at: Option<i64>,
) -> Option<Ran> {
    let own = pods.iter().map(|(_, pod)| *pod).filter(|pod| template_of(pod, templates) == template);
    let failing = own.clone().find(|pod| !template.is_empty() && pod.fails_injected())?;
    if some_run(own.clone().filter(|pod| !pod.is_injected()))? {
        return Some(Ran::Untouched);
    }
    if some_run(own.clone().filter(|pod| pod.is_injected() && !pod.is_injected_like(failing)))? {
        return Some(Ran::Otherwise);
    }
    let mut alike = own.filter(|pod| pod.is_injected_like(failing));
    (follows(failing, healed_at) && !alike.any(|pod| pod.is_ready)).then_some(Ran::Before)
}

/// Whether injected pods of a workload fail that may run without what was injected, so that their templates are to be
/// compared.
pub fn is_to_be_compared(pods: &[NamedPod<'_>], healed_at: Option<i64>) -> bool {
    let mut failing = pods.iter().map(|(_, pod)| *pod).filter(|pod| pod.fails_injected());
    let runs_otherwise =
        |failing: &RunningPod| pods.iter().any(|(_, pod)| pod.is_ready && !pod.is_injected_like(failing));
    failing.any(|failing| follows(failing, healed_at) || runs_otherwise(failing))
}

/// What people should know of a workload's pods that do not run once they are injected; nothing more once it is blocked.
pub fn review(
    workload: &WorkloadRef,
    document: &Value,
    pods: &[NamedPod<'_>],
    templates: &Templates,
) -> Option<Finding> {
    let mut failing = pods.iter().filter(|(_, pod)| pod.fails_injected()).peekable();
    failing.peek()?;
    let guard = Workload::of(document).and_then(|one| Guard::of_document(document, one.template));
    let guard = guard.unwrap_or_default();
    if guard.block().is_some() {
        return None;
    }
    if let Some(Control::Over { outcome: ControlOutcome::NotOurs, .. }) = guard.control() {
        let workload = workload.clone();
        return Some(Finding::pod(CrashFinding::CrashIsNotOurs { workload }, ""));
    }
    let healed_at = healed_at(document);
    let (pod, ran) = failing.find_map(|(_, pod)| {
        Some((*pod, evidence(template_of(pod, templates), pods, templates, healed_at)?))
    })?;
    let Crash { container, cause, why, .. } = pod.crash.as_deref()?;
    let languages = Language::ALL.into_iter().filter(|language| pod.injected(*language).is_some());
    let reason = CrashFinding::CrashAfterInjection {
        languages: languages.collect(),
        container: container.to_string(),
        cause: *cause,
        why: why.to_string(),
        ran,
    };
    Some(Finding::pod(reason, "/spec/containers"))
}

#[cfg(test)]
mod tests;

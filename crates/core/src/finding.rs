//! Findings: what was decided and why, as data.
//!
//! A finding is not an error: it says what a user did, with the values seen, and what would help. Every "no" is one.
//! Each family of findings is one file, which holds all of their text; nothing else in Ingraft does.

use std::fmt;

use ingraft_api::Language;

#[macro_use]
mod family;
mod admission;
mod annotation;
mod choice;
mod cluster;
mod container;
mod crash;
mod delivery;
mod endpoint;
mod field;
mod findings;
mod healing;
mod image;
mod instrumentation;
mod locale;
mod manifest;
mod probe;
mod reachability;
mod reference;
mod render;
mod running;
mod standby;
mod variable;

pub use admission::{AdmissionFinding, BrokenLink, PathObstacle};
pub use annotation::AnnotationFinding;
pub use choice::ChoiceFinding;
pub(crate) use choice::own_list;
pub use cluster::{ClusterFinding, NoTraces};
pub use container::{CloneObstacle, ContainerFinding, Taken};
pub use crash::CrashFinding;
pub use delivery::{Caveat, DeliveryFinding, Fault, Stage, Uncounted, Unsent, consent};
pub(crate) use delivery::{headline, noted};
pub use endpoint::EndpointFinding;
pub use family::{Code, Example};
pub use field::{FieldFinding, FieldProblem, FieldType};
pub use findings::Findings;
pub use healing::HealingFinding;
pub use image::ImageFinding;
pub(crate) use image::{Row, conclusion, user_remark};
pub use instrumentation::{Allowed, InstrumentationFinding};
pub use locale::Locale;
pub use manifest::ManifestFinding;
pub use probe::{Obstacle, ProbeFinding};
pub use reachability::{ReachabilityFinding, Step, TlsFault, Untried};
pub use reference::ReferenceFinding;
pub use render::{Lines, visible};
pub use running::RunningFinding;
pub use standby::{NotPlannable, StandbyFinding};
pub use variable::VariableFinding;

families! {
    /// Which languages are injected into which containers.
    Choice(ChoiceFinding),
    /// What annotations and labels say.
    Annotation(AnnotationFinding),
    /// What is in the way in a container or pod.
    Container(ContainerFinding),
    /// Environment variables of containers.
    Variable(VariableFinding),
    /// What probes found, and why none can look.
    Probe(ProbeFinding),
    /// What an image shows before it runs.
    Image(ImageFinding),
    /// Where telemetry goes.
    Endpoint(EndpointFinding),
    /// What trying endpoints has shown.
    Reachability(ReachabilityFinding),
    /// What became of a span that was sent to see whether any arrive.
    Delivery(DeliveryFinding),
    /// Secrets, ConfigMaps and TLS.
    Reference(ReferenceFinding),
    /// Other fields of an Instrumentation.
    Instrumentation(InstrumentationFinding),
    /// Fields that the API server does not take as they are written.
    Field(FieldFinding),
    /// What the pods that run show.
    Running(RunningFinding),
    /// Restarts by which pods get what they request.
    Healing(HealingFinding),
    /// Pods that crash once they are injected.
    Crash(CrashFinding),
    /// Whether reviews arrive at the operator.
    Admission(AdmissionFinding),
    /// What is injected while no replica of the operator runs.
    Standby(StandbyFinding),
    /// Documents that are handed to the command line.
    Manifest(ManifestFinding),
    /// What several objects of a cluster show together.
    Cluster(ClusterFinding),
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// What was done, or something worth knowing.
    Info,
    /// Something works less well than it seems.
    Warning,
    /// What was requested does not happen.
    Error,
}

impl Severity {
    /// The word for it, in lower case, for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What a finding says to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// What was seen, in one sentence without a full stop.
    pub message: String,
    /// What to do about it: a command, or a change to paste.
    pub help: Option<String>,
}

impl Text {
    fn new(message: Said) -> Self {
        Self { message: without_credentials(message.0), help: None }
    }

    fn help(self, help: Said) -> Self {
        Self { help: Some(without_credentials(help.0)), ..self }
    }
}

/// A text that does not show who logs in: findings are read by more people than what they are about.
fn without_credentials(text: String) -> String {
    if !text.contains('@') {
        return text;
    }
    let words = text.split_inclusive(char::is_whitespace).map(without_password);
    without_users(&words.collect::<String>())
}

/// A word without the password in it, where it is not written as in a URL: `user:password@host`, or with a slash in it.
fn without_password(word: &str) -> String {
    let start = word.find("://").map_or_else(|| usize::from(word.starts_with('"')), |found| found + 3);
    let login = word.rfind('@').and_then(|at| Some((word.get(start..at)?, word.get(at..)?)));
    match login {
        Some((login, host)) if login.contains(':') && !login.contains('@') => {
            format!("{}…{host}", word.get(..start).unwrap_or_default())
        }
        _ => word.to_owned(),
    }
}

/// A text whose URLs do not show who logs in.
fn without_users(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        // <https://www.rfc-editor.org/rfc/rfc3986#section-3.2>
        let end = after.find(|c: char| c.is_whitespace() || "/?#\"'".contains(c)).unwrap_or(after.len());
        let host = after.get(..end).and_then(|authority| authority.rfind('@'));
        rest = host.and_then(|host| after.get(host..)).map_or(after, |host| {
            shown.push('…');
            host
        });
    }
    shown + rest
}

/// What `say!` says.
struct Said(String);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The object that a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The pod at hand, or the template that pods are made from.
    Pod,
    /// The workload around the template.
    Workload,
    /// The namespace of the pod.
    Namespace,
    /// An Instrumentation, as `namespace/name`.
    Instrumentation(String),
}

/// One thing that was decided or noticed.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What, with the values seen.
    pub reason: Reason,
    /// The object that it is about.
    pub subject: Subject,
    /// The JSON pointer of the field in that object; empty for the object as a whole.
    pub pointer: String,
}

impl Finding {
    /// A finding about a field of the pod.
    pub fn pod(reason: impl Into<Reason>, pointer: impl Into<String>) -> Self {
        Self { reason: reason.into(), subject: Subject::Pod, pointer: pointer.into() }
    }

    /// The stable code, in CamelCase: the reason of an Event, the label of a metric, the name of a documentation page.
    pub const fn code(&self) -> &'static str {
        self.reason.code()
    }

    /// How much it matters.
    pub const fn severity(&self) -> Severity {
        self.reason.severity()
    }

    /// The language that it is about, if that is exactly one.
    pub const fn language(&self) -> Option<Language> {
        self.reason.language()
    }
}

fn list(names: &[String]) -> String {
    names.join(", ")
}

fn first(names: &[String]) -> &str {
    names.first().map_or("", String::as_str)
}

#[cfg(test)]
mod tests;

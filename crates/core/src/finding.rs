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
mod container;
mod crash;
mod endpoint;
mod field;
mod findings;
mod healing;
mod instrumentation;
mod locale;
mod manifest;
mod probe;
mod reachability;
mod reference;
mod render;
mod running;
mod variable;

pub use admission::{AdmissionFinding, BrokenLink, PathObstacle};
pub use annotation::AnnotationFinding;
pub use choice::ChoiceFinding;
pub use container::{CloneObstacle, ContainerFinding, Taken};
pub use crash::CrashFinding;
pub use endpoint::EndpointFinding;
pub use family::{Code, Example};
pub use field::{FieldFinding, FieldProblem, FieldType};
pub use findings::Findings;
pub use healing::HealingFinding;
pub use instrumentation::{Allowed, InstrumentationFinding};
pub use locale::Locale;
pub use manifest::ManifestFinding;
pub use probe::{Obstacle, ProbeFinding};
pub use reachability::{ReachabilityFinding, Step, TlsFault, Untried};
pub use reference::ReferenceFinding;
pub use render::Lines;
pub use running::RunningFinding;
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
    /// Where telemetry goes.
    Endpoint(EndpointFinding),
    /// What trying endpoints has shown.
    Reachability(ReachabilityFinding),
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
    /// Documents that are handed to the command line.
    Manifest(ManifestFinding),
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
        Self { message: message.0, help: None }
    }

    fn help(self, help: Said) -> Self {
        Self { help: Some(help.0), ..self }
    }
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

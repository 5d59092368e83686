//! Findings: what was decided and why, as data.
//!
//! A finding is no error: it says what a user did, with the values seen, and what would help. Every "no" is one.

mod catalog;

pub use catalog::Reason;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// All is well.
    Info,
    /// Something works less well than it seems.
    Warning,
    /// What was asked for does not happen.
    Error,
}

impl Severity {
    /// The word for it, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
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
    pub fn pod(reason: Reason, pointer: impl Into<String>) -> Self {
        Self { reason, subject: Subject::Pod, pointer: pointer.into() }
    }

    /// A finding about a field of the workload that makes the pods.
    pub fn workload(reason: Reason, pointer: impl Into<String>) -> Self {
        Self { reason, subject: Subject::Workload, pointer: pointer.into() }
    }

    /// The stable code, in PascalCase: the reason of an Event, the label of a metric, the name of a documentation page.
    pub const fn code(&self) -> &'static str {
        self.reason.code()
    }

    /// How much it matters.
    pub const fn severity(&self) -> Severity {
        self.reason.severity()
    }

    /// What was seen, in one sentence.
    pub fn message(&self) -> String {
        self.reason.message()
    }

    /// What to do about it: a command, or a change to paste.
    pub fn help(&self) -> Option<String> {
        self.reason.help()
    }

    /// One line of at most 120 characters, as admission warnings should be:
    /// <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#response>.
    pub fn short(&self) -> String {
        let text = format!("{}: {}", self.code(), self.message());
        match text.char_indices().nth(119) {
            Some((end, _)) if text.chars().count() > 120 => {
                format!("{}…", text.get(..end).unwrap_or_default())
            }
            _ => text,
        }
    }
}

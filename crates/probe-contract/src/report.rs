//! What the probe reports: one line of JSON with names and versions, never a value.
//!
//! ```json
//! {"stood_down":{"python":"version"},"sets":["PYTHONPATH"],"libc":"glibc",
//!  "runtimes":{"java":null,"python":"3.9.2"},"agents":["datadog"],"esm":true,"entrypoint":["JAVA_TOOL_OPTIONS"],
//!  "no_shell":true,"cut":true,"arch":"amd64","omitted":[{"name":"X","why":"quote"}],"error":"write: …"}
//! ```
//!
//! What is unknown, empty or false is left out, except that `sets` is always there.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Agent, Libc, Refusal};

/// What one run of the probe reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What is true of the image.
    #[serde(flatten)]
    pub facts: ImageFacts,
    /// The architecture, as Kubernetes and image registries name it.
    #[serde(rename = "arch")]
    pub architecture: String,
    /// What is true of this pod: variables that could not be passed on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub omitted: Vec<Omitted>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A variable that cannot be written to the file, or not with what is ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Omitted {
    /// Its name.
    pub name: String,
    /// Why.
    pub why: Refusal,
}

/// What the probe found in an image; never values.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageFacts {
    /// Agents that were not loaded, and why.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stood_down: BTreeMap<Agent, StandDown>,
    /// Variables that were seen to be set by the image or by `envFrom`. With those that are hidden, the image sets no others,
    /// unless `cut`.
    pub sets: BTreeSet<String>,
    /// Variables that the pod's own list has set, so that the image's value was not to be seen. Probes do not report them.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub hidden: BTreeSet<String>,
    /// The C library, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub libc: Option<Libc>,
    /// The agents whose runtimes are there, and the runtimes' versions, where known.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub runtimes: BTreeMap<Agent, Option<String>>,
    /// Agents of others that are loaded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<String>,
    /// Whether the application consists of ES modules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub esm: Option<bool>,
    /// Variables that a shell script sets before the application starts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// Whether there is no `/bin/sh`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_shell: bool,
    /// Whether there was more to report.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

impl ImageFacts {
    /// Whether the image may set a variable.
    pub fn may_set(&self, variable: &str) -> bool {
        self.cut || self.sets.contains(variable) || self.hidden.contains(variable)
    }
}

/// Why an agent is not loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StandDown {
    /// The image certainly has no such runtime.
    Absent,
    /// The agent does not support the runtime's version.
    Version,
    /// The agent has native code, and the image's C library is unknown.
    LibcUnknown,
    /// The agent's files are for another C library.
    LibcMismatch,
    /// Somebody else's agent is loaded already.
    OtherAgent,
    /// One of the agent's variables cannot be written, and half an agent is worse than none.
    Value,
}

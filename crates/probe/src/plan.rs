//! What the command line asks for.

use alloc::{string::String, vec::Vec};

use crate::image::Libc;

/// One run of the probe.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The file that the kubelet reads.
    pub(crate) file: String,
    /// Where facts go. It is never created: the kubelet provides it.
    pub(crate) message: String,
    /// The facts' greatest length in bytes.
    pub(crate) message_limit: usize,
    /// The application's working directory, if the pod states it.
    pub(crate) workdir: Option<String>,
    /// The application's command and arguments, as far as the pod states them.
    pub(crate) argv: Vec<String>,
    /// Names that the pod's own `env` list sets for certain.
    pub(crate) env_names: Vec<String>,
    /// Variables, in the order in which they are merged.
    pub(crate) sections: Vec<Section>,
}

impl Plan {
    /// The agents that are asked for.
    pub(crate) fn activations(&self) -> impl Iterator<Item = &Activation> {
        self.sections.iter().filter_map(|section| section.activation.as_ref())
    }

    /// The variables' names, each once, in order.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for rule in self.sections.iter().flat_map(|section| &section.rules) {
            if !names.contains(&rule.name.as_str()) {
                names.push(&rule.name);
            }
        }
        names
    }
}

/// Variables that are activated together, or not at all.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Section {
    /// The agent that these variables load; none for variables that load nothing.
    pub(crate) activation: Option<Activation>,
    /// The variables.
    pub(crate) rules: Vec<Rule>,
}

/// Which agent a section loads, and what it needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Activation {
    /// The agent.
    pub(crate) agent: Agent,
    /// The C library that the payload was built for, if it matters and is known.
    pub(crate) payload_libc: Option<Libc>,
    /// The payload is not the default one, so nothing is known about the versions that it supports.
    pub(crate) any_version: bool,
}

/// An agent that is loaded into the application's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Agent {
    /// OpenTelemetry's Java agent.
    Java,
    /// OpenTelemetry for Node.js.
    Nodejs,
    /// OpenTelemetry for Python.
    Python,
    /// OpenTelemetry for .NET.
    Dotnet,
}

impl Agent {
    /// Every agent, in the order of facts.
    pub(crate) const ALL: [Self; 4] = [Self::Java, Self::Nodejs, Self::Python, Self::Dotnet];

    /// The name on the command line and in facts; the same as in annotations.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Java => "java",
            Self::Nodejs => "nodejs",
            Self::Python => "python",
            Self::Dotnet => "dotnet",
        }
    }

    /// Whether the payload holds native code, which works with one C library only.
    pub(crate) fn is_native(self) -> bool {
        matches!(self, Self::Python | Self::Dotnet)
    }
}

/// One variable.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// The variable's name.
    pub(crate) name: String,
    /// How the user's value and ours become one.
    pub(crate) kind: Kind,
}

/// How the user's value and ours become one. An empty value of the user's counts as none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Ours, whatever the user set.
    Set(String),
    /// The user's, else ours.
    Default(String),
    /// The user's, else ours, unless the user sets something else that says the same.
    DefaultUnless {
        /// Ours.
        ours: String,
        /// The other variable.
        other: String,
        /// The key that counts, if the other variable is a list of resource attributes; otherwise empty.
        key: String,
    },
    /// The user's between `prefix` and `suffix`, else `alone`; unchanged if it holds `mark` already.
    Join {
        /// Goes before the user's value.
        prefix: String,
        /// Goes after the user's value.
        suffix: String,
        /// Used where the user set nothing.
        alone: String,
        /// Tells that the value has been joined before.
        mark: String,
    },
    /// A list of resource attributes: the user's, then those of ours whose keys the user does not have.
    Attributes(String),
}

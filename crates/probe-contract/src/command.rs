//! The program's command line.
//!
//! ```text
//! ingraft-probe install FOLDER [FILE]...
//!
//! ingraft-probe check NAME VALUE
//!
//! ingraft-probe clone FROM TO [--version-of PROGRAM] [--writable FILE]
//!
//! ingraft-probe probe FILE
//!     [--message PATH]            default /dev/termination-log; must exist
//!     [--message-limit BYTES]     default 1024
//!     [--workdir FOLDER]          the application's working directory, if the pod states it
//!     [--env-names NAME,...]      what the pod's own env list sets for certain; others count as the image's or envFrom's
//!     [RULE]...                   variables that load nothing
//!     [--agent java|nodejs|python|dotnet [--payload-libc glibc|musl] [--any-version] [RULE]...]...
//!     [--argv ARG...]             the application's command and arguments, as the pod states them; always last
//!
//! RULE:
//!     --default NAME VALUE
//!     --default-unless NAME VALUE OTHER KEY
//!     --join NAME PREFIX SUFFIX ALONE MARK
//!     --attributes NAME KEY=VALUE,...
//! ```
//!
//! Everything after `--agent` up to the next `--agent` belongs to that agent: it is loaded as a whole or left as the
//! user has it. The same agent may come twice, with payloads for different C libraries. One without rules is loaded in
//! any case, and only reported on.

mod parse;
mod words;

use crate::{Agent, Join, Libc, MESSAGE, MESSAGE_LIMIT};

pub use parse::Error;

/// What the program is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// In our own image: put the program and empty files into a volume.
    Install(Install),
    /// In the application's image: look, merge, write, report.
    Probe(Plan),
    /// In our own image: succeed if a variable has a value.
    Check(Check),
    /// In the application's image: copy a folder.
    Clone(Cloning),
}

/// One copy of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cloning {
    /// The folder.
    pub from: String,
    /// Where its content goes.
    pub to: String,
    /// The program whose version is written beside it, to `version.txt`.
    pub version_of: Option<String>,
    /// An empty file below `to` that anybody may write to, if its folder exists.
    pub writable: Option<String>,
}

/// One look at a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The variable's name.
    pub name: String,
    /// The value that it should have.
    pub value: String,
}

/// One run of the copier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Install {
    /// Where the volume is mounted.
    pub folder: String,
    /// The names of the files that the probes will replace.
    pub files: Vec<String>,
}

/// One run of the probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The file that the kubelet reads.
    pub file: String,
    /// Where the report goes. It is never created: the kubelet provides it.
    pub message: String,
    /// The report's greatest length in bytes.
    pub message_limit: usize,
    /// The application's working directory, if the pod states it.
    pub workdir: Option<String>,
    /// The names of variables that the pod's own `env` list sets for certain.
    pub env_names: Vec<String>,
    /// Variables that load nothing.
    pub rules: Vec<Rule>,
    /// Agents with the variables that load them.
    pub agents: Vec<AgentRules>,
    /// The application's command and arguments, as far as the pod states them.
    pub argv: Vec<String>,
}

/// The variables that load one agent: all of them are set, or none. Where there are none here, the pod's own list loads
/// the agent, and what the probe finds is for the next pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRules {
    /// The agent.
    pub agent: Agent,
    /// The C library that the agent's files were built for, if it matters and is known.
    pub payload_libc: Option<Libc>,
    /// The files are not the default ones, so nothing is known about the versions that they support.
    pub any_version: bool,
    /// The variables.
    pub rules: Vec<Rule>,
}

/// One variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The variable's name.
    pub name: String,
    /// How the user's value and ours become one.
    pub join: Join,
}

impl AgentRules {
    /// Whether a value in the pod's own list loads the agent, whatever the probe finds.
    pub fn is_loaded_by_pod(&self) -> bool {
        self.rules.is_empty()
    }
}

impl Plan {
    /// A plan that does nothing but report.
    pub fn new(file: String) -> Self {
        Self {
            file,
            message: MESSAGE.to_owned(),
            message_limit: MESSAGE_LIMIT,
            workdir: None,
            env_names: Vec::new(),
            rules: Vec::new(),
            agents: Vec::new(),
            argv: Vec::new(),
        }
    }

    /// The variables' names, each once, in order.
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for rule in self.rules.iter().chain(self.agents.iter().flat_map(|agent| &agent.rules)) {
            if !names.contains(&rule.name.as_str()) {
                names.push(&rule.name);
            }
        }
        names
    }
}

#[cfg(test)]
mod tests;

//! What is in the image, told from names, versions and a few bytes of its files. Nothing of it is executed.

mod agents;
mod dotnet;
mod elf;
mod entrypoint;
mod files;
mod java;
mod libc;
mod modules;
mod nodejs;
mod packages;
mod path;
mod programs;
mod python;

pub(crate) use files::{Disk, Files};
pub use files::{Kind, Tree};

use ingraft_probe_contract::{Agent, Libc, Plan};

use crate::environment::Environment;

/// Where one looks, and what is known of the application that will run there.
pub(crate) struct Image<'i> {
    pub(crate) files: &'i Files<'i>,
    pub(crate) environment: &'i Environment,
    /// The application's command and arguments, as far as the pod states them.
    pub(crate) argv: &'i [String],
    /// The application's working directory, if it is known.
    pub(crate) workdir: Option<&'i str>,
    /// What its programs are for, as Rust names it.
    pub(crate) architecture: &'i str,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// Runtimes, in the order of [`Agent::ALL`].
    pub(crate) runtimes: Vec<Runtime>,
    /// The C library; unknown if there are signs of two.
    pub(crate) libc: Option<Libc>,
    /// Agents of others that will be loaded.
    pub(crate) others: Vec<Other>,
    /// Whether a Node.js application uses ES modules.
    pub(crate) es_modules: Option<bool>,
    /// Variables that a shell script replaces before the application starts.
    pub(crate) assigned: Vec<String>,
    /// Whether there is no `/bin/sh`.
    pub(crate) no_shell: bool,
    /// Looking ended early, so that more may be there.
    pub(crate) is_partial: bool,
}

/// A runtime that is present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Runtime {
    /// The agent for it.
    pub(crate) agent: Agent,
    /// Its version, if a file tells.
    pub(crate) version: Option<String>,
    /// Its program's real path.
    program: Option<String>,
}

/// An agent of somebody else, or OpenTelemetry's by another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Other {
    /// Its vendor's or project's name.
    pub(crate) name: &'static str,
    /// The runtime that it is loaded into; none: any.
    pub(crate) into: Option<Agent>,
}

impl Contents {
    /// Looks at everything. `assigned` are the variables that matter in shell scripts.
    pub(crate) fn of(image: &Image<'_>, plan: &Plan, assigned: &[&str]) -> Self {
        let runtimes: Vec<Runtime> =
            [java::find(image), nodejs::find(image), python::find(image), dotnet::find(image)]
                .into_iter()
                .flatten()
                .collect();
        // The runtimes to be instrumented tell more than the image's shell.
        let wanted = |runtime: &&Runtime| plan.agents.iter().any(|wanted| wanted.agent == runtime.agent);
        let programs = runtimes.iter().filter(wanted).filter_map(|runtime| runtime.program.as_deref());
        let libc = libc::find(image, programs);
        Self {
            libc,
            others: agents::find(image),
            es_modules: modules::uses_es_modules(image),
            assigned: entrypoint::assigned(image, assigned),
            no_shell: !image.files.is_program("/bin/sh") && !image.files.is_exhausted(),
            is_partial: image.files.is_exhausted(),
            runtimes,
        }
    }

    /// The runtime of an agent.
    pub(crate) fn runtime(&self, agent: Agent) -> Option<&Runtime> {
        self.runtimes.iter().find(|runtime| runtime.agent == agent)
    }
}

#[cfg(test)]
pub(crate) mod tests;

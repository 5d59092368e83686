//! The command line: one variant for each subcommand, whose arguments are in its own file.

use std::path::Path;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use ingraft_core::Locale;

use crate::{compile, completions, doctor, explain, inject, manifests};

/// Grafts OpenTelemetry onto Kubernetes workloads and tells you why it did or did not.
#[derive(Debug, Parser)]
#[command(name = "ingraft", version, arg_required_else_help = true, max_term_width = 110)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    /// The language of findings, en or es [default: that of LC_ALL, LC_MESSAGES or LANG]
    #[arg(long, global = true, value_parser = parse_locale)]
    locale: Option<Locale>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Inject manifests: manifests in, manifests out, findings on standard error
    ///
    /// Instrumentations, Namespaces, Nodes, Services, ConfigMaps and Secrets among the manifests are used. Comments
    /// and layout stay; a note names a document where they cannot. No cluster is needed; one is contacted only with
    /// --check-secrets.
    #[command(
        after_help = "Exit status: 0 clean, 1 findings at or above --fail-on, 2 wrong usage, 3 unreadable input."
    )]
    Inject(inject::Args),
    /// Explain what is decided about a workload of a cluster, such as deployment/checkout, or about all of a namespace
    ///
    /// A pod is explained through the workload that made it. The cluster is read with your own permissions; what you
    /// may not see is named.
    #[command(
        after_help = "Exit status: 0 clean, 1 something requested does not happen, 2 wrong usage, 3 no answer."
    )]
    Explain(explain::Args),
    /// Say what is wrong and what to do about it: in a cluster, in manifests, or in a cluster once manifests are applied
    ///
    /// A cluster is only read, with your own permissions, unless you say --fix or --trace; what you may not see is named. It
    /// works with Ingraft's operator, with the OpenTelemetry Operator, or with none.
    #[command(after_help = "\
Examples:
  ingraft doctor                             the namespace of your context
  ingraft doctor -A                          the whole cluster
  helm template web . | ingraft doctor -f -  manifests
  ingraft doctor -R deploy -A                the cluster as it will be once they are applied
  ingraft doctor -R deploy --fix             correct them
  ingraft doctor --trace deployment/web      does a span arrive?
  ingraft doctor --image ghcr.io/acme/web:1  can this image be instrumented?

Exit status: 0 clean, 1 findings at or above --fail-on, 2 wrong usage, 3 no answer. With --image: 0 it can be
instrumented, 1 it cannot as it is.")]
    Doctor(Box<doctor::Args>),
    /// Print what has the API server inject pods by itself, from Kubernetes 1.36 on: nothing of Ingraft runs then
    ///
    /// Instrumentations and Services among the manifests are compiled into a plan, which a policy reads. Apply the output with
    /// kubectl apply --server-side -f -, once more if it does not know the kind Plan yet, and again when an Instrumentation
    /// changes. What needs the operator is told.
    #[command(
        after_help = "Exit status: 0 clean, 1 findings at or above --fail-on, 2 wrong usage, 3 unreadable input or nothing to plan."
    )]
    Compile(compile::Args),
    /// Print what to install, for kubectl apply --server-side -f -
    Manifests(manifests::Args),
    /// Print a completion script: source <(ingraft completions bash)
    ///
    /// Names of contexts, namespaces and workloads are those of the cluster, as far as you may list them. For `kubectl ingraft`,
    /// link the program as kubectl_complete-ingraft too, somewhere in your PATH.
    Completions(completions::Args),
}

impl Args {
    /// Reads the command line. Wrong usage ends the process with status 2.
    pub fn from_command_line() -> Self {
        let program = std::env::args_os().next().unwrap_or_default();
        let matches = named_as(Path::new(&program)).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// Does what the command line says. Returns the exit status.
    pub fn run(&self) -> anyhow::Result<u8> {
        match &self.command {
            Command::Inject(args) => inject::run(args, self.locale()),
            Command::Explain(args) => explain::run(args, self.locale()),
            Command::Doctor(args) => doctor::run(args, self.locale()),
            Command::Compile(args) => compile::run(args, self.locale()),
            Command::Manifests(args) => manifests::run(args),
            Command::Completions(args) => completions::run(args),
        }
    }

    /// The language of the user.
    fn locale(&self) -> Locale {
        let variables = ["LC_ALL", "LC_MESSAGES", "LANG"].map(|name| std::env::var(name).ok());
        self.locale.unwrap_or_else(|| Locale::of_user(variables.each_ref().map(Option::as_deref)))
    }
}

fn parse_locale(text: &str) -> Result<Locale, String> {
    Locale::parse(text).ok_or_else(|| "it must be en or es".to_owned())
}

/// The command, by the name that it was called by: kubectl runs `kubectl-ingraft` for `kubectl ingraft`.
fn named_as(program: &Path) -> clap::Command {
    let command = Args::command();
    if program.file_stem().is_some_and(|name| name == "kubectl-ingraft") {
        command.bin_name("kubectl ingraft")
    } else {
        command.bin_name("ingraft")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_consistent() {
        Args::command().debug_assert();
    }
}

//! The command line.

use std::io::Write;
use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use ingraft_cluster::{SettingsArgs, registry};
use ingraft_core::Severity;

use crate::manifests::What;
use crate::{CLEAN, explain, inject, manifests};

/// Grafts OpenTelemetry onto Kubernetes workloads and tells you why it did or did not.
#[derive(Debug, Parser)]
#[command(name = "ingraft", version, arg_required_else_help = true, max_term_width = 110)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Inject manifests: manifests in, manifests out, findings on standard error
    ///
    /// Instrumentations, Namespaces, Services, ConfigMaps and Secrets among the manifests are used. Documents that are no
    /// workloads pass through unchanged. No cluster is needed, nor asked without --check-secrets.
    #[command(
        after_help = "Exit status: 0 clean, 1 findings at or above --fail-on, 2 wrong usage, 3 unreadable input."
    )]
    Inject(InjectArgs),
    /// Explain what is decided about one workload of a cluster, such as deployment/checkout
    ///
    /// A pod is explained by what it was made from. The cluster is asked with your own rights.
    #[command(
        after_help = "Exit status: 0 clean, 1 something asked for does not happen, 2 wrong usage, 3 no answer."
    )]
    Explain(ExplainArgs),
    /// Print what to install: ingraft manifests all | kubectl apply --server-side -f -
    Manifests(ManifestsArgs),
    /// Print a completion script: source <(ingraft completions bash)
    Completions {
        /// The shell that the script is for.
        shell: Shell,
    },
}

/// Arguments of `ingraft inject`.
#[derive(Debug, clap::Args)]
pub struct InjectArgs {
    /// A file, a folder with .yaml, .yml and .json files, or - for standard input; can be repeated
    #[arg(short, long = "filename", value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Also look into the folders of a folder
    #[arg(short = 'R', long)]
    pub recursive: bool,
    /// The namespace of objects that do not name one
    #[arg(short, long, default_value = "default")]
    pub namespace: String,
    /// What to print
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
    /// The least severity of a finding that makes the exit status 1
    #[arg(long, value_enum, default_value_t)]
    pub fail_on: FailOn,
    /// Ask the cluster of your kubeconfig, with your rights, which Secrets and ConfigMaps that Instrumentations name exist
    #[arg(long)]
    pub check_secrets: bool,
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// Arguments of `ingraft explain`.
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// The workload: pod, deployment, statefulset, daemonset, replicaset, job, cronjob or rollout
    #[arg(value_name = "TYPE/NAME")]
    pub workload: String,
    /// Its namespace [default: that of the kubeconfig]
    #[arg(short, long)]
    pub namespace: Option<String>,
    /// Also print the environment of its containers before and after injection; values from Secrets are never printed
    #[arg(long)]
    pub env: bool,
}

/// What `ingraft inject` prints.
#[derive(Debug, Clone, Copy, Default, PartialEq, ValueEnum)]
pub enum Output {
    /// All documents as YAML, injected where asked for
    #[default]
    Yaml,
    /// All documents as JSON: one object, or a List
    Json,
    /// The changes of each workload as RFC 6902 patches
    Patch,
    /// The changes as a unified diff
    Diff,
}

/// The least severity that counts as failure.
#[derive(Debug, Clone, Copy, Default, PartialEq, ValueEnum)]
pub enum FailOn {
    /// Something that was asked for does not happen
    #[default]
    Error,
    /// Something works less well than it seems
    Warning,
    /// Nothing counts
    Never,
}

impl FailOn {
    /// Whether a finding of this severity counts.
    pub fn counts(self, severity: Severity) -> bool {
        match self {
            Self::Error => severity >= Severity::Error,
            Self::Warning => severity >= Severity::Warning,
            Self::Never => false,
        }
    }
}

/// Arguments of `ingraft manifests`.
#[derive(Debug, clap::Args)]
pub struct ManifestsArgs {
    /// Which part: the definitions of custom resources, all but those, or everything
    #[arg(value_enum, default_value_t)]
    pub what: What,
    /// The operator's image [default: the released one, from --registry if that is given]
    #[arg(long)]
    pub image: Option<String>,
    /// Registry that has the images of operator and agents, instead of ghcr.io
    #[arg(long, value_name = "HOST[/PATH]", value_parser = registry)]
    pub registry: Option<String>,
    /// Let the operator see which Secrets exist, to tell of those that an Instrumentation names and a namespace lacks
    #[arg(long)]
    pub check_secrets: bool,
    /// The operator's own arguments, such as --arg=--enable-go-instrumentation=true; can be repeated
    #[arg(long = "arg", value_name = "ARGUMENT", allow_hyphen_values = true)]
    pub args: Vec<String>,
}

impl Args {
    /// Does what the command line asks for; answers the exit status.
    pub fn run(&self) -> anyhow::Result<u8> {
        match &self.command {
            Command::Inject(args) => inject::run(args),
            Command::Explain(args) => explain::run(args),
            Command::Manifests(args) => manifests::run(args),
            Command::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(*shell, &mut Self::command(), "ingraft", &mut script);
                std::io::stdout().write_all(&script)?;
                Ok(CLEAN)
            }
        }
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

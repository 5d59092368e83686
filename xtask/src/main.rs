//! `cargo xtask`: builds, checks and runs everything in this repository.

mod crds;
mod docs;
mod down;
mod load;
mod paths;
mod test;
mod up;

use clap::builder::FalseyValueParser;
use clap::{Parser, Subcommand};
use ingraft_testkit::{Kubernetes, Progress, prerequisites};

/// Builds, checks and runs everything in this repository
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", arg_required_else_help = true)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run every check and test, as CI does
    Test(Scope),
    /// Build what tests use and is not there yet: Kubernetes, containerd, images
    Tools(Scope),
    /// Write the definitions of custom resources that are generated from the types
    Crds,
    /// Write the pages that are generated: docs/findings and docs/metrics.md
    Docs,
    /// Start a Kubernetes cluster with Ingraft, a Collector and a Python application, and show what happens
    ///
    /// Everything is built from package registries; the first time takes about 20 minutes. Needs Linux and root, unless
    /// INGRAFT_KUBECONFIG names a cluster: then INGRAFT_LOAD_IMAGE is the command that loads an image archive into it.
    Up(Version),
    /// Measure what the webhook costs: reviews per second, latency, CPU, memory
    Load(load::LoadArgs),
    /// Remove the cluster that `up` started, or what it added to the one that INGRAFT_KUBECONFIG names
    Down,
}

/// Which Kubernetes runs.
#[derive(Debug, clap::Args)]
struct Version {
    /// The version of Kubernetes, such as 1.35
    #[arg(long, env = Kubernetes::VARIABLE, default_value_t = Kubernetes::NEWEST)]
    kubernetes: Kubernetes,
}

/// What tests run on.
#[derive(Debug, clap::Args)]
struct Scope {
    #[command(flatten)]
    version: Version,
    /// Leave out what needs root: the tests that run pods or change mounts
    #[arg(long, env = prerequisites::SKIP_NODE, value_parser = FalseyValueParser::new())]
    no_node: bool,
}

fn main() -> anyhow::Result<()> {
    let progress = Progress::stderr();
    match Args::parse().command {
        Command::Test(scope) => test::run(scope.version.kubernetes, scope.no_node, progress),
        Command::Tools(scope) => prerequisites::prepare(scope.version.kubernetes, scope.no_node, progress),
        Command::Crds => crds::write(),
        Command::Docs => docs::write(),
        Command::Up(args) => up::run(args.kubernetes, progress),
        Command::Load(args) => load::run(&args, progress),
        Command::Down => down::down(progress),
    }
}

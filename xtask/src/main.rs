//! `cargo xtask`: builds, checks and runs everything in this repository.

mod crds;
mod demo;
mod down;
mod load;
mod test;
mod up;

use clap::{Parser, Subcommand};
use ingraft_testkit::{Kubernetes, Progress};

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
    Test(Version),
    /// Write the definitions of custom resources that are generated from the types
    Crds,
    /// Start a Kubernetes cluster with Ingraft, a Collector and a Python application, and show what happens
    ///
    /// Everything is built from package registries; the first time takes about 20 minutes. Needs Linux and root.
    Up(Version),
    /// Measure what the webhook costs: reviews per second, latency, CPU, memory
    Load(load::LoadArgs),
    /// Remove the cluster that `up` started
    Down,
}

/// Which Kubernetes runs.
#[derive(Debug, clap::Args)]
struct Version {
    /// The version of Kubernetes, such as 1.35
    #[arg(long, env = Kubernetes::VARIABLE, default_value_t = Kubernetes::NEWEST)]
    kubernetes: Kubernetes,
}

fn main() -> anyhow::Result<()> {
    let progress = Progress::stderr();
    match Args::parse().command {
        Command::Test(args) => test::run(args.kubernetes),
        Command::Crds => crds::write(),
        Command::Up(args) => demo::run(args.kubernetes, progress),
        Command::Load(args) => load::run(&args, progress),
        Command::Down => down::down(progress),
    }
}

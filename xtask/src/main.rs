//! `cargo xtask`: builds, checks and runs everything in this repository.

mod crds;
mod demo;
mod down;
mod load;
mod test;
mod up;

use clap::{Parser, Subcommand};
use ingraft_testkit::Progress;

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
    Test,
    /// Write the definitions of custom resources that are generated from the types
    Crds,
    /// Start a Kubernetes cluster with Ingraft, a Collector and a Python application, and show what happens
    ///
    /// Everything is built from package registries; the first time takes about 20 minutes. Needs Linux and root.
    Up,
    /// Measure what the webhook costs: reviews per second, latency, CPU, memory
    Load(load::LoadArgs),
    /// Remove the cluster that `up` started
    Down,
}

fn main() -> anyhow::Result<()> {
    let progress = Progress::stderr();
    match Args::parse().command {
        Command::Test => test::run(),
        Command::Crds => crds::write(),
        Command::Up => demo::run(progress),
        Command::Load(args) => load::run(&args, progress),
        Command::Down => down::down(progress),
    }
}

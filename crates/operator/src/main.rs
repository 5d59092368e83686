//! `ingraft-operator`: serves admission reviews and keeps the cluster side of Ingraft up to date.

mod args;
mod run;
mod serve;
mod state_metrics;
mod tasks;
mod telemetry;
mod watch_metrics;

use std::process::ExitCode;

use clap::Parser;
use ingraft_cluster::error_chain::Chain;

/// A third of a review's time went into the allocator of the C library. `cargo xtask load` with 8 connections: a quarter
/// less CPU a review, for 0.7 MiB more. With huge pages (without its feature `no_thp`) it would be 9 MiB more.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = args::Args::parse();
    telemetry::init(args.log_level);
    match run::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{}", Chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

//! `ingraft-operator`: serves admission reviews and keeps the cluster side of Ingraft up to date.

mod args;
#[cfg(test)]
mod metrics_page;
mod run;
mod send_span;
mod serve;
mod state_metrics;
mod tasks;
mod telemetry;
mod watch_metrics;
mod workload_metrics;

use std::process::ExitCode;

use args::Command;
use clap::Parser;
use ingraft_cluster::error_chain::Chain;

/// With the C library's allocator a review takes a third more CPU (`cargo xtask load`, 8 connections), and memory is
/// 0.7 MiB less; with huge pages (without the feature `no_thp`) it is 9 MiB more.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = args::Args::parse();
    // It tells lines of its own, and logs nothing.
    if let Some(Command::SendSpan(args)) = &args.command {
        return match send_span::run(args) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                eprintln!("{}", Chain(error.as_ref()));
                ExitCode::FAILURE
            }
        };
    }
    telemetry::init(args.log_level);
    match run::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{}", Chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

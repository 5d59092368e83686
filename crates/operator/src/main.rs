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

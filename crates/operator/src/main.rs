//! `ingraft-operator`: serves admission reviews and keeps the cluster side of Ingraft up to date.

mod args;
mod readiness;
mod run;
mod serve;
mod telemetry;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = args::Args::parse();
    telemetry::init(args.log_level);
    match run::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

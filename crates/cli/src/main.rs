//! `ingraft`: injects and compiles manifests, explains workloads, says what is wrong, and prints what to install.

mod args;
mod cluster_args;
mod compile;
mod completions;
mod doctor;
mod document;
mod explain;
mod file;
mod image;
mod inject;
mod input;
mod manifests;
mod output;
mod source_location;
mod trace;

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::args::Args;
use crate::output::FAILED;

fn main() -> ExitCode {
    if completions::answer(Args::command) {
        return ExitCode::SUCCESS;
    }
    let status = Args::from_command_line().run().unwrap_or_else(|error| {
        match error.downcast::<clap::Error>() {
            Ok(usage) => usage.exit(),
            Err(error) => output::error(&error),
        }
        FAILED
    });
    ExitCode::from(status)
}

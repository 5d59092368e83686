//! `ingraft`: injects manifests, explains workloads, and prints what to install.

mod args;
mod cluster_args;
mod completions;
mod document;
mod explain;
mod inject;
mod input;
mod manifests;
mod output;
mod source_location;

use std::process::ExitCode;

use crate::args::Args;
use crate::output::FAILED;

fn main() -> ExitCode {
    let status = Args::from_command_line().run().unwrap_or_else(|error| {
        match error.downcast::<clap::Error>() {
            Ok(usage) => usage.exit(),
            Err(error) => output::error(&error),
        }
        FAILED
    });
    ExitCode::from(status)
}

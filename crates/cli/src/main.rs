//! `ingraft`: injects manifests and prints what to install.

mod args;
mod explain;
mod inject;
mod input;
mod manifests;
mod output;

use std::process::ExitCode;

use clap::Parser;

/// Nothing was found at or above the chosen severity.
const CLEAN: u8 = 0;
/// There are findings at or above the chosen severity.
const FINDINGS: u8 = 1;
/// The question could not be answered: a file is missing or no YAML. Wrong usage is 2, by clap.
const FAILED: u8 = 3;

fn main() -> ExitCode {
    let args = args::Args::parse();
    let status = args.run().unwrap_or_else(|error| {
        output::error(&error);
        FAILED
    });
    ExitCode::from(status)
}

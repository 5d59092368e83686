//! `ingraft completions`: a script that a shell reads.

use clap_complete::Shell;

use crate::output::{self, CLEAN};

/// Arguments of `ingraft completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell that the script is for
    shell: Shell,
}

/// Prints the script for a command.
pub fn run(args: &Args, mut command: clap::Command) -> anyhow::Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "ingraft", &mut script);
    output::print(&script)?;
    Ok(CLEAN)
}

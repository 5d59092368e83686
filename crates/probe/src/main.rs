//! A tiny static program that runs as an init container with the application's own image.
//!
//! It sees what nobody outside sees: the environment that the application will have, which is the image's `ENV` below
//! what the kubelet sets. It merges our variables into the user's, writes the result to a file that the kubelet reads
//! by `fileKeyRef`, and reports facts (names and versions, never values) as its termination message.
//!
//! ```text
//! ingraft-probe install FOLDER [FILE]...    in our own image: puts itself and first files into a volume
//! ingraft-probe probe FILE [OPTION]...      in the application's image; the options are listed in `args`
//! ```
//!
//! Invariants: `probe` exits with 0 within two seconds whatever happens; the file is whole at any time; nothing of the
//! image is ever executed; a value leaves the container by the file only.

mod args;
mod decide;
mod envfile;
mod environment;
mod facts;
mod guard;
mod image;
mod install;
mod json;
mod merge;
mod plan;
mod probe;
mod version;

use std::process::ExitCode;

use args::Command;

fn main() -> ExitCode {
    let command = match args::parse(std::env::args_os().skip(1)) {
        Ok(command) => command,
        Err(error) => return probe::refuse(&error),
    };
    match command {
        Command::Install { folder, files } => install::run(&folder, &files),
        Command::Probe(plan) => probe::run(&plan),
    }
}

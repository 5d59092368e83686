//! A small static program that runs as an init container with the application's own image.
//!
//! It also clones the configuration of a web server, which the same image alone has. As a library it looks in the same way
//! at an image that does not run ([`look`]), so that whoever asks beforehand hears what a probe would report.
//!
//! It sees what nobody outside sees: the environment that the application will have, which is the image's `ENV` below
//! what the kubelet sets. It merges our variables into the user's, writes the result to a file that the kubelet reads
//! by `fileKeyRef`, and reports facts (names and versions, never values) as its termination message. Its command line
//! and its report are those of `ingraft-probe-contract`.
//!
//! Invariants: `probe` exits with 0 within two seconds whatever happens; the file is whole at any time; nothing of the
//! image is ever executed, but by `clone` the server, for its version; a value leaves the container by the file only;
//! `clone` exits with 0 only if all that its user can read is cloned.

mod clone;
mod decide;
mod environment;
mod files;
mod image;
mod install;
mod probe;
mod report;
mod still;
mod version;
mod wait;

use std::ffi::{OsStr, OsString};

pub use environment::Environment;
pub use image::{Kind, Tree};
use ingraft_probe_contract::{Check, Command};
pub use still::{Seen, Still, look};
pub use wait::ends_within;

/// How it ended.
#[derive(Debug, Default)]
pub struct End {
    /// The exit status.
    pub status: u8,
    /// What there is to say on standard error.
    pub complaint: String,
}

/// Does what the arguments say. `program` is the program's own path, as it was called; `words` are the arguments behind
/// it; `variables` are the environment.
pub fn run(
    program: &OsStr,
    words: impl Iterator<Item = OsString>,
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> End {
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let must_succeed = words.first().is_some_and(|word| word == "clone");
    match Command::parse(words) {
        Ok(Command::Install(install)) => install::run(program, &install),
        Ok(Command::Probe(plan)) => probe::run(&plan, &variables.collect()),
        Ok(Command::Check(expected)) => check(&expected, &variables.collect()),
        Ok(Command::Clone(folder)) => clone::run(&folder),
        Err(error) if must_succeed => End { status: 1, complaint: error.to_string() },
        Err(error) => probe::refuse(&error),
    }
}

/// Succeeds if a variable has the value that it should have.
fn check(Check { name, value }: &Check, environment: &Environment) -> End {
    if environment.text(name) == Some(value) {
        return End::default();
    }
    End { status: 1, complaint: format!("{name} does not have the value {value:?}") }
}

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
//!
//! The library is everything but the way into the process; it takes what the kernel hands to a program, and asks the
//! system by safe calls only. Without the standard library the program is a third smaller, and below 1 MB.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
#[macro_use]
extern crate std;

mod args;
mod decide;
mod envfile;
mod environment;
mod facts;
mod image;
mod install;
mod json;
mod merge;
mod plan;
mod probe;
mod system;
mod version;

use alloc::string::String;
use args::Command;
use environment::Environment;
pub use system::now;

/// The longest that a probe may take: an init container that hangs keeps the pod from starting, and two seconds are
/// promised.
pub const TIME_LIMIT: core::time::Duration = core::time::Duration::from_millis(1800);

/// Whether the program must end with success whatever happens: a probe that fails would keep the application from
/// starting. `words` are the arguments after the program's name.
pub fn must_succeed<'w>(mut words: impl Iterator<Item = &'w [u8]>) -> bool {
    words.next() != Some(b"install")
}

/// How it ended.
#[derive(Debug, Default)]
pub struct End {
    /// The exit status.
    pub status: u8,
    /// What there is to say on standard error.
    pub complaint: String,
}

/// Does what the arguments say.
///
/// `program` is the program's own path, as it was called; `words` are the arguments behind it; `variables` are the
/// environment, each as `NAME=value`.
pub fn run<'w>(
    program: &[u8],
    words: impl Iterator<Item = &'w [u8]>,
    variables: impl Iterator<Item = &'w [u8]>,
) -> End {
    match args::parse(words) {
        Ok(Command::Install { folder, files }) => install::run(program, &folder, &files),
        Ok(Command::Probe(plan)) => probe::run(&plan, &Environment::new(variables)),
        Err(error) => probe::refuse(&error),
    }
}

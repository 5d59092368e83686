//! The way into `ingraft-probe`: a second process does the work, so that neither a panic, nor a signal, nor a call that
//! blocks can make the first one fail, which would keep the application from starting.

use std::env;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, Write as _};
use std::panic;
use std::process::{self, Command, ExitCode};
use std::time::Duration;

use ingraft_probe::{End, ends_within, run};

/// The longest that a probe may take: an init container that hangs keeps the pod from starting, and two seconds are
/// promised.
const TIME_LIMIT: Duration = Duration::from_millis(1800);
/// What stands before the words of the second process.
const WATCHED: &str = "watched";

fn main() -> ExitCode {
    let mut arguments = env::args_os();
    let program = arguments.next().unwrap_or_default();
    let mut words: Vec<OsString> = arguments.collect();
    // A clone that is not whole must not pass for one.
    let status = i32::from(words.first().is_some_and(|word| word == "clone"));
    // In the first process too, which works itself where there may be no second one.
    panic::set_hook(Box::new(move |panic| {
        complain(panic);
        process::exit(status);
    }));
    match words.first().and_then(|word| word.to_str()) {
        Some("install" | "check" | "clone") => {}
        Some(WATCHED) => drop(words.remove(0)),
        _ => {
            if let Ok(mut child) = Command::new(&program).arg(WATCHED).args(&words).spawn() {
                ends_within(&mut child, TIME_LIMIT);
                return ExitCode::SUCCESS;
            }
        }
    }
    let End { status, complaint } = run(&program, words.into_iter(), env::vars_os());
    if !complaint.is_empty() {
        complain(&complaint);
    }
    status.into()
}

/// Says something on standard error, which may be closed.
fn complain(what: &dyn Display) {
    let _ = writeln!(io::stderr(), "ingraft-probe: {what}");
}

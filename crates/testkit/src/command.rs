//! Running other programs: their output on success, and on failure an error that says what they said.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use process_control::{ChildExt as _, Control as _};

/// Where administration programs are found even when the user's `PATH` lacks them, as it does for
/// ordinary users on Debian.
pub(crate) const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The end of a log that is worth showing in an error.
const TAIL_LINES: usize = 20;

/// So long is the line that says what was called.
const LONGEST_LINE: usize = 500;

/// Runs a program to its end and returns what it wrote to standard output.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = output(command)?;
    text(command, &output)
}

/// Runs a program to its end, whatever its exit status.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<Output> {
    command.stdin(Stdio::null()).output().with_context(|| format!("start {}", line(command)))
}

/// Runs a program with `input` on its standard input, whatever its exit status, and stops it after `limit`.
pub(crate) fn output_within(limit: Duration, command: &mut Command, input: &str) -> anyhow::Result<Output> {
    // Not a pipe: a program that does not read must not keep us from counting the time.
    let mut file = tempfile::tempfile().context("make a file for standard input")?;
    file.write_all(input.as_bytes()).and_then(|()| file.rewind()).context("write standard input")?;
    let child = command
        .stdin(file)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {}", line(command)))?;
    let waited = child.controlled_with_output().time_limit(limit).terminate_for_timeout().wait();
    let output = waited
        .with_context(|| format!("wait for {}", line(command)))?
        .with_context(|| format!("{} had not ended after {} s", line(command), limit.as_secs()))?;
    Ok(output.into_std_lossy())
}

/// What a program wrote to standard output; an error if it failed.
pub(crate) fn text(command: &Command, output: &Output) -> anyhow::Result<String> {
    if !output.status.success() {
        bail!(failure(command, output));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether the program ends with status 0; a program that cannot be started does not.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    output(command).is_ok_and(|output| output.status.success())
}

/// Finds a program in `PATH` or in the system's own folders.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(env::split_paths(SYSTEM_PATH))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// The last lines of a file, or why there are none.
pub(crate) fn tail(log: &Path) -> String {
    match fs::read(log) {
        Ok(bytes) => last_lines(&String::from_utf8_lossy(&bytes)),
        Err(error) => format!("(no log: {error})"),
    }
}

fn failure(command: &Command, output: &Output) -> String {
    let mut text = format!("{} failed with {}", line(command), output.status);
    for stream in [&output.stdout, &output.stderr] {
        let said = String::from_utf8_lossy(stream);
        if !said.trim().is_empty() {
            let _ = write!(text, "\n{}", last_lines(&said));
        }
    }
    text
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let start = lines.len().saturating_sub(TAIL_LINES);
    lines.get(start..).unwrap_or_default().join("\n")
}

/// What is called, as far as anybody would read it.
fn line(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        if text.len() > LONGEST_LINE {
            text.push_str(" …");
            break;
        }
        let _ = write!(text, " {}", argument.to_string_lossy());
    }
    text
}

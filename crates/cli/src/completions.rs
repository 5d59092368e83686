//! `ingraft completions`: a script that a shell reads. It asks the program itself what may come next, so that names of a
//! cluster can be among the answers.
//!
//! ```text
//! source <(ingraft completions bash)     ┐
//! kubectl ─► kubectl_complete-ingraft, a ├─► answer() ─► names/: codes of findings, contexts, namespaces, workloads
//!            link to this program        ┘
//! ```

pub mod names;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;

use clap_complete::env::Shells;
use clap_complete::{CompleteEnv, Shell, engine};

use crate::output::{self, CLEAN};

/// What a shell sets when it asks.
const VARIABLE: &str = "INGRAFT_COMPLETE";

/// What kubectl runs to complete `kubectl ingraft`:
/// <https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/>.
const FOR_KUBECTL: &str = "kubectl_complete-ingraft";

/// The directives of Cobra, which kubectl reads after the answers: <https://github.com/spf13/cobra/blob/main/completions.go>.
const NO_SPACE: u8 = 2;
const NO_FILES: u8 = 4;

/// Arguments of `ingraft completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell that the script is for
    shell: Shell,
}

/// Prints the script.
pub fn run(args: &Args) -> anyhow::Result<u8> {
    let mut script = Vec::new();
    if let Some(shell) = Shells::builtins().completer(&args.shell.to_string()) {
        shell.write_registration(VARIABLE, "ingraft", "ingraft", "ingraft", &mut script)?;
    }
    output::print(&script)?;
    Ok(CLEAN)
}

/// Answers a shell, or kubectl, that asks what may come next. Returns false if nobody does.
pub fn answer(command: fn() -> clap::Command) -> bool {
    let mut words = std::env::args_os();
    let program = words.next().unwrap_or_default();
    if Path::new(&program).file_stem().is_some_and(|name| name == FOR_KUBECTL) {
        // A completion that fails has nothing to say, here and below: its text would end up in the command line.
        drop(answer_kubectl(command(), words.collect()));
        return true;
    }
    let asked = CompleteEnv::with_factory(command).var(VARIABLE);
    asked.try_complete(std::env::args_os(), std::env::current_dir().ok().as_deref()).unwrap_or(true)
}

/// One answer in each line, with what it is after a tab, and a directive in the last.
fn answer_kubectl(mut command: clap::Command, words: Vec<OsString>) -> std::io::Result<()> {
    let words: Vec<OsString> = std::iter::once("ingraft".into()).chain(words).collect();
    let last = words.len() - 1;
    let folder = std::env::current_dir().ok();
    let found = engine::complete(&mut command, words, last, folder.as_deref())?;
    let mut text = String::new();
    let mut directive = NO_FILES;
    for one in found {
        let value = one.get_value().to_string_lossy();
        if value.ends_with(['/', '=']) {
            directive |= NO_SPACE;
        }
        text.push_str(&value);
        if let Some(help) = one.get_help() {
            text.push('\t');
            text.push_str(help.to_string().lines().next().unwrap_or_default());
        }
        text.push('\n');
    }
    std::io::stdout().write_all(format!("{text}:{directive}\n").as_bytes())
}

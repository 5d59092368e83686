//! Asking the kubelet.

use std::collections::BTreeMap;
use std::io::{BufWriter, Seek as _, Write as _};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use ingraft_testkit::{Kubernetes, Progress, kubelet_environment};
use serde_json::Value;

use crate::case::Case;

/// The variables of a container, or why it does not start.
pub(crate) type Answer = Result<BTreeMap<String, String>, String>;

/// Asks about all cases at once.
pub(crate) fn ask(cases: &[Case]) -> Vec<Answer> {
    let program = || kubelet_environment(Kubernetes::chosen()?, Progress::stderr());
    let program = program().expect("the kubelet's function (cargo xtask tools builds it)");
    answers(Command::new(program), cases).expect("the kubelet answers")
}

fn answers(mut program: Command, cases: &[Case]) -> anyhow::Result<Vec<Answer>> {
    let mut input = BufWriter::new(tempfile::tempfile()?);
    for case in cases {
        writeln!(input, "{}", case.json())?;
    }
    let mut input = input.into_inner()?;
    input.rewind()?;
    // Thousands of small files: on a disk they would take longer than all else.
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        program.env("TMPDIR", memory);
    }
    let output = program.stdin(input).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout)?;
    let answers: Vec<Answer> = lines.lines().map(answer).collect::<anyhow::Result<_>>()?;
    ensure!(answers.len() == cases.len(), "{} answers to {} cases", answers.len(), cases.len());
    Ok(answers)
}

fn answer(line: &str) -> anyhow::Result<Answer> {
    let answer: Value = serde_json::from_str(line)?;
    if let Some(error) = answer.get("error").and_then(Value::as_str) {
        return Ok(Err(error.to_owned()));
    }
    let variables = answer.get("environment").and_then(Value::as_object).into_iter().flatten();
    let variable = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    Ok(Ok(variables.map(variable).collect::<Option<_>>().context("a value is no text")?))
}

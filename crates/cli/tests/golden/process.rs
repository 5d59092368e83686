//! Runs the binary.

use std::process::Command;

use ingraft_cluster::documents::{self, Document};
use serde_json::Value;

use crate::case::Case;

/// What the binary answered.
pub(crate) struct Output {
    pub(crate) documents: Vec<Document>,
    pub(crate) findings: String,
    pub(crate) status: Option<i32>,
}

/// Runs the binary on the input of a case, in its folder, without any environment.
fn run(case: &Case, command: &[&str]) -> std::process::Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ingraft"));
    program.env_clear().env("NO_COLOR", "1").current_dir(&case.folder);
    program.args(command).args(["-f", "input.yaml"]).args(&case.args).output().unwrap()
}

/// What `ingraft doctor` says, one line each: what, where, and of which object.
pub(crate) fn doctor(case: &Case) -> String {
    let output = run(case, &["doctor", "-o", "json"]);
    let said = String::from_utf8(output.stderr).unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let line = |finding: &Value| {
        let [code, severity, line, object] = ["/code", "/severity", "/line", "/subject/name"]
            .map(|field| text(finding.pointer(field).unwrap()));
        format!("{severity}[{code}] line {line}, {object}\n")
    };
    report["findings"].as_array().unwrap().iter().map(line).collect()
}

/// Runs `ingraft inject`.
pub(crate) fn inject(case: &Case) -> Output {
    let output = run(case, &["inject"]);
    Output {
        documents: documents::read("standard output", std::str::from_utf8(&output.stdout).unwrap()).unwrap(),
        findings: String::from_utf8(output.stderr).unwrap(),
        status: output.status.code(),
    }
}

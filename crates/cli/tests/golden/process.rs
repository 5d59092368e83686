//! Runs the binary.

use std::process::Command;

use ingraft_cluster::documents::{self, Document};

use crate::case::Case;

/// What the binary answered.
pub(crate) struct Output {
    pub(crate) documents: Vec<Document>,
    pub(crate) findings: String,
    pub(crate) status: Option<i32>,
}

/// Runs `ingraft inject -f input.yaml` in the folder of a case, without any environment.
pub(crate) fn inject(case: &Case) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_ingraft"))
        .env_clear()
        .env("NO_COLOR", "1")
        .current_dir(&case.folder)
        .args(["inject", "-f", "input.yaml"])
        .args(&case.args)
        .output()
        .unwrap();
    Output {
        documents: documents::read("standard output", std::str::from_utf8(&output.stdout).unwrap()).unwrap(),
        findings: String::from_utf8(output.stderr).unwrap(),
        status: output.status.code(),
    }
}

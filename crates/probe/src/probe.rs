//! One run in the application's image: look, merge, write, report.

use std::env;

use ingraft_probe_contract::{Error, MESSAGE, MESSAGE_LIMIT, Plan, append};

use crate::End;
use crate::decide::decide;
use crate::environment::Environment;
use crate::files::{overwrite, replace};
use crate::image::{Contents, Disk, Files, Image};
use crate::report;

/// Always succeeds: a failed init container would keep the application from starting.
pub(crate) fn run(plan: &Plan, environment: &Environment) -> End {
    let current = env::current_dir().ok().and_then(|folder| folder.into_os_string().into_string().ok());
    let disk = Disk::below("/");
    let files = Files::of(&disk);
    let image = Image {
        files: &files,
        environment,
        argv: &plan.argv,
        // The root is where the probe is put; it says nothing about the application.
        workdir: plan.workdir.as_deref().or_else(|| current.as_deref().filter(|folder| *folder != "/")),
        architecture: env::consts::ARCH,
    };
    let contents = Contents::of(&image, plan, &report::of_interest(plan));
    let decision = decide(plan, environment, &contents);
    let mut file = String::new();
    for (name, value) in &decision.variables {
        append(&mut file, name, value);
    }
    let written = replace(&plan.file, 0o644, file.as_bytes());
    let mut report = report::of(plan, environment, contents, decision);
    let mut complaint = String::new();
    if let Err(error) = written {
        report.error = Some(format!("write: {error}"));
        complaint = format!("failed to write {}: {error}. ", plan.file);
    }
    complaint += &send(&plan.message, &report::render(report, plan.message_limit));
    End { status: 0, complaint }
}

/// A command line of another version must not keep the application from starting either.
pub(crate) fn refuse(error: &Error) -> End {
    let report = report::of_error(format!("usage: {error}"));
    let complaint = format!("{error}. {}", send(MESSAGE, &report::render(report, MESSAGE_LIMIT)));
    End { status: 0, complaint }
}

/// The kubelet mounts the file, so it is not created.
fn send(path: &str, line: &str) -> String {
    match overwrite(path, line.as_bytes()) {
        Ok(()) => String::new(),
        Err(error) => format!("failed to write {path}: {error}"),
    }
}

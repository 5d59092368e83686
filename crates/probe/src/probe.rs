//! One run in the application's image: look, merge, write, report.

use alloc::{format, string::String};
use core::mem;

use crate::{
    End,
    args::{self, MESSAGE},
    decide::decide,
    environment::Environment,
    facts::{self, Facts},
    image::{Contents, Files, Image},
    plan::Plan,
    system::{current_folder, describe, overwrite, replace},
};

/// Always succeeds: a failed init container would keep the application from starting.
pub(crate) fn run(plan: &Plan, environment: &Environment) -> End {
    let current = current_folder();
    let files = Files::below("/");
    let image = Image {
        files: &files,
        environment,
        argv: &plan.argv,
        // The root is where the probe is put; it says nothing about the application.
        workdir: plan.workdir.as_deref().or_else(|| current.as_deref().filter(|folder| *folder != "/")),
    };
    let contents = Contents::of(&image, plan, &facts::of_interest(plan));
    let mut decision = decide(plan, environment, &contents);
    let file = mem::take(&mut decision.file);
    let written = replace(&plan.file, 0o644, file.as_bytes());
    let mut facts = Facts::of(plan, environment, contents, decision);
    let mut complaint = String::new();
    if let Err(error) = written {
        facts.fail(format!("write: {}", describe(error)));
        complaint = format!("failed to write {}: {}. ", plan.file, describe(error));
    }
    complaint += &report(&plan.message, &facts.render(plan.message_limit));
    End { status: 0, complaint }
}

/// A command line of another version must not keep the application from starting either.
pub(crate) fn refuse(error: &args::Error) -> End {
    let facts = Facts::of_error(format!("usage: {error}"));
    let complaint = format!("{error}. {}", report(MESSAGE, &facts.render(1024)));
    End { status: 0, complaint }
}

/// The kubelet mounts the file, so it is not created.
fn report(path: &str, line: &str) -> String {
    match overwrite(path, line.as_bytes()) {
        Ok(()) => String::new(),
        Err(error) => format!("failed to write {path}: {}", describe(error)),
    }
}

//! One run in the application's image: look, merge, write, report.

use std::{fs, io, io::Write, path::Path, process::ExitCode};

use crate::{
    args,
    decide::decide,
    envfile,
    environment::Environment,
    facts::{self, Facts},
    guard,
    image::{Contents, Files, Image},
    plan::Plan,
};

/// Always succeeds: a failed init container would keep the application from starting.
pub(crate) fn run(plan: &Plan) -> ExitCode {
    guard::always_succeed();
    let environment = Environment::of_process();
    let current = std::env::current_dir().ok().and_then(|folder| folder.into_os_string().into_string().ok());
    let files = Files::below("/");
    let image = Image {
        files: &files,
        environment: &environment,
        argv: &plan.argv,
        // The root is where the probe is put; it says nothing about the application.
        workdir: plan.workdir.as_deref().or_else(|| current.as_deref().filter(|folder| *folder != "/")),
    };
    let contents = Contents::of(&image, plan, &facts::of_interest(plan));
    let mut decision = decide(plan, &environment, &contents);
    let file = std::mem::take(&mut decision.file);
    let written = envfile::replace(&plan.file, 0o644, |out| out.write_all(file.as_bytes()));
    let mut facts = Facts::of(plan, &environment, contents, decision);
    if let Err(error) = written {
        guard::complain(&format_args!("failed to write {}: {error}", plan.file.display()));
        facts.fail(["write: ", &error.to_string()].concat());
    }
    report(&plan.message, &facts.render(plan.message_limit));
    ExitCode::SUCCESS
}

/// A command line of another version must not keep the application from starting either.
pub(crate) fn refuse(error: &args::Error) -> ExitCode {
    guard::complain(error);
    let facts = Facts::of_error(["usage: ", &error.to_string()].concat());
    report(Path::new("/dev/termination-log"), &facts.render(1024));
    ExitCode::SUCCESS
}

fn report(path: &Path, line: &str) {
    if let Err(error) = write_over(path, line) {
        guard::complain(&format_args!("failed to write {}: {error}", path.display()));
    }
}

/// The kubelet mounts the file, so it is not created.
fn write_over(path: &Path, line: &str) -> io::Result<()> {
    fs::OpenOptions::new().write(true).truncate(true).open(path)?.write_all(line.as_bytes())
}

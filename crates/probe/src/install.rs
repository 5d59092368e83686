//! Puts this program and the files that it will write into a volume.
//!
//! The files come first: without them the application's container can't start at all, since `fileKeyRef` fails on a
//! missing file even when it is optional. They hold what the pod itself says, in case that no probe gets to the end.

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::{args::FirstFile, envfile, environment::Value, guard::complain};

/// The program's name in the volume.
const NAME: &str = "ingraft-probe";

/// Fails only if a file could not be made. A volume without the program shows when the next container starts.
pub(crate) fn run(folder: &Path, files: &[FirstFile]) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for file in files {
        let path = folder.join(&file.name);
        let content = content(file);
        // Anybody may write to it: the program may run as another user.
        let made = envfile::replace(&path, 0o666, |out| out.write_all(content.as_bytes()));
        if let Err(error) = made
            && !path.is_file()
        {
            complain(&format_args!("failed to create {}: {error}", path.display()));
            code = ExitCode::FAILURE;
        }
    }
    if let Err(error) = copy(&folder.join(NAME)) {
        complain(&format_args!("failed to copy the program: {error}"));
    }
    code
}

fn content(file: &FirstFile) -> String {
    let mut content = String::new();
    for (name, value) in &file.values {
        let value = Value::Text(value.clone());
        if let Ok(text) = envfile::writable(name, &value) {
            envfile::append(&mut content, name, text);
        }
    }
    content
}

fn copy(target: &Path) -> io::Result<()> {
    let mut program = fs::File::open(myself()?)?;
    envfile::replace(target, 0o755, |file| io::copy(&mut program, file).map(drop))
}

/// This program's file, also where `/proc` is missing.
fn myself() -> io::Result<PathBuf> {
    env::current_exe().or_else(|error| env::args_os().next().map(PathBuf::from).ok_or(error))
}

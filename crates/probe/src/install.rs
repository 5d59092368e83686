//! Puts this program and the files that it will write into a volume.
//!
//! The files come first: without them the application's container can't start at all, since `fileKeyRef` fails on a
//! missing file even when it is optional. They hold what the pod itself says, in case that no probe gets to the end.

use alloc::{format, string::String};

use crate::{
    End,
    args::FirstFile,
    envfile,
    environment::Value,
    system::{describe, is_regular, read, replace},
};

/// The program's name in the volume.
const NAME: &str = "ingraft-probe";

/// More than this program will ever be.
const MOST: usize = 16 * 1024 * 1024;

/// Fails only if a file could not be made. A volume without the program shows when the next container starts.
pub(crate) fn run(program: &[u8], folder: &str, files: &[FirstFile]) -> End {
    let mut end = End::default();
    for file in files {
        let path = format!("{folder}/{}", file.name);
        // Anybody may write to it: the program may run as another user.
        let made = replace(&path, 0o666, content(file).as_bytes());
        if let Err(error) = made
            && !is_regular(&path)
        {
            end.complaint = format!("failed to create {path}: {}", describe(error));
            end.status = 1;
        }
    }
    // Also where `/proc` is missing.
    let called = String::from_utf8_lossy(program);
    let program = read("/proc/self/exe", 0, MOST).or_else(|_| read(&called, 0, MOST));
    let copied = program.and_then(|program| replace(&format!("{folder}/{NAME}"), 0o755, &program));
    if let Err(error) = copied {
        end.complaint = format!("failed to copy the program: {}", describe(error));
    }
    end
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

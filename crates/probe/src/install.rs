//! Puts this program and the files that it will write into a volume.
//!
//! The files come first: without them the application's container can't start at all, since `fileKeyRef` fails on a
//! missing file even when it is optional. They are empty, in case no probe gets to the end.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use ingraft_probe_contract::{Install, PROGRAM};

use crate::End;
use crate::files::replace;

/// Fails only if a file could not be made. A volume without the program shows when the next container starts.
pub(crate) fn run(program: &OsStr, Install { folder, files }: &Install) -> End {
    let mut end = End::default();
    for file in files {
        let path = format!("{folder}/{file}");
        // Anybody may write to it: the program may run as another user.
        let made = replace(&path, 0o666, b"");
        if let Err(error) = made
            && !Path::new(&path).is_file()
        {
            end.complaint = format!("failed to create {path}: {error}");
            end.status = 1;
        }
    }
    // Even if `/proc` is missing.
    let bytes = fs::read("/proc/self/exe").or_else(|_| fs::read(program));
    let copied = bytes.and_then(|bytes| replace(&format!("{folder}/{PROGRAM}"), 0o755, &bytes));
    if let Err(error) = copied {
        end.complaint = format!("failed to copy the program: {error}");
    }
    end
}

//! Libraries compiled from C, for programs of Debian.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use crate::command::run;

/// Compiles one file, with folders of headers, into a shared library.
pub(super) fn shared_library(source: &Path, headers: &[&Path], library: &Path) -> anyhow::Result<()> {
    let mut command = Command::new("gcc");
    command.args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-s"]);
    for folder in headers {
        // Warnings about the headers of others are not ours.
        command.arg("-isystem").arg(folder);
    }
    run(command.arg("-o").arg(library).arg(source))
        .with_context(|| format!("compile {}", source.display()))?;
    Ok(())
}

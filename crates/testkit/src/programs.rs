//! Our own programs, built for tests and the demo.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use serde_json::Value;

use crate::Progress;
use crate::command::run;

/// For programs that run in an empty image.
const STATIC: &str = "-C target-feature=+crt-static";

/// Builds a program of this workspace with debug information, for tests on this machine.
///
/// # Errors
/// When it does not compile.
pub fn debug(package: &str, program: &str) -> anyhow::Result<PathBuf> {
    build(package, &["--bin", program], "")
}

/// Builds a program of this workspace as it is released: optimised, static, so that it runs in an empty image.
///
/// # Errors
/// When it does not compile.
pub fn release(package: &str, program: &str, progress: Progress) -> anyhow::Result<PathBuf> {
    let host = host()?;
    progress.step(format_args!("building {program} (about 7 minutes the first time)"), || {
        // Proc macros cannot be linked statically: naming the target keeps these flags away from them.
        build(package, &["--bin", program, "--release", "--target", &host], STATIC)
    })
}

/// Builds an example in the same way.
///
/// # Errors
/// When it does not compile.
pub fn example(package: &str, example: &str, progress: Progress) -> anyhow::Result<PathBuf> {
    let host = host()?;
    progress.step(format_args!("building {example}"), || {
        build(package, &["--example", example, "--release", "--target", &host], STATIC)
    })
}

/// Builds the probe as `cargo probe` does: small, static, for any image.
///
/// # Errors
/// When it does not compile.
pub fn probe(progress: Progress) -> anyhow::Result<PathBuf> {
    let host = host()?;
    progress.step("building ingraft-probe", || {
        let flags = format!("{STATIC} -C relocation-model=static");
        let options = ["--bin", "ingraft-probe", "--profile", "probe", "--target", &host];
        build("ingraft-probe", &options, &flags)
    })
}

fn host() -> anyhow::Result<String> {
    let version = run(Command::new("rustc").arg("-vV")).context("ask rustc for its target")?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc names no host")
}

/// Builds one program, the last that cargo names.
fn build(package: &str, options: &[&str], flags: &str) -> anyhow::Result<PathBuf> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .args(["build", "--quiet", "--message-format=json-render-diagnostics", "--package", package])
        .args(options);
    // What cargo tells the test or task that runs here about its package is not for the packages that are built:
    // build scripts that look at it (that of ring does) would run again, each time.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    if !flags.is_empty() {
        command.env("RUSTFLAGS", flags);
    }
    let messages = run(&mut command).with_context(|| format!("build {package}"))?;
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| message.get("executable").and_then(Value::as_str).map(PathBuf::from))
        .next_back()
        .with_context(|| format!("cargo built no program of {package}"))
}

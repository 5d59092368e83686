//! `cargo xtask test`: every check and test, the same here and in CI.

use std::num::NonZero;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail, ensure};

use ingraft_testkit::{Kubernetes, Progress, prerequisites};

use crate::paths::root;
use crate::{crds, docs};

/// No file of code is longer, tests aside.
const LONGEST_FILE: usize = 500;
/// What `--no-node` means.
const WITHOUT_NODE: &str = "left out, because of --no-node: the end-to-end tests (tests/e2e), and those of the probe in \
                            an empty image and on a full volume (crates/probe)";
/// How many tests run at the same time (<https://doc.rust-lang.org/rustc/tests/index.html#--test-threads-test_threads>).
const TEST_THREADS: &str = "RUST_TEST_THREADS";
/// Those that take long wait for a cluster most of the time.
const THREADS_PER_CORE: usize = 3;
/// What must not be depended on: the core decides and does nothing else, and controllers serve nothing.
const FORBIDDEN: [(&str, &[&str]); 3] = [
    ("ingraft-core", &["tokio", "hyper", "rustls", "kube-client"]),
    ("ingraft-controllers", &["axum", "ingraft-webhook"]),
    // What reads images is for the command line alone.
    ("ingraft-operator", &["ingraft-image", "flate2", "ureq"]),
];

/// Runs everything, cheap checks first. `no_node` leaves out the tests that need root.
pub fn run(kubernetes: Kubernetes, no_node: bool, progress: Progress) -> anyhow::Result<()> {
    step("formatting", || cargo(&["fmt", "--all", "--check"]))?;
    step("generated files", || crds::check().and_then(|()| docs::check()))?;
    step("boundaries", boundaries)?;
    step("length of files", files_are_short)?;
    step("lints", || cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))?;
    if has_cargo_deny() {
        step("licences and sources", || cargo(&["deny", "check", "bans", "licenses", "sources"]))?;
    } else {
        eprintln!(
            "==> licences and sources: not checked, as cargo-deny is not installed (cargo install cargo-deny)"
        );
    }
    step("tools and images for tests", || prerequisites::prepare(kubernetes, no_node, progress))?;
    step(&format!("tests, on Kubernetes {kubernetes}"), || {
        let mut command = cargo_command(&["test", "--workspace"]);
        command.env(Kubernetes::VARIABLE, kubernetes.version());
        if std::env::var_os(TEST_THREADS).is_none() {
            let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
            command.env(TEST_THREADS, (THREADS_PER_CORE * cores).to_string());
        }
        if no_node {
            command.args(["--exclude", "ingraft-e2e-tests"]).env(prerequisites::SKIP_NODE, "1");
        }
        succeed(&mut command)
    })?;
    step("documentation", || {
        let doc = ["doc", "--workspace", "--no-deps", "--quiet"];
        succeed(cargo_command(&doc).env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    if no_node {
        eprintln!("==> {WITHOUT_NODE}");
    }
    Ok(())
}

fn step(what: &str, check: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    eprintln!("==> {what}");
    let start = Instant::now();
    check().with_context(|| format!("{what} failed"))?;
    eprintln!("    passed in {:.1} s", start.elapsed().as_secs_f32());
    Ok(())
}

fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    succeed(&mut cargo_command(arguments))
}

pub(crate) fn cargo_command(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

pub(crate) fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().context("start cargo")?;
    ensure!(status.success(), "{command:?} failed");
    Ok(())
}

fn boundaries() -> anyhow::Result<()> {
    for (package, forbidden) in FORBIDDEN {
        let tree = ["tree", "--package", package, "--edges", "normal", "--prefix", "none"];
        let tree = cargo_command(&tree).output().context("start cargo tree")?;
        let tree = String::from_utf8(tree.stdout)?;
        ensure!(tree.contains(package), "cargo tree printed nothing");
        for name in forbidden {
            let depends = tree.lines().any(|line| line.split(' ').next() == Some(name));
            ensure!(!depends, "{package} depends on {name}");
        }
    }
    Ok(())
}

fn files_are_short() -> anyhow::Result<()> {
    let mut folders = vec![root().join("crates"), root().join("tests"), root().join("xtask")];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path)?;
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().lines().count();
                if code > LONGEST_FILE {
                    bail!("{} has {code} lines; at most {LONGEST_FILE} are allowed", path.display());
                }
            }
        }
    }
    Ok(())
}

/// It is not on every machine, and cannot be installed in a minute.
fn has_cargo_deny() -> bool {
    Command::new("cargo-deny").arg("--version").output().is_ok_and(|output| output.status.success())
}

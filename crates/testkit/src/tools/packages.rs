//! Programs that Debian has: looked for, and installed if possible.
//!
//! A program counts, not its package: on other systems it may come from anywhere.

use std::path::PathBuf;
use std::process::Command;

use anyhow::bail;

use crate::command::{find, run};
use crate::{Cache, Progress};

/// Debian's folder for CNI plugins, and the one that most others use.
const PLUGIN_FOLDERS: [&str; 2] = ["/usr/lib/cni", "/opt/cni/bin"];

/// A program, and the Debian package that it is in.
pub(super) struct Need {
    program: &'static str,
    package: &'static str,
    network_plugin: bool,
}

impl Need {
    pub(super) const fn program(program: &'static str, package: &'static str) -> Self {
        Self { program, package, network_plugin: false }
    }

    pub(super) const fn network_plugin(program: &'static str, package: &'static str) -> Self {
        Self { program, package, network_plugin: true }
    }

    fn is_met(&self) -> bool {
        if self.network_plugin { network_plugins().is_some() } else { find(self.program).is_some() }
    }
}

/// The folder with the CNI plugins.
pub(super) fn network_plugins() -> Option<PathBuf> {
    PLUGIN_FOLDERS.map(PathBuf::from).into_iter().find(|folder| folder.join("ptp").is_file())
}

/// Installs the packages of all programs that are missing.
pub(super) fn ensure(cache: &Cache, progress: Progress, needs: &[Need]) -> anyhow::Result<()> {
    if missing(needs).is_empty() {
        return Ok(());
    }
    let _lock = cache.lock("packages", progress)?;
    let packages = missing(needs);
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if find("apt-get").is_none() {
        bail!("programs are missing that Debian has in these packages: {list}");
    }
    if !is_root() {
        bail!("packages are missing; run: sudo apt-get install --yes {list}");
    }
    progress.step(format_args!("installing {list}"), || install(&packages))?;
    let still = missing(needs);
    if !still.is_empty() {
        bail!("installed, but their programs are not in PATH: {}", still.join(" "));
    }
    Ok(())
}

fn missing(needs: &[Need]) -> Vec<&'static str> {
    needs.iter().filter(|need| !need.is_met()).map(|need| need.package).collect()
}

fn install(packages: &[&str]) -> anyhow::Result<()> {
    run(apt().arg("update"))?;
    run(apt().args(["install", "--yes", "--no-install-recommends"]).args(packages))?;
    Ok(())
}

/// apt-get that never asks, and waits for another run instead of failing.
fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args(["-qq", "-o", "DPkg::Lock::Timeout=300"]);
    command
}

/// Whether this process may install packages and make namespaces.
pub(crate) fn is_root() -> bool {
    run(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

//! Folders made of Debian packages, without installing them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::command::run;

/// Unpacks packages, without their dependencies and scripts, into `root`.
pub(super) fn unpack(packages: &[&str], root: &Path) -> anyhow::Result<()> {
    let downloads = tempfile::tempdir()?;
    if download(packages, downloads.path()).is_err() {
        // Without package lists nothing is found; a new machine has none.
        run(Command::new("apt-get").args(["-qq", "update"])).context("update Debian's package lists")?;
        download(packages, downloads.path())?;
    }
    let mut archives: Vec<PathBuf> = fs::read_dir(downloads.path())?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<_>>()?;
    archives.retain(|path| path.extension().is_some_and(|extension| extension == "deb"));
    archives.sort();
    for archive in archives {
        run(Command::new("dpkg").arg("-x").arg(archive).arg(root))?;
    }
    Ok(())
}

fn download(packages: &[&str], folder: &Path) -> anyhow::Result<()> {
    // The sandbox user of apt may not write to a folder of ours, and says so in a warning.
    run(Command::new("apt-get")
        .args(["-qq", "-o", "APT::Sandbox::User=root", "download"])
        .args(packages)
        .current_dir(folder))
    .context("download Debian packages")?;
    Ok(())
}

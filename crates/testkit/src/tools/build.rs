//! Programs built from Go modules, into the cache.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

use crate::command::run;
use crate::{Cache, Progress};

const CONTAINERD_VERSION: &str = "2.4.2";

/// A Go module of this crate that makes one program.
pub(super) struct Module {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    pub(super) what: &'static str,
    pub(super) ldflags: &'static str,
    /// Further names of the program, which looks at the name that it is started under.
    pub(super) links: &'static [&'static str],
}

impl Module {
    /// Returns the folder with the program.
    pub(super) fn build(&self, cache: &Cache, progress: Progress) -> anyhow::Result<PathBuf> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("go").join(self.name);
        let hash = folder_hash(&source, self.ldflags)?;
        let key = format!("{}-{}-{hash}", self.name, self.version);
        cache.entry("bin", &key, progress, &format!("building {}", self.what), |folder| {
            fs::create_dir(folder)?;
            let program = folder.join(self.name);
            run(go()?
                .current_dir(&source)
                .args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", self.ldflags])
                .arg("-o")
                .arg(&program)
                .arg("."))?;
            for link in self.links {
                symlink(self.name, folder.join(link))?;
            }
            Ok(())
        })
    }
}

/// Builds containerd, its shim and `ctr` into one folder.
pub(super) fn install_containerd(cache: &Cache, progress: Progress) -> anyhow::Result<PathBuf> {
    let key = format!("containerd-{CONTAINERD_VERSION}");
    let what = format!("building containerd {CONTAINERD_VERSION} (about 2 minutes the first time)");
    cache.entry("bin", &key, progress, &what, |folder| {
        fs::create_dir(folder)?;
        let package = |name| format!("github.com/containerd/containerd/v2/cmd/{name}@v{CONTAINERD_VERSION}");
        run(go()?
            .current_dir(folder)
            .env("GOBIN", folder)
            .args(["install", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w"])
            .args(["containerd", "containerd-shim-runc-v2", "ctr"].map(package)))?;
        Ok(())
    })
}

/// Go without cgo, so that what it makes runs in an empty image, and without the user's own flags, so
/// that equal sources give equal programs.
fn go() -> anyhow::Result<Command> {
    let program = crate::command::find("go")
        .context("Go is not in PATH: install Go 1.26 or newer, which builds the cluster's programs")?;
    let mut command = Command::new(program);
    command.env("CGO_ENABLED", "0").env("GOFLAGS", "").env_remove("GOBIN").env("GOWORK", "off");
    Ok(command)
}

/// A short hash of everything that a build depends on.
fn folder_hash(folder: &Path, settings: &str) -> anyhow::Result<String> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .with_context(|| format!("read {}", folder.display()))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    files.sort();
    let mut parts = vec![settings.to_owned()];
    for file in files {
        // The name alone: another checkout of the same files shares the build.
        parts.push(file.file_name().unwrap_or_default().to_string_lossy().into_owned());
        parts.push(fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?);
    }
    Ok(content_key(parts.iter().map(String::as_str)))
}

/// A short name for a list of texts.
pub(crate) fn content_key<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    format!("{:x}", hash.finalize()).chars().take(12).collect()
}

/// The SHA-256 of a file, in hexadecimal.
pub(crate) fn file_hash(path: &Path) -> anyhow::Result<String> {
    let mut file = File::open(path).with_context(|| format!("open {}", path.display()))?;
    let mut hash = Sha256::new();
    io::copy(&mut file, &mut hash).with_context(|| format!("read {}", path.display()))?;
    Ok(format!("{:x}", hash.finalize()))
}

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

/// A program, and the Go module of this crate that it is made of.
pub(super) struct Module {
    /// The program's name.
    pub(super) name: &'static str,
    /// Part of the key, for people who look into the cache.
    pub(super) version: &'static str,
    /// Below `go`.
    pub(super) folder: &'static str,
    /// The program's package, as a path from the folder.
    pub(super) package: &'static str,
    /// The file in the folder that names the modules that it needs.
    pub(super) go_mod: &'static str,
    pub(super) tags: &'static str,
    pub(super) ldflags: String,
    /// Further names of the program, which looks at the name that it is started under.
    pub(super) links: &'static [&'static str],
}

impl Module {
    /// A program that is the only one of its module.
    pub(super) fn new(name: &'static str, version: &'static str) -> Self {
        let ldflags = "-s -w".to_owned();
        Self { name, version, folder: name, package: ".", go_mod: "go.mod", tags: "", ldflags, links: &[] }
    }

    /// Returns the folder with the program. `what` says what is built, and how long that may take.
    pub(super) fn build(&self, cache: &Cache, progress: Progress, what: &str) -> anyhow::Result<PathBuf> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("go").join(self.folder);
        let key = format!("{}-{}-{}", self.name, self.version, self.hash(&source)?);
        cache.entry("bin", &key, progress, &format!("building {what}"), |folder| {
            fs::create_dir(folder)?;
            let program = folder.join(self.name);
            run(go()?
                .current_dir(&source)
                .args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false"])
                .args(["-modfile", self.go_mod, "-tags", self.tags, "-ldflags", &self.ldflags, "-o"])
                .arg(&program)
                .arg(self.package))?;
            for link in self.links {
                symlink(self.name, folder.join(link))?;
            }
            Ok(())
        })
    }

    /// A short hash of everything that the program depends on.
    fn hash(&self, source: &Path) -> anyhow::Result<String> {
        let package = source.join(self.package);
        let mut files: Vec<PathBuf> = fs::read_dir(&package)
            .with_context(|| format!("read {}", package.display()))?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<_>>()?;
        files.retain(|file| file.extension().is_some_and(|extension| extension == "go" || extension == "s"));
        let go_mod = source.join(self.go_mod);
        let go_sum = go_mod.with_extension("sum");
        files.push(go_mod);
        // A module that needs no others has none.
        files.extend(go_sum.exists().then_some(go_sum));
        files.sort();
        let mut parts = vec![self.ldflags.clone()];
        for file in files {
            // The name alone: another checkout of the same files shares the build.
            parts.push(file.file_name().unwrap_or_default().to_string_lossy().into_owned());
            parts.push(fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?);
        }
        Ok(content_key(parts.iter().map(String::as_str)))
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

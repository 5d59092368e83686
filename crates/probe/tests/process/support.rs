//! Where the program runs in tests.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use ingraft_testkit::prerequisites::run_as_root;
use tempfile::TempDir;

/// The program, as `cargo test` builds it; `tests/scratch.rs` runs the one that is shipped.
pub fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_ingraft-probe"))
}

/// The program with an empty environment.
pub fn probe(file: &Path, message: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.arg("probe").arg(file).arg("--message").arg(message).args(words).env_clear();
    command
}

/// A folder with what the copier and the kubelet prepare.
pub struct Workplace {
    folder: TempDir,
}

impl Workplace {
    pub fn new() -> Self {
        let place = Self { folder: TempDir::new().expect("folder") };
        for name in ["app.env", "message"] {
            fs::write(place.path(name), "").expect("write");
        }
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn probe(&self, words: &[&str]) -> Command {
        probe(&self.path("app.env"), &self.path("message"), words)
    }

    pub fn file(&self) -> String {
        fs::read_to_string(self.path("app.env")).expect("read")
    }

    pub fn message(&self) -> String {
        fs::read_to_string(self.path("message")).expect("read")
    }
}

/// The value of a key that is the only one in the file.
pub fn value(file: &str, key: &str) -> Option<String> {
    let rest = file.strip_prefix(key)?.strip_prefix("='")?;
    rest.strip_suffix("'\n").filter(|value| !value.contains('\'')).map(str::to_owned)
}

/// A small volume in memory.
pub struct Tmpfs {
    folder: TempDir,
}

impl Tmpfs {
    /// Nothing where tests that need root are left out.
    pub fn mount(size: &str) -> Option<Self> {
        if !run_as_root("the probe on a full volume") {
            return None;
        }
        let folder = TempDir::new().expect("folder");
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(folder.path());
        assert!(command.status().is_ok_and(|status| status.success()), "mount a volume");
        Some(Self { folder })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.folder.path()).status();
    }
}

//! The folder that keeps what is expensive to build.
//!
//! An entry appears under its name only when it is complete, and only one process builds it: others wait
//! for the lock and then find it. Keys name the version and the hash of what went in, so an entry is
//! never out of date and never changed in place.

use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::Progress;

/// `$INGRAFT_CACHE`, else `$XDG_CACHE_HOME/ingraft`, else `~/.cache/ingraft`.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// Finds the folder and creates it.
    pub fn locate() -> anyhow::Result<Self> {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let root = set("INGRAFT_CACHE")
            .or_else(|| set("XDG_CACHE_HOME").map(|folder| folder.join("ingraft")))
            .or_else(|| set("HOME").map(|folder| folder.join(".cache/ingraft")))
            .context("no place for the cache: set INGRAFT_CACHE or HOME")?;
        fs::create_dir_all(&root).with_context(|| format!("create the cache folder {}", root.display()))?;
        // The namespaces that components run in have another working directory.
        let root = root.canonicalize().context("resolve the cache folder")?;
        Ok(Self { root })
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the path of an entry, after building it if it is missing.
    ///
    /// `build` gets a path that does not exist yet, and makes a file or a folder there.
    ///
    /// # Errors
    /// Those of `build`, and of the file system. A failed build leaves nothing behind.
    pub fn entry(
        &self,
        kind: &str,
        key: &str,
        progress: Progress,
        what: &str,
        build: impl FnOnce(&Path) -> anyhow::Result<()>,
    ) -> anyhow::Result<PathBuf> {
        let folder = self.root.join(kind);
        let path = folder.join(key);
        if path.exists() {
            return Ok(path);
        }
        fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        let _lock = self.lock(&format!("{kind}-{key}"), progress)?;
        if path.exists() {
            return Ok(path);
        }
        let temporary = tempfile::Builder::new().prefix(".new-").tempdir_in(&folder)?;
        let unfinished = temporary.path().join(key);
        progress.step(what, || build(&unfinished))?;
        fs::rename(&unfinished, &path).with_context(|| format!("put {} in place", path.display()))?;
        Ok(path)
    }

    /// Holds a named lock until the returned file is dropped, or the process ends.
    pub(crate) fn lock(&self, name: &str, progress: Progress) -> anyhow::Result<File> {
        let folder = self.root.join("locks");
        fs::create_dir_all(&folder)?;
        let path = folder.join(name);
        let file = File::create(&path).with_context(|| format!("open the lock {}", path.display()))?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            progress.note(format_args!("waiting for another process that holds {}", path.display()));
        }
        file.lock().with_context(|| format!("lock {}", path.display()))?;
        Ok(file)
    }
}

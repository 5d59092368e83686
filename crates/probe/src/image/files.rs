//! Looking at files within limits: an image may hold anything, and the pod waits.

use std::{
    cell::Cell,
    fs,
    io::{Read, Seek, SeekFrom},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    time::{Duration, Instant},
};

/// More than any image needs; each operation takes some microseconds.
const OPERATIONS: u32 = 2000;
/// Half of what the whole program may take.
const TIME: Duration = Duration::from_secs(1);
/// Entries read of one folder.
const ENTRIES: usize = 1024;

/// A file system below a root. Once a limit is reached nothing is found any more.
pub(crate) struct Files {
    root: PathBuf,
    left: Cell<u32>,
    deadline: Instant,
}

impl Files {
    /// Paths are looked up below `root`; links are followed from the real root.
    pub(crate) fn below(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), left: Cell::new(OPERATIONS), deadline: Instant::now() + TIME }
    }

    /// Whether looking ended early, so that what was not found may exist.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.left.get() == 0
    }

    /// Whether there is a file that may be executed.
    pub(crate) fn is_program(&self, path: &str) -> bool {
        self.metadata(path).is_some_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    }

    /// Whether there is a regular file.
    pub(crate) fn is_file(&self, path: &str) -> bool {
        self.metadata(path).is_some_and(|found| found.is_file())
    }

    /// Whether there is a folder.
    pub(crate) fn is_folder(&self, path: &str) -> bool {
        self.metadata(path).is_some_and(|found| found.is_dir())
    }

    /// The path without links.
    pub(crate) fn real(&self, path: &str) -> Option<String> {
        self.spend()?;
        let real = fs::canonicalize(self.at(path)).ok()?;
        let below = real.strip_prefix(&self.root).ok()?;
        Some(["/", below.to_str()?].concat())
    }

    /// Names in a folder, in no order.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = self.spend().and_then(|()| fs::read_dir(self.at(folder)).ok());
        let entries = entries.into_iter().flatten().take(ENTRIES);
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
    }

    /// The beginning of a file as text; what is no UTF-8 is replaced.
    pub(crate) fn text(&self, path: &str, most: usize) -> Option<String> {
        self.bytes(path, 0, most).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Some bytes of a regular file. Anything else, such as a pipe, could block.
    pub(crate) fn bytes(&self, path: &str, start: u64, most: usize) -> Option<Vec<u8>> {
        if !self.is_file(path) {
            return None;
        }
        let mut file = fs::File::open(self.at(path)).ok()?;
        if start > 0 {
            file.seek(SeekFrom::Start(start)).ok()?;
        }
        let mut bytes = Vec::new();
        file.take(u64::try_from(most).ok()?).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    fn metadata(&self, path: &str) -> Option<fs::Metadata> {
        self.spend()?;
        fs::metadata(self.at(path)).ok()
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    fn spend(&self) -> Option<()> {
        let left = if Instant::now() < self.deadline { self.left.get().checked_sub(1) } else { None };
        self.left.set(left.unwrap_or(0));
        left.map(drop)
    }
}

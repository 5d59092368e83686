//! Looking at files within limits: an image may hold anything, and the pod waits.

use std::cell::Cell;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

/// More than any image needs; each operation takes some microseconds.
const OPERATIONS: u32 = 2000;
/// Half of what the whole program may take.
const TIME: Duration = Duration::from_secs(1);
/// Entries read of one folder.
const ENTRIES: usize = 1024;

/// A file system below a root. Once a limit is reached nothing is found any more.
pub(crate) struct Files {
    root: String,
    left: Cell<u32>,
    started: Instant,
}

impl Files {
    /// Paths are looked up below `root`; links are followed from the real root.
    pub(crate) fn below(root: &str) -> Self {
        let root = root.trim_end_matches('/').into();
        Self { root, left: Cell::new(OPERATIONS), started: Instant::now() }
    }

    /// Whether looking ended early, so that what was not found may exist.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.left.get() == 0
    }

    /// Whether there is a file that may be executed.
    pub(crate) fn is_program(&self, path: &str) -> bool {
        self.look_at(path).is_some_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    }

    /// Whether there is a regular file.
    pub(crate) fn is_file(&self, path: &str) -> bool {
        self.look_at(path).is_some_and(|found| found.is_file())
    }

    /// Whether there is a folder.
    pub(crate) fn is_folder(&self, path: &str) -> bool {
        self.look_at(path).is_some_and(|found| found.is_dir())
    }

    /// The path without links.
    pub(crate) fn real(&self, path: &str) -> Option<String> {
        self.spend()?;
        let real = fs::canonicalize(self.at(path)).ok()?.into_os_string().into_string().ok()?;
        real.strip_prefix(&self.root).filter(|below| below.starts_with('/')).map(String::from)
    }

    /// Names in a folder, in no order. Those that are not UTF-8 are passed over.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = self.spend().and_then(|()| fs::read_dir(self.at(folder)).ok());
        let entries = entries.into_iter().flatten().take(ENTRIES);
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
    }

    /// The beginning of a file as text; what is not UTF-8 is replaced.
    pub(crate) fn text(&self, path: &str, most: u64) -> Option<String> {
        self.bytes(path, 0, most).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Some bytes of a regular file. Anything else, such as a pipe, could block.
    pub(crate) fn bytes(&self, path: &str, start: u64, most: u64) -> Option<Vec<u8>> {
        if !self.is_file(path) {
            return None;
        }
        read(&self.at(path), start, most).ok()
    }

    fn look_at(&self, path: &str) -> Option<Metadata> {
        self.spend()?;
        fs::metadata(self.at(path)).ok()
    }

    fn at(&self, path: &str) -> String {
        format!("{}/{}", self.root, path.trim_start_matches('/'))
    }

    fn spend(&self) -> Option<()> {
        let left = if self.started.elapsed() < TIME { self.left.get().checked_sub(1) } else { None };
        self.left.set(left.unwrap_or(0));
        left.map(drop)
    }
}

fn read(path: &str, start: u64, most: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn below(folder: &TempDir) -> Files {
        let real = fs::canonicalize(folder.path()).expect("real");
        Files::below(real.to_str().expect("text"))
    }

    #[test]
    fn reads_parts_of_files() {
        let folder = TempDir::new().expect("folder");
        let content: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        fs::write(folder.path().join("file"), &content).expect("write");
        let files = below(&folder);
        assert!(files.bytes("/file", 0, u64::MAX).expect("read") == content);
        assert_eq!(files.bytes("/file", 99_998, 7).expect("read"), content[99_998..100_005]);
        assert_eq!(files.bytes("/file", 1 << 40, 7), Some(Vec::new()));
        assert_eq!(files.bytes("/", 0, 7), None);
    }

    #[test]
    fn follows_links_and_lists_names() {
        let folder = TempDir::new().expect("folder");
        fs::write(folder.path().join("file"), "").expect("write");
        symlink("file", folder.path().join("link")).expect("link");
        let files = below(&folder);
        assert_eq!(files.real("/link").as_deref(), Some("/file"));
        assert_eq!(files.real("/missing"), None);
        let mut found = files.names("/");
        found.sort();
        assert_eq!(found, ["file", "link"]);
    }
}

//! Looking at files within limits: an image may hold anything, and the pod waits.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

/// More than any image needs; each operation takes some microseconds.
const OPERATIONS: u32 = 2000;
/// Half of what the whole program may take.
const TIME: Duration = Duration::from_secs(1);
/// Entries read of one folder.
const ENTRIES: usize = 1024;

/// What can be asked of a file system: that of a container, or one that was read out of an image. Links are followed from
/// its root.
pub trait Tree {
    /// What is at a path.
    fn kind(&self, path: &str) -> Option<Kind>;
    /// The path without links.
    fn real(&self, path: &str) -> Option<String>;
    /// Names in a folder, in no order. Those that are not UTF-8 are passed over.
    fn names(&self, folder: &str) -> Vec<String>;
    /// Some bytes of a regular file, if they are there to be read.
    fn bytes(&self, path: &str, start: u64, most: u64) -> Option<Vec<u8>>;
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file that may be executed.
    Program,
    /// Another regular file.
    File,
    /// A folder.
    Folder,
    /// Anything else, such as a pipe.
    Other,
}

/// A file system that is asked within limits. Once a limit is reached nothing is found any more.
pub(crate) struct Files<'t> {
    tree: &'t dyn Tree,
    left: Cell<u32>,
    started: Instant,
}

impl<'t> Files<'t> {
    /// Asks this one.
    pub(crate) fn of(tree: &'t dyn Tree) -> Self {
        Self { tree, left: Cell::new(OPERATIONS), started: Instant::now() }
    }

    /// Whether looking ended early, so that what was not found may exist.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.left.get() == 0
    }

    /// Whether there is a file that may be executed.
    pub(crate) fn is_program(&self, path: &str) -> bool {
        self.kind(path) == Some(Kind::Program)
    }

    /// Whether there is a regular file.
    pub(crate) fn is_file(&self, path: &str) -> bool {
        matches!(self.kind(path), Some(Kind::Program | Kind::File))
    }

    /// Whether there is a folder.
    pub(crate) fn is_folder(&self, path: &str) -> bool {
        self.kind(path) == Some(Kind::Folder)
    }

    /// The path without links.
    pub(crate) fn real(&self, path: &str) -> Option<String> {
        self.spend()?;
        self.tree.real(path)
    }

    /// Names in a folder, in no order.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        self.spend().map(|()| self.tree.names(folder)).unwrap_or_default()
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
        self.tree.bytes(path, start, most)
    }

    fn kind(&self, path: &str) -> Option<Kind> {
        self.spend()?;
        self.tree.kind(path)
    }

    fn spend(&self) -> Option<()> {
        let left = if self.started.elapsed() < TIME { self.left.get().checked_sub(1) } else { None };
        self.left.set(left.unwrap_or(0));
        left.map(drop)
    }
}

/// The file system below a folder.
pub(crate) struct Disk {
    root: String,
}

impl Disk {
    /// Paths are looked up below `root`; links are followed from the real root.
    pub(crate) fn below(root: &str) -> Self {
        Self { root: root.trim_end_matches('/').into() }
    }

    fn at(&self, path: &str) -> String {
        format!("{}/{}", self.root, path.trim_start_matches('/'))
    }
}

impl Tree for Disk {
    fn kind(&self, path: &str) -> Option<Kind> {
        let found = fs::metadata(self.at(path)).ok()?;
        Some(match found {
            found if found.is_dir() => Kind::Folder,
            found if !found.is_file() => Kind::Other,
            found if found.permissions().mode() & 0o111 != 0 => Kind::Program,
            _ => Kind::File,
        })
    }

    fn real(&self, path: &str) -> Option<String> {
        let real = fs::canonicalize(self.at(path)).ok()?.into_os_string().into_string().ok()?;
        real.strip_prefix(&self.root).filter(|below| below.starts_with('/')).map(String::from)
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.at(folder)).into_iter().flatten().take(ENTRIES);
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
    }

    fn bytes(&self, path: &str, start: u64, most: u64) -> Option<Vec<u8>> {
        read(&self.at(path), start, most).ok()
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

    fn below(folder: &TempDir) -> Disk {
        let real = fs::canonicalize(folder.path()).expect("real");
        Disk::below(real.to_str().expect("text"))
    }

    #[test]
    fn reads_parts_of_files() {
        let folder = TempDir::new().expect("folder");
        let content: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        fs::write(folder.path().join("file"), &content).expect("write");
        let disk = below(&folder);
        let files = Files::of(&disk);
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
        let disk = below(&folder);
        let files = Files::of(&disk);
        assert_eq!(files.real("/link").as_deref(), Some("/file"));
        assert_eq!(files.real("/missing"), None);
        let mut found = files.names("/");
        found.sort();
        assert_eq!(found, ["file", "link"]);
    }
}

//! Looking at files within limits: an image may hold anything, and the pod waits.

use alloc::{format, string::String, vec::Vec};
use core::{cell::Cell, time::Duration};

use rustix::fs::{FileType, Mode};

use crate::system;

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
    deadline: Duration,
}

impl Files {
    /// Paths are looked up below `root`; links are followed from the real root.
    pub(crate) fn below(root: &str) -> Self {
        let root = root.trim_end_matches('/').into();
        Self { root, left: Cell::new(OPERATIONS), deadline: system::now() + TIME }
    }

    /// Whether looking ended early, so that what was not found may exist.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.left.get() == 0
    }

    /// Whether there is a file that may be executed.
    pub(crate) fn is_program(&self, path: &str) -> bool {
        let executable = Mode::XUSR | Mode::XGRP | Mode::XOTH;
        self.look_at(path)
            .is_some_and(|(kind, mode)| kind == FileType::RegularFile && mode.intersects(executable))
    }

    /// Whether there is a regular file.
    pub(crate) fn is_file(&self, path: &str) -> bool {
        self.look_at(path).is_some_and(|(kind, _)| kind == FileType::RegularFile)
    }

    /// Whether there is a folder.
    pub(crate) fn is_folder(&self, path: &str) -> bool {
        self.look_at(path).is_some_and(|(kind, _)| kind == FileType::Directory)
    }

    /// The path without links.
    pub(crate) fn real(&self, path: &str) -> Option<String> {
        self.spend()?;
        let real = system::real(&self.at(path))?;
        real.strip_prefix(&self.root).filter(|below| below.starts_with('/')).map(String::from)
    }

    /// Names in a folder, in no order.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let names = self.spend().and_then(|()| system::names(&self.at(folder), ENTRIES).ok());
        names.unwrap_or_default()
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
        system::read(&self.at(path), start, most).ok()
    }

    fn look_at(&self, path: &str) -> Option<(FileType, Mode)> {
        self.spend()?;
        system::look_at(&self.at(path)).ok()
    }

    fn at(&self, path: &str) -> String {
        format!("{}/{}", self.root, path.trim_start_matches('/'))
    }

    fn spend(&self) -> Option<()> {
        let left = if system::now() < self.deadline { self.left.get().checked_sub(1) } else { None };
        self.left.set(left.unwrap_or(0));
        left.map(drop)
    }
}

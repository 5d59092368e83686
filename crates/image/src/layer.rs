//! One layer: which files it has, and of those that tell something, the content.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::rc::Rc;

use crate::manifest::Descriptor;
use crate::stream::{Hashing, Limited, decompressed, too_much};
use crate::tar::{Archive, Entry, Type};

/// What may be read of an image, all layers together.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Bytes as they come: what is compressed may hold nothing, and have no end.
    packed: u64,
    /// Bytes, once they are decompressed.
    bytes: u64,
    /// Entries of archives.
    entries: u32,
    room: Room,
}

impl Budget {
    /// Whether something was left out, as there is too much of it.
    pub(crate) const fn is_cut(&self) -> bool {
        self.room.is_cut
    }

    /// A layer of so many entries counts once more.
    pub(crate) fn count(&mut self, entries: usize) -> io::Result<()> {
        let left = u32::try_from(entries).ok().and_then(|entries| self.entries.checked_sub(entries));
        self.entries = left.ok_or_else(too_many)?;
        Ok(())
    }
}

fn too_many() -> io::Error {
    too_much("2,000,000 files")
}

/// What may be kept of files, with their names and where links lead.
#[derive(Debug)]
struct Room {
    bytes: usize,
    is_cut: bool,
}

impl Room {
    fn takes(&mut self, length: usize) -> bool {
        let left = self.bytes.checked_sub(length);
        self.bytes = left.unwrap_or(self.bytes);
        self.is_cut |= left.is_none();
        left.is_some()
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            packed: 64 << 30,
            bytes: 64 << 30,
            entries: 2_000_000,
            room: Room { bytes: 256 << 20, is_cut: false },
        }
    }
}

/// Paths that Linux takes are shorter.
const LONGEST_PATH: usize = 4096;
/// What is kept of a program: more than its headers.
const PROGRAM: usize = 4096;
/// What is kept of scripts and of short files that tell versions.
const SHORT: usize = 64 * 1024;
/// What is kept of a list of packages, and of a `package.json`.
const LONG: usize = 2 << 20;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Folder,
    File(Rc<File>),
    /// With where it leads.
    Link(String),
    Other,
}

impl Node {
    /// The bytes that are held for it: not much, but for where a link leads, which hard links repeat.
    pub(crate) const fn weight(&self) -> usize {
        size_of::<(String, Self)>() + if let Self::Link(target) = self { target.len() } else { 0 }
    }
}

/// A regular file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) is_program: bool,
    pub(crate) size: u64,
    /// Its beginning, if it is one that tells something.
    pub(crate) start: Option<Vec<u8>>,
    /// Whether Go has built it.
    pub(crate) is_go: bool,
}

/// What a layer does to those below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// Puts something at a path.
    Put(String, Node),
    /// Puts there what is at another.
    Copy(String, String),
    /// Takes away what layers below have at a path.
    Remove(String),
    /// Takes away what layers below have in a folder.
    Empty(String),
}

/// What layers do, by their digests. Equal ones are held once.
pub(crate) type Layers = BTreeMap<String, Rc<Vec<Change>>>;

/// What a layer does, in the order in which it is written there. Its digest and its size are compared.
/// <https://github.com/opencontainers/image-spec/blob/main/layer.md>
pub(crate) fn read(
    source: impl Read,
    layer: &Descriptor,
    budget: &mut Budget,
) -> io::Result<Rc<Vec<Change>>> {
    let mut packed = budget.packed;
    let source = Limited::new(source, &mut packed, "64 GiB of layers");
    let mut source = Hashing::like(&layer.digest, source)
        .ok_or_else(|| io::Error::other("the algorithm of its digest is not known"))?;
    let changes = read_content(&mut source, budget)?;
    source.finish(&layer.digest, layer.size)?;
    budget.packed = packed;
    Ok(Rc::new(changes))
}

/// The same of a layer that has a name in the place of a digest. The archive that holds it has its own limit.
pub(crate) fn read_named(source: impl Read, budget: &mut Budget) -> io::Result<Rc<Vec<Change>>> {
    read_content(source, budget).map(Rc::new)
}

fn read_content(source: impl Read, budget: &mut Budget) -> io::Result<Vec<Change>> {
    let Budget { bytes, entries, room, .. } = budget;
    let source = Limited::new(decompressed(source)?, bytes, "64 GiB of files");
    let mut archive = Archive::new(source);
    let mut changes = Vec::new();
    while let Some(entry) = archive.next()? {
        *entries = entries.checked_sub(1).ok_or_else(too_many)?;
        let Some(path) = absolute(&entry.path) else { continue };
        if !room.takes(path.len() + entry.link.len()) {
            continue;
        }
        changes.extend(change(&mut archive, entry, path, room)?);
    }
    Ok(changes)
}

fn change(
    archive: &mut Archive<impl Read>,
    entry: Entry,
    path: String,
    room: &mut Room,
) -> io::Result<Option<Change>> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
    if name == ".wh..wh..opq" {
        return Ok(Some(Change::Empty(folder.to_owned())));
    }
    if let Some(removed) = name.strip_prefix(".wh.") {
        // Others of the kind are the builder's own.
        return Ok((!removed.starts_with(".wh.")).then(|| Change::Remove(format!("{folder}/{removed}"))));
    }
    let node = match entry.kind {
        Type::Folder => Node::Folder,
        Type::Link if entry.link.len() <= LONGEST_PATH => Node::Link(entry.link),
        Type::HardLink => return Ok(absolute(&entry.link).map(|from| Change::Copy(path, from))),
        Type::File => Node::File(Rc::new(file(archive, &path, &entry, room)?)),
        Type::Link | Type::Other => Node::Other,
    };
    Ok(Some(Change::Put(path, node)))
}

/// A path of an archive, from the root. None that leads out of it.
fn absolute(path: &str) -> Option<String> {
    let mut absolute = String::with_capacity(path.len() + 1);
    for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if part == ".." || part.contains('\0') {
            return None;
        }
        absolute.push('/');
        absolute.push_str(part);
    }
    (!absolute.is_empty() && absolute.len() <= LONGEST_PATH).then_some(absolute)
}

/// Reads a file, and keeps of it what is looked at later.
fn file(archive: &mut Archive<impl Read>, path: &str, entry: &Entry, room: &mut Room) -> io::Result<File> {
    let is_program = entry.mode & 0o111 != 0;
    let mut start = Vec::new();
    let by_name = kept_by_name(path);
    let first = by_name.max(if is_program { PROGRAM } else { 0 });
    archive.by_ref().take(first as u64).read_to_end(&mut start)?;
    if is_program && start.starts_with(b"#!") {
        archive.by_ref().take(SHORT.saturating_sub(start.len()) as u64).read_to_end(&mut start)?;
    }
    let is_go = is_program && start.starts_with(b"\x7fELF") && is_built_by_go(&start, archive)?;
    start.truncate(if start.starts_with(b"\x7fELF") { PROGRAM } else { LONG });
    start.shrink_to_fit();
    let start = (first > 0).then_some(start).filter(|start| room.takes(start.len()));
    Ok(File { is_program, size: entry.size, start, is_go })
}

/// How much of a file is of interest by its name.
fn kept_by_name(path: &str) -> usize {
    let name = path.rsplit('/').next().unwrap_or_default();
    match name {
        "package.json" => LONG / 2,
        "release" | "pyvenv.cfg" | "node_version.h" | "ld.so.preload" => SHORT,
        _ if matches!(
            path,
            "/lib/apk/db/installed" | "/usr/lib/apk/db/installed" | "/var/lib/dpkg/status"
        ) =>
        {
            LONG
        }
        _ => match name.rsplit_once('.') {
            Some((_, "sh")) => SHORT,
            Some((name, "json")) if name.ends_with(".runtimeconfig") => SHORT,
            _ => 0,
        },
    }
}

/// What Go writes into every program:
/// <https://github.com/golang/go/blob/master/src/debug/buildinfo/buildinfo.go>.
const GO: &[u8] = b"\xff Go buildinf:";

/// Whether a program holds Go's mark. Its beginning has been read already.
fn is_built_by_go(start: &[u8], rest: &mut impl Read) -> io::Result<bool> {
    let mut window = start.to_vec();
    loop {
        if holds(&window, GO) {
            return Ok(true);
        }
        // The mark may lie across two pieces.
        window.drain(..window.len().saturating_sub(GO.len()));
        if rest.by_ref().take(64 * 1024).read_to_end(&mut window)? == 0 {
            return Ok(false);
        }
    }
}

fn holds(bytes: &[u8], mark: &[u8]) -> bool {
    let first = mark.first().copied().unwrap_or_default();
    let mut rest = bytes;
    while let Some(place) = rest.iter().position(|byte| *byte == first) {
        let Some(found) = rest.get(place..) else { return false };
        if found.starts_with(mark) {
            return true;
        }
        rest = found.get(1..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests;

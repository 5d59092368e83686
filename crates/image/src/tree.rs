//! All layers as one file system, in memory.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::rc::Rc;

use ingraft_probe::Kind;

use crate::layer::{Change, File, Node};

/// As many links as Linux follows on the way to a file.
const LINKS: usize = 40;
/// More parts than paths have that Linux takes.
const STEPS: usize = 4096;
/// As many names of a folder as a probe reads.
const NAMES: usize = 1024;

/// The files of an image.
#[derive(Debug)]
pub(crate) struct Tree {
    /// By path, without links in the folders above. The root is not among them.
    nodes: BTreeMap<String, Node>,
    /// The bytes that nodes may take from now on, with their paths: one of many folders has each of them.
    room: usize,
}

impl Default for Tree {
    fn default() -> Self {
        Self { nodes: BTreeMap::new(), room: 512 << 20 }
    }
}

impl Tree {
    /// Puts a layer on those that are there.
    pub(crate) fn apply(&mut self, changes: &[Change]) {
        // What a layer takes away is of those below it, wherever in the layer it says so.
        for change in changes {
            match change {
                Change::Remove(path) => {
                    if let Some(path) = self.place(path) {
                        self.remove(&path);
                    }
                }
                Change::Empty(folder) => {
                    if let Some(folder) = self.follow(folder) {
                        self.empty(&folder);
                    }
                }
                Change::Put(..) | Change::Copy(..) => {}
            }
        }
        for change in changes {
            match change {
                Change::Put(path, node) => self.put(path, node.clone()),
                Change::Copy(path, from) => {
                    let place = self.place(from);
                    if let Some(node) = place.and_then(|place| self.nodes.get(&place)).cloned() {
                        self.put(path, node);
                    }
                }
                Change::Remove(_) | Change::Empty(_) => {}
            }
        }
    }

    /// The file at a path without links.
    pub(crate) fn file(&self, path: &str) -> Option<&Rc<File>> {
        match self.nodes.get(path)? {
            Node::File(file) => Some(file),
            _ => None,
        }
    }

    fn put(&mut self, path: &str, node: Node) {
        let Some(path) = self.place(path) else { return };
        match (self.nodes.get(&path), &node) {
            (Some(Node::Folder), Node::Folder) => return,
            (Some(Node::Folder), _) => self.remove(&path),
            // A folder that is a link to one stays a link, as for those who unpack layers.
            (Some(Node::Link(_)), Node::Folder) => {
                let target = self.follow(&path);
                if target.is_some_and(|target| matches!(self.nodes.get(&target), Some(Node::Folder))) {
                    return;
                }
            }
            _ => {}
        }
        self.add_folders_above(&path);
        self.insert(path, node);
    }

    fn insert(&mut self, path: String, node: Node) {
        if let Some(left) = self.room.checked_sub(path.len() + node.weight()) {
            self.room = left;
            self.nodes.insert(path, node);
        } else {
            self.room = 0;
        }
    }

    /// Whether something may have been left out, as there is too much of it.
    pub(crate) const fn is_full(&self) -> bool {
        self.room == 0
    }

    fn add_folders_above(&mut self, path: &str) {
        let mut rest = path;
        while let Some((folder, _)) = rest.rsplit_once('/').filter(|(folder, _)| !folder.is_empty()) {
            if matches!(self.nodes.get(folder), Some(Node::Folder)) {
                return;
            }
            self.insert(folder.to_owned(), Node::Folder);
            rest = folder;
        }
    }

    fn remove(&mut self, path: &str) {
        self.nodes.remove(path);
        self.empty(path);
    }

    fn empty(&mut self, folder: &str) {
        let below: Vec<String> = self.below(folder).map(|(path, _)| path.clone()).collect();
        for path in below {
            self.nodes.remove(&path);
        }
    }

    fn below(&self, folder: &str) -> impl Iterator<Item = (&String, &Node)> {
        // The next character after a slash ends what begins with the folder and a slash.
        let (from, to) = (format!("{folder}/"), format!("{folder}0"));
        self.nodes.range::<String, _>((Bound::Included(from), Bound::Excluded(to)))
    }

    /// A path whose folders are without links; its last part may be one.
    fn place(&self, path: &str) -> Option<String> {
        let (folder, name) = path.rsplit_once('/')?;
        Some(format!("{}/{name}", self.follow(folder)?))
    }

    /// The path without links, whether something is there or not; none where links lead in a circle. The root is empty.
    fn follow(&self, path: &str) -> Option<String> {
        let mut real = String::new();
        let mut parts: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
        let (mut links, mut steps) = (0, 0);
        while let Some(part) = parts.pop() {
            steps += 1;
            if steps > STEPS {
                return None;
            }
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    real.truncate(real.rfind('/').unwrap_or_default());
                    continue;
                }
                part => {
                    real.push('/');
                    real.push_str(part);
                }
            }
            if let Some(Node::Link(target)) = self.nodes.get(&real) {
                links += 1;
                if links > LINKS {
                    return None;
                }
                real.truncate(if target.starts_with('/') { 0 } else { real.rfind('/').unwrap_or_default() });
                parts.extend(target.split('/').rev().map(str::to_owned));
            }
        }
        Some(real)
    }

    fn found(&self, path: &str) -> Option<(String, &Node)> {
        let real = self.follow(path)?;
        if real.is_empty() {
            return Some(("/".to_owned(), &Node::Folder));
        }
        let node = self.nodes.get(&real)?;
        Some((real, node))
    }
}

impl ingraft_probe::Tree for Tree {
    fn kind(&self, path: &str) -> Option<Kind> {
        Some(match self.found(path)?.1 {
            Node::Folder => Kind::Folder,
            Node::File(file) if file.is_program => Kind::Program,
            Node::File(_) => Kind::File,
            Node::Link(_) | Node::Other => Kind::Other,
        })
    }

    fn real(&self, path: &str) -> Option<String> {
        self.found(path).map(|(real, _)| real)
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let Some((folder, Node::Folder)) = self.found(folder) else { return Vec::new() };
        let folder = folder.trim_end_matches('/');
        let names = self.below(folder).filter_map(|(path, _)| path.get(folder.len() + 1..));
        names.filter(|name| !name.contains('/')).take(NAMES).map(str::to_owned).collect()
    }

    fn bytes(&self, path: &str, start: u64, most: u64) -> Option<Vec<u8>> {
        let (_, Node::File(file)) = self.found(path)? else { return None };
        let kept = file.start.as_deref()?;
        let is_whole = kept.len() as u64 >= file.size;
        let start = usize::try_from(start).ok()?;
        match kept.get(start..) {
            // What was not kept is not known.
            None | Some([]) if !is_whole => None,
            None => Some(Vec::new()),
            Some(rest) => Some(rest.get(..usize::try_from(most).ok()?).unwrap_or(rest).to_vec()),
        }
    }
}

#[cfg(test)]
mod tests;

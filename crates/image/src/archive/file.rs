//! Images in one file, which is read from the beginning to the end: once for what is in it, once for the layers.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{Root, blob, of_docker, of_layout};
use crate::layer::{self, Budget, Layers};
use crate::manifest::{Descriptor, LONGEST};
use crate::stream::{Limited, decompressed, too_much};
use crate::tar::{Archive, Type};
use crate::{Error, Store};

/// Files in an archive; they are layers and documents.
const FILES: usize = 100_000;
/// All documents of an archive together.
const DOCUMENTS: u64 = 64 << 20;
/// All names of an archive together.
const NAMES: usize = 16 << 20;
/// What an archive may hold once it is decompressed.
const BYTES: u64 = 256 << 30;
/// Links from one layer to an equal one.
const LINKS: usize = 4;

/// An image in a file.
pub(super) struct File {
    path: PathBuf,
    /// Files, and those that are short documents with their content.
    files: BTreeMap<String, Option<Vec<u8>>>,
    links: BTreeMap<String, String>,
    root: Root,
}

impl File {
    pub(super) fn open(path: &Path, wanted: Option<&str>) -> Result<Self, Error> {
        let mut store = Self {
            path: path.to_owned(),
            files: BTreeMap::new(),
            links: BTreeMap::new(),
            root: (Vec::new(), None),
        };
        let name = store.name();
        store.list()?;
        let document = |name: &str| store.files.get(name).and_then(Option::clone);
        store.root = match (document("index.json"), document("manifest.json")) {
            (Some(index), _) => match of_layout(&index, &name, wanted)? {
                Some(entry) => (store.manifest(&entry)?, Some(entry.digest)),
                None => (index, None),
            },
            (None, Some(saved)) => of_docker(&saved, &name, wanted)?,
            (None, None) => {
                let why = "it holds neither an index.json nor a manifest.json: write it with docker save, podman save or skopeo copy";
                return Err(Error::malformed(name, why));
            }
        };
        Ok(store)
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Does something with every entry.
    fn each(
        &self,
        mut take: impl FnMut(&mut Archive<&mut dyn Read>, String, crate::tar::Entry) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let named = |error| Error::of_stream(&self.name(), error);
        let file = std::fs::File::open(&self.path);
        let file = file.map_err(|source| Error::Open { path: self.name(), source })?;
        let mut left = BYTES;
        let source = decompressed(io::BufReader::with_capacity(256 * 1024, file)).map_err(named)?;
        let mut source = Limited::new(source, &mut left, "256 GiB");
        let mut archive = Archive::new(&mut source as &mut dyn Read);
        let mut count = 0;
        while let Some(entry) = archive.next().map_err(named)? {
            count += 1;
            if count > FILES {
                return Err(named(too_much(format!("{FILES} files"))));
            }
            let path = entry.path.trim_start_matches("./").to_owned();
            take(&mut archive, path, entry)?;
        }
        Ok(())
    }

    /// Takes up what is there, with the documents.
    fn list(&mut self) -> Result<(), Error> {
        let (mut files, mut links, mut room) = (BTreeMap::new(), BTreeMap::new(), DOCUMENTS);
        let mut names = NAMES;
        self.each(|archive, path, entry| {
            let left = names.checked_sub(path.len() + entry.link.len());
            names = left.ok_or_else(|| Error::of_stream(&self.name(), too_much("16 MiB of names")))?;
            match entry.kind {
                Type::File if entry.size <= LONGEST.min(room) => {
                    let mut content = Vec::new();
                    archive
                        .read_to_end(&mut content)
                        .map_err(|error| Error::of_stream(&self.name(), error))?;
                    let is_document = matches!(content.trim_ascii_start().first(), Some(b'{' | b'['));
                    if is_document {
                        room = room.saturating_sub(entry.size);
                    }
                    files.insert(path, is_document.then_some(content));
                }
                Type::File => drop(files.insert(path, None)),
                Type::Link | Type::HardLink => drop(links.insert(path, entry.link)),
                Type::Folder | Type::Other => {}
            }
            Ok(())
        })?;
        (self.files, self.links) = (files, links);
        Ok(())
    }

    /// The name of the file that holds something, behind links.
    fn place(&self, digest: &str) -> Option<String> {
        // In what Docker writes it is the name of a file.
        let mut name = blob(digest).unwrap_or_else(|| digest.to_owned());
        for _ in 0..LINKS {
            if self.files.contains_key(&name) {
                return Some(name);
            }
            let target = self.links.get(&name)?;
            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
            let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
            for part in target.split('/') {
                match part {
                    "" | "." => {}
                    ".." => drop(parts.pop()),
                    part => parts.push(part),
                }
            }
            name = parts.join("/");
        }
        None
    }

    fn missing(&self, digest: &str) -> Error {
        Error::malformed(self.name(), format!("{digest:?} is missing in it"))
    }
}

impl Store for File {
    fn root(&self) -> Result<Root, Error> {
        Ok(self.root.clone())
    }

    fn has(&self, digest: &str) -> bool {
        self.place(digest).is_some()
    }

    fn manifest(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
        let digest = &descriptor.digest;
        let place = self.place(digest).ok_or_else(|| self.missing(digest))?;
        let document = self.files.get(&place).cloned().flatten();
        document.ok_or_else(|| {
            Error::malformed(self.name(), format!("{digest:?} is no document, or too long for one"))
        })
    }

    fn configuration(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
        self.manifest(descriptor)
    }

    fn layers(&self, layers: &[Descriptor], budget: &mut Budget) -> Result<Layers, Error> {
        let place = |layer: &Descriptor| self.place(&layer.digest).ok_or_else(|| self.missing(&layer.digest));
        let places: Vec<String> = layers.iter().map(place).collect::<Result<_, _>>()?;
        let mut read = Layers::new();
        self.each(|archive, path, _| {
            let Some(layer) =
                places.iter().position(|place| *place == path).and_then(|place| layers.get(place))
            else {
                return Ok(());
            };
            let named = |error| Error::of_stream(&format!("{}: {path}", self.name()), error);
            let changes = if layer.digest.contains(':') {
                layer::read(archive, layer, budget)
            } else {
                layer::read_named(archive, budget)
            };
            let changes = changes.map_err(named)?;
            read.insert(path, changes);
            Ok(())
        })?;
        let of_layer = |(layer, place): (&Descriptor, &String)| {
            let changes = read.get(place).cloned().ok_or_else(|| self.missing(&layer.digest))?;
            Ok((layer.digest.clone(), changes))
        };
        layers.iter().zip(&places).map(of_layer).collect()
    }
}

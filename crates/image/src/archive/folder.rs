//! The layout of OCI in a folder: <https://github.com/opencontainers/image-spec/blob/main/image-layout.md>.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::{Root, blob, of_layout};
use crate::layer::{self, Budget, Layers};
use crate::manifest::{Descriptor, LONGEST};
use crate::stream::read_short;
use crate::{Error, Store};

/// An image in a folder.
pub(super) struct Folder {
    folder: PathBuf,
    root: Root,
}

impl Folder {
    pub(super) fn open(folder: &Path, wanted: Option<&str>) -> Result<Self, Error> {
        let path = folder.display().to_string();
        let mut store = Self { folder: folder.to_owned(), root: (Vec::new(), None) };
        let index = short(&folder.join("index.json"))?;
        store.root = match of_layout(&index, &path, wanted)? {
            Some(entry) => (store.manifest(&entry)?, Some(entry.digest)),
            None => (index, None),
        };
        Ok(store)
    }

    fn path(&self, digest: &str) -> Result<PathBuf, Error> {
        let name = blob(digest).ok_or_else(|| Error::malformed(format!("{digest:?}"), "it is no digest"))?;
        Ok(self.folder.join(name))
    }
}

fn short(path: &Path) -> Result<Vec<u8>, Error> {
    let file = open(path)?;
    read_short(file, LONGEST).map_err(|error| Error::of_stream(&path.display().to_string(), error))
}

fn open(path: &Path) -> Result<File, Error> {
    File::open(path).map_err(|source| Error::Open { path: path.display().to_string(), source })
}

impl Store for Folder {
    fn root(&self) -> Result<Root, Error> {
        Ok(self.root.clone())
    }

    fn has(&self, digest: &str) -> bool {
        self.path(digest).is_ok_and(|path| path.is_file())
    }

    fn manifest(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
        short(&self.path(&descriptor.digest)?)
    }

    fn configuration(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
        self.manifest(descriptor)
    }

    fn layers(&self, layers: &[Descriptor], budget: &mut Budget) -> Result<Layers, Error> {
        let mut all = Layers::new();
        for layer in layers {
            let path = self.path(&layer.digest)?;
            let changes = layer::read(open(&path)?, layer, budget)
                .map_err(|error| Error::of_stream(&path.display().to_string(), error))?;
            all.insert(layer.digest.clone(), changes);
        }
        Ok(all)
    }
}

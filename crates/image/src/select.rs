//! Which of the images under a name is looked into.

use std::env::consts::ARCH;

use ingraft_core::doctor::image::Platform;

use crate::manifest::{Configuration, Descriptor, Document, Manifest};
use crate::{Error, Store};

/// Indexes within indexes.
const DEPTH: u8 = 3;
/// More documents are not read to find the right one.
const READ: usize = 64;

/// The image that was chosen.
#[derive(Debug)]
pub(crate) struct Selected {
    /// What there is.
    pub(crate) platforms: Vec<Platform>,
    pub(crate) platform: Platform,
    /// The digest of what the name stands for.
    pub(crate) digest: Option<String>,
    pub(crate) configuration: Configuration,
    pub(crate) layers: Vec<Descriptor>,
}

/// Something that may be the right one.
enum Candidate {
    Named(Platform, Descriptor),
    Read(Platform, Box<(Manifest, Configuration)>),
}

impl Candidate {
    const fn platform(&self) -> &Platform {
        match self {
            Self::Named(platform, _) | Self::Read(platform, _) => platform,
        }
    }
}

pub(crate) fn select(name: &str, store: &dyn Store, wanted: Option<&Platform>) -> Result<Selected, Error> {
    let (bytes, digest) = store.root()?;
    let mut search = Search { name, store, found: Vec::new(), read: 0 };
    search.document(&bytes, DEPTH)?;
    let found = search.found;
    let platforms: Vec<Platform> = found.iter().map(|candidate| candidate.platform().clone()).collect();
    let place = choose(&platforms, wanted).ok_or_else(|| match wanted {
        Some(wanted) => Error::Platform {
            image: name.to_owned(),
            wanted: wanted.to_string(),
            found: platforms.iter().map(Platform::to_string).collect::<Vec<_>>().join(", "),
        },
        None => Error::malformed(name, "there is no image in it"),
    })?;
    let chosen =
        found.into_iter().nth(place).ok_or_else(|| Error::malformed(name, "there is no image in it"))?;
    let (platform, (manifest, configuration)) = match chosen {
        Candidate::Read(platform, image) => (platform, *image),
        Candidate::Named(platform, descriptor) => (platform, of_manifest(name, store, &descriptor)?),
    };
    Ok(Selected { platforms, platform, digest, configuration, layers: manifest.layers })
}

/// The one that is wanted, else that of this machine, else the first for Linux, else the first.
fn choose(platforms: &[Platform], wanted: Option<&Platform>) -> Option<usize> {
    let of = |wanted: &Platform| platforms.iter().position(|platform| platform.is(wanted));
    if let Some(wanted) = wanted {
        return of(wanted);
    }
    let architecture = match ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        other => other,
    };
    let own =
        Platform { os: "linux".to_owned(), architecture: architecture.to_owned(), variant: String::new() };
    let linux = || platforms.iter().position(|platform| platform.os == "linux");
    of(&own).or_else(linux).or(if platforms.is_empty() { None } else { Some(0) })
}

fn of_manifest(
    name: &str,
    store: &dyn Store,
    descriptor: &Descriptor,
) -> Result<(Manifest, Configuration), Error> {
    match Document::parse(&store.manifest(descriptor)?, name)? {
        Document::Manifest(manifest) => {
            let configuration = Configuration::parse(&store.configuration(&manifest.config)?, name)?;
            Ok((manifest, configuration))
        }
        Document::Index(_) => Err(Error::malformed(name, "an index is where a manifest should be")),
    }
}

struct Search<'s> {
    name: &'s str,
    store: &'s dyn Store,
    found: Vec<Candidate>,
    read: usize,
}

impl Search<'_> {
    fn document(&mut self, bytes: &[u8], depth: u8) -> Result<(), Error> {
        match Document::parse(bytes, self.name)? {
            Document::Manifest(manifest) => self.manifest(manifest),
            Document::Index(entries) => entries.iter().try_for_each(|entry| self.entry(entry, depth)),
        }
    }

    fn manifest(&mut self, manifest: Manifest) -> Result<(), Error> {
        let configuration = Configuration::parse(&self.store.configuration(&manifest.config)?, self.name)?;
        let platform = configuration.platform();
        let platform = platform.ok_or_else(|| {
            Error::malformed(self.name, "its configuration does not say for which platform it is")
        })?;
        self.found.push(Candidate::Read(platform, Box::new((manifest, configuration))));
        Ok(())
    }

    fn entry(&mut self, entry: &Descriptor, depth: u8) -> Result<(), Error> {
        // An archive may hold an index of all platforms, and the image of one.
        if entry.is_about_another() || !self.store.has(&entry.digest) {
            return Ok(());
        }
        let is_index = entry.media_type.contains("index") || entry.media_type.contains("manifest.list");
        if let Some(platform) = entry.platform().filter(|_| !is_index) {
            self.found.push(Candidate::Named(platform, entry.clone()));
            return Ok(());
        }
        self.read += 1;
        let depth = depth.checked_sub(1).filter(|_| self.read <= READ);
        let depth = depth.ok_or_else(|| Error::TooMuch {
            what: self.name.to_owned(),
            limit: format!("{READ} images without a platform, or {DEPTH} indexes within each other"),
        })?;
        let bytes = self.store.manifest(entry)?;
        self.document(&bytes, depth)
    }
}

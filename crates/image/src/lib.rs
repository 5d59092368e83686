//! Reads an image from a registry or an archive, and says what is in it. Nothing of it is run, and nothing is written.
//!
//! ```text
//!  registry ─┐            ┌─ index ─► manifest ─► configuration ─┐
//!  .tar, .gz ┼─► Store ───┤                                      ├─► the look that probes have ─► Reading
//!  folder   ─┘            └─ layers ─► Tree (in memory) ─────────┘
//! ```
//!
//! Invariants: no network but the registry that is named, whoever it redirects to, and where it says that tokens are given;
//! everything that is read has a limit, also once it is decompressed; a digest that is known is compared.

mod address;
mod archive;
mod credentials;
mod error;
mod layer;
mod manifest;
mod registry;
mod select;
mod stream;
mod tar;
mod tree;

use std::path::Path;

use ingraft_core::doctor::image::{Platform, Reading};
use ingraft_probe::{Environment, Still, look};

pub use address::Source;
pub use credentials::Credentials;
pub use error::Error;

use crate::layer::{Budget, Layers};
use crate::manifest::{Configuration, Descriptor};
use crate::select::{Selected, select};
use crate::tree::Tree;

/// How an image is read.
#[derive(Debug, Default)]
pub struct Options {
    /// Which of several platforms; otherwise that of this machine, or else the first for Linux.
    pub platform: Option<Platform>,
    /// Ask registries without TLS. Those of this machine are asked so in any case.
    pub plain_http: bool,
    /// What registries may be told.
    pub credentials: Credentials,
}

/// Where images come from.
trait Store {
    /// The first document: an index or a manifest. With its digest, if it has one.
    fn root(&self) -> Result<(Vec<u8>, Option<String>), Error>;
    /// Whether something is there; a registry has everything.
    fn has(&self, digest: &str) -> bool;
    /// An index or a manifest.
    fn manifest(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Error>;
    /// A configuration.
    fn configuration(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Error>;
    /// What layers do, by their digests.
    fn layers(&self, layers: &[Descriptor], budget: &mut Budget) -> Result<Layers, Error>;
}

/// Reads an image.
///
/// # Errors
/// When it cannot be had, or is none.
pub fn read(source: &Source, options: &Options) -> Result<Reading, Error> {
    let name = source.to_string();
    match source {
        Source::Stored { path, name: wanted } => {
            let store = archive::open(Path::new(path), wanted.as_deref())?;
            reading(&name, store.as_ref(), options)
        }
        Source::Registry(address) => reading(&name, &registry::Registry::new(address, options), options),
    }
}

fn reading(name: &str, store: &dyn Store, options: &Options) -> Result<Reading, Error> {
    let Selected { platforms, platform, digest, configuration, layers } =
        select(name, store, options.platform.as_ref())?;
    let mut reading = Reading {
        image: name.to_owned(),
        digest,
        platforms,
        platform,
        user: configuration.user().to_owned(),
        ..Reading::default()
    };
    // Others are not looked into, and their layers may be nowhere.
    if reading.platform.os == "linux" {
        let mut budget = Budget::default();
        let mut distinct = layers.clone();
        distinct.sort_by(|one, other| one.digest.cmp(&other.digest));
        distinct.dedup_by(|one, other| one.digest == other.digest);
        let changes = store.layers(&distinct, &mut budget)?;
        let mut tree = Tree::default();
        for (place, Descriptor { digest, .. }) in layers.iter().enumerate() {
            let of_layer = changes.get(digest).map(|changes| changes.as_slice()).unwrap_or_default();
            if layers.iter().take(place).any(|earlier| earlier.digest == *digest) {
                budget.count(of_layer.len()).map_err(|error| Error::of_stream(name, error))?;
            }
            tree.apply(of_layer);
        }
        look_into(&tree, &configuration, &mut reading);
        reading.facts.cut |= budget.is_cut() || tree.is_full();
    }
    Ok(reading)
}

/// Looks as a probe does.
fn look_into(tree: &Tree, configuration: &Configuration, reading: &mut Reading) {
    let environment: Environment = configuration.environment().collect();
    let argv = configuration.argv();
    let seen = look(&Still {
        tree,
        environment: &environment,
        argv: &argv,
        workdir: configuration.workdir(),
        architecture: &reading.platform.architecture,
    });
    let is_go = |command: &&String| tree.file(command).is_some_and(|file| file.is_go);
    reading.go = seen.commands.iter().find(is_go).cloned();
    (reading.facts, reading.commands) = (seen.facts, seen.commands);
}

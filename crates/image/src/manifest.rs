//! The documents of an image: <https://github.com/opencontainers/image-spec>, and those of Docker from which they come.

use std::collections::BTreeMap;

use ingraft_core::doctor::image::Platform;
use serde::Deserialize;

use crate::Error;

/// The longest document: registries take none that is longer.
/// <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests>
pub(crate) const LONGEST: u64 = 4 << 20;
/// More layers, and more entries of an index, than any image has.
const MOST: usize = 512;

/// The name and properties of another document, or of a layer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    #[serde(default)]
    pub(crate) media_type: String,
    /// Its digest; in an archive of Docker, the name of its file.
    pub(crate) digest: String,
    pub(crate) size: Option<u64>,
    platform: Option<Machine>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

/// What something is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Machine {
    os: String,
    architecture: String,
    variant: Option<String>,
}

impl Machine {
    fn platform(&self) -> Option<Platform> {
        let variant = self.variant.as_deref().filter(|variant| !variant.is_empty());
        let text = [Some(self.os.as_str()), Some(&self.architecture), variant].into_iter().flatten();
        Platform::parse(&text.collect::<Vec<_>>().join("/")).filter(|platform| platform.os != "unknown")
    }
}

impl Descriptor {
    /// What it is for, if it says so.
    pub(crate) fn platform(&self) -> Option<Platform> {
        self.platform.as_ref()?.platform()
    }

    /// Whether it is about another image, such as how that was built.
    pub(crate) fn is_about_another(&self) -> bool {
        let says_unknown = self.platform.as_ref().is_some_and(|machine| machine.platform().is_none());
        says_unknown || self.annotation("vnd.docker.reference.type").is_some()
    }

    /// The names that an archive gives to an image.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let keys = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];
        keys.into_iter().filter_map(|key| self.annotation(key))
    }

    fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(key).map(String::as_str)
    }
}

/// An index or a manifest.
#[derive(Debug)]
pub(crate) enum Document {
    Index(Vec<Descriptor>),
    Manifest(Manifest),
}

/// What an image consists of.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) config: Descriptor,
    pub(crate) layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Written {
    manifests: Option<Vec<Descriptor>>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
}

impl Document {
    /// Reads either, by what is in it.
    pub(crate) fn parse(bytes: &[u8], what: &str) -> Result<Self, Error> {
        let written: Written = serde_json::from_slice(bytes)
            .map_err(|error| Error::malformed(format!("the manifest of {what}"), error))?;
        let few = |count: usize| {
            if count <= MOST {
                return Ok(());
            }
            Err(Error::TooMuch { what: what.to_owned(), limit: format!("{MOST} layers or images") })
        };
        match written {
            Written { manifests: Some(manifests), .. } => {
                few(manifests.len()).map(|()| Self::Index(manifests))
            }
            Written { config: Some(config), layers: Some(layers), .. } => {
                few(layers.len())?;
                let media_type = config.media_type.as_str();
                let is_image = matches!(
                    media_type,
                    "" | "application/vnd.oci.image.config.v1+json"
                        | "application/vnd.docker.container.image.v1+json"
                );
                if !is_image {
                    return Err(Error::malformed(
                        what,
                        format!("it is no image, its configuration is {media_type:?}"),
                    ));
                }
                Ok(Self::Manifest(Manifest { config, layers }))
            }
            _ => Err(Error::malformed(
                what,
                "its manifest has neither layers nor images; it may be of a form that Docker gave up in 2019: push it again",
            )),
        }
    }
}

/// How the image is started.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Configuration {
    #[serde(flatten)]
    machine: Machine,
    #[serde(default)]
    config: Option<Process>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Process {
    user: Option<String>,
    env: Option<Vec<String>>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    working_dir: Option<String>,
}

impl Configuration {
    pub(crate) fn parse(bytes: &[u8], what: &str) -> Result<Self, Error> {
        serde_json::from_slice(bytes)
            .map_err(|error| Error::malformed(format!("the configuration of {what}"), error))
    }

    pub(crate) fn platform(&self) -> Option<Platform> {
        self.machine.platform()
    }

    pub(crate) fn user(&self) -> &str {
        self.process(|process| process.user.as_deref()).unwrap_or_default()
    }

    pub(crate) fn workdir(&self) -> Option<&str> {
        self.process(|process| process.working_dir.as_deref()).filter(|folder| folder.starts_with('/'))
    }

    /// What is started, with its arguments.
    pub(crate) fn argv(&self) -> Vec<String> {
        let words = [
            self.process(|process| process.entrypoint.as_deref()),
            self.process(|process| process.cmd.as_deref()),
        ];
        words.into_iter().flatten().flatten().cloned().collect()
    }

    pub(crate) fn environment(&self) -> impl Iterator<Item = (&str, &str)> {
        let variables = self.process(|process| process.env.as_deref()).unwrap_or_default();
        variables.iter().filter_map(|variable| variable.split_once('='))
    }

    fn process<'c, T: ?Sized>(&'c self, part: impl Fn(&'c Process) -> Option<&'c T>) -> Option<&'c T> {
        self.config.as_ref().and_then(part)
    }
}

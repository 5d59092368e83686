//! What `ingraft doctor --image` is asked with, and where credentials are looked for.

use std::env;
use std::path::PathBuf;

use ingraft_core::doctor::image::{Platform, Reading};
use ingraft_image::{Credentials, Error, Options, Source};

/// What means nothing to an image. A flag that requires one of these is named too: clap takes it for met where both are in the
/// way of each other.
const OF_OTHERS: [&str; 18] = [
    "manifests",
    "recursive",
    "all_namespaces",
    "namespace",
    "wait",
    "show",
    "only",
    "skip",
    "fix",
    "dry_run",
    "force",
    "yes",
    "trace",
    "trace_image",
    "trace_timeout",
    "in_pod",
    "kubeconfig",
    "context",
];

/// Arguments that are about an image.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Image")]
pub struct ImageArgs {
    /// Say whether an image can be instrumented: one in a registry, such as ghcr.io/acme/web:1.2, or one that is stored here,
    /// ./FILE.tar as docker save writes it or ./FOLDER with a layout of OCI (also ./FILE.tar#NAME)
    #[arg(long, value_name = "IMAGE", value_parser = source, conflicts_with_all = OF_OTHERS)]
    image: Option<Source>,
    /// The platform that is looked into where an image is for several [default: that of this machine, or the first for Linux]
    #[arg(long, value_name = "OS/ARCH", value_parser = platform, requires = "image")]
    platform: Option<Platform>,
    /// Ask the registry without TLS, as one of this machine is in any case
    #[arg(long, requires = "image")]
    plain_http: bool,
}

fn source(text: &str) -> Result<Source, String> {
    Source::parse(text).map_err(|error| error.to_string())
}

fn platform(text: &str) -> Result<Platform, String> {
    Platform::parse(text).ok_or_else(|| "write OS/ARCH or OS/ARCH/VARIANT, such as linux/arm64".to_owned())
}

impl ImageArgs {
    /// The image that is asked about.
    pub const fn source(&self) -> Option<&Source> {
        self.image.as_ref()
    }

    /// Reads it.
    ///
    /// # Errors
    /// When it cannot be had, or is none.
    pub fn read(&self, source: &Source) -> Result<Reading, Error> {
        let credentials = match source {
            Source::Registry(_) => Credentials::of_first(files())?,
            Source::Stored { .. } => Credentials::default(),
        };
        let options = Options { platform: self.platform.clone(), plain_http: self.plain_http, credentials };
        ingraft_image::read(source, &options)
    }
}

/// The files in which podman and docker keep credentials. One that a variable names is the only one.
fn files() -> Vec<PathBuf> {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(file) = variable("REGISTRY_AUTH_FILE") {
        return vec![file];
    }
    let home = variable("HOME");
    let files = [
        variable("DOCKER_CONFIG").map(|folder| folder.join("config.json")),
        variable("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json")),
        home.as_ref().map(|home| home.join(".docker/config.json")),
        home.as_ref().map(|home| home.join(".config/containers/auth.json")),
    ];
    files.into_iter().flatten().collect()
}

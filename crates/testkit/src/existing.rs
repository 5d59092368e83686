//! A cluster that exists already, such as one of kind or k3s.
//!
//! `INGRAFT_KUBECONFIG` names its kubeconfig file by an absolute path. Images are built here and are in no registry, so
//! `INGRAFT_LOAD_IMAGE` is the command that puts them there: it gets the path of an archive as its last argument.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;

use crate::command::{find, run};
use crate::{Image, Kubectl};

const KUBECONFIG: &str = "INGRAFT_KUBECONFIG";
const LOAD_IMAGE: &str = "INGRAFT_LOAD_IMAGE";

/// A cluster that somebody else started, and ends.
#[derive(Clone, Debug)]
pub struct Existing {
    kubectl: Kubectl,
    load_image: OsString,
}

impl Existing {
    /// Whether `INGRAFT_KUBECONFIG` names a cluster.
    pub fn is_named() -> bool {
        variable(KUBECONFIG).is_some()
    }

    /// The cluster that `INGRAFT_KUBECONFIG` names, if it names one.
    ///
    /// # Errors
    /// When its kubeconfig file, kubectl, or the command that loads images is missing.
    pub fn named() -> anyhow::Result<Option<Self>> {
        let Some(kubeconfig) = variable(KUBECONFIG).map(PathBuf::from) else {
            return Ok(None);
        };
        let kubeconfig = kubeconfig
            .canonicalize()
            .with_context(|| format!("{KUBECONFIG} names no file: {}", kubeconfig.display()))?;
        let kubectl = find("kubectl").context("kubectl is not in PATH")?;
        let load_image = variable(LOAD_IMAGE).with_context(|| {
            format!(
                "{LOAD_IMAGE} is not set: it is the command that loads an image archive into the cluster of \
                 {KUBECONFIG}, such as 'kind load image-archive' or 'sudo k3s ctr images import'"
            )
        })?;
        Ok(Some(Self { kubectl: Kubectl::existing(kubectl, kubeconfig), load_image }))
    }

    /// kubectl for this cluster.
    pub const fn kubectl(&self) -> &Kubectl {
        &self.kubectl
    }

    /// Loads an image.
    ///
    /// # Errors
    /// When the command fails.
    pub(crate) fn load_image(&self, image: &Image) -> anyhow::Result<()> {
        let mut line = self.load_image.clone();
        line.push(" \"$1\"");
        run(Command::new("sh").arg("-c").arg(line).arg("sh").arg(&image.archive))
            .with_context(|| format!("load the image {}", image.names.join(", ")))?;
        Ok(())
    }
}

fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

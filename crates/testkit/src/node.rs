//! A whole one-node cluster that outlives the process that starts it.
//!
//! It has a network namespace, a mount namespace and a control group subtree of its own, so that clusters
//! don't meet, nothing reaches the machine's own configuration, and ending its processes ends everything.
//! Its state is in `clusters/NAME` of the [`Cache`], from where later processes find it again.

mod cgroups;
mod configuration;
mod network;
mod record;
mod removal;
mod start;

use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use crate::command::{run, tail};
use crate::control_plane::{wait_for_api, wait_for_service_account};
use crate::{Cache, Image, Kubectl, NodeTools, Progress, images};
use record::Record;
use start::Start;

const API_PORT: u16 = 6443;
const DNS_MANIFESTS: &str = include_str!("../manifests/coredns.yaml");

/// A running cluster. Dropping this value leaves it running; [`Node::down`] ends it.
#[derive(Clone, Debug)]
pub struct Node {
    folder: PathBuf,
    record: Record,
    kubectl: Kubectl,
}

impl Node {
    /// Starts a cluster and waits until its node, DNS and service accounts are ready; one that runs
    /// already is used as it is. Remains of an earlier one are removed first.
    ///
    /// # Errors
    /// Needs root. An error while starting holds the ends of all logs, and leaves nothing behind.
    pub fn up(name: &str, tools: &NodeTools, progress: Progress) -> anyhow::Result<Self> {
        check_name(name)?;
        let cache = tools.control_plane().cache();
        let _lock = cache.lock(&format!("cluster-{name}"), progress)?;
        let folder = folder(cache, name);
        if let Some(running) = Self::find(&folder) {
            let (runs, wanted) = (&running.record.kubernetes, tools.control_plane().version());
            ensure!(
                *runs == wanted.version(),
                "the cluster {name} runs Kubernetes {runs}, not {wanted}: remove it first"
            );
            progress.note(format_args!("the cluster {name} runs already, with Kubernetes {runs}"));
            return Ok(running);
        }
        ensure!(
            crate::tools::is_root(),
            "a cluster needs root, for namespaces and mounts; run this with sudo"
        );
        removal::remove(name, &folder)?;
        let images = images::of_node(tools, progress)?;
        let version = tools.control_plane().version();
        progress.step(format_args!("starting the cluster {name} with Kubernetes {version}"), || {
            Self::start(name, &folder, tools, &images).map_err(|error| {
                let error = error.context(ends_of_logs(&folder.join("logs")));
                match removal::remove(name, &folder) {
                    Ok(()) => error,
                    Err(left) => error.context(format!("and its remains could not be removed: {left:#}")),
                }
            })
        })
    }

    /// Ends a cluster and removes all that belongs to it, also what is left of one that died. Says
    /// whether there was anything.
    ///
    /// # Errors
    /// When something cannot be removed; calling again continues.
    pub fn down(name: &str, progress: Progress) -> anyhow::Result<bool> {
        check_name(name)?;
        let cache = Cache::locate()?;
        let _lock = cache.lock(&format!("cluster-{name}"), progress)?;
        let folder = folder(&cache, name);
        if !removal::anything_left(name, &folder) {
            return Ok(false);
        }
        ensure!(crate::tools::is_root(), "removing a cluster needs root; run this with sudo");
        progress.step(format_args!("removing the cluster {name}"), || removal::remove(name, &folder))?;
        Ok(true)
    }

    /// The administrator's kubeconfig file. Works on the machine and inside the cluster's namespace.
    pub fn kubeconfig(&self) -> PathBuf {
        credentials_folder(&self.folder).join("kubeconfig")
    }

    /// kubectl for this cluster.
    pub const fn kubectl(&self) -> &Kubectl {
        &self.kubectl
    }

    /// A folder with kubectl in the cluster's own version, for the user's `PATH`.
    pub fn programs(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// Loads an image unless it is there already.
    ///
    /// # Errors
    /// When containerd refuses it.
    pub(crate) fn load_image(&self, image: &Image) -> anyhow::Result<()> {
        let metadata = fs::metadata(&image.archive)
            .with_context(|| format!("look at the image {}", image.archive.display()))?;
        let stamp = format!("{} {} {}\n", image.archive.display(), metadata.ino(), metadata.mtime_nsec());
        let loaded = self.folder.join("images");
        let first = image.names.first().map_or("image", String::as_str);
        let marker = loaded.join(first.replace(['/', ':'], "_"));
        if fs::read_to_string(&marker).is_ok_and(|known| known == stamp) {
            return Ok(());
        }
        run(self
            .command(&self.record.containerd.join("ctr").to_string_lossy())
            .args(["--namespace", "k8s.io", "images", "import"])
            .arg(&image.archive))
        .with_context(|| format!("load the image {first}"))?;
        fs::create_dir_all(&loaded)?;
        fs::write(marker, stamp).context("remember the image")
    }

    /// A command inside the cluster's network and mounts, where Service and pod addresses work. Needs root.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        if let Some(containerd) = self.record.process("containerd") {
            command.args(join(containerd.number));
        }
        command.arg("--").arg(program);
        command
    }

    fn find(folder: &Path) -> Option<Self> {
        let record = Record::read(folder)?;
        let running = record.processes.iter().all(|(_, id)| id.is_alive());
        running.then(|| Self::new(folder, record))
    }

    fn new(folder: &Path, record: Record) -> Self {
        Self {
            folder: folder.to_owned(),
            record,
            kubectl: Kubectl::new(folder.join("bin/kubectl"), credentials_folder(folder).join("kubeconfig")),
        }
    }

    fn start(name: &str, folder: &Path, tools: &NodeTools, images: &[Image]) -> anyhow::Result<Self> {
        let mut start = Start::prepare(name, folder, tools)?;
        start.runtime_and_api_server()?;
        let mut this = Self::new(folder, start.record()?);
        images.iter().try_for_each(|image| this.load_image(image))?;
        wait_for_api(&this.kubectl, (this.record.node, API_PORT), &mut start.components)?;
        start.controllers_and_kubelet()?;
        this.kubectl.apply(DNS_MANIFESTS).context("install DNS")?;
        let node = format!("node/{name}");
        start.wait(&this.kubectl, &["wait", "--for=create", &node, "--timeout=60s"])?;
        start.proxy()?;
        start.wait(&this.kubectl, &["wait", "--for=condition=Ready", &node, "--timeout=60s"])?;
        start.wait(
            &this.kubectl,
            &["rollout", "status", "--namespace=kube-system", "deployment/coredns", "--timeout=60s"],
        )?;
        wait_for_service_account(&this.kubectl, &mut start.components)?;
        // Written last: a record means that the cluster was ready.
        this.record = start.record()?;
        this.record.write(folder)?;
        Ok(this)
    }
}

/// The options of nsenter that join a process.
fn join(number: u32) -> [String; 3] {
    ["--mount".to_owned(), "--net".to_owned(), format!("--target={number}")]
}

fn folder(cache: &Cache, name: &str) -> PathBuf {
    cache.root().join("clusters").join(name)
}

fn credentials_folder(folder: &Path) -> PathBuf {
    folder.join("credentials")
}

fn url(node: IpAddr) -> String {
    format!("https://{node}:{API_PORT}")
}

/// Names become parts of paths, and of the names of namespaces and nodes.
fn check_name(name: &str) -> anyhow::Result<()> {
    let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let starts_well = name.starts_with(|first: char| first.is_ascii_lowercase());
    if !starts_well || name.ends_with('-') || name.len() > 40 || !name.bytes().all(valid) {
        bail!("{name:?} is no name for a cluster: use up to 40 of a-z, 0-9 and -, starting with a letter");
    }
    Ok(())
}

fn ends_of_logs(logs: &Path) -> String {
    let mut text = String::from("the cluster did not start");
    for entry in fs::read_dir(logs).into_iter().flatten().flatten() {
        let _ = write!(text, "\n--- {}\n{}", entry.file_name().display(), tail(&entry.path()));
    }
    text
}

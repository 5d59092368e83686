//! A real cluster with Ingraft, a Collector and images, shared by the end-to-end tests.

mod example;
mod telemetry;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

pub use example::Example;
use ingraft_testkit::ingraft::{install_ingraft, prepare_cluster};
use ingraft_testkit::{Cache, Cluster, Image, Kubectl, Progress};
pub use telemetry::{Shown, expect_resource};

/// The name of the cluster of the tests; the demo's is another.
const CLUSTER: &str = "ingraft-e2e";

/// What is off unless somebody asks for it.
const OPERATOR_ARGUMENTS: &[&str] = &["--enable-go-instrumentation=true"];

/// The cluster, started by the first test that asks. `None` where a node cannot be run: without root.
///
/// # Panics
/// When the cluster cannot be started; under CI also when a node cannot be run at all.
pub fn cluster() -> Option<&'static Cluster> {
    static STARTED: OnceLock<Option<Cluster>> = OnceLock::new();
    STARTED.get_or_init(|| is_root().then(start)).as_ref()
}

fn is_root() -> bool {
    let root =
        std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if !root {
        assert!(std::env::var_os("CI").is_none(), "a node needs root");
        eprintln!("skipped: a node needs root");
    }
    root
}

#[expect(clippy::expect_used, reason = "a test without its cluster has failed")]
fn start() -> Cluster {
    let progress = Progress::stderr();
    let start = || -> anyhow::Result<Cluster> {
        // What an interrupted run left must not decide about this one.
        Cluster::down(CLUSTER, progress)?;
        let cluster = prepare_cluster(CLUSTER, progress)?;
        install_ingraft(&cluster, OPERATOR_ARGUMENTS, progress)?;
        Ok(cluster)
    };
    start().expect("the cluster starts")
}

/// Removes the cluster. Called by the last test of a run.
///
/// # Panics
/// When something of it stays behind.
#[expect(clippy::expect_used, reason = "a cluster that cannot be removed is a failure")]
pub fn remove_cluster() {
    Cluster::down(CLUSTER, Progress::stderr()).expect("the cluster is removed");
}

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// How an image is made, unless the cache has it.
pub type MakeImage = fn(&Cache, Progress) -> anyhow::Result<Image>;

/// Makes and loads the images that a language needs.
///
/// # Errors
/// When one cannot be made or loaded.
pub fn load(cluster: &Cluster, images: &[MakeImage]) -> anyhow::Result<()> {
    let cache = Cache::locate()?;
    images.iter().try_for_each(|make| cluster.load_image(&make(&cache, Progress::stderr())?))
}

/// Waits until an Event with this reason regards an object, such as `Deployment/shop`.
///
/// # Errors
/// When none comes in time.
pub fn wait_for_event(
    kubectl: &Kubectl,
    namespace: &str,
    reason: &str,
    regarding: &str,
) -> anyhow::Result<()> {
    let (kind, name) = regarding.split_once('/').unwrap_or((regarding, ""));
    let selector = format!("reason={reason},regarding.kind={kind},regarding.name={name}");
    kubectl.run(&[
        "wait",
        "events.events.k8s.io",
        "-n",
        namespace,
        "--for=create",
        "--field-selector",
        &selector,
        "--timeout=30s",
    ])?;
    Ok(())
}

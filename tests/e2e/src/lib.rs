//! A real cluster with Ingraft, a Collector and images, shared by the end-to-end tests.

mod example;
mod telemetry;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::ensure;

pub use example::Example;
use ingraft_testkit::ingraft::{install_ingraft, prepare_cluster};
use ingraft_testkit::{Cache, Cluster, Image, Kubectl, Kubernetes, Progress};
use serde_json::Value;
pub use telemetry::{Shown, expect_resource};

/// The name of the cluster of the tests; the demo's is another.
const CLUSTER: &str = "ingraft-e2e";

/// How long the operator may take to learn from a pod that has started.
const LEARNING_LIMIT: Duration = Duration::from_secs(30);

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
        let cluster = prepare_cluster(CLUSTER, Kubernetes::chosen()?, progress)?;
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

/// The init containers that a pod would have, were it created now, as kubectl prints their names.
///
/// # Errors
/// When the API server refuses it.
pub fn would_get(kubectl: &Kubectl, pod: &Value) -> anyhow::Result<String> {
    let names = "jsonpath={.spec.initContainers[*].name}";
    kubectl.run_with_input(&["create", "--dry-run=server", "-o", names, "-f", "-"], &pod.to_string())
}

/// Waits until the operator has learnt from pods that have started what makes this true.
///
/// # Errors
/// When it does not in time.
pub fn wait_for_facts(learnt: impl Fn() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let start = Instant::now();
    while !learnt()? {
        ensure!(start.elapsed() < LEARNING_LIMIT, "the operator has not learnt what is in the image");
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
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

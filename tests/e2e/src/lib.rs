//! A real cluster with Ingraft, a Collector and images, shared by the end-to-end tests.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ingraft_testkit::ingraft::{install_ingraft, prepare_cluster};
use ingraft_testkit::{Cluster, Progress};

/// The name of the cluster of the tests; the demo's is another.
const CLUSTER: &str = "ingraft-e2e";

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
        install_ingraft(&cluster, progress)?;
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

//! What tests need of the machine: checked and built before they run, and never skipped unless requested.

use crate::tools::is_root;
use crate::{
    Cache, Existing, Kubernetes, NodeTools, Progress, Tools, dashboard_check, ensure_prometheus, images,
    kubelet_environment, programs,
};

/// The variable that leaves out the tests that need root.
pub const SKIP_NODE: &str = "INGRAFT_SKIP_NODE";

/// Whether a test that needs root runs: not if `INGRAFT_SKIP_NODE` is set.
///
/// # Panics
/// When it runs without root.
pub fn run_as_root(what: &str) -> bool {
    if std::env::var_os(SKIP_NODE).is_some_and(|value| !value.is_empty()) {
        eprintln!("left out, because {SKIP_NODE} is set: {what}");
        return false;
    }
    assert!(is_root(), "{what}: this needs root. Run the test with sudo, or leave it out with {SKIP_NODE}=1");
    true
}

/// Builds everything that tests use and that is not there yet, so that no test has to wait for it. `no_node` leaves out
/// what is used by tests that need root alone.
///
/// # Errors
/// Says what is missing on this machine, or what does not build.
pub fn prepare(kubernetes: Kubernetes, no_node: bool, progress: Progress) -> anyhow::Result<()> {
    Tools::prepare(kubernetes, progress)?;
    kubelet_environment(kubernetes, progress)?;
    ensure_prometheus(progress)?;
    dashboard_check(progress)?;
    progress.step("building the operator and the command line for tests", || {
        programs::debug("ingraft-operator", "ingraft-operator")?;
        programs::debug("ingraft-cli", "ingraft")
    })?;
    programs::probe(progress)?;
    if no_node {
        return Ok(());
    }
    if !Existing::is_named() {
        images::of_node(&NodeTools::prepare(kubernetes, progress)?, progress)?;
    }
    programs::release("ingraft-operator", "ingraft-operator", progress)?;
    let cache = Cache::locate()?;
    images::ALL.iter().try_for_each(|make| make(&cache, progress).map(drop))
}

//! `cargo xtask down`: removes what `up` created, even if it failed.

use ingraft_testkit::{Creator, Existing, Node, Progress};

use crate::up::CLUSTER;

/// Removes the cluster, or what `up` added to the one that `INGRAFT_KUBECONFIG` names.
///
/// # Errors
/// Says what could not be removed; calling again continues.
pub fn down(progress: Progress) -> anyhow::Result<()> {
    if let Some(existing) = Existing::named()? {
        return Creator::DEMO.remove(existing.kubectl(), progress);
    }
    if !Node::down(CLUSTER, progress)? {
        progress.note(format_args!("there is no cluster {CLUSTER}"));
    }
    Ok(())
}

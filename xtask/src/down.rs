//! `cargo xtask down`: removes what `up` made, also the remains of a failed one.

use ingraft_testkit::{Existing, Node, Progress, ingraft};

use crate::up::{CLUSTER, NAMESPACES};

/// Removes the cluster, or what `up` added to the one that `INGRAFT_KUBECONFIG` names.
///
/// # Errors
/// Says what could not be removed; calling again continues.
pub fn down(progress: Progress) -> anyhow::Result<()> {
    if let Some(existing) = Existing::named()? {
        return ingraft::remove(existing.kubectl(), &NAMESPACES.map(str::to_owned), progress);
    }
    if !Node::down(CLUSTER, progress)? {
        progress.note(format_args!("there is no cluster {CLUSTER}"));
    }
    Ok(())
}

//! `cargo xtask down`: removes what `up` made, also the remains of a failed one.

use ingraft_testkit::{Cluster, Progress};

use crate::up::CLUSTER;

/// Removes the cluster.
///
/// # Errors
/// Says what could not be removed; calling again continues.
pub fn down(progress: Progress) -> anyhow::Result<()> {
    if !Cluster::down(CLUSTER, progress)? {
        progress.note(format_args!("there is no cluster {CLUSTER}"));
    }
    Ok(())
}

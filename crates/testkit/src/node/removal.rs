//! Ending a cluster, in whatever state it is.
//!
//! Killing beats asking: containers are in the control groups, everything else is in the network namespace,
//! and the mounts are in a mount namespace that ends with its last process. So nothing has to be alive for a
//! clean end, and there is nothing to unmount.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::record::Record;
use super::{cgroups, network};
use crate::process::kill_all;

/// How long killed processes may take to disappear.
const LIMIT: Duration = Duration::from_secs(20);

/// Whether any trace of the cluster exists.
pub(super) fn anything_left(cluster: &str, folder: &Path) -> bool {
    folder.exists()
        || network::namespace_path(&network::namespace(cluster)).exists()
        || cgroups::exist(cluster)
}

/// Removes every trace of the cluster.
pub(super) fn remove(cluster: &str, folder: &Path) -> anyhow::Result<()> {
    let recorded = Record::read(folder).map(|record| record.processes).unwrap_or_default();
    let start = Instant::now();
    loop {
        let mut numbers: Vec<u32> =
            recorded.iter().filter(|(_, id)| id.is_alive()).map(|(_, id)| id.number).collect();
        numbers.extend(network::processes(cluster));
        // After the kubelet and the shims, which are in the network: nobody starts containers again.
        numbers.extend(cgroups::processes(cluster));
        if numbers.is_empty() {
            break;
        }
        if start.elapsed() > LIMIT {
            bail!("processes of the cluster {cluster} cannot be killed: {numbers:?}");
        }
        kill_all(&numbers);
        sleep(Duration::from_millis(20));
    }
    network::remove(cluster)?;
    cgroups::remove(cluster)?;
    remove_folder(folder)
}

/// The mounts go a moment after the last process.
fn remove_folder(folder: &Path) -> anyhow::Result<()> {
    let start = Instant::now();
    while folder.exists() {
        match fs::remove_dir_all(folder) {
            Ok(()) => break,
            Err(_) if start.elapsed() < Duration::from_secs(5) => sleep(Duration::from_millis(50)),
            Err(error) => return Err(error).with_context(|| format!("remove {}", folder.display())),
        }
    }
    Ok(())
}

//! The control groups of a cluster: one subtree that holds every container, so that nothing of it can
//! hide. Two kubelets that share a subtree would kill each other's pods.
//!
//! With version 1 there is a hierarchy per controller, each with the same subtree; with version 2 only one.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, bail};

const ROOT: &str = "/sys/fs/cgroup";

/// The kubelet's `cgroupRoot`, as it names it.
pub(super) fn name(cluster: &str) -> String {
    format!("/ingraft-{cluster}")
}

/// Makes the subtree; the kubelet insists that it exists.
pub(super) fn create(cluster: &str) -> anyhow::Result<()> {
    for hierarchy in hierarchies()? {
        let group = hierarchy.join(name(cluster).trim_start_matches('/'));
        fs::create_dir_all(&group).with_context(|| format!("create {}", group.display()))?;
        if is_unified(&hierarchy) {
            enable_controllers(&hierarchy);
        }
        // A new group of version 1 has neither processors nor memory, and then no process can be in it.
        for file in ["cpuset.cpus", "cpuset.mems"] {
            if let Ok(parents) = fs::read_to_string(hierarchy.join(file)) {
                fs::write(group.join(file), parents).with_context(|| format!("set {file}"))?;
            }
        }
    }
    Ok(())
}

/// Whether any part of the subtree exists.
pub(super) fn exist(cluster: &str) -> bool {
    !groups(cluster).is_empty()
}

/// The processes in the subtree.
pub(super) fn processes(cluster: &str) -> Vec<u32> {
    let mut numbers = Vec::new();
    for group in groups(cluster) {
        if let Ok(text) = fs::read_to_string(group.join("cgroup.procs")) {
            numbers.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()));
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Removes the subtree, which must not hold processes any more.
pub(super) fn remove(cluster: &str) -> anyhow::Result<()> {
    // The kernel empties a group a moment after its last process has gone.
    for _ in 0..50 {
        let mut groups = groups(cluster);
        if groups.is_empty() {
            return Ok(());
        }
        // Inner ones first: a group with children cannot be removed, nor can its files be.
        groups.sort_by_key(|group| std::cmp::Reverse(group.components().count()));
        for group in groups {
            let _ = fs::remove_dir(group);
        }
        sleep(Duration::from_millis(20));
    }
    let left: Vec<String> = groups(cluster).iter().map(|group| group.display().to_string()).collect();
    if left.is_empty() { Ok(()) } else { bail!("control groups cannot be removed: {}", left.join(", ")) }
}

/// Where groups can be made: each mounted hierarchy of version 1, or that of version 2.
fn hierarchies() -> anyhow::Result<Vec<PathBuf>> {
    if is_unified(Path::new(ROOT)) {
        return Ok(vec![ROOT.into()]);
    }
    let mounts = fs::read_to_string("/proc/self/mounts").context("read the mounts")?;
    let found: Vec<PathBuf> = mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ');
            let (_, path, kind) = (fields.next()?, fields.next()?, fields.next()?);
            (kind == "cgroup").then(|| PathBuf::from(path))
        })
        .collect();
    if found.is_empty() {
        bail!("no control groups are mounted below {ROOT}");
    }
    Ok(found)
}

fn is_unified(hierarchy: &Path) -> bool {
    hierarchy.join("cgroup.controllers").exists()
}

/// Hands the controllers down. One at a time: a single one that is not available would refuse them all.
fn enable_controllers(hierarchy: &Path) {
    for controller in ["cpu", "cpuset", "hugetlb", "io", "memory", "pids"] {
        let _ = fs::write(hierarchy.join("cgroup.subtree_control"), format!("+{controller}"));
    }
}

/// All groups of the subtree in all hierarchies, also in those that runc made on its own account.
fn groups(cluster: &str) -> Vec<PathBuf> {
    let name = name(cluster);
    let name = name.trim_start_matches('/');
    let mut hierarchies = vec![PathBuf::from(ROOT)];
    hierarchies.extend(folders(Path::new(ROOT)));
    let mut found: Vec<PathBuf> =
        hierarchies.iter().map(|hierarchy| hierarchy.join(name)).filter(|group| group.is_dir()).collect();
    // Links such as "cpu,cpuacct" show one hierarchy under several names.
    found = found.into_iter().filter_map(|group| group.canonicalize().ok()).collect();
    found.sort();
    found.dedup();
    let mut next = 0;
    while let Some(group) = found.get(next) {
        let children = folders(group);
        found.extend(children);
        next += 1;
    }
    found
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else {
        return Vec::new();
    };
    entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

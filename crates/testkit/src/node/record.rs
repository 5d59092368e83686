//! What a running cluster leaves in its folder for later processes.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::process::ProcessId;

/// Addresses, programs and processes of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) node: IpAddr,
    /// The version of Kubernetes.
    pub(super) kubernetes: String,
    /// The folder with containerd and `ctr`.
    pub(super) containerd: PathBuf,
    pub(super) processes: Vec<(String, ProcessId)>,
}

impl Record {
    pub(super) fn path(folder: &Path) -> PathBuf {
        folder.join("cluster.json")
    }

    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let processes: Vec<Value> = self
            .processes
            .iter()
            .map(|(name, id)| json!({ "name": name, "number": id.number, "started": id.started }))
            .collect();
        let document = json!({
            "node": self.node,
            "kubernetes": self.kubernetes,
            "containerd": self.containerd,
            "processes": processes,
        });
        fs::write(Self::path(folder), format!("{document:#}\n")).context("record the cluster")
    }

    /// Reads the record; `None` if there is none, or none that can be understood.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        let document: Value = serde_json::from_str(&fs::read_to_string(Self::path(folder)).ok()?).ok()?;
        let text = |field: &str| document.get(field).and_then(Value::as_str);
        let process = |value: &Value| {
            let number = u32::try_from(value.get("number")?.as_u64()?).ok()?;
            let started = value.get("started")?.as_u64()?;
            Some((value.get("name")?.as_str()?.to_owned(), ProcessId { number, started }))
        };
        Some(Self {
            node: text("node")?.parse().ok()?,
            kubernetes: text("kubernetes")?.to_owned(),
            containerd: text("containerd")?.into(),
            processes: document.get("processes")?.as_array()?.iter().map(process).collect::<Option<_>>()?,
        })
    }

    /// The process of a component.
    pub(super) fn process(&self, name: &str) -> Option<&ProcessId> {
        self.processes.iter().find(|(found, _)| found == name).map(|(_, id)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let record = Record {
            node: "198.18.1.2".parse().unwrap(),
            kubernetes: "1.2.3".to_owned(),
            containerd: "/bin".into(),
            processes: vec![("etcd".to_owned(), ProcessId { number: 7, started: 99 })],
        };
        record.write(folder.path()).unwrap();
        assert_eq!(Record::read(folder.path()), Some(record));
    }

    #[test]
    fn takes_a_damaged_record_for_none() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(Record::path(folder.path()), "{\"node\": \"198.18.1.1\"").unwrap();
        assert_eq!(Record::read(folder.path()), None);
    }
}

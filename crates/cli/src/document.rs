//! Documents, and what is changed in them.

use ingraft_cluster::documents::Document;
use ingraft_core::{Edit, Workload, edit};
use ingraft_yaml_edit::Refused;
use serde_json::{Value, json};

/// A document, and what is changed in it.
pub struct Injected<'a> {
    /// The document as read.
    pub document: &'a Document,
    /// What changes for each workload in it.
    pub changes: Vec<Change<'a>>,
}

/// The changes of one workload.
pub struct Change<'a> {
    /// The workload.
    pub workload: Workload<'a>,
    /// Its namespace.
    pub namespace: &'a str,
    /// The changes, for the workload as a document.
    pub edits: Vec<Edit>,
    /// The JSON pointer of the workload in its document.
    pub pointer: String,
}

impl Injected<'_> {
    /// The document after the changes.
    pub fn value(&self) -> Value {
        let mut value = self.document.value.clone();
        edit::apply(&mut value, &self.edits());
        value
    }

    /// The text of the document after the changes, with its comments and its layout.
    pub fn text(&self) -> Result<String, Refused> {
        ingraft_yaml_edit::apply(&self.document.text, &self.document.value, &self.edits())
    }

    fn edits(&self) -> Vec<Edit> {
        let edits = |change: &Change<'_>| -> Vec<Edit> {
            change.edits.iter().map(|edit| edit.clone().under(&change.pointer)).collect()
        };
        self.changes.iter().flat_map(edits).collect()
    }

    /// Whether nothing is changed.
    pub fn is_unchanged(&self) -> bool {
        self.changes.iter().all(|change| change.edits.is_empty())
    }
}

impl Change<'_> {
    /// The workload's identity and the changes as an RFC 6902 patch.
    pub fn patch(&self) -> Value {
        json!({
            "apiVersion": self.workload.document.get("apiVersion"),
            "kind": self.workload.kind,
            "namespace": self.namespace,
            "name": self.workload.name,
            "patch": self.edits,
        })
    }
}

//! Asks the core.

use ingraft_cluster::documents::{self, Document};
use ingraft_core::{Edit, Workload, edit};
use serde_json::Value;

use crate::case::Case;

/// A document after injection.
pub(crate) struct Injected {
    pub(crate) value: Value,
    /// The text that is printed: what was read, with what is injected.
    pub(crate) printed: String,
    pub(crate) changed: bool,
}

impl Injected {
    /// The document written anew, one line for each field; as it was read if nothing changed.
    pub(crate) fn text(&self, document: &Document) -> String {
        if self.changed { yaml(&self.value) } else { format!("{}\n", document.text.trim_end()) }
    }
}

/// Injects every workload of a document.
pub(crate) fn inject(case: &Case, document: &Document) -> Injected {
    let mut edits: Vec<Edit> = Vec::new();
    for (pointer, object) in documents::objects(&document.value) {
        let Some(workload) = Workload::of(object) else { continue };
        let namespace = workload.namespace.unwrap_or(&case.flags.namespace);
        let outcome = workload.inject(namespace, &case.snapshot, &case.flags.settings.0);
        edits.extend(outcome.edits.into_iter().map(|edit| edit.under(&pointer)));
    }
    let mut value = document.value.clone();
    edit::apply(&mut value, &edits);
    assert_eq!(value, patched(&document.value, &edits), "the edits are a patch that anyone can apply");
    let printed = ingraft_yaml_edit::apply(&document.text, &document.value, &edits);
    let printed = printed.expect("comments and layout of every document can be kept");
    Injected { value, printed, changed: !edits.is_empty() }
}

/// A document with edits applied as the API server applies them.
fn patched(document: &Value, edits: &[Edit]) -> Value {
    let patch: json_patch::Patch =
        serde_json::from_value(serde_json::to_value(edits).unwrap()).expect("edits are an RFC 6902 patch");
    let mut value = document.clone();
    json_patch::patch(&mut value, &patch).expect("the patch can be applied");
    value
}

fn yaml(value: &Value) -> String {
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    serde_saphyr::to_string_with_options(value, options).unwrap()
}

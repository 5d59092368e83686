//! One change to a document, as data.
//!
//! Documents are never rebuilt from types, so fields that this version does not know survive.

use serde::Serialize;
use serde_json::{Map, Value};

/// Sets or removes the value at a place: an operation of RFC 6902. `add` replaces what is already there in an object and
/// inserts in a list (`-` stands for its end).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Edit {
    op: &'static str,
    path: String,
    /// What is added; `None` where something is removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
}

impl Edit {
    /// Sets `value` at the JSON pointer `path`.
    pub fn add(path: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { op: "add", path: path.into(), value: Some(value.into()) }
    }

    /// Removes what is at the JSON pointer `path`.
    pub fn remove(path: impl Into<String>) -> Self {
        Self { op: "remove", path: path.into(), value: None }
    }

    /// The place that is changed, a JSON pointer.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The new value; `None` where it is removed.
    pub fn value(&self) -> Option<&Value> {
        self.value.as_ref()
    }

    /// The same change in a document that holds the edited one at the JSON pointer `prefix`.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        self.path.insert_str(0, prefix);
        self
    }
}

/// Carries edits out. What an edit's path leads through must exist, except for its last step.
///
/// ```
/// use ingraft_core::edit::{Edit, apply};
/// let mut pod = serde_json::json!({"spec": {"containers": [{"name": "app"}]}});
/// apply(&mut pod, &[Edit::add("/spec/containers/0/env", serde_json::json!([]))]);
/// assert_eq!(pod["spec"]["containers"][0]["env"], serde_json::json!([]));
/// ```
pub fn apply(document: &mut Value, edits: &[Edit]) {
    for edit in edits {
        apply_one(document, edit);
    }
}

fn apply_one(document: &mut Value, edit: &Edit) {
    let Some((parent, step)) = edit.path.rsplit_once('/') else {
        *document = edit.value.clone().unwrap_or_default();
        return;
    };
    match (document.pointer_mut(parent), &edit.value) {
        (Some(Value::Object(object)), Some(value)) => {
            object.insert(unescaped(step), value.clone());
        }
        (Some(Value::Object(object)), None) => {
            // The others stay in their order.
            let step = unescaped(step);
            object.retain(|key, _| *key != step);
        }
        (Some(Value::Array(items)), Some(value)) => {
            let index = step.parse().unwrap_or(items.len()).min(items.len());
            items.insert(index, value.clone());
        }
        (Some(Value::Array(items)), None) => {
            if let Some(index) = step.parse().ok().filter(|index| *index < items.len()) {
                items.remove(index);
            }
        }
        _ => {}
    }
}

/// The key that one step of a JSON pointer means.
fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

/// The edits that set entries of an object at `path`, which may be absent, null or of another shape.
pub(crate) fn set_entries(document: &Value, path: &str, entries: Vec<(String, Value)>) -> Vec<Edit> {
    if entries.is_empty() {
        Vec::new()
    } else if document.pointer(path).is_some_and(Value::is_object) {
        let edit = |(key, value): (String, Value)| {
            Edit::add(format!("{path}/{}", crate::json::pointer_step(&key)), value)
        };
        entries.into_iter().map(edit).collect()
    } else {
        vec![Edit::add(path, entries.into_iter().collect::<Map<_, _>>())]
    }
}

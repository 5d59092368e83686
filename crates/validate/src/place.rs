//! Where in a document a value is.

use serde_json::Value;

/// The way from the top of a document to a value, in the two notations that are needed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    /// As a JSON pointer: `/spec/env/0/value`.
    pub(crate) pointer: String,
    /// As the API server writes it: `spec.env[0].value`.
    pub(crate) field: String,
    /// The name of the nearest entry of a list, where it has one.
    pub(crate) entry: Option<String>,
}

impl Place {
    /// A field of the object that is here.
    pub(crate) fn key(&self, key: &str) -> Self {
        let dot = if self.field.is_empty() { "" } else { "." };
        Self {
            pointer: format!("{}/{}", self.pointer, key.replace('~', "~0").replace('/', "~1")),
            field: format!("{}{dot}{key}", self.field),
            entry: self.entry.clone(),
        }
    }

    /// An item of the list that is here.
    pub(crate) fn item(&self, index: usize, item: &Value) -> Self {
        let name = item.get("name").and_then(Value::as_str).map(str::to_owned);
        Self {
            pointer: format!("{}/{index}", self.pointer),
            field: format!("{}[{index}]", self.field),
            entry: name.or_else(|| self.entry.clone()),
        }
    }
}

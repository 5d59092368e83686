//! The environment that the application will have.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// Variables by name. The first of equal names counts, as for `getenv`.
#[derive(Debug, Default, Clone)]
pub struct Environment {
    variables: BTreeMap<String, Value>,
}

/// A variable's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Text.
    Text(String),
    /// Bytes that are not UTF-8. They can't travel through the kubelet's file, nor through the CRI.
    Bytes,
}

impl Value {
    /// The text; empty if it is none.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Bytes => "",
        }
    }
}

impl Environment {
    /// The value, unless it is missing or empty.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.variables.get(name).filter(|value| !matches!(value, Value::Text(text) if text.is_empty()))
    }

    /// The value, if it is text and not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).map(Value::text).filter(|text| !text.is_empty())
    }

    /// Names that have a value.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str).filter(|name| self.get(name).is_some())
    }

    /// Changes one value.
    pub(crate) fn set(&mut self, name: &str, value: String) {
        self.variables.insert(name.to_owned(), Value::Text(value));
    }
}

/// Variables as the operating system lists them. A name that is not UTF-8 can't be requested and is left out.
impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let mut known = BTreeMap::new();
        for (name, value) in variables {
            if let Ok(name) = name.into().into_string() {
                let value = value.into().into_string();
                known.entry(name).or_insert_with(|| value.map_or(Value::Bytes, Value::Text));
            }
        }
        Self { variables: known }
    }
}

//! The environment that the application will have.

use std::{collections::BTreeMap, ffi::OsString};

/// Variables by name. The first of equal names counts, as for `getenv`.
#[derive(Debug, Default, Clone)]
pub(crate) struct Environment {
    variables: BTreeMap<String, Value>,
}

/// A variable's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Text.
    Text(String),
    /// Bytes that are no UTF-8. They can't travel through the kubelet's file, nor through the CRI.
    Bytes,
}

impl Environment {
    /// The environment of this process: the image's, with the kubelet's on top.
    pub(crate) fn of_process() -> Self {
        Self::new(std::env::vars_os())
    }

    /// Variables as the operating system lists them. A name that is no UTF-8 can't be asked for and is left out.
    pub(crate) fn new(variables: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let mut known = BTreeMap::new();
        for (name, value) in variables {
            if let Ok(name) = name.into_string() {
                let value = value.into_string().map_or(Value::Bytes, Value::Text);
                known.entry(name).or_insert(value);
            }
        }
        Self { variables: known }
    }

    /// The value, unless it is missing or empty.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.variables.get(name).filter(|value| !matches!(value, Value::Text(text) if text.is_empty()))
    }

    /// The value, if it is text and not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Names that have a value.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str).filter(|name| self.get(name).is_some())
    }

    /// Changes one value.
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.variables.insert(name.to_owned(), value);
    }
}

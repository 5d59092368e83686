//! The environment that the application will have.

use alloc::{borrow::ToOwned, collections::BTreeMap, string::String};
use core::str;

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
    /// Variables as the operating system lists them, each as `NAME=value`. A name that is no UTF-8 can't be asked for
    /// and is left out.
    pub(crate) fn new<'v>(variables: impl Iterator<Item = &'v [u8]>) -> Self {
        let mut known = BTreeMap::new();
        for variable in variables {
            let Some(split) = variable.iter().position(|byte| *byte == b'=') else { continue };
            let (name, value) = variable.split_at(split);
            let value = value.get(1..).unwrap_or_default();
            if let Ok(name) = str::from_utf8(name) {
                let value = str::from_utf8(value).map_or(Value::Bytes, |text| Value::Text(text.to_owned()));
                known.entry(name.to_owned()).or_insert(value);
            }
        }
        Self { variables: known }
    }

    /// Variables as text.
    #[cfg(test)]
    pub(crate) fn of(variables: &[(&str, &str)]) -> Self {
        let variables: alloc::vec::Vec<String> =
            variables.iter().map(|(name, value)| [name, "=", value].concat()).collect();
        Self::new(variables.iter().map(String::as_bytes))
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

//! Which field was probably meant by a name that does not exist.

use serde_json::{Map, Value};

/// Names that people write for others.
const OTHER_NAMES: [(&str, &str); 2] = [("url", "endpoint"), ("resources", "resourceRequirements")];

/// The field of a schema that was probably meant: one with a similar name, or the only one of this name further down,
/// as a path.
pub(crate) fn field(schema: &Value, name: &str) -> Option<String> {
    let known: Vec<&String> = properties(schema).map(|(name, _)| name).collect();
    let is_there = |(other, of): &&(&str, &str)| {
        other.eq_ignore_ascii_case(name) && known.iter().any(|known| *known == *of)
    };
    if let Some((_, of)) = OTHER_NAMES.iter().find(is_there) {
        return Some((*of).to_owned());
    }
    nearest(&known, name).or_else(|| {
        let mut paths = Vec::new();
        find(schema, name, "", 2, &mut paths);
        match paths.as_slice() {
            [path] => Some(path.clone()),
            _ => None,
        }
    })
}

/// The field of the `spec` of an Instrumentation that was probably meant by one further down that does not exist there, as a
/// path from the top.
pub(crate) fn above(schema: &Value, name: &str) -> Option<String> {
    let has = |pointer: &str| schema.pointer(&format!("/properties/spec/properties/{pointer}")).is_some();
    if name == "endpoint" {
        return has("exporter").then(|| "spec.exporter.endpoint".to_owned());
    }
    has(name).then(|| format!("spec.{name}"))
}

fn nearest(known: &[&String], name: &str) -> Option<String> {
    let name = name.to_lowercase();
    let letters = name.chars().count();
    let begins = |known: &&&String| {
        letters >= 3 && known.len() <= name.len() + 3 && known.to_lowercase().starts_with(&name)
    };
    if let Some(known) = known.iter().find(begins) {
        return Some((**known).clone());
    }
    let distances =
        known.iter().map(|known| (strsim::damerau_levenshtein(&known.to_lowercase(), &name), known));
    let (distance, known) = distances.min()?;
    (distance <= 2 && 3 * distance <= letters).then(|| (**known).clone())
}

fn find(schema: &Value, name: &str, path: &str, depth: usize, paths: &mut Vec<String>) {
    for (key, schema) in properties(schema) {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        if key.eq_ignore_ascii_case(name) {
            paths.push(path.clone());
        }
        if depth > 0 {
            find(schema, name, &path, depth - 1, paths);
        }
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

//! Which field was probably meant by a name that does not exist.

use serde_json::{Map, Value};

/// The field of a schema that was probably meant: one with a similar name, or the only one of this name further down,
/// as a path.
pub(crate) fn field(schema: &Value, name: &str) -> Option<String> {
    let known: Vec<&String> = properties(schema).map(|(name, _)| name).collect();
    nearest(&known, name).or_else(|| {
        let mut paths = Vec::new();
        find(schema, name, "", 2, &mut paths);
        match paths.as_slice() {
            [path] => Some(path.clone()),
            _ => None,
        }
    })
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

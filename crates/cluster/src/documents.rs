//! Manifests as people keep them: files with one or several documents, in YAML or JSON.
//!
//! The text of a document is kept beside its value, so that an unchanged document can be written as it was read.

use std::borrow::Cow;
use std::sync::OnceLock;

use ingraft_core::Snapshot;
use serde_json::Value;

use crate::learn::learn_document;
use crate::yaml_lines::Lines;

/// A text that is not YAML, or an object that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{file}, line {line}: {detail}")]
pub struct Error {
    /// The file as it was named.
    pub file: String,
    /// The line in the file.
    pub line: u64,
    /// What is wrong there.
    pub detail: String,
}

/// One document of a file.
#[derive(Debug, Clone)]
pub struct Document {
    /// The file as it was named.
    pub file: String,
    /// The line where it begins.
    pub line: u64,
    /// The text, without the separator.
    pub text: String,
    /// What it says.
    pub value: Value,
    lines: OnceLock<Lines>,
}

impl Document {
    /// The line in the file of the field that a JSON pointer leads to.
    pub fn line_of(&self, pointer: &str) -> u64 {
        // Read a second time, with positions, only when needed.
        self.line + self.lines.get_or_init(|| Lines::read(&self.text)).line(pointer) - 1
    }
}

/// Splits a file into its documents and reads each. Empty documents are left out.
pub fn read(file: &str, text: &str) -> Result<Vec<Document>, Error> {
    let mut documents = Vec::new();
    for (line, text) in split(text) {
        let value = parse(text).map_err(|error| {
            let within = error.location().map_or(0, |location| location.line().saturating_sub(1));
            Error { file: file.to_owned(), line: line + within, detail: first_line(&error) }
        })?;
        if !value.is_null() {
            let (file, text, lines) = (file.to_owned(), text.to_owned(), OnceLock::new());
            documents.push(Document { file, line, text, value, lines });
        }
    }
    Ok(documents)
}

/// Reads one document as kubectl does: `0644` is octal, a key must not occur twice.
fn parse(text: &str) -> Result<Value, serde_saphyr::Error> {
    let options = serde_saphyr::options! {
        legacy_octal_numbers: true,
        budget: None,
    };
    serde_saphyr::from_str_with_options(text, options)
}

/// The cause, without its position in the document, which is not that in the file, and without advice about the
/// library's own options.
fn first_line(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let detail = match line.split_once(": ") {
        Some((position, detail)) if position.starts_with("line ") => detail,
        _ => line,
    };
    detail.split(", set ").next().unwrap_or_default().to_owned()
}

/// The documents of a text with the number of their first line. A line that begins with `---` separates them.
fn split(text: &str) -> Vec<(u64, &str)> {
    let mut documents = Vec::new();
    let (mut start, mut start_line, mut offset) = (0, 1, 0);
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let rest = line.strip_prefix("---");
        if rest.is_some_and(|rest| rest.trim_start().is_empty() || rest.starts_with([' ', '\t'])) {
            documents.push((start_line, text.get(start..offset).unwrap_or_default()));
            // What follows the marker on its line belongs to the new document, if it is more than a comment.
            let inline = rest.is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with('#'));
            start = if inline { offset + 3 } else { offset + line.len() };
            start_line = if inline { number } else { number + 1 };
        }
        offset += line.len();
    }
    documents.push((start_line, text.get(start..).unwrap_or_default()));
    documents
}

/// The objects of a document, with the JSON pointer of each: the items of a list and of the lists in it, or the document
/// itself.
pub fn objects(document: &Value) -> Vec<(String, &Value)> {
    let mut objects = Vec::new();
    collect(document, String::new(), &mut objects);
    objects
}

fn collect<'a>(object: &'a Value, pointer: String, objects: &mut Vec<(String, &'a Value)>) {
    let is_list = object.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
    match object.get("items").and_then(Value::as_array) {
        Some(items) if is_list => {
            for (index, item) in items.iter().enumerate() {
                collect(item, format!("{pointer}/items/{index}"), objects);
            }
        }
        _ => objects.push((pointer, object)),
    }
}

/// What the documents say about namespaces, Instrumentations and workloads. Objects without a namespace belong to
/// `default_namespace`. `stored` says how each would be stored, if it would be.
pub fn snapshot(
    documents: &[Document],
    default_namespace: &str,
    stored: impl Fn(&Value) -> Option<Cow<'_, Value>>,
) -> Result<Snapshot, Error> {
    let mut snapshot = Snapshot::default();
    for document in documents {
        for (_, object) in objects(&document.value) {
            let Some(object) = stored(object) else { continue };
            learn_document(&mut snapshot, &object, default_namespace).map_err(|error| Error {
                file: document.file.clone(),
                line: document.line,
                detail: format!("the Instrumentation cannot be read: {error}"),
            })?;
        }
    }
    Ok(snapshot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_separators_only() {
        let text = "---\na: 1\n--- # two\nb: |\n  ---\n  x\n---\n\n--- {c: 3}\n";
        let documents = read("f.yaml", text).unwrap();
        let values: Vec<String> = documents.iter().map(|document| document.value.to_string()).collect();
        assert_eq!(values, [r#"{"a":1}"#, r#"{"b":"---\nx\n"}"#, r#"{"c":3}"#]);
        assert_eq!(documents.iter().map(|document| document.line).collect::<Vec<_>>(), [2, 4, 9]);
    }

    #[test]
    fn looks_into_lists_of_lists() {
        let pod = serde_json::json!({"kind": "Pod"});
        let list = serde_json::json!({"kind": "List", "items": [
            pod, {"kind": "PodList", "items": [pod, null]}, {"kind": "List", "items": []},
        ]});
        let pointers: Vec<String> = objects(&list).into_iter().map(|(pointer, _)| pointer).collect();
        assert_eq!(pointers, ["/items/0", "/items/1/items/0", "/items/1/items/1"]);
    }

    #[test]
    fn reads_numbers_as_kubectl_does() {
        let documents = read("f.yaml", "mode: 0644\nversion: \"1.0\"\n").unwrap();
        assert_eq!(documents[0].value, serde_json::json!({"mode": 420, "version": "1.0"}));
    }

    #[test]
    fn names_file_and_line_of_text_that_is_not_yaml() {
        let error = read("f.yaml", "a: 1\n---\nb: 1\nc: [\n").unwrap_err();
        assert_eq!((error.file.as_str(), error.line), ("f.yaml", 4), "{error}");
    }
}

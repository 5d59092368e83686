//! Manifests as people keep them: files with one or several documents, in YAML or JSON.
//!
//! The text of a document is kept beside its value, so that an unchanged document can be written as it was read.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use ingraft_core::Snapshot;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::learn::learn_document;
use crate::yaml_lines::{Lines, Position};

/// A text that is not YAML, or an object that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
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
    /// The byte of the file where its text begins.
    pub offset: usize,
    /// The text, without the separator.
    pub text: String,
    /// What it says.
    pub value: Value,
    /// The text of the whole file, which all of its documents share.
    pub source: Arc<str>,
    lines: OnceLock<Lines>,
}

impl Document {
    /// Where in the file the field is that a JSON pointer leads to.
    pub fn position_of(&self, pointer: &str) -> Position {
        // Read a second time, with positions, only when needed.
        let Position { line, column } = self.lines.get_or_init(|| Lines::read(&self.text)).position(pointer);
        Position { line: self.line + line - 1, column }
    }

    /// The template that Helm has made it from, which it writes above each document:
    /// <https://helm.sh/docs/helm/helm_template/>.
    pub fn template(&self) -> Option<&str> {
        let comments = self.text.lines().take_while(|line| line.is_empty() || line.starts_with('#'));
        comments.into_iter().find_map(|line| line.strip_prefix("# Source: ")).map(str::trim)
    }
}

/// Splits a file into its documents and reads each. Empty documents are left out.
pub fn read(file: &str, text: &str) -> Result<Vec<Document>, Error> {
    let source: Arc<str> = text.into();
    let mut documents = Vec::new();
    for (line, offset, text) in split(text) {
        let value = parse(text).map_err(|error| {
            let within = error.location().map_or(0, |location| location.line().saturating_sub(1));
            Error { file: file.to_owned(), line: line + within, detail: first_line(&error) }
        })?;
        if !value.is_null() {
            let (file, text, source) = (file.to_owned(), text.to_owned(), Arc::clone(&source));
            documents.push(Document { file, line, offset, text, value, source, lines: OnceLock::new() });
        }
    }
    Ok(documents)
}

/// Reads one document as kubectl does: `0644` is octal, a key must not occur twice.
pub(crate) fn parse(text: &str) -> Result<Value, serde_saphyr::Error> {
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
    let detail = detail.split(", set ").next().unwrap_or_default();
    let is_twice = ["apiVersion", "kind", "metadata", "spec"]
        .iter()
        .any(|key| detail == format!("duplicate mapping key: {key}"));
    let hint = if is_twice { ": is --- missing above this line?" } else { "" };
    format!("{detail}{hint}")
}

/// The objects of JSON that stand one after another, as kubectl reads them; `None` where it is something else, or one only.
fn split_json(text: &str) -> Option<Vec<(u64, usize, &str)>> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    let (mut objects, mut line, mut start) = (Vec::new(), 1, 0);
    while let Some(value) = values.next() {
        value.ok()?;
        let end = values.byte_offset();
        let object = text.get(start..end)?;
        let own = object.trim_start();
        let space = object.get(..object.len() - own.len())?;
        line += space.matches('\n').count() as u64;
        objects.push((line, end - own.len(), own));
        line += own.matches('\n').count() as u64;
        start = end;
    }
    (objects.len() > 1).then_some(objects)
}

/// The documents of a text with the number of their first line and byte. A line that begins with `---` separates them; one that
/// begins with `...` ends one. What stands before a document and begins with `%` is about how it is written, and left out:
/// <https://yaml.org/spec/1.2.2/#chapter-9-document-stream-productions>.
fn split(text: &str) -> Vec<(u64, usize, &str)> {
    if let Some(objects) = split_json(text) {
        return objects;
    }
    let mut documents = Vec::new();
    let (mut start, mut start_line, mut offset) = (0, 1, 0);
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let is_marker = |rest: &str| rest.trim_start().is_empty() || rest.starts_with([' ', '\t']);
        let rest = line.strip_prefix("---").filter(|rest| is_marker(rest));
        if rest.is_some() || line.strip_prefix("...").is_some_and(is_marker) {
            let document = text.get(start..offset).unwrap_or_default();
            if rest.is_none() || !is_directives(document) {
                documents.push((start_line, start, document));
            }
            // What follows the marker on its line belongs to the new document, if it is more than a comment.
            let inline = rest.is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with('#'));
            start = if inline { offset + 3 } else { offset + line.len() };
            start_line = if inline { number } else { number + 1 };
        }
        offset += line.len();
    }
    documents.push((start_line, start, text.get(start..).unwrap_or_default()));
    documents
}

/// Whether a text before `---` holds no document, but says how the next one is written.
fn is_directives(text: &str) -> bool {
    let lines = text.lines().map(|line| line.trim_start_matches('\u{feff}'));
    let mut lines = lines.filter(|line| !line.trim().is_empty() && !line.starts_with('#')).peekable();
    lines.peek().is_some() && lines.all(|line| line.starts_with('%'))
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

/// Whether a document is no object of a cluster: it lacks what all have, as the values of a chart do, or is for Kustomize.
pub fn is_setting(document: &Value) -> bool {
    let text = |key: &str| document.get(key).and_then(Value::as_str);
    let is_of_kustomize = || {
        let version =
            text("apiVersion").is_none_or(|version| version.starts_with("kustomize.config.k8s.io/"));
        version && matches!(text("kind"), Some("Kustomization" | "Component"))
    };
    let has_metadata = || document.get("metadata").is_some();
    match (text("apiVersion"), text("kind")) {
        // An object whose kind was forgotten has metadata.
        (None, None) => true,
        (Some(_), None) => !has_metadata(),
        _ => is_of_kustomize(),
    }
}

/// Whether a document says only what is to be different in a workload: the API server would not take it by itself, and its
/// containers have no image.
pub fn is_patch(document: &Value) -> bool {
    let kind = document.get("kind").and_then(Value::as_str);
    let is_workload = matches!(kind, Some("Deployment" | "StatefulSet" | "DaemonSet"));
    let containers = document.pointer("/spec/template/spec/containers").and_then(Value::as_array);
    // Nobody patches a field that there is not: its name is misspelt.
    let fields = ["apiVersion", "kind", "metadata", "spec", "status"];
    let is_known = |key: &String| fields.contains(&key.as_str()) || key.starts_with('$');
    let is_misspelt = !document.as_object().is_some_and(|document| document.keys().all(is_known));
    let has_image = |container: &Value| container.get("image").is_some();
    is_workload
        && !is_misspelt
        && document.pointer("/spec/selector").is_none()
        && !containers.is_some_and(|containers| containers.iter().any(has_image))
}

/// What the documents say about namespaces, Instrumentations and workloads. Objects without a namespace belong to
/// `default_namespace`. `stored` says how each would be stored, if it would be.
pub fn snapshot(
    documents: &[Document],
    default_namespace: &str,
    stored: impl Fn(&Value) -> Option<Cow<'_, Value>>,
) -> Result<Snapshot, Error> {
    let mut snapshot = Snapshot::default();
    learn(&mut snapshot, documents, default_namespace, stored)?;
    Ok(snapshot)
}

/// The same, in place of what is known already.
pub fn learn<'a>(
    snapshot: &mut Snapshot,
    documents: impl IntoIterator<Item = &'a Document>,
    default_namespace: &str,
    stored: impl Fn(&Value) -> Option<Cow<'_, Value>>,
) -> Result<(), Error> {
    for document in documents {
        for (_, object) in objects(&document.value) {
            let Some(object) = stored(object) else { continue };
            learn_document(snapshot, &object, default_namespace).map_err(|error| Error {
                file: document.file.clone(),
                line: document.line,
                detail: format!("the Instrumentation cannot be read: {error}"),
            })?;
        }
    }
    Ok(())
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
        for document in &documents {
            assert_eq!(&*document.source, text);
            assert!(text[document.offset..].starts_with(&document.text));
        }
    }

    #[test]
    fn documents_may_end_and_be_introduced() {
        let text = "%YAML 1.2\n# first\n---\na: 1\n...\n%YAML 1.1\n--- # two\nb: |\n  ...\n  %x\n... # end\nc: 3\n...\n";
        let documents = read("f.yaml", text).unwrap();
        let values: Vec<String> = documents.iter().map(|document| document.value.to_string()).collect();
        assert_eq!(values, [r#"{"a":1}"#, r#"{"b":"...\n%x\n"}"#, r#"{"c":3}"#]);
        assert_eq!(documents.iter().map(|document| document.line).collect::<Vec<_>>(), [4, 8, 12]);
        assert!(documents.iter().all(|document| text[document.offset..].starts_with(&document.text)));
        assert!(read("f.yaml", "%YAML 1.2\na: 1\n").is_err(), "a directive needs a separator");
        assert!(read("f.yaml", "a: 1\n%x\n---\nb: 1\n").is_err());
    }

    #[test]
    fn splits_json_without_separators() {
        let text = "\n{\"a\":\n1}\n\n{\"b\": 2} {\"c\": \"---\"}\n";
        let documents = read("f.json", text).unwrap();
        let found: Vec<_> = documents.iter().map(|document| (document.line, &*document.text)).collect();
        assert_eq!(found, [(2, "{\"a\":\n1}"), (5, "{\"b\": 2}"), (5, "{\"c\": \"---\"}")]);
        assert!(documents.iter().all(|document| text[document.offset..].starts_with(&document.text)));
        for one in ["{\"a\": 1}\n", "{a: 1}\n---\n{b: 2}\n"] {
            assert_eq!(split_json(one), None, "{one}");
        }
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
    fn knows_what_is_no_object() {
        for (text, is_none) in [
            ("replicas: 1", true),
            ("{apiVersion: v2, name: web, version: 1.0.0}", true),
            ("{resources: [a.yaml]}", true),
            ("{apiVersion: kustomize.config.k8s.io/v1beta1, kind: Kustomization}", true),
            ("{apiVersion: apps/v1, metadata: {name: web}}", false),
            ("{kind: Deployment, metadata: {name: web}}", false),
            ("{apiVersion: v1, kind: ConfigMap}", false),
        ] {
            assert_eq!(is_setting(&parse(text).unwrap()), is_none, "{text}");
        }
        for (spec, is_one) in [
            ("{template: {metadata: {annotations: {a: b}}}}", true),
            ("{template: {spec: {containers: [{name: app, env: []}]}}}", true),
            ("{template: {spec: {containers: [{name: app, image: a}]}}}", false),
            ("{selector: {}, template: {spec: {}}}", false),
        ] {
            let text = format!("{{apiVersion: apps/v1, kind: Deployment, spec: {spec}}}");
            assert_eq!(is_patch(&parse(&text).unwrap()), is_one, "{text}");
            let misspelt = text.replace("spec: {t", "Spec: {t");
            assert!(misspelt == text || !is_patch(&parse(&misspelt).unwrap()), "{misspelt}");
        }
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

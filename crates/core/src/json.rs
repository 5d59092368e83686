//! Reading documents that may hold anything: every accessor answers "absent" for what has another shape.

use serde_json::{Map, Value};

/// The string at a JSON pointer.
pub(crate) fn string_at<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

/// The string under a key.
pub(crate) fn string<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// The items of the list under a key; none where there is no list.
pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The item of a list whose `name` is as given.
pub(crate) fn named<'a>(items: &'a [Value], name: &str) -> Option<&'a Value> {
    items.iter().find(|item| string(item, "name") == Some(name))
}

/// An annotation of an object; the empty string where there is none, since both mean the same to users.
pub(crate) fn annotation<'a>(object: &'a Value, key: &str) -> &'a str {
    metadata_entry(object, "annotations", key)
}

/// A label of an object; the empty string where there is none.
pub(crate) fn label<'a>(object: &'a Value, key: &str) -> &'a str {
    metadata_entry(object, "labels", key)
}

fn metadata_entry<'a>(object: &'a Value, map: &str, key: &str) -> &'a str {
    let entries = object.get("metadata").and_then(|metadata| metadata.get(map));
    entries.and_then(|entries| string(entries, key)).unwrap_or_default()
}

/// The keys of an object's `annotations` or `labels`.
pub(crate) fn keys_of<'a>(object: &'a Value, map: &str) -> impl Iterator<Item = &'a String> + use<'a> {
    let entries = object.get("metadata").and_then(|metadata| metadata.get(map)).and_then(Value::as_object);
    entries.into_iter().flat_map(serde_json::Map::keys)
}

/// Whether labels have all entries that a selector wants.
pub(crate) fn has_all(labels: &Map<String, Value>, wanted: &Map<String, Value>) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// Whether a text is yet to be filled in, by a shell or a template.
pub(crate) fn is_open(text: &str) -> bool {
    text.contains('$') || text.contains("{{")
}

/// One step of a JSON pointer, escaped as RFC 6901 section 3 demands.
pub(crate) fn pointer_step(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The JSON pointer of a label.
pub(crate) fn label_pointer(key: &str) -> String {
    format!("/metadata/labels/{}", pointer_step(key))
}

/// The JSON pointer of an annotation.
pub(crate) fn annotation_pointer(key: &str) -> String {
    format!("/metadata/annotations/{}", pointer_step(key))
}

//! Comments beside and directly above a key and value that move elsewhere: they go with them.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::text::{Text, below};
use crate::tree::{Entry, Kind, Node, Style, Tree};

/// Such comments, by the JSON pointer that the key and value have in what the text shall say.
pub(crate) type Comments = BTreeMap<String, Moved>;

/// The comments of one key and value.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    /// That at the end of the line, with the space before it.
    pub(crate) beside: String,
    /// Those on lines of their own.
    pub(crate) above: Vec<String>,
    /// Where these begin.
    places: Vec<usize>,
    /// Whether these have been written elsewhere.
    pub(crate) is_written: Cell<bool>,
}

/// Where the comments began that have been written elsewhere.
pub(crate) fn written(comments: &Comments) -> BTreeSet<usize> {
    let written = comments.values().filter(|moved| moved.is_written.get());
    written.flat_map(|moved| moved.places.iter().copied()).collect()
}

/// The comments of what stands elsewhere in the new document. What stands there several times is told apart by what is around it,
/// where as many come as go.
pub(crate) fn comments(text: Text<'_>, tree: &Tree, old: &Value, new: &Value) -> Comments {
    let (mut before, mut after, mut found) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    places(old, "", &mut before);
    places(new, "", &mut after);
    collect(text, tree, &tree.root, (old, ""), &mut found);
    let mut comments = Comments::new();
    for (entry, places) in before {
        let now = after.remove(&entry).unwrap_or_default();
        let come: Vec<&String> = now.difference(&places).collect();
        let mut gone: Vec<&String> = places.difference(&now).collect();
        if come.len() != gone.len() {
            continue;
        }
        for place in come {
            let near =
                |other: &&String| other.split('/').zip(place.split('/')).take_while(|(a, b)| a == b).count();
            let nearest = gone.iter().enumerate().rev().max_by_key(|(_, other)| near(other));
            let Some(index) = nearest.map(|(index, _)| index) else { continue };
            if let Some(moved) = found.remove(gone.remove(index)) {
                comments.insert(place.clone(), moved);
            }
        }
    }
    comments
}

/// What tells the entry of a mapping from others; nothing for one that is a collection.
fn entry(key: &str, value: &Value) -> Option<(String, String)> {
    let is_scalar = !value.is_object() && !value.is_array();
    is_scalar.then(|| (key.to_owned(), value.to_string()))
}

/// Where each entry stands, as JSON pointers.
fn places(value: &Value, pointer: &str, found: &mut BTreeMap<(String, String), BTreeSet<String>>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                let pointer = below(pointer, key);
                match entry(key, value) {
                    Some(entry) => drop(found.entry(entry).or_default().insert(pointer)),
                    None => places(value, &pointer, found),
                }
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| places(item, &below(pointer, index), found));
        }
        _ => {}
    }
}

/// The comments of each entry, by its JSON pointer.
fn collect(text: Text<'_>, tree: &Tree, node: &Node, (value, pointer): (&Value, &str), found: &mut Comments) {
    match &node.kind {
        Kind::Mapping(style, entries) => {
            for child in entries {
                let Some(value) = value.get(&child.key) else { continue };
                let pointer = below(pointer, &child.key);
                if entry(&child.key, value).is_none() {
                    collect(text, tree, &child.value, (value, &pointer), found);
                } else if *style == Style::Block {
                    found.insert(pointer, of_entry(text, tree, child));
                }
            }
        }
        Kind::Sequence(_, items) => {
            let values = value.as_array().map_or(&[][..], Vec::as_slice);
            for (index, (item, value)) in items.iter().zip(values).enumerate() {
                collect(text, tree, item, (value, &below(pointer, index)), found);
            }
        }
        _ => {}
    }
}

/// The comments of an entry: those above it stand in its column.
fn of_entry(text: Text<'_>, tree: &Tree, entry: &Entry) -> Moved {
    let rest = text.slice(entry.value.end..text.line_end(entry.value.end));
    let beside = if rest.trim_start().starts_with('#') { rest.to_owned() } else { String::new() };
    let mut moved = Moved { beside, ..Moved::default() };
    let mut line = text.line_start(entry.start);
    while text.is_first_in_line(entry.start) && line > text.line_start(0) {
        line = text.line_start(line - 1);
        let comment = line + text.indentation(line).len();
        if !tree.comments.contains(&comment) || text.column(comment) != text.column(entry.start) {
            break;
        }
        moved.places.push(comment);
    }
    moved.places.reverse();
    let said = |comment: &usize| text.slice(*comment..text.line_end(*comment)).to_owned();
    moved.above = moved.places.iter().map(said).collect();
    moved
}

//! Generated documents, in every style at once, and changes of each of their values.
#![allow(
    clippy::format_push_string,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "in a test, a panic is the answer"
)]

#[path = "generated/document.rs"]
mod document;

use document::{document, value};
use ingraft_core::Edit;
use ingraft_core::edit;
use ingraft_yaml_edit::{Reason, apply};
use proptest::prelude::*;
use serde_json::Value;

/// What is done at a place of a document.
#[derive(Debug, Clone)]
enum Change {
    /// Sets a new key or inserts an item.
    Add(Value),
    /// Sets another value.
    Replace(Value),
    Remove,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![value().prop_map(Change::Add), value().prop_map(Change::Replace), Just(Change::Remove)]
}

fn read(text: &str) -> Value {
    let options = serde_saphyr::options! { legacy_octal_numbers: true };
    serde_saphyr::from_str_with_options(text, options).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The pointers of all values but the document itself.
fn pointers(value: &Value, pointer: &str, found: &mut Vec<String>) {
    let mut visit = |step: &str, child: &Value| {
        let pointer = format!("{pointer}/{}", step.replace('~', "~0").replace('/', "~1"));
        found.push(pointer.clone());
        pointers(child, &pointer, found);
    };
    match value {
        Value::Object(entries) => entries.iter().for_each(|(key, child)| visit(key, child)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, child)| visit(&index.to_string(), child));
        }
        _ => {}
    }
}

/// The edits that carry a change out beside or at a value, and whether they add a key.
fn edits(document: &Value, at: usize, change: &Change) -> (Vec<Edit>, bool) {
    let mut found = Vec::new();
    pointers(document, "", &mut found);
    let Some(pointer) = found.get(at % found.len().max(1)) else { return (Vec::new(), false) };
    let (parent, _) = pointer.rsplit_once('/').unwrap();
    let parent_value = document.pointer(parent).unwrap();
    match (change, parent_value.as_object()) {
        (Change::Add(value), Some(object)) => {
            (vec![Edit::add(format!("{parent}/added {}", object.len()), value.clone())], true)
        }
        (Change::Add(value), None) | (Change::Replace(value), Some(_)) => {
            (vec![Edit::add(pointer, value.clone())], false)
        }
        (Change::Replace(value), None) => {
            (vec![Edit::remove(pointer), Edit::add(pointer, value.clone())], false)
        }
        (Change::Remove, _) => (vec![Edit::remove(pointer)], false),
    }
}

/// Whether `part` is what remains of `whole` if some of its pieces are left out.
fn is_within<T: PartialEq>(part: impl Iterator<Item = T>, mut whole: impl Iterator<Item = T>) -> bool {
    part.into_iter().all(|piece| whole.any(|other| other == piece))
}

/// The keys of all objects, in order.
fn keys(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    pointers(value, "", &mut found);
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_text_says_what_was_asked_for(
        text in document(), changes in prop::collection::vec((any::<usize>(), change()), 1..4),
    ) {
        let before = read(&text);
        let (mut after, mut all) = (before.clone(), Vec::new());
        for (at, change) in &changes {
            let (edits, _) = edits(&after, *at, change);
            edit::apply(&mut after, &edits);
            all.extend(edits);
        }
        match apply(&text, &before, &all) {
            Ok(new) => {
                prop_assert_eq!(&read(&new), &after, "{}", new);
                prop_assert_eq!(new.contains('\r'), text.contains('\r'), "{}", new);
                let comments =
                    |text: &str| text.lines().filter(|line| line.trim_start().starts_with("# c")).count();
                prop_assert!(comments(&new) >= comments(&text), "{text}\n{new}");
            }
            Err(refused) => {
                // Text that keeps the empty lines after it would keep those after what is removed.
                let keeps_lines = text.contains("|+") && refused.reason == Reason::Different;
                let expected = matches!(refused.reason, Reason::Comment | Reason::Document) || keeps_lines;
                prop_assert!(expected, "{}: {refused}\n{text}\n{after}", refused.pointer);
            }
        }
    }

    #[test]
    fn nothing_is_lost_where_something_is_added(text in document(), at: usize, added in value()) {
        let before = read(&text);
        let (edits, is_key) = edits(&before, at, &Change::Add(added));
        let Ok(new) = apply(&text, &before, &edits) else { return Ok(()) };
        let mut after = before.clone();
        edit::apply(&mut after, &edits);
        prop_assert!(is_within(text.chars(), new.chars()), "{text}\n{new}");
        if is_key {
            prop_assert_eq!(keys(&read(&new)), keys(&after));
        }
        let comments = |text: &str| text.lines().filter_map(|line| Some(line.split_once("# c")?.1.to_owned())).collect::<Vec<_>>();
        prop_assert!(is_within(comments(&text).into_iter(), comments(&new).into_iter()), "{text}\n{new}");
        let is_flow = text.contains(['{', '[']);
        if is_key && !is_flow {
            prop_assert!(is_within(text.lines(), new.lines()), "{text}\n{new}");
        }
    }

    #[test]
    fn no_text_is_too_odd_to_get_an_answer(text in ".{0,60}", odd in "[-?:a #'\"|>&*!{},\\[\\]\\n\\r\\t%.<~]{0,40}") {
        for text in [text, odd] {
            if let Ok(before) = serde_saphyr::from_str::<Value>(&text) {
                let mut all = edits(&before, 0, &Change::Add("x".into())).0;
                all.extend(edits(&before, 1, &Change::Replace(serde_json::json!({"x": ["y"]}))).0);
                drop(apply(&text, &before, &all));
            }
        }
    }
}

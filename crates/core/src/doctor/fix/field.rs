//! What corrects fields that the API server does not take.

use ingraft_api::instrumentation::SamplerType;
use serde_json::{Value, json};

use super::Place;
use crate::edit::Edit;
use crate::finding::{FieldFinding, FieldProblem, FieldType};

pub(super) fn of_field(reason: &FieldFinding, place: &Place<'_>) -> Option<Vec<Edit>> {
    match reason {
        FieldFinding::FieldUnknown { .. } => {
            let meant = reason.meant_pointer()?;
            let (path, key) = meant.rsplit_once('/')?;
            let (parent, _) = place.pointer.rsplit_once('/')?;
            if path == parent { place.rename(key) } else { place.move_value(path, key) }
        }
        FieldFinding::FieldRefused { problem, .. } => match problem {
            FieldProblem::WrongType {
                expected: FieldType::Text,
                found: FieldType::Integer | FieldType::Number | FieldType::Boolean,
                value,
            } => Some(place.set(value.as_str())),
            FieldProblem::WrongType { expected, .. } => reshaped(*expected, place),
            // It is of a version that has other fields, too.
            FieldProblem::NotAllowed { .. }
                if place.pointer == "/apiVersion" && place.object.pointer("/spec/config").is_some() =>
            {
                None
            }
            FieldProblem::NotAllowed { value, allowed } => {
                let value = value.trim_matches('"');
                let meant = allowed.iter().find(|allowed| allowed.eq_ignore_ascii_case(value));
                let meant = meant.map(String::as_str).or_else(|| near(value, allowed))?;
                // A list need not have it twice.
                let (parent, _) = place.pointer.rsplit_once('/')?;
                let others = place.object.pointer(parent).and_then(Value::as_array);
                let is_there = others.is_some_and(|others| others.iter().any(|other| other == meant));
                (!is_there).then(|| place.set(meant))
            }
            _ => None,
        },
    }
}

/// What a value of a wrong type says, as it must be written.
fn reshaped(expected: FieldType, place: &Place<'_>) -> Option<Vec<Edit>> {
    let value = place.value()?;
    match (expected, place.pointer, value) {
        // Variables as a map, such as Compose has them.
        (FieldType::List, pointer, Value::Object(fields)) if pointer.ends_with("/env") => {
            let entry = |(name, value): (&String, &Value)| {
                value.as_str().map(|value| json!({"name": name, "value": value}))
            };
            Some(place.replace(fields.iter().map(entry).collect::<Option<Vec<Value>>>()?))
        }
        (FieldType::List, "/spec/propagators", Value::String(text)) => {
            let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
            let words: Vec<Value> = words.map(Value::from).collect();
            (!words.is_empty()).then(|| place.set(words))
        }
        (FieldType::Map, "/spec/exporter", Value::String(url)) if is_url(url) => {
            Some(place.set(json!({"endpoint": url})))
        }
        (FieldType::Map, "/spec/sampler", Value::String(kind)) => {
            let is_known = serde_json::from_value::<SamplerType>(value.clone()).is_ok();
            is_known.then(|| place.set(json!({"type": kind})))
        }
        (FieldType::Text, _, Value::Array(items)) => match items.as_slice() {
            [one @ Value::String(_)] => Some(place.replace(one.clone())),
            _ => None,
        },
        // Annotations that are indented as if they were a label.
        (FieldType::Text, pointer, Value::Object(fields)) if !fields.is_empty() => {
            let metadata = pointer.strip_suffix("/labels/annotations")?;
            place.move_value(metadata, "annotations")
        }
        _ => None,
    }
}

fn is_url(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme))
}

/// The one word that is nearly the same, or that there is.
fn near<'a>(word: &str, known: &'a [String]) -> Option<&'a str> {
    if let [only] = known {
        return Some(only);
    }
    let mut near = known.iter().filter(|known| strsim::jaro_winkler(known, word) > 0.9);
    let one = near.next()?;
    near.next().is_none().then_some(one.as_str())
}

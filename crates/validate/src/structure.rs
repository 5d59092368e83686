//! Compares a value with a schema as the API server does: names of fields, types, what must be there, patterns.

use ingraft_core::finding::{FieldProblem, FieldType};
use serde_json::{Map, Value};

use crate::flaw::Flaw;
use crate::place::Place;
use crate::similar;

/// Who reads the value: the two ways of reading differ in small things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// The schema of a custom resource, field by field.
    CustomResource,
    /// The types of Kubernetes itself. Newer versions have fields that the schema does not know.
    BuiltIn,
}

/// Adds everything that is wrong with `value`.
pub(crate) fn check(reader: Reader, schema: &Value, value: &Value, place: &Place, flaws: &mut Vec<Flaw>) {
    let Some(expected) = type_of(reader, schema) else { return };
    let found = type_found(value);
    if !fits(expected, found) {
        let value = value.to_string();
        flaws.push(Flaw::refused(place, FieldProblem::WrongType { expected, found, value }));
        return;
    }
    match value {
        Value::Object(fields) => check_fields(reader, schema, fields, place, flaws),
        Value::Array(items) => {
            let Some(schema) = schema.get("items") else { return };
            for (index, item) in items.iter().enumerate() {
                check(reader, schema, item, &place.item(index, item), flaws);
            }
        }
        Value::String(text) => check_text(schema, text, place, flaws),
        _ => {}
    }
}

fn type_of(reader: Reader, schema: &Value) -> Option<FieldType> {
    if is_int_or_text(schema) {
        // A quantity of Kubernetes itself may be any number: resource.Quantity.UnmarshalJSON.
        let any_number = reader == Reader::BuiltIn && schema.get("pattern").is_some();
        return Some(if any_number { FieldType::NumberOrText } else { FieldType::IntegerOrText });
    }
    Some(match schema.get("type")?.as_str()? {
        "string" => FieldType::Text,
        "integer" => FieldType::Integer,
        "number" => FieldType::Number,
        "boolean" => FieldType::Boolean,
        "array" => FieldType::List,
        "object" => FieldType::Map,
        _ => return None,
    })
}

fn is_int_or_text(schema: &Value) -> bool {
    schema.get("x-kubernetes-int-or-string").is_some()
}

fn type_found(value: &Value) -> FieldType {
    match value {
        Value::Null => FieldType::Null,
        Value::Bool(_) => FieldType::Boolean,
        Value::String(_) => FieldType::Text,
        Value::Array(_) => FieldType::List,
        Value::Object(_) => FieldType::Map,
        // To the API server 1.0 is a whole number too.
        Value::Number(number) if number.as_f64().is_some_and(|number| number.fract() == 0.0) => {
            FieldType::Integer
        }
        Value::Number(_) => FieldType::Number,
    }
}

fn fits(expected: FieldType, found: FieldType) -> bool {
    use FieldType::{Integer, IntegerOrText, Number, NumberOrText, Text};
    match expected {
        Number => matches!(found, Integer | Number),
        IntegerOrText => matches!(found, Integer | Text),
        NumberOrText => matches!(found, Integer | Number | Text),
        other => found == other,
    }
}

fn check_fields(
    reader: Reader,
    schema: &Value,
    fields: &Map<String, Value>,
    place: &Place,
    flaws: &mut Vec<Flaw>,
) {
    let properties = schema.get("properties").and_then(Value::as_object);
    let others = schema.get("additionalProperties").filter(|schema| schema.is_object());
    // What has no description may hold anything.
    if properties.is_none() && others.is_none() {
        return;
    }
    for (name, value) in fields {
        let (parent, place) = (place, place.key(name));
        match properties.and_then(|properties| properties.get(name)).or(others) {
            // A null means that the field is absent:
            // https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting-and-nullable
            Some(_) if value.is_null() => {}
            Some(schema) => check(reader, schema, value, &place, flaws),
            None => {
                let suggestion = similar::field(schema, name);
                if reader == Reader::CustomResource || suggestion.is_some() {
                    let known = properties.into_iter().flat_map(Map::keys).cloned().collect();
                    let meant =
                        suggestion.map(|path| path.split('.').fold(parent.clone(), |at, key| at.key(key)));
                    flaws.push(Flaw::unknown(&place, meant, known));
                }
            }
        }
    }
    // What Kubernetes' own kinds must have is not always what their descriptions say.
    if reader == Reader::BuiltIn {
        return;
    }
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    for name in required.filter_map(Value::as_str) {
        if fields.get(name).is_none_or(Value::is_null) {
            flaws.push(Flaw::refused(&place.key(name), FieldProblem::Missing));
        }
    }
}

fn check_text(schema: &Value, text: &str, place: &Place, flaws: &mut Vec<Flaw>) {
    let mut add = |problem| flaws.push(Flaw::refused(place, problem));
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array) {
        let allowed: Vec<String> = allowed.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        if !allowed.iter().any(|allowed| allowed == text) {
            add(FieldProblem::NotAllowed { value: text.to_owned(), allowed });
        }
    }
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
        && regex::Regex::new(pattern).is_ok_and(|regex| !regex.is_match(text))
    {
        let value = text.to_owned();
        add(if is_int_or_text(schema) {
            FieldProblem::NotAQuantity { value }
        } else {
            FieldProblem::NotMatching { value, pattern: pattern.to_owned() }
        });
    }
    if let Some(limit) = schema.get("maxLength").and_then(Value::as_u64)
        && text.chars().count() as u64 > limit
    {
        add(FieldProblem::TooLong { limit });
    }
}

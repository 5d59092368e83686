//! Compares a value with a schema as the API server does: names of fields, types, what must be there, patterns.

use serde_json::{Map, Value};

use crate::flaw::{Flaw, Kind, Type};
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
    if !expected.fits(value) {
        let value = value.to_string();
        flaws.push(Flaw::new(place, Kind::WrongType { expected, value }));
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

fn type_of(reader: Reader, schema: &Value) -> Option<Type> {
    if schema.get("x-kubernetes-int-or-string").is_some() {
        // A quantity of Kubernetes itself may be any number: resource.Quantity.UnmarshalJSON.
        let is_quantity = schema.get("pattern").is_some();
        let any_number = reader == Reader::BuiltIn && is_quantity;
        return Some(if any_number { Type::NumberOrText } else { Type::IntegerOrText });
    }
    Some(match schema.get("type")?.as_str()? {
        "string" => Type::Text,
        "integer" => Type::Integer,
        "number" => Type::Number,
        "boolean" => Type::Boolean,
        "array" => Type::List,
        "object" => Type::Map,
        _ => return None,
    })
}

impl Type {
    fn fits(self, value: &Value) -> bool {
        // To the API server 1.0 is a whole number too.
        let is_integer =
            || value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0);
        match self {
            Self::Text => value.is_string(),
            Self::Integer => is_integer(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::List => value.is_array(),
            Self::Map => value.is_object(),
            Self::IntegerOrText => value.is_string() || is_integer(),
            Self::NumberOrText => value.is_string() || value.is_number(),
        }
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
        let place = place.key(name);
        match properties.and_then(|properties| properties.get(name)).or(others) {
            // A null means that the field is absent:
            // https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting-and-nullable
            Some(_) if value.is_null() => {}
            Some(schema) => check(reader, schema, value, &place, flaws),
            None => {
                let suggestion = similar::field(schema, name);
                if reader == Reader::CustomResource || suggestion.is_some() {
                    let known = properties.into_iter().flat_map(Map::keys).cloned().collect();
                    flaws.push(Flaw::new(&place, Kind::Unknown { suggestion, known }));
                }
            }
        }
    }
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    for name in required.filter_map(Value::as_str) {
        if fields.get(name).is_none_or(Value::is_null) {
            flaws.push(Flaw::new(&place.key(name), Kind::Missing));
        }
    }
}

fn check_text(schema: &Value, text: &str, place: &Place, flaws: &mut Vec<Flaw>) {
    let mut add = |kind| flaws.push(Flaw::new(place, kind));
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array) {
        let allowed: Vec<String> = allowed.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        if !allowed.iter().any(|allowed| allowed == text) {
            add(Kind::NotAllowed { value: text.to_owned(), allowed });
        }
    }
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
        && regex::Regex::new(pattern).is_ok_and(|regex| !regex.is_match(text))
    {
        add(Kind::NotMatching { value: text.to_owned(), pattern: pattern.to_owned() });
    }
    if let Some(limit) = schema.get("maxLength").and_then(Value::as_u64)
        && text.chars().count() as u64 > limit
    {
        add(Kind::TooLong { limit });
    }
}

//! Structural schemas, as the API server demands of custom resources, made from the types.
//!
//! Types of Kubernetes itself are described more narrowly in `k8s-openapi` than in the reference's CRD (a quantity is
//! only a string there), so their descriptions are replaced where the reference accepts more.
//!
//! No field is nullable: the API server drops a null where none is allowed, which is what a null means
//! (<https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting-and-nullable>).

use k8s_openapi::api::core::v1::PersistentVolumeClaimTemplate;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// The pattern with which the API server checks quantities.
const QUANTITY: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";

/// The schema of a template whose `spec` is not typed, so that even an empty skeleton can be read.
pub(crate) fn persistent_volume_claim_template(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<Option<PersistentVolumeClaimTemplate>>()
}

/// A schema without references, as the API server demands of custom resources.
pub fn structural<T: JsonSchema>() -> Value {
    let root = SchemaSettings::openapi3().into_generator().into_root_schema_for::<T>();
    let mut schema = root.to_value();
    let definitions = schema
        .pointer_mut("/components/schemas")
        .and_then(Value::as_object_mut)
        .map(std::mem::take)
        .unwrap_or_default();
    resolve(&mut schema, &definitions);
    if let Some(object) = schema.as_object_mut() {
        for key in ["$schema", "components", "title"] {
            object.remove(key);
        }
    }
    schema
}

/// Replaces every reference by what it refers to, and drops what a structural schema must not have.
fn resolve(schema: &mut Value, definitions: &Map<String, Value>) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(|item| resolve(item, definitions)),
        Value::Object(object) => {
            // What is merged may itself be a reference: repeat until nothing changes.
            while inline_reference(object, definitions) || flatten_optional(object) || flatten_only(object) {}
            flatten_nullable_type(object);
            object.remove("nullable");
            flatten_enum(object);
            unwrap_description(object);
            for value in object.values_mut() {
                resolve(value, definitions);
            }
        }
        _ => {}
    }
}

fn inline_reference(object: &mut Map<String, Value>, definitions: &Map<String, Value>) -> bool {
    let Some(Value::String(reference)) = object.remove("$ref") else {
        return false;
    };
    let name = reference.rsplit('/').next().unwrap_or_default();
    let target = if name == Quantity::schema_name() {
        json!({"anyOf": [{"type": "integer"}, {"type": "string"}], "pattern": QUANTITY, "x-kubernetes-int-or-string": true})
    } else {
        definitions.get(name).cloned().unwrap_or_default()
    };
    merge(object, target);
    true
}

/// An optional reference is `anyOf: [X, null]`; only X is structural.
fn flatten_optional(object: &mut Map<String, Value>) -> bool {
    let Some(Value::Array(choices)) = object.get("anyOf") else {
        return false;
    };
    let [single, null] = choices.as_slice() else {
        return false;
    };
    let only_null = null.pointer("/enum/0").is_some_and(Value::is_null);
    if !only_null && null.get("type").is_none_or(|kind| kind != "null") {
        return false;
    }
    let single = single.clone();
    object.remove("anyOf");
    merge(object, single);
    true
}

/// A reference with a description of its own is `allOf: [X]`.
fn flatten_only(object: &mut Map<String, Value>) -> bool {
    let Some([single]) = object.get("allOf").and_then(Value::as_array).map(Vec::as_slice) else {
        return false;
    };
    let single = single.clone();
    object.remove("allOf");
    merge(object, single);
    true
}

/// `type: [string, null]` is `type: string`.
fn flatten_nullable_type(object: &mut Map<String, Value>) {
    let Some(Value::Array(types)) = object.get("type") else {
        return;
    };
    if let [kind, null] = types.as_slice()
        && null == "null"
    {
        let kind = kind.clone();
        object.insert("type".to_owned(), kind);
    }
}

/// `kubectl explain` breaks lines itself; the line ends of our source are noise there.
fn unwrap_description(object: &mut Map<String, Value>) {
    if let Some(Value::String(description)) = object.get_mut("description") {
        let paragraphs = description.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
        *description = paragraphs.collect::<Vec<_>>().join("\n\n");
    }
}

/// An enum with a comment on each variant is a `oneOf` of constants; a structural schema wants one list.
fn flatten_enum(object: &mut Map<String, Value>) {
    let Some(variants) = object.get("oneOf").and_then(Value::as_array) else {
        return;
    };
    let names: Vec<Value> = variants
        .iter()
        .filter_map(|variant| variant.get("const").or_else(|| variant.pointer("/enum/0")))
        .cloned()
        .collect();
    if names.len() == variants.len() {
        object.remove("oneOf");
        object.insert("type".to_owned(), "string".into());
        object.insert("enum".to_owned(), names.into());
    }
}

/// Adds the keys of `other` that `object` lacks.
fn merge(object: &mut Map<String, Value>, other: Value) {
    if let Value::Object(other) = other {
        for (key, value) in other {
            object.entry(key).or_insert(value);
        }
    }
}

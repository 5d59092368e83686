//! The CustomResourceDefinition of Instrumentation, made from the types.
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

use crate::Language;
use crate::instrumentation::{GROUP, InstrumentationSpec, InstrumentationStatus, KIND, PLURAL, VERSION};

/// The pattern with which the API server checks quantities.
const QUANTITY: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";

pub(crate) fn instrumentation_crd() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{PLURAL}.{GROUP}"),
            "labels": {"app.kubernetes.io/name": "opentelemetry-operator"},
        },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": format!("{KIND}List"),
                "plural": PLURAL,
                "singular": "instrumentation",
                "shortNames": ["otelinst", "otelinsts"],
            },
            "versions": [{
                "name": VERSION,
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "additionalPrinterColumns": [
                    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                    {"name": "Endpoint", "type": "string", "jsonPath": ".spec.exporter.endpoint"},
                    {"name": "Sampler", "type": "string", "jsonPath": ".spec.sampler.type"},
                    {"name": "Sampler Arg", "type": "string", "jsonPath": ".spec.sampler.argument"},
                ],
                "schema": {"openAPIV3Schema": {
                    "description": "Instrumentation says how the applications of a namespace, or those that name it, \
                                    are instrumented.",
                    "type": "object",
                    "properties": {
                        "apiVersion": {"type": "string"},
                        "kind": {"type": "string"},
                        "metadata": {"type": "object"},
                        "spec": with_rules(structural::<InstrumentationSpec>()),
                        "status": structural::<InstrumentationStatus>(),
                    },
                }},
            }],
        },
    })
}

/// Adds what a schema cannot say, as CEL. The rules refuse what the reference's webhook refuses (injection.md, section
/// 3.4), and nothing else; CEL parses numbers as the reference does, with Go's `strconv`.
fn with_rules(mut spec: Value) -> Value {
    let ratio = "!(self.type in ['traceidratio', 'parentbased_traceidratio']) || self.argument == '' || \
                 double(self.argument) != double(self.argument) || !(double(self.argument) < 0.0 || double(self.argument) > 1.0)";
    let pairs = "self.type != 'jaeger_remote' || self.argument == '' || \
                 (self.argument.matches('^[^,=]*=[^,=]*(,[^,=]*=[^,=]*)*$') && \
                 !self.argument.matches('(^|,)endpoint=(,|$)'))";
    let both = "!has(self.type) || !has(self.argument) || ";
    let sampler = json!([
        {"rule": format!("{both}{ratio}"), "message": "argument must be a number from 0 to 1", "fieldPath": ".argument"},
        {
            "rule": format!("{both}{pairs}"),
            "message": "argument must be a list such as \
                        endpoint=http://jaeger:14250,pollingIntervalMs=5000,initialSamplingRate=0.25",
            "fieldPath": ".argument",
        },
        {
            "rule": format!("{both}{}", jaeger_number("pollingIntervalMs", "int(VALUE) == int(VALUE)")),
            "message": "pollingIntervalMs must be a whole number",
            "fieldPath": ".argument",
        },
        {
            "rule": format!("{both}{}", jaeger_number("initialSamplingRate", "double(VALUE) != double(VALUE) || !(double(VALUE) < 0.0 || double(VALUE) > 1.0)")),
            "message": "initialSamplingRate must be a number from 0 to 1",
            "fieldPath": ".argument",
        },
    ]);
    add_rules(&mut spec, "sampler", sampler);
    // A rule may cost no more than its longest input allows. No process takes a longer variable:
    // https://man7.org/linux/man-pages/man2/execve.2.html (MAX_ARG_STRLEN).
    if let Some(argument) =
        spec.pointer_mut("/properties/sampler/properties/argument").and_then(Value::as_object_mut)
    {
        argument.insert("maxLength".to_owned(), (128 * 1024).into());
    }
    for language in Language::with_image() {
        add_rules(
            &mut spec,
            language.field(),
            json!([{
                "rule": format!("!has(self.volumeLimitSize) || !has(self.volumeClaimTemplate) || !({})", TEMPLATE_IS_SET),
                "message": "volumeClaimTemplate and volumeLimitSize exclude each other",
                "fieldPath": ".volumeLimitSize",
            }]),
        );
    }
    spec
}

/// Whether a template says anything: stored objects of the reference have an empty skeleton in every language.
const TEMPLATE_IS_SET: &str = "has(self.volumeClaimTemplate.spec) && (\
    has(self.volumeClaimTemplate.spec.accessModes) || has(self.volumeClaimTemplate.spec.storageClassName) || \
    has(self.volumeClaimTemplate.spec.volumeName) || has(self.volumeClaimTemplate.spec.selector) || \
    has(self.volumeClaimTemplate.spec.dataSource) || has(self.volumeClaimTemplate.spec.dataSourceRef) || \
    has(self.volumeClaimTemplate.spec.volumeMode) || (has(self.volumeClaimTemplate.spec.resources) && \
    (has(self.volumeClaimTemplate.spec.resources.requests) || has(self.volumeClaimTemplate.spec.resources.limits))))";

/// A condition on the number under a key of the argument of `jaeger_remote`; a number that does not parse is an error,
/// which refuses the object too.
fn jaeger_number(key: &str, condition: &str) -> String {
    let found = format!("self.argument.find('(^|,){key}=[^,]*')");
    let condition = condition.replace("VALUE", &format!("{found}.split('=')[1]"));
    format!("self.type != 'jaeger_remote' || {found} == '' || {condition}")
}

fn add_rules(spec: &mut Value, field: &str, rules: Value) {
    if let Some(field) = spec.pointer_mut(&format!("/properties/{field}")).and_then(Value::as_object_mut) {
        field.insert("x-kubernetes-validations".to_owned(), rules);
    }
}

/// The schema of a template whose `spec` is not typed, so that even an empty skeleton can be read.
pub(crate) fn persistent_volume_claim_template(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<Option<PersistentVolumeClaimTemplate>>()
}

/// A schema without references, as the API server demands of custom resources.
fn structural<T: JsonSchema>() -> Value {
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
            while inline_reference(object, definitions) || flatten_optional(object) {}
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

//! The CustomResourceDefinition of Instrumentation: its names, columns and CEL rules around the schema of its types.

use serde_json::{Value, json};

use super::{GROUP, InstrumentationSpec, InstrumentationStatus, KIND, PLURAL, VERSION};
use crate::Language;
use crate::schema::structural;

pub(super) fn definition() -> Value {
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
                    // Ours come last, for those who count columns.
                    {"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"},
                    {"name": "Asked", "type": "integer", "jsonPath": ".status.workloads.asked"},
                    {"name": "Injected", "type": "integer", "jsonPath": ".status.workloads.injected"},
                    {"name": "Missed", "type": "integer", "jsonPath": ".status.workloads.missed"},
                    {"name": "Outdated", "type": "integer", "jsonPath": ".status.workloads.outdated"},
                    {"name": "Failed", "type": "integer", "jsonPath": ".status.workloads.failed"},
                    {"name": "Refused", "type": "integer", "jsonPath": ".status.workloads.refused"},
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
                        "status": with_condition_types(structural::<InstrumentationStatus>()),
                    },
                }},
            }],
        },
    })
}

/// Has conditions told apart by their type, as those of Kubernetes are, so that others can set some of their own.
fn with_condition_types(mut status: Value) -> Value {
    if let Some(conditions) = status.pointer_mut("/properties/conditions").and_then(Value::as_object_mut) {
        conditions.insert("x-kubernetes-list-type".to_owned(), "map".into());
        conditions.insert("x-kubernetes-list-map-keys".to_owned(), json!(["type"]));
    }
    status
}

/// Adds what a schema cannot say, as CEL. The rules refuse what the reference's webhook refuses
/// (docs/reference/instrumentation.md 8), and nothing else; CEL parses numbers as the reference does, with Go's
/// `strconv`.
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

//! Says of manifests what the API server would say, without asking it.
//!
//! Only the command line needs this: in the cluster, the API server itself has looked before the operator does.
//!
//! ```text
//!  CustomResourceDefinition of ingraft-api ──► structure (names, types, patterns) ─┐
//!                            └── its CEL ────► rules ──────────────────────────────┼─► flaws
//!  types of Kubernetes ──────────────────────► structure ──────────────────────────┘
//! ```

mod flaw;
mod meant;
mod names;
mod place;
mod rules;
mod schemas;
mod similar;
mod structure;

use std::borrow::Cow;

use ingraft_core::finding::FieldProblem;
use serde_json::Value;

pub use flaw::Flaw;
pub use meant::means_instrumentation;
pub use names::is_namespace;

use place::Place;
use structure::Reader;

/// What the API server would not take of an object, in the order of the document. Kinds that do not concern
/// instrumentation are not looked at.
///
/// ```
/// use serde_json::json;
/// let flaws = ingraft_validate::check(&json!({
///     "apiVersion": "opentelemetry.io/v1alpha1",
///     "kind": "Instrumentation",
///     "metadata": {"name": "a"},
///     "spec": {"sampler": {"type": "traceidratio", "argument": "25%"}},
/// }));
/// assert_eq!(flaws[0].field(), "spec.sampler.argument");
/// ```
pub fn check(object: &Value) -> Vec<Flaw> {
    let meant = meant::workload(object);
    let Some((reader, schema)) = schemas::of(object, meant) else { return Vec::new() };
    let top = Place::default();
    let mut flaws = Vec::new();
    if let Some((version, kind)) = meant {
        for (key, meant) in [("apiVersion", version), ("kind", kind)] {
            let written = object.get(key).and_then(Value::as_str).filter(|written| *written != meant);
            let problem = |written: &str| FieldProblem::NotAllowed {
                value: written.to_owned(),
                allowed: vec![meant.to_owned()],
            };
            flaws.extend(written.map(|written| Flaw::refused(&top.key(key), problem(written))));
        }
    }
    structure::check(reader, schema, object, &top, &mut flaws);
    names::check(object, &mut flaws);
    if reader == Reader::CustomResource {
        for flaw in &mut flaws {
            flaw.look_above(schema);
        }
        let is_named = ["name", "generateName"]
            .iter()
            .any(|key| object.pointer(&format!("/metadata/{key}")).is_some_and(|name| name != ""));
        if !is_named {
            flaws.push(Flaw::refused(&top.key("metadata").key("name"), FieldProblem::Missing));
        }
        if !flaws.iter().any(Flaw::blocks_rules) {
            rules::check(schema, &normal(object), &top, &mut flaws);
        }
    }
    flaws
}

/// An object as the API server would store it; `None` if it would be refused.
pub fn stored(object: &Value) -> Option<Cow<'_, Value>> {
    if check(object).iter().any(Flaw::refuses) {
        return None;
    }
    Some(match schemas::of(object, None) {
        Some((Reader::CustomResource, _)) => Cow::Owned(normal(object)),
        _ => Cow::Borrowed(object),
    })
}

/// Without nulls, and with whole numbers as such.
fn normal(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            fields.map(|(name, value)| (name.clone(), normal(value))).collect()
        }
        Value::Array(items) => items.iter().map(normal).collect(),
        Value::Number(number) => {
            let text = number.to_string();
            text.strip_suffix(".0")
                .and_then(|whole| whole.parse::<i64>().ok())
                .map_or_else(|| value.clone(), Value::from)
        }
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests;

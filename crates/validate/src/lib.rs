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
mod place;
mod rules;
mod schemas;
mod similar;
mod structure;

use serde_json::Value;

pub use flaw::Flaw;

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
    let Some((reader, schema)) = schemas::of(object) else { return Vec::new() };
    let top = Place::default();
    let mut flaws = Vec::new();
    structure::check(reader, schema, object, &top, &mut flaws);
    if reader == Reader::CustomResource && !flaws.iter().any(Flaw::blocks_rules) {
        rules::check(schema, &without_nulls(object), &top, &mut flaws);
    }
    flaws
}

/// Whether the API server would store an object.
pub fn accepts(object: &Value) -> bool {
    !check(object).iter().any(Flaw::refuses)
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            fields.map(|(name, value)| (name.clone(), without_nulls(value))).collect()
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests;

//! The rules that a schema carries as CEL, evaluated as the API server does.

use std::sync::Arc;

use ingraft_core::finding::FieldProblem;
use kube_cel::KubeCelExt;
use kube_cel::cel::extractors::This;
use kube_cel::cel::{self, Context, ExecutionError, Program};
use serde_json::{Map, Value};

use crate::flaw::Flaw;
use crate::place::Place;

/// Adds every rule of the schema that refuses `value`, which has no nulls.
pub(crate) fn check(schema: &Value, value: &Value, place: &Place, flaws: &mut Vec<Flaw>) {
    for rule in schema.get("x-kubernetes-validations").and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| rule.get(key).and_then(Value::as_str).unwrap_or_default();
        if !holds(text("rule"), value) {
            let field = text("fieldPath").trim_start_matches('.');
            let place = if field.is_empty() { place.clone() } else { place.key(field) };
            let (value, message) = (value.get(field).and_then(Value::as_str), text("message").to_owned());
            let value = value.map(str::to_owned);
            flaws.push(Flaw::refused(&place, FieldProblem::Rule { value, message }));
        }
    }
    for (name, schema) in schema.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::iter)
    {
        if let Some(value) = value.get(name) {
            check(schema, value, &place.key(name), flaws);
        }
    }
}

/// Whether a rule is true of a value. One that cannot be evaluated refuses it, as in the API server.
fn holds(rule: &str, value: &Value) -> bool {
    let Ok(program) = Program::compile(rule) else { return false };
    let Ok(value) = cel::to_value(value) else { return false };
    let mut context = Context::default().with_all();
    context.add_function("double", double);
    context.add_variable_from_value("self", value);
    program.execute(&context) == Ok(cel::Value::Bool(true))
}

/// Converts as the API server does, with Go's `strconv.ParseFloat`: <https://pkg.go.dev/strconv#ParseFloat>.
fn double(This(value): This<cel::Value>) -> Result<cel::Value, ExecutionError> {
    let number = match &value {
        cel::Value::String(text) => float(text),
        cel::Value::Float(number) => Some(*number),
        _ => None,
    };
    number.map(cel::Value::Float).ok_or_else(|| ExecutionError::function_error("double", "not a number"))
}

fn float(text: &Arc<String>) -> Option<f64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => hexadecimal(&digits.to_lowercase()).map(|number| sign * number),
        // Rust takes a sign before NaN, Go does not.
        None if digits.len() < text.len() && digits.eq_ignore_ascii_case("nan") => None,
        None => text.parse().ok(),
    }
}

/// `1.8p-2` is 1.5 · 2⁻².
fn hexadecimal(digits: &str) -> Option<f64> {
    let (mantissa, exponent) = digits.split_once('p')?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let number = u32::from_str_radix(&all, 16).ok()?;
    let exponent: i32 = exponent.parse().ok()?;
    let places = i32::try_from(fraction.len()).ok()?;
    Some(f64::from(number) * 2f64.powi(exponent.checked_sub(places.checked_mul(4)?)?))
}

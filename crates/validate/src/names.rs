//! Names that the API server takes: <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>.

use ingraft_core::finding::{FieldProblem, visible};
use serde_json::Value;

use crate::flaw::Flaw;
use crate::place::Place;

/// Adds what is wrong with the name of an object, and with that of its namespace.
pub(crate) fn check(object: &Value, flaws: &mut Vec<Flaw>) {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    let is_label = matches!(kind, "Namespace" | "Service");
    // The names of its Jobs are longer.
    let limit = if kind == "CronJob" { 52 } else { 253 };
    let limit = if is_label { 63 } else { limit };
    for (key, has_dots, limit) in [("name", !is_label, limit), ("namespace", false, 63)] {
        let name = object.pointer(&format!("/metadata/{key}")).and_then(Value::as_str);
        // Something else is yet to fill in a placeholder.
        let is_open = |name: &&str| name.is_empty() || name.contains('$') || name.contains("{{");
        let Some(name) = name.filter(|name| !is_open(name)) else { continue };
        let place = Place::default().key("metadata").key(key);
        if !(is_dns_label(name) || has_dots && name.split('.').all(is_dns_label)) {
            flaws.push(Flaw::refused(&place, FieldProblem::NotAName { value: visible(name), has_dots }));
        } else if name.len() > limit {
            flaws.push(Flaw::refused(&place, FieldProblem::TooLong { limit: limit as u64 }));
        }
    }
}

/// Whether a text can be the name of a namespace.
pub fn is_namespace(text: &str) -> bool {
    text.len() <= 63 && is_dns_label(text)
}

/// Whether a text is like a label of DNS, as RFC 1123 describes it, of any length.
fn is_dns_label(text: &str) -> bool {
    let is_letter = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit();
    text.starts_with(is_letter)
        && text.ends_with(is_letter)
        && text.chars().all(|one| is_letter(one) || one == '-')
}

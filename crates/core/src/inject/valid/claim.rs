//! Templates of volume claims: <https://kubernetes.io/docs/concepts/storage/ephemeral-volumes/#generic-ephemeral-volumes>.

use serde_json::Value;

use super::{is_object_name, is_qualified_name};
use crate::json::{list, string};
use crate::quantity;

/// Whether a pod may have an ephemeral volume of this template, and containers can mount it.
pub(crate) fn is_claim_template(template: &Value) -> bool {
    const MODES: [&str; 4] = ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"];
    let spec = template.get("spec").unwrap_or(&Value::Null);
    let modes = list(spec, "accessModes");
    let known = |mode: &Value| mode.as_str().is_some_and(|mode| MODES.contains(&mode));
    let alone = modes.len() == 1 || modes.iter().all(|mode| mode != "ReadWriteOncePod");
    let storage = spec.pointer("/resources/requests/storage");
    let storage = storage.and_then(|size| size.as_str().and_then(quantity::parse).or_else(|| size.as_f64()));
    let class = |key: &str| string(spec, key).is_none_or(|name| name.is_empty() || is_object_name(name));
    let absent = |key: &str| spec.get(key).is_none_or(Value::is_null);
    !modes.is_empty()
        && modes.iter().all(known)
        && alone
        && storage.is_some_and(|size| size > 0.0)
        && class("storageClassName")
        && class("volumeAttributesClassName")
        && matches!(string(spec, "volumeMode"), None | Some("" | "Filesystem"))
        // A volume that is full from the start is of no use, and has many rules.
        && absent("dataSource")
        && absent("dataSourceRef")
        && is_metadata(template.get("metadata").unwrap_or(&Value::Null))
        && is_selector(spec.get("selector").unwrap_or(&Value::Null))
}

/// Whether these are labels and annotations, and nothing else.
fn is_metadata(metadata: &Value) -> bool {
    let mut entries = metadata.as_object().into_iter().flatten();
    entries.all(|(key, value)| match key.as_str() {
        "labels" => are_labels(value),
        "annotations" => value
            .as_object()
            .into_iter()
            .flatten()
            .all(|(key, _)| is_qualified_name(&key.to_ascii_lowercase())),
        "creationTimestamp" => true,
        _ => false,
    })
}

fn are_labels(labels: &Value) -> bool {
    let mut labels = labels.as_object().into_iter().flatten();
    labels.all(|(key, value)| is_qualified_name(key) && value.as_str().is_some_and(is_label_value))
}

fn is_label_value(value: &str) -> bool {
    value.is_empty() || (is_qualified_name(value) && !value.contains('/'))
}

fn is_selector(selector: &Value) -> bool {
    are_labels(selector.get("matchLabels").unwrap_or(&Value::Null))
        && list(selector, "matchExpressions").iter().all(|expression| {
            let values = list(expression, "values");
            let counted = match string(expression, "operator") {
                Some("In" | "NotIn") => !values.is_empty(),
                Some("Exists" | "DoesNotExist") => values.is_empty(),
                _ => false,
            };
            let labels = values.iter().all(|value| value.as_str().is_some_and(is_label_value));
            counted && labels && string(expression, "key").is_some_and(is_qualified_name)
        })
}

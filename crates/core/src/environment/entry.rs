//! What one entry of `env` says, as the kubelet reads it: the value where there is one, or else the first source that
//! it knows, in the order of `makeEnvironmentVariables` in
//! <https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/kubelet/kubelet_pods.go>.

use serde_json::Value;

use crate::ReferenceKind;
use crate::json::string;

/// Where an entry has its value from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Entry<'a> {
    /// The entry itself; empty where it says nothing.
    Literal(&'a str),
    /// A field of the pod.
    Field { path: &'a str },
    /// A request or limit of a container.
    Resource { reference: &'a Value },
    /// A key of a ConfigMap or Secret.
    Key { kind: ReferenceKind, object: &'a str, key: &'a str, optional: bool },
    /// A variable in a file of a volume.
    File { volume: &'a str, path: &'a str, key: &'a str, optional: bool },
    /// A source of a kind that is not known here.
    Other,
}

impl<'a> Entry<'a> {
    pub(crate) fn of(entry: &'a Value) -> Self {
        let value = string(entry, "value").unwrap_or_default();
        let Some(source) = object(entry, "valueFrom").filter(|_| value.is_empty()) else {
            return Self::Literal(value);
        };
        let key = |kind, reference| {
            let (object, key) = (text(reference, "name"), text(reference, "key"));
            Self::Key { kind, object, key, optional: is_optional(reference) }
        };
        if let Some(reference) = object(source, "fieldRef") {
            Self::Field { path: text(reference, "fieldPath") }
        } else if let Some(reference) = object(source, "resourceFieldRef") {
            Self::Resource { reference }
        } else if let Some(reference) = object(source, "configMapKeyRef") {
            key(ReferenceKind::ConfigMap, reference)
        } else if let Some(reference) = object(source, "secretKeyRef") {
            key(ReferenceKind::Secret, reference)
        } else if let Some(reference) = object(source, "fileKeyRef") {
            let (volume, path) = (text(reference, "volumeName"), text(reference, "path"));
            Self::File { volume, path, key: text(reference, "key"), optional: is_optional(reference) }
        } else if source.as_object().is_some_and(|source| !source.is_empty()) {
            Self::Other
        } else {
            Self::Literal(value)
        }
    }
}

/// Whether what a reference names may be missing.
pub(super) fn is_optional(reference: &Value) -> bool {
    reference.get("optional") == Some(&Value::Bool(true))
}

/// The object under a key.
pub(super) fn object<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    value.get(key).filter(|value| value.is_object())
}

fn text<'v>(reference: &'v Value, key: &str) -> &'v str {
    string(reference, key).unwrap_or_default()
}

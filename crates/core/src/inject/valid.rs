//! What an Instrumentation may bring into a pod: its definition accepts more than the API server accepts in a pod, and
//! one wrong value would make every pod invalid.
//!
//! The rules are those of the API server's validation of pods:
//! <https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/validation.go>.

mod claim;

pub(crate) use claim::is_claim_template;

use serde_json::{Map, Value, json};

use crate::finding::Allowed;
use crate::json::{list, named, string};
use crate::quantity;

/// A name that a Secret or ConfigMap can have, a DNS subdomain:
/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names>.
pub(crate) fn is_object_name(name: &str) -> bool {
    let label = |label: &str| {
        let edges = label.starts_with('-') || label.ends_with('-');
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !label.is_empty() && !edges && label.chars().all(allowed)
    };
    name.len() <= 253 && name.split('.').all(label)
}

/// Whether an entry of an `env` list is one that a container of this pod may have; if not, what may stand there.
pub(crate) fn variable(entry: &Value, pod: &Value) -> Result<(), Allowed> {
    if !is_variable_name(string(entry, "name").unwrap_or_default()) {
        return Err(Allowed::VariableName);
    }
    let Some(sources) = entry.get("valueFrom").and_then(Value::as_object) else {
        return Ok(());
    };
    if string(entry, "value").is_some_and(|value| !value.is_empty()) {
        return Err(Allowed::ValueOrSource);
    }
    let mut sources = sources.iter();
    let (Some((kind, source)), None) = (sources.next(), sources.next()) else {
        return Err(Allowed::OneSource);
    };
    match kind.as_str() {
        "fieldRef" => field(source),
        "resourceFieldRef" => resource_field(source),
        "configMapKeyRef" | "secretKeyRef" => key(source),
        "fileKeyRef" => file_key(source, pod),
        _ => Ok(()),
    }
}

fn is_variable_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| (' '..='~').contains(&c) && c != '=')
}

fn field(source: &Value) -> Result<(), Allowed> {
    const FIELDS: [&str; 9] = [
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    ];
    let path = string(source, "fieldPath").unwrap_or_default();
    let entry =
        path.strip_prefix("metadata.labels['").or_else(|| path.strip_prefix("metadata.annotations['"));
    let known = match entry.and_then(|entry| entry.strip_suffix("']")) {
        Some(key) => is_qualified_name(key),
        None => FIELDS.contains(&path),
    };
    let version = string(source, "apiVersion").unwrap_or_default();
    if known && matches!(version, "" | "v1") { Ok(()) } else { Err(Allowed::PodField) }
}

fn resource_field(source: &Value) -> Result<(), Allowed> {
    // As they are spelled: the API server takes 1Ki and refuses 1024.
    const CORES: [&str; 4] = ["", "0", "1", "1m"];
    const BYTES: [&str; 15] =
        ["", "0", "1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];
    let resource = string(source, "resource").unwrap_or_default();
    let kind = resource.strip_prefix("limits.").or_else(|| resource.strip_prefix("requests."));
    let divisor = string(source, "divisor").unwrap_or_default();
    let allowed = match kind {
        Some("cpu") => CORES.contains(&divisor),
        Some("memory" | "ephemeral-storage") => BYTES.contains(&divisor),
        _ => false,
    };
    // Without a name it is the container itself; another one may not exist in this pod.
    let own = string(source, "containerName").is_none_or(str::is_empty);
    if allowed && own { Ok(()) } else { Err(Allowed::ContainerResource) }
}

fn key(source: &Value) -> Result<(), Allowed> {
    let key = string(source, "key").unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let named = string(source, "name").is_some_and(is_object_name);
    let keyed = !key.is_empty() && key.len() <= 253 && key != "." && !key.starts_with("..");
    if named && keyed && key.chars().all(allowed) { Ok(()) } else { Err(Allowed::ObjectKey) }
}

fn file_key(source: &Value, pod: &Value) -> Result<(), Allowed> {
    let volume = string(source, "volumeName").unwrap_or_default();
    let volumes = pod.get("spec").map_or(&[][..], |spec| list(spec, "volumes"));
    let exists = named(volumes, volume).is_some_and(|volume| volume.get("emptyDir").is_some());
    let path = string(source, "path").unwrap_or_default();
    let key = string(source, "key").unwrap_or_default();
    if exists && is_descending(path) && is_variable_name(key) { Ok(()) } else { Err(Allowed::FileKey) }
}

/// Whether a path stays in the folder that it starts from.
fn is_descending(path: &str) -> bool {
    !path.is_empty() && !path.starts_with('/') && path.split('/').all(|step| step != "..")
}

/// `prefix/name` or `name`: <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set>.
pub(crate) fn is_qualified_name(text: &str) -> bool {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    prefix.is_none_or(is_object_name)
        && name.len() <= 63
        && name.chars().all(allowed)
        && edge(name.chars().next())
        && edge(name.chars().last())
}

/// Whether a key of an attribute stands for itself: no variable has a place there.
pub(crate) fn is_attribute_key(key: &str) -> bool {
    !key.contains("$(")
}

/// Whether an amount of a resource may stand in a container of ours: extended resources and huge pages have rules of
/// their own, and copying files needs none.
pub(crate) fn is_amount(resource: &str, amount: &Value) -> bool {
    let known = matches!(resource, "cpu" | "memory" | "ephemeral-storage");
    let amount = amount.as_str().and_then(quantity::parse).or_else(|| amount.as_f64());
    // The API server counts to 2^63 and compares what is larger as that.
    known && amount.is_some_and(|amount| (0.0..1e18).contains(&amount))
}

/// A field of a security context that no Linux container may have, if there is one.
pub(crate) fn invalid_security_context(context: &Map<String, Value>, pod: &Value) -> Option<&'static str> {
    let profile = |key: &str, is_name: fn(&str) -> bool| {
        let Some(profile) = context.get(key) else { return true };
        let name = string(profile, "localhostProfile").unwrap_or_default();
        match string(profile, "type") {
            Some("Localhost") => is_name(name),
            Some("RuntimeDefault" | "Unconfined") => name.is_empty(),
            _ => false,
        }
    };
    let is_loaded = |name: &str| !name.is_empty() && name.len() <= 4095 && name.trim() == name;
    let id = |key: &str| {
        let id = context.get(key).and_then(Value::as_i64);
        id.is_none_or(|id| (0..=i64::from(i32::MAX)).contains(&id))
    };
    let host_users = pod.pointer("/spec/hostUsers") != Some(&json!(false));
    let proc_mount = match context.get("procMount").and_then(Value::as_str) {
        None | Some("Default") => true,
        Some("Unmasked") => !host_users,
        Some(_) => false,
    };
    let privileged = context.get("privileged") == Some(&json!(true));
    let added = context.get("capabilities").map_or(&[][..], |capabilities| list(capabilities, "add"));
    let escalates = privileged || added.contains(&json!("CAP_SYS_ADMIN"));
    let rules = [
        ("seccompProfile", profile("seccompProfile", is_descending)),
        ("appArmorProfile", profile("appArmorProfile", is_loaded)),
        ("runAsUser", id("runAsUser")),
        ("runAsGroup", id("runAsGroup")),
        ("procMount", proc_mount),
        ("windowsOptions", !context.contains_key("windowsOptions")),
        (
            "allowPrivilegeEscalation",
            !escalates || context.get("allowPrivilegeEscalation") != Some(&json!(false)),
        ),
    ];
    rules.into_iter().find(|(_, holds)| !holds).map(|(field, _)| field)
}

#[cfg(test)]
mod tests;

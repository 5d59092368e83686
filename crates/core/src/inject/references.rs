//! What an Instrumentation refers to: Secrets and ConfigMaps, which must be in the namespace of the pod.
//!
//! The reference leaves pods without instrumentation, or unable to start, where one is missing
//! (docs/reference/instrumentation.md 12). Here what may be missing is optional: the pod starts, and a finding says
//! what it lacks.

use ingraft_api::instrumentation::Tls;
use k8s_openapi::api::core::v1::EnvVar;
use serde_json::{Value, json};

use super::pod::Pod;
use super::valid;
use crate::finding::{Allowed, InstrumentationFinding, Reason, ReferenceFinding};
use crate::json::string;
use crate::snapshot::ReferenceKind;

/// The Secrets and ConfigMaps that an Instrumentation names, with their kinds.
pub fn references(spec: &ingraft_api::InstrumentationSpec) -> Vec<(ReferenceKind, &str)> {
    let languages = ingraft_api::Language::with_image().flat_map(|language| language.block(spec).env);
    let mut found: Vec<_> = spec
        .env
        .iter()
        .flatten()
        .chain(languages)
        .filter_map(|variable| {
            let source = variable.value_from.as_ref()?;
            let config_map = source.config_map_key_ref.as_ref();
            let secret = source.secret_key_ref.as_ref();
            config_map
                .map(|key| (ReferenceKind::ConfigMap, key.name.as_str()))
                .or_else(|| secret.map(|key| (ReferenceKind::Secret, key.name.as_str())))
        })
        .collect();
    if let Some(tls) = spec.tls() {
        found.extend(of_tls(tls).map(|(kind, name, _)| (kind, name)));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// What TLS names, with the field that names it.
fn of_tls(tls: &Tls) -> impl Iterator<Item = (ReferenceKind, &str, &'static str)> {
    let names = [
        (ReferenceKind::Secret, tls.secret_name.as_deref(), "secretName"),
        (ReferenceKind::ConfigMap, tls.config_map_name.as_deref(), "configMapName"),
    ];
    names
        .into_iter()
        .filter_map(|(kind, name, field)| Some((kind, name.filter(|name| !name.is_empty())?, field)))
}

/// The variables of an Instrumentation as they go into containers. Those that no pod may have are left out; a source
/// that is not known to exist is optional, so that the container starts without it.
pub(crate) fn variables(
    pod: &Pod<'_>,
    variables: &[EnvVar],
    pointer: &str,
    report: &mut impl FnMut(Reason, String),
) -> Vec<Value> {
    let mut entries = Vec::with_capacity(variables.len());
    for (place, variable) in variables.iter().enumerate() {
        let pointer = format!("{pointer}/{place}");
        let Ok(mut entry) = serde_json::to_value(variable) else {
            continue;
        };
        if let Err(allowed) = valid::variable(&entry, pod.json) {
            let reason = InstrumentationFinding::ignored(&pointer, variable.name.clone(), allowed);
            report(reason.into(), pointer);
            continue;
        }
        if let Some(reason) = make_optional(pod, &mut entry) {
            report(reason.into(), format!("{pointer}/valueFrom"));
        }
        entries.push(entry);
    }
    entries
}

/// Makes a source optional unless it is known to exist. The reason is for one that is known to be missing.
fn make_optional(pod: &Pod<'_>, entry: &mut Value) -> Option<ReferenceFinding> {
    let sources = entry.get_mut("valueFrom")?.as_object_mut()?;
    for (field, kind) in
        [("configMapKeyRef", ReferenceKind::ConfigMap), ("secretKeyRef", ReferenceKind::Secret)]
    {
        let Some(source) = sources.get_mut(field) else {
            continue;
        };
        let text = |key: &str| string(source, key).unwrap_or_default().to_owned();
        let (name, key) = (text("name"), text("key"));
        let exists = pod.exists(kind, &name, Some(&key));
        if exists == Some(true) || source.get("optional") == Some(&json!(true)) {
            return None;
        }
        if let Some(source) = source.as_object_mut() {
            source.insert("optional".to_owned(), true.into());
        }
        return (exists == Some(false)).then(|| ReferenceFinding::ReferenceMissing {
            kind,
            name,
            key: Some(key),
            namespace: pod.namespace.to_owned(),
        });
    }
    None
}

/// Notices TLS material that the namespace of the pod does not have, or cannot have.
pub(crate) fn lint_tls(pod: &Pod<'_>, tls: &Tls, report: &mut impl FnMut(Reason, String)) {
    for (kind, name, field) in of_tls(tls) {
        let pointer = format!("/spec/exporter/tls/{field}");
        if !valid::is_object_name(name) {
            let reason = InstrumentationFinding::ignored(&pointer, name, Allowed::ObjectName);
            report(reason.into(), pointer);
        } else if pod.exists(kind, name, None) == Some(false) {
            let (name, namespace) = (name.to_owned(), pod.namespace.to_owned());
            report(ReferenceFinding::ReferenceMissing { kind, name, key: None, namespace }.into(), pointer);
        }
    }
}

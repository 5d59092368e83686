//! Annotations of a pod that look like ours and have no effect.

use ingraft_api::Language;
use ingraft_api::annotations::{CONTAINER_NAMES, PREFIX, SIDECAR};
use serde_json::Value;

use super::languages::profile;
use crate::finding::{AnnotationFinding, Findings};
use crate::json::{annotation, annotation_pointer};

/// Reports annotations that look like ours and are none, or whose value is no text.
pub(crate) fn lint(pod: &Value, findings: &mut Findings) {
    let annotations = pod.get("metadata").and_then(|metadata| metadata.get("annotations"));
    let ours = annotations.and_then(Value::as_object).into_iter().flatten();
    for (key, value) in ours.filter(|(key, _)| key.starts_with(PREFIX)) {
        let reason = if value.is_null() {
            // The API server takes null for an empty text.
            continue;
        } else if !value.is_string() {
            AnnotationFinding::AnnotationNotText { key: key.clone(), value: value.to_string() }
        } else if !known_keys().any(|known| known == key) {
            AnnotationFinding::AnnotationUnknown { key: key.clone(), suggestion: nearest_key(key) }
        } else {
            continue;
        };
        findings.pod(reason, annotation_pointer(key));
    }
    let sidecar = annotation(pod, SIDECAR);
    if !matches!(sidecar.to_ascii_lowercase().as_str(), "" | "false") {
        let reason = AnnotationFinding::SidecarNotServed { value: sidecar.to_owned() };
        findings.pod(reason, annotation_pointer(SIDECAR));
    }
}

/// The known key that differs from a misspelt one by a few letters.
fn nearest_key(key: &str) -> Option<String> {
    let distances = known_keys().map(|known| (strsim::damerau_levenshtein(known, key), known));
    distances.min().filter(|(distance, _)| *distance <= 2).map(|(_, known)| known.to_owned())
}

fn known_keys() -> impl Iterator<Item = &'static str> {
    let of_language = |language: Language| {
        let others = language.container_names_keys().iter().chain(profile(language).annotations);
        std::iter::once(language.inject_key()).chain(others.copied())
    };
    Language::ALL.into_iter().flat_map(of_language).chain([CONTAINER_NAMES])
}

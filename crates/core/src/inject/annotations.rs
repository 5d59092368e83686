//! Annotations and labels that look like ours and have no effect.

use ingraft_api::Language;
use ingraft_api::annotations::{
    CONTAINER_NAMES, DEFAULTED, INJECT, INJECTED, NODEJS_ESM, OWN_PREFIX, PREFIX, REQUIRE, SIDECAR,
};
use serde_json::Value;

use super::languages::profile;
use crate::finding::{AnnotationFinding, Findings};
use crate::json::{annotation, annotation_pointer, keys_of, label_pointer};

/// Reports annotations and labels of a pod, a template or a namespace that look like ours and have no effect, or whose
/// value is no text.
pub(crate) fn lint(object: &Value, findings: &mut Findings) {
    let annotations = object.get("metadata").and_then(|metadata| metadata.get("annotations"));
    for (key, value) in annotations.and_then(Value::as_object).into_iter().flatten() {
        let is_text = value.is_string() || value.is_null();
        let reason = match look(key) {
            Look::Foreign => continue,
            _ if key == REQUIRE => AnnotationFinding::RequireMisplaced { template: "" },
            // The API server takes null for an empty text.
            _ if !is_text => {
                AnnotationFinding::AnnotationNotText { key: key.clone(), value: value.to_string() }
            }
            Look::Known => continue,
            Look::Misspelt(suggestion) => {
                AnnotationFinding::AnnotationUnknown { key: key.clone(), suggestion }
            }
        };
        findings.pod(reason, annotation_pointer(key));
    }
    for key in labels_of_ours(object) {
        findings.pod(AnnotationFinding::is_label(key, meant(key), ""), label_pointer(key));
    }
    let sidecar = annotation(object, SIDECAR);
    if !matches!(sidecar.to_ascii_lowercase().as_str(), "" | "false") {
        let reason = AnnotationFinding::SidecarNotServed { value: sidecar.to_owned() };
        findings.pod(reason, annotation_pointer(SIDECAR));
    }
}

/// The labels of an object that were meant to be annotations of ours. Other labels may have our prefix.
pub(crate) fn labels_of_ours(object: &Value) -> impl Iterator<Item = &String> {
    keys_of(object, "labels").filter(|key| !is_written(key) && meant(key).is_some())
}

/// The key of ours that is meant by a key, if that can be told.
pub(crate) fn meant(key: &str) -> Option<String> {
    match look(key) {
        Look::Known => Some(key.to_owned()),
        Look::Misspelt(meant) => meant,
        Look::Foreign => None,
    }
}

/// Whether it is Ingraft that writes the annotation.
pub(crate) fn is_written(key: &str) -> bool {
    matches!(key, INJECTED | DEFAULTED)
}

/// What a key looks like.
#[derive(Debug, PartialEq)]
pub(crate) enum Look {
    /// One of ours.
    Known,
    /// None of ours, though it was meant to be; and which one, if that can be told.
    Misspelt(Option<String>),
    /// Somebody else's.
    Foreign,
}

/// What a key of an annotation or label looks like.
pub(crate) fn look(key: &str) -> Look {
    if known_keys().any(|known| known == key) {
        Look::Known
    } else if key.starts_with(PREFIX) || key.starts_with(OWN_PREFIX) {
        Look::Misspelt(nearest_key(key))
    } else {
        // The domain is misspelt or missing.
        let (domain, name) = key.split_once('/').unwrap_or(("", key));
        let is_like_ours = if domain.is_empty() {
            name.starts_with("inject-")
        } else {
            domain.contains("opentelemetry")
                || strsim::damerau_levenshtein(domain, PREFIX.trim_end_matches('/')) <= 3
        };
        let meant = known_keys()
            .filter(|known| *known != INJECT)
            .find(|known| known.split_once('/').is_some_and(|(_, known)| known == name));
        match meant.filter(|_| is_like_ours) {
            Some(meant) => Look::Misspelt(Some(meant.to_owned())),
            None => Look::Foreign,
        }
    }
}

/// The known key that differs from a misspelt one by a few letters.
fn nearest_key(key: &str) -> Option<String> {
    let distances = known_keys().map(|known| (strsim::damerau_levenshtein(known, key), known));
    distances.min().filter(|(distance, _)| *distance <= 2).map(|(_, known)| known.to_owned())
}

/// All keys of annotations that are read or written.
pub(crate) fn known_keys() -> impl Iterator<Item = &'static str> {
    let of_language = |language: Language| {
        let others = language.container_names_keys().iter().chain(profile(language).annotations);
        std::iter::once(language.inject_key()).chain(others.copied())
    };
    Language::ALL.into_iter().flat_map(of_language).chain([
        CONTAINER_NAMES,
        INJECT,
        NODEJS_ESM,
        INJECTED,
        DEFAULTED,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_was_meant() {
        let java = || Look::Misspelt(Some("instrumentation.opentelemetry.io/inject-java".to_owned()));
        for (key, expected) in [
            ("instrumentation.opentelemetry.io/inject-java", Look::Known),
            ("ingraft.dev/injected", Look::Known),
            ("instrumentation.opentelemetry.io/inject-jav", java()),
            ("instrumentation.opentelemetry.io/something", Look::Misspelt(None)),
            ("instrumentation.opentelemetry.com/inject-java", java()),
            ("instrumentation.opentelementry.io/inject-java", java()),
            ("opentelemetry.io/inject-java", java()),
            ("inject-java", java()),
            ("ingraft.dev/injct", Look::Misspelt(Some("ingraft.dev/inject".to_owned()))),
            ("ingraft.dev/color", Look::Misspelt(None)),
            // Of others, and in their place.
            ("sidecar.opentelemetry.io/inject", Look::Foreign),
            ("resource.opentelemetry.io/team", Look::Foreign),
            ("io.opentelemetry.discovery.metrics/enabled", Look::Foreign),
            ("sidecar.istio.io/inject", Look::Foreign),
            ("example.com/inject-java", Look::Foreign),
            ("app", Look::Foreign),
        ] {
            assert_eq!(look(key), expected, "{key}");
        }
    }

    #[test]
    fn a_label_may_have_our_prefix() {
        let labels = serde_json::json!({
            "ingraft.dev/created-by": "tests", "ingraft.dev/injected": "x", "ingraft.dev/inject": "true",
        });
        let object = serde_json::json!({"metadata": {"labels": labels}});
        assert_eq!(labels_of_ours(&object).collect::<Vec<_>>(), ["ingraft.dev/inject"]);
    }
}

//! Annotations and labels that look like ours and have no effect.

use ingraft_api::Language;
use ingraft_api::annotations::{
    BLOCKED, CONTAINER_NAMES, CONTROL, DEFAULTED, HEAL, HEALED, IGNORE, INJECT, INJECTED, NODEJS_ESM,
    OWN_PREFIX, PREFIX, REQUIRE, SIDECAR, STANDBY,
};
use serde_json::Value;

use super::language_of;
use super::languages::profile;
use crate::finding::{AnnotationFinding, Findings};
use crate::json::{annotation, annotation_pointer, keys_of, label_pointer, list, string};
use crate::settings::Heal;
use crate::spelling::distance;

/// Reports annotations and labels of a pod, a template or a namespace that look like ours and have no effect, or whose
/// value is no text.
pub(crate) fn lint(object: &Value, findings: &mut Findings) {
    let annotations = object.get("metadata").and_then(|metadata| metadata.get("annotations"));
    let is_namespace = string(object, "kind") == Some("Namespace");
    for (key, value) in annotations.and_then(Value::as_object).into_iter().flatten() {
        let is_text = value.is_string() || value.is_null();
        let reason = match look(key) {
            Look::Foreign => continue,
            _ if key == REQUIRE => AnnotationFinding::RequireMisplaced { template: "" },
            _ if key == HEAL && !is_namespace => AnnotationFinding::HealMisplaced,
            // The API server takes null for an empty text.
            _ if !is_text => {
                let meant = text_meant(key, value);
                AnnotationFinding::AnnotationNotText { key: key.clone(), value: value.to_string(), meant }
            }
            Look::Known => match heal_unknown(key, value) {
                Some(reason) => reason,
                None => continue,
            },
            Look::Misspelt(suggestion) => {
                let suggestion = suggestion.map(|meant| of_language(key, meant, object));
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

/// What is meant where a key of the OpenTelemetry Operator names no language: that of the pod's only container, if it is plain to
/// see.
fn of_language(key: &str, meant: String, pod: &Value) -> String {
    let containers = pod.get("spec").map_or(&[][..], |spec| list(spec, "containers"));
    match containers {
        [one] if meant == INJECT && !key.starts_with(OWN_PREFIX) => {
            language_of(one).map_or(meant, |language| language.inject_key().to_owned())
        }
        _ => meant,
    }
}

/// The text that is meant by a value that is none. A number is nobody's name for an Instrumentation.
fn text_meant(key: &str, value: &Value) -> Option<String> {
    let requests = key == INJECT || Language::ALL.into_iter().any(|language| language.inject_key() == key);
    match value {
        Value::Array(items) => match items.as_slice() {
            [Value::String(text)] => Some(text.clone()),
            _ => None,
        },
        Value::Number(number) if requests => match number.as_u64() {
            Some(0) => Some("false".to_owned()),
            Some(1) => Some("true".to_owned()),
            _ => None,
        },
        Value::Object(_) => None,
        _ => Some(value.to_string()),
    }
}

/// What is wrong with the annotation that allows healing, if it is that one.
pub(crate) fn heal_unknown(key: &str, value: &Value) -> Option<AnnotationFinding> {
    let value = value.as_str().filter(|value| key == HEAL && !value.is_empty())?;
    Heal::parse(value).is_none().then(|| AnnotationFinding::HealUnknown { value: value.to_owned() })
}

/// The labels of an object that were meant to be annotations of ours. Other labels may have our prefix.
pub(crate) fn labels_of_ours(object: &Value) -> impl Iterator<Item = &String> {
    keys_of(object, "labels").filter(|key| !is_right_anywhere(key) && meant(key).is_some())
}

/// The key of ours that is meant by a key, if that can be told.
pub(crate) fn meant(key: &str) -> Option<String> {
    match look(key) {
        Look::Known => Some(key.to_owned()),
        Look::Misspelt(meant) => meant,
        Look::Foreign => None,
    }
}

/// The annotations that are right on any object: those that Ingraft writes, and the one that `ingraft doctor` reads.
pub(crate) const RIGHT_ANYWHERE: [&str; 7] = [INJECTED, DEFAULTED, HEALED, CONTROL, BLOCKED, STANDBY, IGNORE];

/// Whether the annotation is right on any object.
pub(crate) fn is_right_anywhere(key: &str) -> bool {
    RIGHT_ANYWHERE.contains(&key)
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
        return Look::Known;
    }
    let lower = key.to_ascii_lowercase();
    let own = PREFIX.trim_end_matches('/');
    let without_slash = || Some((own, lower.strip_prefix(own)?.strip_prefix(['-', '.', '_', ':'])?));
    let (domain, name) = lower.split_once('/').or_else(without_slash).unwrap_or(("", &lower));
    // The language alone.
    let language = || meant_by(&format!("inject-{name}")).filter(|_| domain.starts_with("instrumentation."));
    if [PREFIX, OWN_PREFIX].iter().any(|prefix| prefix.trim_end_matches('/') == domain) {
        return Look::Misspelt(meant_by(name).or_else(language));
    }
    // The domain is misspelt or missing.
    let is_like_ours = if domain.is_empty() {
        name.starts_with("inject-")
    } else {
        domain.contains("opentelemetry")
            || domain.split('.').any(|label| label == "otel")
            || distance(domain, own, 3).is_some()
    };
    let meant = is_like_ours.then(|| meant_by(name).or_else(language)).flatten();
    match meant.filter(|meant| ![INJECT, HEAL].contains(&meant.as_str())) {
        Some(meant) => Look::Misspelt(Some(meant)),
        None => Look::Foreign,
    }
}

/// Other names of languages, as people write them in keys.
const ALIASES: [(&str, Language); 21] = [
    ("apache", Language::ApacheHttpd),
    ("apache2", Language::ApacheHttpd),
    ("aspnet", Language::DotNet),
    ("c#", Language::DotNet),
    ("c-sharp", Language::DotNet),
    ("csharp", Language::DotNet),
    ("dot-net", Language::DotNet),
    ("dotnet-core", Language::DotNet),
    ("dotnetcore", Language::DotNet),
    ("golang", Language::Go),
    ("httpd", Language::ApacheHttpd),
    ("java-script", Language::NodeJs),
    ("javascript", Language::NodeJs),
    ("js", Language::NodeJs),
    ("jvm", Language::Java),
    ("net", Language::DotNet),
    ("node", Language::NodeJs),
    ("node-js", Language::NodeJs),
    ("py", Language::Python),
    ("python3", Language::Python),
    ("typescript", Language::NodeJs),
];

/// The known key that is meant by a name in lower case: one that has this name, or that of the same language, or differs
/// from it by a few letters.
fn meant_by(name: &str) -> Option<String> {
    let name = name.replace(['_', '.'], "-").replace("--", "-");
    let name_of = |known: &'static str| known.split_once('/').map_or(known, |(_, name)| name);
    let keys = || known_keys().filter(|known| !is_right_anywhere(known));
    let exact = || keys().find(|known| name_of(known) == name);
    let alias = || {
        let language = |alias: &str| ALIASES.iter().find(|(known, _)| *known == alias).map(|(_, one)| *one);
        let list = |alias: &str| language(alias)?.container_names_keys().last().copied();
        match (name.strip_prefix("inject-"), name.strip_suffix("-container-names")) {
            (Some(alias), _) => language(alias).map(Language::inject_key),
            (None, Some(alias)) => list(alias),
            (None, None) => None,
        }
    };
    let near = || {
        // Two letters make most of a short name: `inject-rb` is not Go.
        let room = |known: &str| match known.strip_prefix("inject-").map_or(known.len(), str::len) {
            0..4 => 1,
            _ if known == "heal" => 1,
            _ => 2,
        };
        let distances = keys().filter_map(|known| Some((distance(name_of(known), &name, 2)?, known)));
        distances.min().filter(|(distance, known)| *distance <= room(name_of(known))).map(|(_, known)| known)
    };
    // Something is left out: `dotnet-runtime`.
    let steps = |name: &str| name.split('-').map(str::to_owned).collect::<Vec<_>>();
    let part = || {
        let has_all = |known: &str| steps(&name).iter().all(|step| steps(known).contains(step));
        let is_about_settings = name.contains('-') && !name.starts_with("inject-");
        keys().find(|known| is_about_settings && has_all(name_of(known)))
    };
    exact().or_else(alias).or_else(near).or_else(part).map(str::to_owned)
}

/// All keys of annotations that are read or written.
pub(crate) fn known_keys() -> impl Iterator<Item = &'static str> {
    let of_language = |language: Language| {
        let others = language.container_names_keys().iter().chain(profile(language).annotations);
        std::iter::once(language.inject_key()).chain(others.copied())
    };
    let of_all = [CONTAINER_NAMES, INJECT, NODEJS_ESM, HEAL];
    Language::ALL.into_iter().flat_map(of_language).chain(of_all).chain(RIGHT_ANYWHERE)
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
            ("ingraft.dev/blocked", Look::Known),
            ("instrumentation.opentelemetry.io/inject-jav", java()),
            ("instrumentation.opentelemetry.io/Inject-Java", java()),
            ("Instrumentation.OpenTelemetry.io/inject-java", java()),
            ("instrumentation.opentelemetry.io/inject_java", java()),
            ("instrumentation.opentelemetry.io/inject-jvm", java()),
            ("instrumentation.opentelemetry.io/java", java()),
            ("instrumentation.opentelemetry.io/jvm", java()),
            ("instrumentation.otel.io/java", java()),
            ("instrumentation.opentelemetry.io-inject-java", java()),
            ("instrumentation.opentelemetry.io.inject-java", java()),
            ("instrumentation.opentelemetry.io_inject-java", java()),
            ("instrumentation.opentelemetry.io-java", java()),
            ("sidecar.opentelemetry.io/inject-java", java()),
            ("instrumentation.opentelemetry.io/something", Look::Misspelt(None)),
            ("instrumentation.opentelemetry.com/inject-java", java()),
            ("instrumentation.opentelementry.io/inject-java", java()),
            ("instrumentation.otel.io/inject-java", java()),
            ("opentelemetry.io/inject-java", java()),
            ("inject-java", java()),
            ("Inject-Java", java()),
            ("ingraft.dev/inject-java", java()),
            (
                "instrumentation.opentelemetry.io/inject",
                Look::Misspelt(Some("ingraft.dev/inject".to_owned())),
            ),
            // Neither Go nor SDK.
            ("instrumentation.opentelemetry.io/inject-rb", Look::Misspelt(None)),
            ("instrumentation.opentelemetry.io/inject-php", Look::Misspelt(None)),
            ("ingraft.dev/injct", Look::Misspelt(Some("ingraft.dev/inject".to_owned()))),
            ("ingraft.dev/color", Look::Misspelt(None)),
            ("ingraft.dev/heel", Look::Misspelt(Some("ingraft.dev/heal".to_owned()))),
            ("ingraft.dev/team", Look::Misspelt(None)),
            ("instrumentation.opentelemetry.io/team", Look::Misspelt(None)),
            // Of others, and in their place.
            ("sidecar.opentelemetry.io/inject", Look::Foreign),
            ("resource.opentelemetry.io/team", Look::Foreign),
            ("io.opentelemetry.discovery.metrics/enabled", Look::Foreign),
            ("sidecar.istio.io/inject", Look::Foreign),
            ("example.com/inject-java", Look::Foreign),
            ("opentelemetry.io/java", Look::Foreign),
            ("app", Look::Foreign),
        ] {
            assert_eq!(look(key), expected, "{key}");
        }
    }

    #[test]
    fn knows_other_names_of_languages() {
        for (name, meant) in [
            ("inject-node", "inject-nodejs"),
            ("inject-js", "inject-nodejs"),
            ("inject-node.js", "inject-nodejs"),
            ("inject-javascript", "inject-nodejs"),
            ("inject-net", "inject-dotnet"),
            ("inject-csharp", "inject-dotnet"),
            ("inject-.net", "inject-dotnet"),
            (".net", "inject-dotnet"),
            ("inject-golang", "inject-go"),
            ("inject-apache", "inject-apache-httpd"),
            ("inject-httpd", "inject-apache-httpd"),
            ("inject-py", "inject-python"),
            ("node-container-names", "nodejs-container-names"),
            ("python-containers-names", "python-container-names"),
            ("dotnet-runtime", "otel-dotnet-auto-runtime"),
            ("go-target-exe", "otel-go-auto-target-exe"),
        ] {
            let key = |name: &str| format!("{PREFIX}{name}");
            assert_eq!(look(&key(name)), Look::Misspelt(Some(key(meant))), "{name}");
        }
    }

    #[test]
    fn what_is_no_text_may_mean_one() {
        let (inject, names) = (Language::Java.inject_key(), CONTAINER_NAMES);
        let cases = [
            (inject, serde_json::json!(true), Some("true")),
            (inject, serde_json::json!(1), Some("true")),
            (inject, serde_json::json!(0), Some("false")),
            (inject, serde_json::json!(["base"]), Some("base")),
            (inject, serde_json::json!(2), None),
            (inject, serde_json::json!(["a", "b"]), None),
            (names, serde_json::json!(1), Some("1")),
        ];
        for (key, value, meant) in cases {
            assert_eq!(text_meant(key, &value).as_deref(), meant, "{key}: {value}");
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

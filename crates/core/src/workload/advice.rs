//! What whoever writes a pod template should know besides. Nobody needs to hear it for each pod.

use ingraft_api::Language;
use ingraft_api::annotations::{CONTAINER_NAMES, INJECT, NODEJS_ESM};
use serde_json::Value;

use super::settings;
use crate::finding::{AnnotationFinding, ChoiceFinding, ContainerFinding, Finding, Findings, Reason};
use crate::inject::{Request, profile, review_libc};
use crate::json::{annotation_pointer, keys_of, list, string};

/// Reviews a pod or template, of which these findings tell what is injected.
pub fn advise(request: &Request<'_>, findings: &[Finding]) -> Vec<Finding> {
    let mut advice = Findings::default();
    for finding in findings {
        if let Reason::Choice(
            ChoiceFinding::Injected { language, containers, .. }
            | ChoiceFinding::NotInjected { language, containers, .. },
        ) = &finding.reason
        {
            review_probes(request.pod, *language, containers, &mut advice);
            settings::review(request.pod, *language, containers, &mut advice);
            review_libc(request, *language, containers, &mut advice);
        }
    }
    review_alone(request, &mut advice);
    review_empty(request, &mut advice);
    advice.into_vec()
}

/// Notices a liveness probe that may end a container before its agent has let the application start.
fn review_probes(pod: &Value, language: Language, containers: &[String], advice: &mut Findings) {
    let needed = profile(language).start_seconds;
    let regular = pod.get("spec").map_or(&[][..], |spec| list(spec, "containers"));
    for (index, container) in regular.iter().enumerate() {
        let name = string(container, "name").unwrap_or_default();
        let probe = container.get("livenessProbe").filter(|probe| probe.is_object());
        let has_startup_probe = container.get("startupProbe").is_some_and(Value::is_object);
        let Some(probe) = probe.filter(|_| !has_startup_probe && containers.iter().any(|one| one == name))
        else {
            continue;
        };
        let seconds = seconds_until_killed(probe);
        if seconds < needed {
            let container = name.to_owned();
            let reason = ContainerFinding::LivenessProbeMayKill { language, container, seconds };
            advice.pod(reason, format!("/spec/containers/{index}/livenessProbe"));
        }
    }
}

/// How long a container has to start:
/// <https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/>.
fn seconds_until_killed(probe: &Value) -> u64 {
    let number = |key: &str| probe.get(key).and_then(Value::as_u64);
    // The API server takes zero for absent.
    let positive = |key: &str, default| number(key).filter(|number| *number > 0).unwrap_or(default);
    let probing = positive("failureThreshold", 3).saturating_mul(positive("periodSeconds", 10));
    number("initialDelaySeconds").unwrap_or(0).saturating_add(probing)
}

/// Notices annotations that were to request a language and are empty, unless the namespace requests it.
fn review_empty(request: &Request<'_>, advice: &mut Findings) {
    let namespace = request.snapshot.namespace(request.namespace);
    for key in Language::ALL.into_iter().map(Language::inject_key).chain([INJECT]) {
        let pointer = annotation_pointer(key);
        // The API server takes null for an empty text, and Helm writes it for a value that is not given.
        let is_empty = request.pod.pointer(&pointer).is_some_and(|value| value.is_null() || value == "");
        if is_empty && namespace.is_none_or(|namespace| namespace.annotation(key).is_empty()) {
            advice.pod(AnnotationFinding::AnnotationEmpty { key: key.to_owned() }, pointer);
        }
    }
}

/// Notices annotations that say how a language is to be injected that nobody requests.
fn review_alone(request: &Request<'_>, advice: &mut Findings) {
    let namespace = request.snapshot.namespace(request.namespace);
    let says = |key: &str| {
        keys_of(request.pod, "annotations").any(|known| known == key)
            || namespace.is_some_and(|namespace| !namespace.annotation(key).is_empty())
    };
    // Whatever language is found, it may be this one.
    if says(INJECT) {
        return;
    }
    let none_says = || !Language::ALL.into_iter().any(|language| says(language.inject_key()));
    for key in keys_of(request.pod, "annotations") {
        let of = |language: &Language| {
            language.container_names_keys().contains(&key.as_str())
                || profile(*language).annotations.contains(&key.as_str())
        };
        let language = match key.as_str() {
            NODEJS_ESM => Some(Language::NodeJs),
            key if key == CONTAINER_NAMES => None,
            _ => match Language::ALL.into_iter().find(of) {
                Some(language) => Some(language),
                None => continue,
            },
        };
        if language.map_or_else(none_says, |language| !says(language.inject_key())) {
            let reason = AnnotationFinding::AnnotationAlone { key: key.clone(), about: language };
            advice.pod(reason, annotation_pointer(key));
        }
    }
}

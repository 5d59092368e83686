//! Which languages are asked for, from which Instrumentation, for which containers.

use ingraft_api::annotations::{self, Ask, effective};
use ingraft_api::{Instrumentation, Language};
use serde_json::Value;

use super::Request;
use super::target::Container;
use crate::facts::agent;
use crate::finding::{ChoiceFinding, Findings};
use crate::json::{annotation, annotation_pointer, list, string};

/// Containers that other systems add, and that are never the application: they are targets only when named.
const SIDECARS: &[&str] = &[
    "cloud-sql-proxy",
    "cloudsql-proxy",
    "consul-dataplane",
    "datadog",
    "datadog-agent",
    "envoy",
    "envoy-sidecar",
    "istio-proxy",
    "kuma-sidecar",
    "linkerd-proxy",
    "opentelemetry-auto-instrumentation",
    "otc-container",
    "vault-agent",
];

/// A language that is asked for.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) language: Language,
    pub(crate) ask: Ask<'a>,
}

/// What is injected into which containers.
#[derive(Debug)]
pub(crate) struct Choice<'a> {
    pub(crate) language: Language,
    pub(crate) instrumentation: &'a Instrumentation,
    /// Names of containers: init containers in the order of the pod, then the others in the order of the annotation.
    pub(crate) containers: Vec<&'a str>,
}

impl Choice<'_> {
    /// Where the pod asks for this language.
    pub(crate) fn pointer(&self) -> String {
        annotation_pointer(self.language.inject_key())
    }
}

/// The value of an annotation of the namespace; empty where there is none.
pub(crate) fn namespace_annotation<'a>(request: &Request<'a>, key: &str) -> &'a str {
    request.snapshot.namespace(request.namespace).map_or("", |namespace| namespace.annotation(key))
}

/// The value of an annotation, pod and namespace combined.
pub(crate) fn effective_annotation<'a>(request: &Request<'a>, key: &str) -> &'a str {
    effective(annotation(request.pod, key), namespace_annotation(request, key))
}

/// The languages that pod and namespace ask for.
pub(crate) fn asks<'a>(request: &Request<'a>) -> Vec<Asked<'a>> {
    let asked = |language: Language| {
        let ask = Ask::parse(effective_annotation(request, language.inject_key()));
        (ask != Ask::No).then_some(Asked { language, ask })
    };
    Language::ALL.into_iter().filter_map(asked).collect()
}

/// The language that the application is written in, if that is asked for and probes have found it, and the container
/// that decides. An error tells why it is not known.
pub(crate) fn found<'a>(request: &Request<'a>) -> Option<Result<Asked<'a>, (Container<'a>, ChoiceFinding)>> {
    let ask = Ask::parse(effective_annotation(request, annotations::INJECT));
    if ask == Ask::No {
        return None;
    }
    let listed = effective_annotation(request, annotations::CONTAINER_NAMES);
    let wanted = |container: &Container<'_>| match listed {
        "" => !SIDECARS.contains(&container.name),
        listed => listed.split(',').any(|name| name.trim() == container.name),
    };
    let container = Container::all(request.pod, "containers").find(wanted)?;
    let facts = request.snapshot.image(request.namespace, container.json).unwrap_or_default();
    let languages = Language::ALL
        .into_iter()
        .filter(|language| agent(*language).is_some_and(|agent| facts.runtimes.contains_key(&agent)));
    match languages.collect::<Vec<_>>().as_slice() {
        [language] => Some(Ok(Asked { language: *language, ask })),
        several => {
            let found = several.iter().map(|language| language.key().to_owned()).collect();
            Some(Err((
                container,
                ChoiceFinding::LanguageUnknown { container: container.name.to_owned(), found },
            )))
        }
    }
}

/// What to inject, for each language by itself.
pub(crate) fn choices<'a>(
    request: &Request<'a>,
    asks: &[Asked<'a>],
    findings: &mut Findings,
) -> Vec<Choice<'a>> {
    let mut resolved = Vec::new();
    for asked in asks {
        let language = asked.language;
        if !request.settings.enabled(language) {
            push(request, findings, language, ChoiceFinding::LanguageDisabled { language });
            continue;
        }
        match instrumentation(request, asked) {
            Ok(instrumentation) => resolved.push((language, instrumentation)),
            Err(reason) => push(request, findings, language, reason),
        }
    }
    let several = resolved.len() > 1;
    let mut choices = Vec::new();
    for (language, instrumentation) in resolved {
        let containers = containers(request, language, several, findings);
        if !containers.is_empty() {
            choices.push(Choice { language, instrumentation, containers });
        }
    }
    choices
}

/// Adds a finding about the annotation that asks, on the pod or on the namespace.
fn push(request: &Request<'_>, findings: &mut Findings, language: Language, reason: ChoiceFinding) {
    let key = language.inject_key();
    let own = annotation(request.pod, key);
    let decides = !own.is_empty() && effective_annotation(request, key) == own;
    if decides {
        findings.pod(reason, annotation_pointer(key));
    } else {
        findings.namespace(reason, annotation_pointer(key));
    }
}

fn instrumentation<'a>(
    request: &Request<'a>,
    asked: &Asked<'a>,
) -> Result<&'a Instrumentation, ChoiceFinding> {
    let language = asked.language;
    let (namespace, name) = match asked.ask {
        Ask::Named { namespace, name } => (namespace.unwrap_or(request.namespace), name),
        Ask::Sole | Ask::No => return sole(request, language),
    };
    request.snapshot.instrumentations.get(namespace, name).ok_or_else(|| {
        ChoiceFinding::InstrumentationNotFound {
            language,
            reference: format!("{namespace}/{name}"),
            candidates: candidates(request, name),
        }
    })
}

fn sole<'a>(request: &Request<'a>, language: Language) -> Result<&'a Instrumentation, ChoiceFinding> {
    let found: Vec<_> = request.snapshot.instrumentations.in_namespace(request.namespace).collect();
    match found.as_slice() {
        [(_, one)] => Ok(one),
        [] => Err(ChoiceFinding::InstrumentationMissing {
            language,
            namespace: request.namespace.to_owned(),
            elsewhere: request
                .snapshot
                .instrumentations
                .iter()
                .take(5)
                .map(Instrumentation::reference)
                .collect(),
        }),
        several => Err(ChoiceFinding::InstrumentationAmbiguous {
            language,
            namespace: request.namespace.to_owned(),
            names: several.iter().map(|(name, _)| (*name).to_owned()).collect(),
        }),
    }
}

/// What was probably meant by a name that does not exist, most likely first.
fn candidates(request: &Request<'_>, name: &str) -> Vec<String> {
    let wanted = name.trim();
    if wanted.eq_ignore_ascii_case("true") || wanted.eq_ignore_ascii_case("yes") {
        return vec!["true".to_owned()];
    }
    let mut near: Vec<(f64, String)> = request
        .snapshot
        .instrumentations
        .iter()
        .filter_map(|one| {
            let likeness = strsim::jaro_winkler(one.metadata.name.as_deref()?, wanted);
            let local = one.metadata.namespace.as_deref() == Some(request.namespace);
            let written = if local { one.metadata.name.clone()? } else { one.reference() };
            (likeness > 0.8).then_some((likeness, written))
        })
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    near.into_iter().map(|(_, written)| written).take(3).collect()
}

/// The target containers of a language: docs/reference/selection.md 7 to 12.
fn containers<'a>(
    request: &Request<'a>,
    language: Language,
    several: bool,
    findings: &mut Findings,
) -> Vec<&'a str> {
    let spec = request.pod.get("spec").unwrap_or(&Value::Null);
    let names = |key: &str| list(spec, key).iter().filter_map(|item| string(item, "name"));
    let regular: Vec<&'a str> = names("containers").collect();
    let init: Vec<&'a str> = names("initContainers").collect();
    let lists = container_lists(request, language);
    if lists.is_empty() {
        return match default_container(request, language, several, &regular) {
            Ok(name) => vec![name],
            Err(reason) => {
                push(request, findings, language, reason);
                Vec::new()
            }
        };
    }
    let exists = |name: &&'a str| regular.contains(name) || init.contains(name);
    for (key, name) in lists.iter().filter(|(_, name)| !exists(name)) {
        let containers = regular.iter().chain(&init).map(|&name| name.to_owned()).collect();
        let reason = ChoiceFinding::ContainerNotFound { language, name: (*name).to_owned(), containers };
        findings.pod(reason, annotation_pointer(key));
    }
    let listed = |name: &&'a str| lists.iter().any(|(_, listed)| listed == name);
    let mut targets: Vec<&'a str> = init.iter().copied().filter(listed).collect();
    for (_, name) in &lists {
        if regular.contains(name) && !targets.contains(name) {
            targets.push(name);
        }
    }
    if targets.is_empty() {
        push(request, findings, language, ChoiceFinding::NoContainer { language });
    }
    targets
}

/// The container that is meant when no list names one: the first that is no known sidecar, unless several languages
/// would all get it.
fn default_container<'a>(
    request: &Request<'_>,
    language: Language,
    several: bool,
    regular: &[&'a str],
) -> Result<&'a str, ChoiceFinding> {
    if several && request.settings.multi_instrumentation {
        let containers = regular.iter().map(|&name| name.to_owned()).collect();
        return Err(ChoiceFinding::ContainersUnnamed { language, containers });
    }
    let application = regular.iter().find(|name| !SIDECARS.contains(name));
    application.copied().ok_or(ChoiceFinding::NoContainer { language })
}

/// The names in the lists of a language, each with the key of its list.
fn container_lists<'a>(request: &Request<'a>, language: Language) -> Vec<(&'static str, &'a str)> {
    let own: &[&'static str] =
        if request.settings.multi_instrumentation { language.container_names_keys() } else { &[] };
    std::iter::once(&annotations::CONTAINER_NAMES)
        .chain(own)
        .flat_map(|key| effective_annotation(request, key).split(',').map(|name| (*key, name.trim())))
        .filter(|(_, name)| !name.is_empty())
        .collect()
}

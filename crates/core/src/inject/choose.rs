//! Which languages are requested, from which Instrumentation, for which containers.

use ingraft_api::annotations::{self, Ask};
use ingraft_api::{Instrumentation, Language};

use super::Decision;
use super::pod::{Container, Pod};
use crate::facts::agent;
use crate::finding::{ChoiceFinding, Findings};
use crate::json::annotation_pointer;
use crate::settings::Settings;
use crate::snapshot::Objects;

/// Containers that other systems add, and that are never the application: they are targets only when named.
pub(crate) const SIDECARS: &[&str] = &[
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

/// What pod and namespace request.
#[derive(Debug)]
pub(crate) struct Requested<'a> {
    languages: Vec<(Language, Ask<'a>)>,
    /// The container whose language is to be detected, and the runtimes that its image has, where that is not one.
    undetected: Option<(Container<'a>, Vec<Language>)>,
}

impl<'a> Requested<'a> {
    pub(crate) fn of(pod: &Pod<'a>) -> Self {
        let ask = |key| match Ask::parse(pod.effective_annotation(key)) {
            Ask::No => None,
            ask => Some(ask),
        };
        let named = |language: Language| Some((language, ask(language.inject_key())?));
        let mut requested =
            Self { languages: Language::ALL.into_iter().filter_map(named).collect(), undetected: None };
        if let Some((ask, application)) = ask(annotations::INJECT).zip(application(pod)) {
            requested.detect(ask, application, pod);
        }
        requested
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.languages.is_empty() && self.undetected.is_none()
    }

    /// Adds the language in which the application is written, if probes have found it.
    fn detect(&mut self, ask: Ask<'a>, application: Container<'a>, pod: &Pod<'a>) {
        let has = |agent| pod.image(application).is_some_and(|facts| facts.runtimes.contains_key(&agent));
        let found = Language::ALL.into_iter().filter(|language| agent(*language).is_some_and(has));
        match found.collect::<Vec<_>>().as_slice() {
            [language] if self.languages.iter().any(|(known, _)| known == language) => {}
            [language] => self.languages.push((*language, ask)),
            found if self.languages.is_empty() => self.undetected = Some((application, found.to_vec())),
            _ => {}
        }
    }
}

/// The container whose language is meant: the first that is listed, or else the default.
fn application<'a>(pod: &Pod<'a>) -> Option<Container<'a>> {
    match pod.effective_annotation(annotations::CONTAINER_NAMES) {
        "" => default_container(pod),
        listed => pod.regular().find(|container| listed.split(',').any(|name| name.trim() == container.name)),
    }
}

/// The container that is meant when nobody names one: that which `kubectl` takes too, or else the first. Other webhooks
/// may have put theirs before it. Never a known sidecar.
fn default_container<'a>(pod: &Pod<'a>) -> Option<Container<'a>> {
    let named = pod.annotation(annotations::DEFAULT_CONTAINER);
    let candidates = || pod.regular().filter(|container| !SIDECARS.contains(&container.name));
    candidates().find(|container| container.name == named).or_else(|| candidates().next())
}

/// What to inject.
#[derive(Debug)]
pub(crate) struct Choices<'a> {
    pub(crate) languages: Vec<Choice<'a>>,
    /// What is requested and cannot be injected.
    pub(crate) refused: Vec<Decision>,
    /// The container in which a probe is to detect the language.
    pub(crate) undetected: Option<&'a str>,
}

impl Choices<'_> {
    /// The decisions where nothing is injected after all.
    pub(crate) fn refuse_all(self) -> Vec<Decision> {
        let refused = self.languages.into_iter().map(|Choice { language, instrumentation, .. }| Decision {
            language,
            instrumentation: Some(instrumentation.reference()),
            injected: None,
        });
        self.refused.into_iter().chain(refused).collect()
    }
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
    /// Where the pod requests this language.
    pub(crate) fn pointer(&self) -> String {
        annotation_pointer(self.language.inject_key())
    }
}

/// Decides which Instrumentation each requested language is injected from, and into which containers.
pub(crate) struct Chooser<'c, 'a> {
    pub(crate) pod: &'c Pod<'a>,
    pub(crate) instrumentations: &'a Objects<Instrumentation>,
    pub(crate) settings: &'a Settings,
}

impl<'a> Chooser<'_, 'a> {
    /// What to inject, for each language by itself.
    pub(crate) fn choose(&self, requested: &Requested<'a>, findings: &mut Findings) -> Choices<'a> {
        let (mut resolved, mut refused) = (Vec::new(), Vec::new());
        let mut refuse = |language, instrumentation: Option<&Instrumentation>| {
            let instrumentation = instrumentation.map(Instrumentation::reference);
            refused.push(Decision { language, instrumentation, injected: None });
        };
        for &(language, ask) in &requested.languages {
            let found = self.instrumentation(language, ask);
            if !self.settings.enabled(language) {
                self.report(findings, language, ChoiceFinding::LanguageDisabled { language });
                refuse(language, found.ok());
                continue;
            }
            match found {
                Ok(instrumentation) => resolved.push((language, instrumentation)),
                Err(reason) => {
                    self.report(findings, language, reason);
                    refuse(language, None);
                }
            }
        }
        let several = resolved.len() > 1;
        let mut languages = Vec::new();
        for (language, instrumentation) in resolved {
            let containers = self.containers(language, several, findings);
            if containers.is_empty() {
                refuse(language, Some(instrumentation));
            } else {
                languages.push(Choice { language, instrumentation, containers });
            }
        }
        let undetected = requested.undetected.as_ref().map(|(container, found)| {
            let found = found.iter().map(|language| language.key().to_owned()).collect();
            let reason = ChoiceFinding::LanguageUnknown { container: container.name.to_owned(), found };
            findings.pod(reason, annotation_pointer(annotations::INJECT));
            container.name
        });
        Choices { languages, refused, undetected }
    }

    /// Adds a finding about the annotation that requests a language, on the pod or on the namespace.
    fn report(&self, findings: &mut Findings, language: Language, reason: ChoiceFinding) {
        let key = language.inject_key();
        let own = self.pod.annotation(key);
        if !own.is_empty() && self.pod.effective_annotation(key) == own {
            findings.pod(reason, annotation_pointer(key));
        } else {
            findings.namespace(reason, annotation_pointer(key));
        }
    }

    fn instrumentation(
        &self,
        language: Language,
        ask: Ask<'a>,
    ) -> Result<&'a Instrumentation, ChoiceFinding> {
        let (namespace, name) = match ask {
            Ask::Named { namespace, name } => (namespace.unwrap_or(self.pod.namespace), name),
            Ask::Sole | Ask::No => return self.sole(language),
        };
        self.instrumentations.get(namespace, name).ok_or_else(|| ChoiceFinding::InstrumentationNotFound {
            language,
            reference: format!("{namespace}/{name}"),
            candidates: self.candidates(name),
        })
    }

    fn sole(&self, language: Language) -> Result<&'a Instrumentation, ChoiceFinding> {
        let namespace = self.pod.namespace;
        let found: Vec<_> = self.instrumentations.in_namespace(namespace).collect();
        match found.as_slice() {
            [(_, one)] => Ok(one),
            [] => Err(ChoiceFinding::InstrumentationMissing {
                language,
                namespace: namespace.to_owned(),
                elsewhere: self.instrumentations.iter().take(5).map(Instrumentation::reference).collect(),
            }),
            several => Err(ChoiceFinding::InstrumentationAmbiguous {
                language,
                namespace: namespace.to_owned(),
                names: several.iter().map(|(name, _)| (*name).to_owned()).collect(),
            }),
        }
    }

    /// What was probably meant by a name that does not exist, most likely first.
    fn candidates(&self, name: &str) -> Vec<String> {
        let wanted = name.trim();
        if wanted.eq_ignore_ascii_case("true") || wanted.eq_ignore_ascii_case("yes") {
            return vec!["true".to_owned()];
        }
        let near = |one: &Instrumentation| {
            let likeness = strsim::jaro_winkler(one.metadata.name.as_deref()?, wanted);
            let local = one.metadata.namespace.as_deref() == Some(self.pod.namespace);
            let written = if local { one.metadata.name.clone()? } else { one.reference() };
            (likeness > 0.8).then_some((likeness, written))
        };
        let mut near: Vec<(f64, String)> = self.instrumentations.iter().filter_map(near).collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        near.into_iter().map(|(_, written)| written).take(3).collect()
    }

    /// The target containers of a language: docs/reference/selection.md 7 to 12.
    fn containers(&self, language: Language, several: bool, findings: &mut Findings) -> Vec<&'a str> {
        let lists = self.container_lists(language);
        if lists.is_empty() {
            return match self.default_container(language, several) {
                Ok(name) => vec![name],
                Err(reason) => {
                    self.report(findings, language, reason);
                    Vec::new()
                }
            };
        }
        let names = || self.pod.regular().chain(self.pod.init()).map(|container| container.name);
        for (key, name) in lists.iter().filter(|(_, name)| names().all(|known| known != *name)) {
            let containers = names().map(str::to_owned).collect();
            let reason = ChoiceFinding::ContainerNotFound { language, name: (*name).to_owned(), containers };
            findings.pod(reason, annotation_pointer(key));
        }
        let is_listed = |name: &&str| lists.iter().any(|(_, listed)| listed == name);
        let mut targets: Vec<&'a str> =
            self.pod.init().map(|container| container.name).filter(is_listed).collect();
        for &(_, name) in &lists {
            if self.pod.regular().any(|container| container.name == name) && !targets.contains(&name) {
                targets.push(name);
            }
        }
        if targets.is_empty() {
            self.report(findings, language, ChoiceFinding::NoContainer { language });
        }
        targets
    }

    /// The container that is meant when no list names one, unless several languages would all get it.
    fn default_container(&self, language: Language, several: bool) -> Result<&'a str, ChoiceFinding> {
        if several && self.settings.multi_instrumentation {
            let containers = self.pod.regular().map(|container| container.name.to_owned()).collect();
            return Err(ChoiceFinding::ContainersUnnamed { language, containers });
        }
        let default = default_container(self.pod).map(|container| container.name);
        default.ok_or(ChoiceFinding::NoContainer { language })
    }

    /// The names in the lists of a language, each with the key of its list.
    fn container_lists(&self, language: Language) -> Vec<(&'static str, &'a str)> {
        let own: &[&'static str] =
            if self.settings.multi_instrumentation { language.container_names_keys() } else { &[] };
        std::iter::once(&annotations::CONTAINER_NAMES)
            .chain(own)
            .flat_map(|key| self.pod.effective_annotation(key).split(',').map(|name| (*key, name.trim())))
            .filter(|(_, name)| !name.is_empty())
            .collect()
    }
}

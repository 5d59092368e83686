//! Which languages are requested, from which Instrumentation, for which containers.

use ingraft_api::annotations::{self, Ask};
use ingraft_api::{Instrumentation, Language};
use serde_json::Value;

use super::pod::{Container, Pod};
use super::{Decision, written_in};
use crate::facts::agent;
use crate::finding::{ChoiceFinding, Findings};
use crate::json::annotation_pointer;
use crate::settings::Settings;
use crate::snapshot::{Objects, Snapshot};

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
        let refuse = |choice: Choice<'_>| Decision::refused(choice.language, Some(choice.instrumentation));
        let refused = self.languages.into_iter().map(refuse);
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
        let (resolved, mut refused) = self.resolve(requested, findings);
        let several = resolved.len() > 1;
        let mut languages = Vec::new();
        for (language, instrumentation) in resolved {
            let containers = self.containers(language, several, findings);
            if containers.is_empty() {
                refused.push(Decision::refused(language, Some(instrumentation)));
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

    /// The Instrumentation of each requested language, and what is refused before there are containers.
    fn resolve(
        &self,
        requested: &Requested<'a>,
        findings: &mut Findings,
    ) -> (Vec<(Language, &'a Instrumentation)>, Vec<Decision>) {
        let (mut resolved, mut refused) = (Vec::new(), Vec::new());
        for &(language, ask) in &requested.languages {
            let found = self.instrumentation(language, ask);
            if !self.settings.enabled(language) {
                self.report(findings, language, ChoiceFinding::LanguageDisabled { language });
                refused.push(Decision::refused(language, found.ok()));
                continue;
            }
            match found {
                Ok(instrumentation) => resolved.push((language, instrumentation)),
                Err(reason) => {
                    self.report(findings, language, reason);
                    refused.push(Decision::refused(language, None));
                }
            }
        }
        (resolved, refused)
    }

    /// Adds a finding about the annotation that requests a language, on the pod or on the namespace.
    fn report(&self, findings: &mut Findings, language: Language, reason: ChoiceFinding) {
        self.pod.report(findings, language.inject_key(), reason);
    }

    fn instrumentation(
        &self,
        language: Language,
        ask: Ask<'a>,
    ) -> Result<&'a Instrumentation, ChoiceFinding> {
        let (namespace, name) = match ask {
            Ask::Named { namespace, name } => (namespace, name),
            Ask::Sole | Ask::No => return self.sole(language),
        };
        let place = namespace.unwrap_or(self.pod.namespace);
        self.instrumentations.get(place, name).ok_or_else(|| {
            let candidates = self.candidates(language, namespace, name);
            let mut others: Vec<_> = self.instrumentations.iter().collect();
            others.sort_by_key(|one| !self.is_local(one));
            others.truncate(if candidates.is_empty() { 3 } else { 0 });
            ChoiceFinding::InstrumentationNotFound {
                language,
                reference: format!("{place}/{name}"),
                candidates,
                others: others.into_iter().map(|one| self.written(one)).collect(),
            }
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

    fn is_local(&self, instrumentation: &Instrumentation) -> bool {
        instrumentation.metadata.namespace.as_deref() == Some(self.pod.namespace)
    }

    /// An Instrumentation as an annotation names it.
    fn written(&self, instrumentation: &Instrumentation) -> String {
        match &instrumentation.metadata.name {
            Some(name) if self.is_local(instrumentation) => name.clone(),
            _ => instrumentation.reference(),
        }
    }

    /// What was probably meant by a name that does not exist, most likely first.
    fn candidates(&self, language: Language, namespace: Option<&str>, name: &str) -> Vec<String> {
        let wanted = name.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
        let there: Vec<String> = self
            .instrumentations
            .in_namespace(namespace.unwrap_or_default())
            .map(|(_, one)| self.written(one))
            .collect();
        match switch(wanted).filter(|_| there.is_empty()) {
            Some(false) => return vec!["false".to_owned()],
            Some(true) => return self.instead_of_true(language),
            None => {}
        }
        // Namespace and name are exchanged.
        if let Some(one) = namespace.and_then(|namespace| self.instrumentations.get(name, namespace)) {
            return vec![self.written(one)];
        }
        let last = wanted.rsplit('/').next().unwrap_or_default();
        let near = |one: &'a Instrumentation| {
            let (name, reference) = (one.metadata.name.as_deref()?, one.reference());
            let likeness = if namespace.is_some() {
                strsim::jaro_winkler(name, last).max(strsim::jaro_winkler(name, wanted))
            } else if one.metadata.namespace.as_deref() == Some(wanted) {
                // A namespace was named, and not what is in it.
                1.0
            } else if strsim::damerau_levenshtein(&reference, wanted) <= 2 {
                // Something else than a slash separates both.
                1.0
            } else {
                strsim::jaro_winkler(name, wanted)
            };
            (likeness > 0.8).then_some((likeness, one))
        };
        let mut near: Vec<_> = self.instrumentations.iter().filter_map(near).collect();
        near.sort_by(|(a, one), (b, other)| {
            let by_place = || self.is_local(other).cmp(&self.is_local(one));
            b.total_cmp(a).then_with(by_place).then_with(|| one.reference().cmp(&other.reference()))
        });
        let mut candidates: Vec<String> = near.into_iter().map(|(_, one)| self.written(one)).collect();
        for other in there {
            if !candidates.contains(&other) {
                candidates.push(other);
            }
        }
        candidates.truncate(3);
        candidates
    }

    /// What works where `true` was meant.
    fn instead_of_true(&self, language: Language) -> Vec<String> {
        match self.sole(language) {
            Err(ChoiceFinding::InstrumentationMissing { elsewhere, .. }) => elsewhere,
            Err(ChoiceFinding::InstrumentationAmbiguous { names, .. }) => names,
            _ => vec!["true".to_owned()],
        }
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
            let meant = written_in::only_one(self.pod, self.pod.regular(), language).map(str::to_owned);
            return Err(ChoiceFinding::ContainersUnnamed { language, containers, meant });
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

/// Whether a value that names nothing was to switch injection on or off.
fn switch(value: &str) -> Option<bool> {
    let value = value.to_ascii_lowercase();
    let is_near = |word: &str| strsim::damerau_levenshtein(word, &value) <= 1;
    match value.as_str() {
        "1" | "enable" | "enabled" | "on" | "t" | "y" | "yes" => Some(true),
        "0" | "disable" | "disabled" | "f" | "n" | "no" | "none" | "off" => Some(false),
        _ if is_near("true") => Some(true),
        _ if is_near("false") => Some(false),
        _ => None,
    }
}

/// Reviews the annotations of a namespace: whether what they request can be found. Containers are a matter of each pod.
pub(crate) fn review_namespace(
    document: &Value,
    name: &str,
    snapshot: &Snapshot,
    settings: &Settings,
    findings: &mut Findings,
) {
    let pod = Pod::of_namespace(document, name, snapshot, settings);
    let chooser = Chooser { pod: &pod, instrumentations: &snapshot.instrumentations, settings };
    chooser.resolve(&Requested::of(&pod), findings);
}

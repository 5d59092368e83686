//! What is injected into a pod: the steps, in order.
//!
//! ```text
//!  pod       what was received, read once                pod.rs
//!  choose    which languages, Instrumentation, containers choose.rs
//!  context   what an Instrumentation brings              language_context.rs, references.rs, valid.rs
//!  review    whether the image has the language          written_in.rs
//!  languages what is particular to each                  languages.rs, profile.rs
//!  targets   variables, mounts, attributes               target.rs, env.rs, telemetry.rs, resource.rs, exporter.rs
//!  payload   containers and volumes that are added       payload.rs, new_container.rs, security.rs,
//!                                                         resources.rs
//!  probe     what only the start of a container shows    probe.rs
//!  edits     what changed, as RFC 6902                   draft.rs, injected_annotation.rs
//! ```
//!
//! Injecting twice is injecting once: each step looks at what it finds in the pod and adds only what is missing.
//! Languages and containers are independent: what is refused for one changes nothing for another.

pub(crate) mod annotations;
pub(crate) mod choose;
pub(crate) mod command;
mod draft;
mod env;
pub(crate) mod exporter;
pub(crate) mod injected_annotation;
mod language_context;
mod languages;
pub(crate) mod new_container;
mod payload;
mod pod;
pub(crate) mod probe;
mod profile;
mod references;
pub(crate) mod resource;
pub(crate) mod resources;
pub(crate) mod security;
mod target;
mod telemetry;
mod valid;
mod written_in;

pub(crate) use exporter::{ENDPOINT, PROTOCOL, endpoint};
pub(crate) use language_context::{review_invalid, variable_place};
pub(crate) use languages::{dotnet, is_attach, is_clone, is_script, nodejs, profile, why_not_attached};
pub use probe::canary;
pub(crate) use profile::OtlpProtocols;
pub use references::references;
pub(crate) use telemetry::has_own_endpoint;
pub(crate) use written_in::{has_musl, language_of, may_run, musl, review_libc};

pub(crate) use choose::review_namespace;
use choose::{Chooser, Requested};
use draft::Draft;
use ingraft_api::annotations::CONTROL;
use ingraft_api::{Instrumentation, Language};
use injected_annotation::InjectedAnnotation;
pub(crate) use injected_annotation::POLICY;
pub use injected_annotation::{Injected, injected};
use pod::Pod;
use serde_json::Value;

use crate::edit::{Edit, apply, set_entries};
use crate::finding::{ChoiceFinding, ContainerFinding, Finding, Findings, ProbeFinding, Reason};
use crate::owner::Owner;
use crate::refusal::{self, Attempt};
use crate::settings::{Mode, Settings};
use crate::snapshot::Snapshot;

/// Everything that the decision may depend on.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The pod, or a template as it would become one, as received.
    pub pod: &'a Value,
    /// The namespace that the pod is created in.
    pub namespace: &'a str,
    /// Who owns the pod, nearest first: see [`crate::owner::owners`].
    pub owners: &'a [Owner],
    /// What is known of the cluster.
    pub snapshot: &'a Snapshot,
    /// What the person who runs Ingraft chose.
    pub settings: &'a Settings,
}

/// What to change, and what was decided.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// The changes, in order.
    pub edits: Vec<Edit>,
    /// What was decided, "no" included.
    pub findings: Vec<Finding>,
    /// The same in short, for each language that is requested.
    pub decisions: Vec<Decision>,
    /// What to remember if the pod is refused; `None` where nothing was to be changed, or nobody makes it again.
    pub attempt: Option<Attempt>,
    /// Another webhook has removed references to the files of probes.
    pub is_stripped: bool,
}

/// What was decided about one language that a pod requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The language.
    pub language: Language,
    /// The Instrumentation, as `namespace/name`; `None` where none was found.
    pub instrumentation: Option<String>,
    /// What is injected, or is there already; `None` where nothing is.
    pub injected: Option<Injected>,
}

impl Decision {
    /// Nothing is injected, though an Instrumentation may have been found.
    fn refused(language: Language, instrumentation: Option<&Instrumentation>) -> Self {
        Self { language, instrumentation: instrumentation.map(Instrumentation::reference), injected: None }
    }
}

/// Decides what is injected into a pod.
///
/// Total: every document gets an answer, and one that is no pod, or asks for nothing, gets no edits.
///
/// ```
/// use ingraft_core::{Request, Settings, Snapshot, inject};
/// let pod = serde_json::json!({
///     "metadata": {"annotations": {"instrumentation.opentelemetry.io/inject-sdk": "true"}},
///     "spec": {"containers": [{"name": "app", "image": "app:1"}]},
/// });
/// let request = Request {
///     pod: &pod,
///     namespace: "shop",
///     owners: &[],
///     snapshot: &Snapshot::default(),
///     settings: &Settings::default(),
/// };
/// let outcome = inject(&request);
/// assert!(outcome.edits.is_empty());
/// assert_eq!(outcome.findings[0].code(), "InstrumentationMissing");
/// ```
pub fn inject(request: &Request<'_>) -> Outcome {
    match request.settings.mode {
        Mode::Inject => decide_anew(request),
        mode => only_told(decide_anew(request), mode),
    }
}

/// What is decided, where nothing is to be changed.
fn only_told(Outcome { findings, decisions, .. }: Outcome, mode: Mode) -> Outcome {
    let told = |Finding { reason, subject, pointer }| {
        let reason = match reason {
            Reason::Choice(ChoiceFinding::Injected { language, instrumentation, containers }) => {
                let mode = mode.as_str();
                ChoiceFinding::NotInjected { language, instrumentation, containers, mode }.into()
            }
            other => other,
        };
        Finding { reason, subject, pointer }
    };
    let findings = findings.into_iter().map(told).collect();
    Outcome { findings, decisions: without_effect(decisions), ..Outcome::default() }
}

/// Decisions of which nothing comes.
fn without_effect(decisions: Vec<Decision>) -> Vec<Decision> {
    decisions.into_iter().map(|decision| Decision { injected: None, ..decision }).collect()
}

/// Decides as if probes that another webhook has made useless had never been there.
fn decide_anew(request: &Request<'_>) -> Outcome {
    let Some(edits) = probe::stripped::take_back(request.pod) else {
        return decide(request, Findings::default(), false);
    };
    let mut pod = request.pod.clone();
    apply(&mut pod, &edits);
    let mut findings = Findings::default();
    findings.pod(ProbeFinding::ReferencesRemoved, "/spec/containers");
    let mut outcome = decide(&Request { pod: &pod, ..*request }, findings, true);
    outcome.edits.splice(..0, edits);
    Outcome { is_stripped: true, ..outcome }
}

fn decide(request: &Request<'_>, mut findings: Findings, is_stripped: bool) -> Outcome {
    annotations::lint(request.pod, &mut findings);
    let pod = Pod::read(request, is_stripped);
    let requested = Requested::of(&pod);
    if requested.is_empty() || pod.is_mirror() {
        return Outcome { findings: findings.into_vec(), ..Outcome::default() };
    }
    let Request { snapshot, settings, .. } = *request;
    let chooser = Chooser { pod: &pod, instrumentations: &snapshot.instrumentations, settings };
    if pod.is_windows() {
        findings.pod(ChoiceFinding::WindowsPod, "/spec");
        let decisions = chooser.choose(&requested, &mut Findings::default()).refuse_all();
        return Outcome { findings: findings.into_vec(), decisions, ..Outcome::default() };
    }
    let choices = chooser.choose(&requested, &mut findings);
    let mut draft = Draft::new(&pod);
    if let Some(container) = choices.undetected {
        draft.request_probe(container);
    }
    let (mut injected, mut decisions) = (InjectedAnnotation::default(), choices.refused);
    for choice in &choices.languages {
        written_in::review(&pod, choice, &mut findings);
        let (language, noticed) = (choice.language, findings.noticed());
        let containers = languages::inject(&pod, settings, choice, &mut draft, &mut findings);
        let (is_new, is_there) = (!containers.is_empty(), findings.noticed() == noticed);
        let instrumentation = choice.instrumentation.reference();
        let mut decision =
            Decision { language, instrumentation: Some(instrumentation.clone()), injected: None };
        if is_new || is_there {
            decision.injected = Some(Injected::of(choice, containers.clone(), settings));
        }
        if is_new {
            if let Some(entry) = &decision.injected {
                injected.add(language, entry.clone());
            }
            findings.pod(ChoiceFinding::Injected { language, instrumentation, containers }, choice.pointer());
        } else if is_there {
            findings.pod(ChoiceFinding::AlreadyInjected { language }, choice.pointer());
        }
        decisions.push(decision);
    }
    let plan = probe::plan(&pod, &draft, settings, &mut findings);
    probe::apply(plan, &pod, settings, &mut draft);
    let (held, attempt) = attempt(&pod, &draft, &injected).unzip();
    let edits = draft.into_edits(&injected);
    let outcome = Outcome { edits, findings: findings.into_vec(), decisions, attempt, ..Outcome::default() };
    match held.flatten() {
        Some(held) => held.applied(outcome, request.pod),
        None => outcome,
    }
}

/// A pod that would be changed is left as it is.
#[derive(Debug)]
pub(crate) struct WithoutInjection {
    /// Why.
    pub(crate) reason: Reason,
    /// The template hash that the pod is marked with, to be known again.
    pub(crate) marks: Option<String>,
}

impl WithoutInjection {
    pub(crate) fn because(reason: impl Into<Reason>) -> Self {
        Self { reason: reason.into(), marks: None }
    }

    /// What is decided then about a pod, or a template.
    pub(crate) fn applied(self, outcome: Outcome, pod: &Value) -> Outcome {
        let Outcome { mut findings, decisions, attempt, .. } = outcome;
        findings.retain(|finding| !matches!(finding.reason, Reason::Choice(ChoiceFinding::Injected { .. })));
        findings.push(Finding::pod(self.reason, ""));
        let mark = self.marks.map(|hash| (CONTROL.to_owned(), hash.into()));
        let edits = set_entries(pod, "/metadata/annotations", mark.into_iter().collect());
        Outcome { edits, findings, decisions: without_effect(decisions), attempt, ..Outcome::default() }
    }
}

/// What is about to be done to a pod that somebody makes again if it is refused, and why it is left as it is instead.
fn attempt(
    pod: &Pod<'_>,
    draft: &Draft<'_>,
    injected: &InjectedAnnotation,
) -> Option<(Option<WithoutInjection>, Attempt)> {
    // A probe that is to find out the language changes the pod too.
    if injected.is_empty() && !draft.adds_containers() {
        return None;
    }
    let (owner, maker, revision) = refusal::maker(pod.json, pod.namespace)?;
    let (owner, adds_to_sum) = (owner.to_owned(), draft.adds_to_sum());
    let fingerprint = format!("{revision}{}", injected.fingerprint());
    let refused = || {
        let message = pod.refusal(&owner, &fingerprint)?.message.clone();
        Some(WithoutInjection::because(ContainerFinding::InjectionWithheld { message }))
    };
    let held = pod.guard().or_else(refused);
    let is_withheld = held.is_some();
    Some((held, Attempt { owner, maker, fingerprint, adds_to_sum, is_withheld }))
}

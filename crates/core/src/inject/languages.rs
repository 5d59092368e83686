//! The languages: what is particular to each, behind one trait, and the steps that are common to all.
//!
//! Adding a language is adding a file with an implementation of [`Agent`] and a line to [`agent`].

mod python;
mod sdk;

use ingraft_api::{InstrumentationSpec, Language};

use super::Request;
use super::choose::Choice;
use super::draft::Draft;
use super::exporter;
use super::payload::Payload;
use super::resource::{ATTRIBUTES, Attributes, with_uids};
use super::target::Target;
use crate::finding::{Finding, Reason, Subject};

/// What is particular to a language.
trait Agent: Sync {
    /// The files that the language needs; none for `sdk`. An error refuses the language in this pod.
    fn payload(&self, request: &Request<'_>) -> Result<Option<Payload>, Reason>;

    /// Variables that come before the common ones, and the mount. An error refuses this container.
    fn start(&self, spec: &InstrumentationSpec, target: &mut Target<'_>) -> Result<(), Reason>;

    /// Variables that come after the common ones. An error refuses this container.
    fn finish(&self, target: &mut Target<'_>) -> Result<(), Reason>;

    /// The variables that the user may have set too, and that ours are joined to.
    fn joined(&self) -> &'static [&'static str] {
        &[]
    }

    /// Notices what will not work well, when the container is ready.
    fn review(&self, target: &Target<'_>, findings: &mut Vec<Finding>) {
        let _ = (target, findings);
    }
}

fn agent(language: Language) -> Option<&'static dyn Agent> {
    match language {
        Language::Python => Some(&python::Python),
        Language::Sdk => Some(&sdk::Sdk),
        _ => None,
    }
}

/// Injects one language. Answers the containers that changed; whatever was refused is a finding.
pub(crate) fn inject<'a>(
    request: &Request<'a>,
    choice: &Choice<'a>,
    draft: &mut Draft<'a>,
    findings: &mut Vec<Finding>,
) -> Vec<String> {
    let (language, spec) = (choice.language, &choice.instrumentation.spec);
    let Some(agent) = agent(language) else {
        findings.push(Finding::pod(Reason::LanguageUnsupported { language }, choice.pointer()));
        return Vec::new();
    };
    let checked = agent.payload(request).and_then(|payload| match &payload {
        Some(files) => files.check(draft).map(|()| payload),
        None => Ok(payload),
    });
    let payload = match checked {
        Ok(payload) => payload,
        Err(reason) => {
            findings.push(Finding::pod(reason, choice.pointer()));
            return Vec::new();
        }
    };
    let instrumentation = choice.instrumentation.reference();
    let mut containers = Vec::new();
    let mut first = None;
    for name in &choice.containers {
        let Some(mut target) = draft.target(name).cloned() else {
            continue;
        };
        let changes = target.changes();
        if let Err(reason) = instrument(request, choice, agent, &mut target, findings) {
            findings.push(Finding::pod(reason, target.container.pointer("env")));
            continue;
        }
        agent.review(&target, findings);
        review_hidden(request, agent, &target, findings);
        review_endpoint(&target, &instrumentation, findings);
        if target.changes() > changes {
            containers.push((*name).to_owned());
        }
        first.get_or_insert(target.container);
        draft.keep(target);
    }
    if let Some(first) = first {
        for volume in exporter::volumes(spec) {
            let name = volume.get("name").and_then(serde_json::Value::as_str).unwrap_or_default();
            if draft.volume(name).is_none() {
                draft.add_volume(volume);
            }
        }
        if let Some(payload) = payload {
            payload.add(request, spec, first, draft, findings, &instrumentation);
        }
    }
    containers
}

/// All steps for one container, in the order of injection.md section 5.1.
fn instrument(
    request: &Request<'_>,
    choice: &Choice<'_>,
    agent: &dyn Agent,
    target: &mut Target<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), Reason> {
    let spec = &choice.instrumentation.spec;
    agent.start(spec, target)?;
    target.add_common_variables(spec);
    agent.finish(target)?;
    let attributes = Attributes::of(request, spec, target.container);
    attributes.add_name(target);
    let taken = |name| Reason::NameTaken { language: choice.language, what: "mount path", name };
    exporter::add(spec, target).map_err(taken)?;
    if attributes.add(target, with_uids(spec)).is_err() {
        // The agent works without ours; what the user set stays.
        let reason = target.not_mergeable(ATTRIBUTES);
        findings.push(Finding::pod(reason, target.container.pointer("env")));
    }
    add_propagators_and_sampler(spec, target);
    Attributes::move_last(&mut target.env);
    Ok(())
}

fn add_propagators_and_sampler(spec: &InstrumentationSpec, target: &mut Target<'_>) {
    let propagators = spec.propagators.as_deref().unwrap_or_default();
    if !propagators.is_empty() {
        let names: Vec<&str> = propagators.iter().map(|propagator| propagator.as_str()).collect();
        target.env.set_default("OTEL_PROPAGATORS", names.join(","));
    }
    let Some(sampler) = &spec.sampler else { return };
    let Some(kind) = sampler.kind else { return };
    // A sampler and its argument belong together: a container that sets either keeps both as they are.
    if target.env.is_set("OTEL_TRACES_SAMPLER") || target.env.is_set("OTEL_TRACES_SAMPLER_ARG") {
        return;
    }
    target.env.set_default("OTEL_TRACES_SAMPLER", kind.as_str());
    if let Some(argument) = sampler.argument.as_deref().filter(|argument| !argument.is_empty()) {
        target.env.set_default("OTEL_TRACES_SAMPLER_ARG", argument);
    }
}

/// A variable in `env` hides one of the same name from `envFrom`.
fn review_hidden(request: &Request<'_>, agent: &dyn Agent, target: &Target<'_>, findings: &mut Vec<Finding>) {
    for &variable in agent.joined().iter().chain(&[ATTRIBUTES]) {
        if target.sets(variable) {
            continue;
        }
        let (container, variable) = (target.container.name.to_owned(), variable.to_owned());
        let reason = match target.env_from_sets(&variable, request) {
            Some(true) => Reason::VariableHides { container, variable },
            None => Reason::VariableMayHide { container, variable },
            Some(false) => continue,
        };
        findings.push(Finding::pod(reason, target.container.pointer("envFrom")));
    }
}

/// Without an endpoint every SDK sends to localhost, where nobody listens.
fn review_endpoint(target: &Target<'_>, instrumentation: &str, findings: &mut Vec<Finding>) {
    let somewhere = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
    if !target.container.has_env_from() && !somewhere.iter().any(|variable| target.env.is_set(variable)) {
        findings.push(Finding {
            reason: Reason::EndpointMissing { container: target.container.name.to_owned() },
            subject: Subject::Instrumentation(instrumentation.to_owned()),
            pointer: "/spec/exporter/endpoint".to_owned(),
        });
    }
}

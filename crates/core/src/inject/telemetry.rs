//! What every SDK reads from its environment, whatever its language: where to send, and what about
//! (docs/reference/variables.md 1).

use super::env::{Current, LeftOut};
use super::exporter::{self, Outlet};
use super::language_context::LanguageContext;
use super::pod::Container;
use super::resource::{ATTRIBUTES, Attributes, with_uids};
use super::target::Target;
use crate::environment::Presence;
use crate::finding::{EndpointFinding, Findings, Reason, Taken, VariableFinding};

/// Adds it to a container. `about` is the container that telemetry is about: the same one, except for Go.
pub(crate) fn add(
    context: &LanguageContext<'_, '_>,
    about: Container<'_>,
    mut outlet: Outlet<'_>,
    target: &mut Target<'_>,
    findings: &mut Findings,
) -> Result<(), Reason> {
    if let Some(reason) = outlet.fitted.take() {
        findings.about(context.choice.instrumentation, reason, "/spec/exporter/endpoint");
    }
    let spec = context.spec();
    let attributes = Attributes::of(context.pod, spec, about);
    attributes.add_name(target);
    exporter::add(spec, outlet, target).map_err(|path| context.taken(Taken::MountPath, path))?;
    if attributes.add(target, with_uids(spec)).is_err() {
        // The agent works without ours; what the user set stays.
        let reason = target.not_mergeable(ATTRIBUTES);
        findings.pod(reason, target.container.pointer("env"));
    }
    add_propagators_and_sampler(context, target);
    Attributes::move_last(&mut target.env);
    settle(context, target, findings);
    Ok(())
}

/// Puts the references between variables in order, and reports those that are left out.
fn settle(context: &LanguageContext<'_, '_>, target: &mut Target<'_>, findings: &mut Findings) {
    let container = target.container;
    let before = |name: &str| context.pod.env_from_sets(container, name);
    for LeftOut { variable, reference } in target.env.settle(before) {
        let pointer = context.variable_pointer(&variable);
        let container = container.name.to_owned();
        let reason = VariableFinding::ReferenceLeftOut { container, variable, reference };
        findings.about(context.choice.instrumentation, reason, pointer);
    }
}

fn add_propagators_and_sampler(context: &LanguageContext<'_, '_>, target: &mut Target<'_>) {
    let spec = context.spec();
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

/// Notices, when a container is ready, which variables are hidden now and whether telemetry will arrive.
pub(crate) fn review(
    context: &LanguageContext<'_, '_>,
    joined: &[&'static str],
    target: &Target<'_>,
    findings: &mut Findings,
) {
    review_hidden(context, joined, target, findings);
    review_endpoint(context, target, findings);
    if let Some(reason) = context.profile.otlp.review(context.language(), &target.env) {
        findings.pod(reason, target.container.pointer("env"));
    }
}

/// A variable in `env` hides one of the same name from `envFrom`, unless a probe joins them.
pub(crate) fn review_hidden(
    context: &LanguageContext<'_, '_>,
    joined: &[&'static str],
    target: &Target<'_>,
    findings: &mut Findings,
) {
    if target.env.has_probe() {
        return;
    }
    for &variable in joined.iter().chain(&[ATTRIBUTES]) {
        if target.sets(variable) || target.env.extends_itself(variable) {
            continue;
        }
        let presence = context.pod.env_from_sets(target.container, variable);
        let (container, variable) = (target.container.name.to_owned(), variable.to_owned());
        let reason = match presence {
            Presence::Yes => VariableFinding::VariableHides { container, variable },
            Presence::Maybe => VariableFinding::VariableMayHide { container, variable },
            Presence::No => continue,
        };
        findings.pod(reason, target.container.pointer("envFrom"));
    }
}

/// Notices where nobody listens. Without an endpoint every SDK sends to localhost.
fn review_endpoint(context: &LanguageContext<'_, '_>, target: &Target<'_>, findings: &mut Findings) {
    let somewhere = [exporter::ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
    let reason = if let Current::Literal(url) = target.env.current(exporter::ENDPOINT) {
        context.pod.review_endpoint(url)
    } else if target.container.has_env_from() || somewhere.iter().any(|name| target.env.is_set(name)) {
        None
    } else {
        Some(EndpointFinding::EndpointMissing { container: Some(target.container.name.to_owned()) })
    };
    let Some(reason) = reason else { return };
    if target.sets(exporter::ENDPOINT) {
        findings.pod(reason, target.container.pointer("env"));
    } else {
        let pointer = context.variable_pointer(exporter::ENDPOINT);
        findings.about(context.choice.instrumentation, reason, pointer);
    }
}

//! What every SDK reads from its environment, whatever its language: where to send, and what about
//! (docs/reference/variables.md 1).

use super::Request;
use super::env::{Current, Env, LeftOut};
use super::exporter::{self, Outlet};
use super::language_context::LanguageContext;
use super::pod::{Container, Pod};
use super::resource::{ATTRIBUTES, Attributes, with_uids};
use super::target::Target;
use crate::environment::Presence;
use crate::finding::{EndpointFinding, Findings, Reason, Taken, VariableFinding};
use crate::json::list;
use crate::review::ENDPOINT_VARIABLES;

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
    review_signals(context, target, findings);
    if let Some(reason) = context.profile.otlp.review(context, &target.env) {
        let variables: &[&str] = match reason {
            EndpointFinding::ProtocolUnsupported { .. } => &[exporter::PROTOCOL],
            EndpointFinding::EndpointPortIsHttp { .. } => &[exporter::ENDPOINT, exporter::PROTOCOL],
            _ => &[exporter::ENDPOINT],
        };
        findings.pod(reason, target.pointer_of(variables));
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
    let others = target.env.added().iter().map(|added| added.name.as_str());
    for variable in others.filter(|name| *name != ATTRIBUTES && !joined.contains(name)) {
        if context.pod.env_from_sets(target.container, variable) == Presence::Yes {
            let (container, variable) = (target.container.name.to_owned(), variable.to_owned());
            let reason = VariableFinding::VariableHides { container, variable };
            findings.pod(reason, target.container.pointer("envFrom"));
        }
    }
}

/// Notices where nobody listens. Without an endpoint every SDK sends to localhost.
fn review_endpoint(context: &LanguageContext<'_, '_>, target: &Target<'_>, findings: &mut Findings) {
    let is_set = |name: &&str| target.env.is_set(name);
    let reason = if let Current::Literal(url) = target.env.current(exporter::ENDPOINT) {
        review_references(context, target, exporter::ENDPOINT)
            .or_else(|| context.pod.review_endpoint(url).map(Reason::from))
    } else if ENDPOINT_VARIABLES.iter().any(is_set)
        || env_from_has_endpoint(context.pod, target.container) != Presence::No
    {
        None
    } else {
        let goes_elsewhere = |name: &&str| matches!(target.env.current(name), Current::Literal(exporters) if !exporters.contains("otlp"));
        let container = Some(target.container.name.to_owned());
        (!exporter::EXPORTERS.iter().all(goes_elsewhere))
            .then(|| EndpointFinding::EndpointMissing { container }.into())
    };
    if let Some(reason) = reason {
        tell(context, target, exporter::ENDPOINT, reason, findings);
    }
}

/// Notices what is wrong with the endpoints of single signals, which agents use as they are.
fn review_signals(context: &LanguageContext<'_, '_>, target: &Target<'_>, findings: &mut Findings) {
    let (pod, otlp) = (context.pod, context.profile.otlp);
    for signal in exporter::SIGNALS {
        if let Some(reason) = otlp.review_protocol(context, signal, &target.env) {
            tell(context, target, signal.protocol, reason.into(), findings);
            continue;
        }
        let Current::Literal(url) = target.env.current(signal.endpoint) else { continue };
        let has_protocol = [signal.protocol, exporter::PROTOCOL]
            .iter()
            .any(|name| pod.env_from_sets(target.container, name) != Presence::No);
        let as_it_is = || otlp.review_signal(context, signal, &target.env);
        let reason = pod.review_endpoint(url);
        let reason = reason.or_else(|| if has_protocol { None } else { as_it_is() });
        let of_references = review_references(context, target, signal.endpoint);
        if let Some(reason) = of_references.or_else(|| reason.map(Reason::from)) {
            tell(context, target, signal.endpoint, reason, findings);
        }
    }
}

/// What an endpoint refers to that nothing sets before it.
fn review_references(
    context: &LanguageContext<'_, '_>,
    target: &Target<'_>,
    variable: &str,
) -> Option<Reason> {
    let container = target.container;
    let is_unset = |name: &&str| context.pod.env_from_sets(container, name) == Presence::No;
    let reference = target.env.undefined_references(variable).find(is_unset)?;
    let [container, variable, reference] = [container.name, variable, reference].map(str::to_owned);
    Some(VariableFinding::ReferenceUndefined { container, variable, reference }.into())
}

/// Tells what is wrong with an endpoint where it is set: in the container, or in the Instrumentation.
fn tell(
    context: &LanguageContext<'_, '_>,
    target: &Target<'_>,
    variable: &str,
    reason: Reason,
    findings: &mut Findings,
) {
    if target.sets(variable) {
        findings.pod(reason, target.pointer_of(&[variable]));
    } else {
        let pointer = context.variable_pointer(variable);
        findings.about(context.choice.instrumentation, reason, pointer);
    }
}

/// Whether a container of a pod says by itself where to send, in `env` or in an `envFrom` whose keys are known.
pub(crate) fn has_own_endpoint(request: &Request<'_>, container: &str) -> bool {
    let pod = Pod::read(request, false);
    pod.container(container).is_some_and(|container| {
        let env = Env::new(list(container.json, "env"));
        ENDPOINT_VARIABLES.iter().any(|name| env.is_set(name))
            || env_from_has_endpoint(&pod, container) == Presence::Yes
    })
}

fn env_from_has_endpoint(pod: &Pod<'_>, container: Container<'_>) -> Presence {
    let presence = ENDPOINT_VARIABLES.map(|name| pod.env_from_sets(container, name));
    presence.into_iter().max().unwrap_or(Presence::No)
}

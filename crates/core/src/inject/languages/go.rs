//! Go: an eBPF agent in a container of its own, which sees the target's process (docs/reference/go.md).

use ingraft_api::Language;
use ingraft_api::annotations::{CONTAINER_NAMES, GO_TARGET_EXE};
use serde_json::{Value, json};

use crate::finding::{
    AnnotationFinding, ChoiceFinding, ContainerFinding, Finding, Findings, Reason, Subject, Taken,
    VariableFinding,
};
use crate::inject::draft::Draft;
use crate::inject::env::Current;
use crate::inject::exporter::{self, Outlet};
use crate::inject::language_context::LanguageContext;
use crate::inject::new_container::{NewContainer, token_mount};
use crate::inject::pod::Container;
use crate::inject::profile::{self, OtlpProtocols, Profile};
use crate::inject::resource::ATTRIBUTES;
use crate::inject::target::Target;
use crate::inject::{resources, security, telemetry};
use crate::json::{list, string};
use crate::snapshot::PodSecurity;

const NAME: &str = "opentelemetry-auto-instrumentation";
const VOLUME: &str = "kernel-debug";
const FOLDER: &str = "/sys/kernel/debug";
const TARGET_EXE: &str = "OTEL_GO_AUTO_TARGET_EXE";

pub(super) const PROFILE: Profile = Profile {
    default_image: "ghcr.io/open-telemetry/opentelemetry-go-instrumentation/autoinstrumentation-go:v0.24.0",
    // It needs a privileged container.
    enabled: false,
    // https://github.com/open-telemetry/opentelemetry-go-instrumentation/blob/main/docs/configuration.md
    otlp: OtlpProtocols::HttpAndGrpc,
    annotations: &[GO_TARGET_EXE],
    architectures: &["amd64", "arm64"],
    particulars: |spec| profile::text(&spec.go.as_ref().map(|go| &go.security_context)),
    ..Profile::PLAIN
};

/// Injects the sidecar. Answers the container that it instruments, if it is new.
pub(super) fn inject<'a>(
    context: &LanguageContext<'_, 'a>,
    draft: &mut Draft<'a>,
    findings: &mut Findings,
) -> Vec<String> {
    match sidecar(context, draft, findings) {
        Ok(containers) => containers,
        Err(reason) => {
            findings.pod(reason, context.choice.pointer());
            Vec::new()
        }
    }
}

fn sidecar<'a>(
    context: &LanguageContext<'_, 'a>,
    draft: &mut Draft<'a>,
    findings: &mut Findings,
) -> Result<Vec<String>, Reason> {
    let target = target(context, draft)?;
    check(context, draft)?;
    if draft.has_init_container(NAME) || draft.has_container(NAME) {
        return Ok(Vec::new());
    }
    let agent = Container::new(NAME);
    let mut agent = Target::new(agent);
    // Before the mounts for TLS (docs/reference/exporter.md 7).
    agent.mount(VOLUME, FOLDER, false).map_err(|path| context.taken(Taken::MountPath, path))?;
    add_variables(context, target, &mut agent, findings)?;
    if let Some(token) = token_mount(target) {
        let at = |key| string(token, key).unwrap_or_default();
        agent
            .mount(at("name"), at("mountPath"), true)
            .map_err(|path| context.taken(Taken::MountPath, path))?;
    }

    draft.share_process_namespace();
    draft.add_volumes([json!({"name": VOLUME, "hostPath": {"path": FOLDER}})]);
    draft.add_volumes(exporter::volumes(context.spec()));
    review_carried(target, findings);
    let container = container(context, agent, findings);
    if context.pod.ends() {
        draft.add_init_container(container, None);
    } else {
        draft.add_sidecar(container);
    }
    Ok(vec![target.name.to_owned()])
}

/// The one container that is instrumented. The list for all languages may name others too; a list for Go alone may not.
fn target<'a>(context: &LanguageContext<'_, 'a>, draft: &Draft<'a>) -> Result<Container<'a>, Reason> {
    let language = Language::Go;
    let own = language.container_names_keys().first().copied().unwrap_or_default();
    let key = if context.settings.multi_instrumentation { own } else { CONTAINER_NAMES };
    let listed: Vec<String> = context
        .pod
        .annotation(key)
        .split(',')
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    if listed.len() > 1 {
        return Err(ChoiceFinding::OneContainerOnly { language, containers: listed }.into());
    }
    let targets = || context.choice.containers.iter().filter_map(|name| draft.target(name));
    let regular = targets().find(|target| !target.container.is_init());
    let first = regular.or_else(|| targets().next()).ok_or(ChoiceFinding::NoContainer { language })?;
    if first.container.is_init() {
        let container = first.container.name.to_owned();
        return Err(ChoiceFinding::InitContainerUnsupported { language, container }.into());
    }
    Ok(first.container)
}

/// Whether the pod can have the sidecar.
fn check(context: &LanguageContext<'_, '_>, draft: &Draft<'_>) -> Result<(), Reason> {
    let language = Language::Go;
    let level = context.pod.security();
    if level > PodSecurity::Privileged {
        return Err(ContainerFinding::PodSecurityForbids { language, level }.into());
    }
    let spec = context.pod.spec();
    for (field, value) in [("shareProcessNamespace", false), ("hostPID", true)] {
        if spec.get(field) == Some(&json!(value)) {
            return Err(ContainerFinding::ProcessesHidden { language, field, value }.into());
        }
    }
    if draft.is_foreign(NAME, VOLUME) {
        return Err(context.taken(Taken::Container, NAME));
    }
    exporter::check_volumes(context, draft)?;
    match draft.volume(VOLUME).map(|volume| volume.pointer("/hostPath/path").and_then(Value::as_str)) {
        None | Some(Some(FOLDER)) => Ok(()),
        Some(_) => Err(context.taken(Taken::Volume, VOLUME)),
    }
}

/// The variables of the agent. What they say is about the target; which of the target's own variables can be carried
/// over is decided here, because the agent does not see them.
fn add_variables(
    context: &LanguageContext<'_, '_>,
    target: Container<'_>,
    agent: &mut Target<'_>,
    findings: &mut Findings,
) -> Result<(), Reason> {
    let annotations = context.pod.json.pointer("/metadata/annotations");
    if let Some(executable) = annotations.and_then(|annotations| string(annotations, GO_TARGET_EXE)) {
        agent.env.set_default(TARGET_EXE, executable);
    }
    if let Some(own) = own_attributes(target) {
        agent.env.set_default(ATTRIBUTES, own);
    }
    agent.env.set_defaults(&context.language_env);
    agent.env.add_common(&context.common_env);
    if !agent.env.is_set(TARGET_EXE) {
        return Err(AnnotationFinding::GoTargetMissing { container: target.name.to_owned() }.into());
    }
    let outlet = Outlet::of(context, agent);
    let mut noticed = Findings::default();
    telemetry::add(context, target, outlet, agent, &mut noticed)?;
    telemetry::review(context, &[], agent, &mut noticed);
    // The agent's container is not in the pod that people wrote.
    findings.extend(noticed.into_vec().into_iter().map(|finding| match finding.subject {
        Subject::Pod => Finding { pointer: context.choice.pointer(), ..finding },
        _ => finding,
    }));
    Ok(())
}

/// The target's own attributes, if they mean the same in another container.
fn own_attributes(target: Container<'_>) -> Option<String> {
    match Target::new(target).env.current(ATTRIBUTES) {
        Current::Literal(own) if !own.is_empty() && !own.contains("$(") => Some(own.to_owned()),
        _ => None,
    }
}

/// Notices what the target sets for an SDK: the agent runs elsewhere and does not see it.
fn review_carried(target: Container<'_>, findings: &mut Findings) {
    let carried = own_attributes(target).is_some();
    let variables: Vec<String> = list(target.json, "env")
        .iter()
        .filter_map(|entry| string(entry, "name"))
        .filter(|name| name.starts_with("OTEL_") && !(carried && *name == ATTRIBUTES))
        .map(str::to_owned)
        .collect();
    if !variables.is_empty() {
        let reason = VariableFinding::VariablesNotSeen { container: target.name.to_owned(), variables };
        findings.pod(reason, target.pointer("env"));
    }
}

fn container(context: &LanguageContext<'_, '_>, agent: Target<'_>, findings: &mut Findings) -> Value {
    let container = NewContainer::named(NAME)
        .image(context.image(), context.pull_policy(findings))
        .with("resources", resources::of_sidecar(context))
        .with("securityContext", Some(security::of_go(context, findings)));
    agent
        .into_changes()
        .fold(container, |container, (field, value)| container.with(field, Some(value)))
        // A sidecar among the containers would keep a pod running that is to end; a native one is stopped:
        // https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
        .with("restartPolicy", context.pod.ends().then_some("Always"))
        .build()
}

//! Apache httpd and nginx: the configuration is cloned from the target's image, an attached module is added to the
//! clone, and the target starts with the clone (docs/reference/web-servers.md).
//!
//! Two init containers do it. The first runs our program where that is proven to run, or else a script. What scripts do is
//! constant; what users wrote reaches them as arguments and variables, which no shell interprets. The first one fails
//! only where the configuration cannot be cloned as a whole, and is tried again: the server would start with half of it.
//! Whatever the second one fails at, the server starts with the configuration that it had.

pub(super) mod apache_httpd;
mod directives;
pub(super) mod nginx;

use ingraft_api::{InstrumentationSpec, Language};
use ingraft_probe_contract::Cloning;
use serde_json::{Value, json};

use self::directives::Syntax;
use crate::environment::Presence;
use crate::finding::{
    Allowed, ChoiceFinding, CloneObstacle, ContainerFinding, EndpointFinding, Findings,
    InstrumentationFinding, Reason, Taken,
};
use crate::inject::draft::Draft;
use crate::inject::env::{Env, Join, field};
use crate::inject::exporter::{self, Outlet};
use crate::inject::language_context::LanguageContext;
use crate::inject::new_container::NewContainer;
use crate::inject::pod::Container;
use crate::inject::probe::{self, command, obstacle};
use crate::inject::profile::{OtlpProtocols, Profile};
use crate::inject::target::{Target, is_within};
use crate::inject::{resources, security, telemetry};
use crate::json::list;

/// What both servers have in common.
const PROFILE: Profile = Profile {
    default_image: "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-apache-httpd:1.0.4",
    requests: ["1m", "128Mi"],
    // The module links only the gRPC exporter (libopentelemetry_exporter_otlp_grpc.so; docs/reference/web-servers.md):
    // https://github.com/open-telemetry/opentelemetry-cpp-contrib/tree/main/instrumentation/otel-webserver-module
    otlp: OtlpProtocols::Grpc,
    architectures: &["amd64"],
    ..Profile::PLAIN
};

/// Where the target sees the agent's files.
const AGENT: &str = "/opt/opentelemetry-webserver/agent";
/// Where the init containers see the cloned configuration.
const SOURCE: &str = "/opt/opentelemetry-webserver/source-conf";
const CLONE: &str = "otel-agent-source-container-clone";
/// Clones a configuration with the shell of the target's image.
const SCRIPT: &str = include_str!("web_server/clone.sh");

const SERVERS: [&Server; 2] = [&apache_httpd::SERVER, &nginx::SERVER];

/// What is particular to a server.
#[derive(Debug)]
pub(super) struct Server {
    language: Language,
    /// The name of the init container that attaches the module.
    attach: &'static str,
    /// The name of the one that clones the configuration, where the usual name is that of the other server's.
    second_clone: &'static str,
    configuration_volume: &'static str,
    agent_volume: &'static str,
    /// The variable that holds the module's configuration, and the one that holds the instance's name.
    configuration_variable: &'static str,
    instance_variable: &'static str,
    /// The list of folders in which the server looks for libraries, if it needs ours.
    library_path: Option<(&'static str, &'static str)>,
    syntax: &'static Syntax,
    /// What the Instrumentation says of the server's configuration.
    place: fn(&InstrumentationSpec) -> Place<'_>,
    /// The server's program, if its version chooses the module, and the file that attaching fills in a folder of the
    /// server's, which may be of another user.
    version_of: Option<(&'static str, &'static str)>,
    /// The command that attaches the module.
    attach_command: fn(&Place<'_>) -> Command,
    /// Lines before the directives.
    modules: fn(&InstrumentationSpec) -> String,
    /// The volumes for configuration and agent.
    volumes: fn(&LanguageContext<'_, '_>) -> [Value; 2],
}

/// Where a server has its configuration.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    /// The field of the Instrumentation that says so, what it holds, and what it may hold.
    field: &'static str,
    value: &'a str,
    allowed: Allowed,
    folder: &'a str,
    /// The main file, where it has a name of its own.
    file: &'a str,
}

/// `command` and `args` of a container.
type Command = (Vec<String>, Vec<String>);

const SHELL: [&str; 2] = ["/bin/sh", "-c"];

/// A constant script with arguments, which it reads as `$1` and so on.
fn script(text: &str, arguments: &[&str]) -> Command {
    let mut args = vec![text.to_owned(), "--".to_owned()];
    args.extend(arguments.iter().map(|&argument| argument.to_owned()));
    (SHELL.map(str::to_owned).to_vec(), args)
}

/// Whether an init container of that name clones a configuration.
pub(crate) fn is_clone(name: &str) -> bool {
    name == CLONE || SERVERS.iter().any(|server| name == server.second_clone)
}

/// Whether an init container of that name attaches the module.
pub(crate) fn is_attach(name: &str) -> bool {
    SERVERS.iter().any(|server| name == server.attach)
}

/// Whether a command line is that of one of our scripts.
pub(crate) fn is_script(command: &[String], args: &[String]) -> bool {
    let scripts = [SCRIPT, apache_httpd::ATTACH, nginx::ATTACH];
    command == SHELL && args.first().is_some_and(|text| scripts.contains(&text.as_str()))
}

/// Why the module was not attached, as the scripts say it at their end.
pub(crate) fn why_not_attached(message: &str) -> Option<&str> {
    message.trim().strip_prefix("the server starts without instrumentation: ")
}

/// Injects the module. Answers the container, if it changed.
fn inject<'a>(
    server: &Server,
    context: &LanguageContext<'_, 'a>,
    draft: &mut Draft<'a>,
    findings: &mut Findings,
) -> Vec<String> {
    let Some(name) = only_target(server, context, draft, findings) else {
        return Vec::new();
    };
    let Some(mut target) = draft.target(name).cloned() else {
        return Vec::new();
    };
    if let Err(reason) = instrument(server, context, &mut target, draft, findings) {
        findings.pod(reason, context.choice.pointer());
        return Vec::new();
    }
    review(server, context, &target, findings);
    let changed = draft.target(name).is_some_and(|earlier| target.differs_from(earlier));
    draft.keep(target);
    draft.add_volumes(exporter::volumes(context.spec()));
    if changed { vec![name.to_owned()] } else { Vec::new() }
}

/// The first target that is no init container: there is one clone of one configuration.
fn only_target<'a>(
    server: &Server,
    context: &LanguageContext<'_, 'a>,
    draft: &Draft<'a>,
    findings: &mut Findings,
) -> Option<&'a str> {
    let language = server.language;
    let targets = context.choice.containers.iter().filter_map(|name| draft.target(name));
    let (init, regular): (Vec<_>, Vec<_>) =
        targets.map(|target| target.container).partition(|container| container.is_init());
    for container in init {
        let reason =
            ChoiceFinding::InitContainerUnsupported { language, container: container.name.to_owned() };
        findings.pod(reason, context.choice.pointer());
    }
    if regular.len() > 1 {
        let containers = regular.iter().map(|container| container.name.to_owned()).collect();
        let reason = ChoiceFinding::FirstContainerOnly { language, containers };
        findings.pod(reason, context.choice.pointer());
    }
    regular.first().map(|container| container.name)
}

/// All steps, in the order of docs/reference/web-servers.md 2 to 6. Nothing reaches the draft before all can.
fn instrument<'a>(
    server: &Server,
    context: &LanguageContext<'_, '_>,
    target: &mut Target<'a>,
    draft: &mut Draft<'a>,
    findings: &mut Findings,
) -> Result<(), Reason> {
    let place = (server.place)(context.spec());
    // A folder cannot be cloned into itself; the root is no folder that could be mounted over.
    let usable = place.folder.starts_with('/') && !place.file.is_empty() && !is_within(SOURCE, place.folder);
    if !usable {
        let Place { field, allowed, .. } = place;
        let (language, value) = (server.language, place.value.to_owned());
        return Err(InstrumentationFinding::FieldUnusable { language, field, value, allowed }.into());
    }
    // The clone has all mounts of the target, and ours.
    if target.mount_at(SOURCE).is_some() {
        return Err(context.taken(Taken::MountPath, SOURCE));
    }
    let clone_name = clone_name(server, context, draft)?;
    let is_there = draft.has_init_container(clone_name);
    let by_program = probe::has_program(draft, target);
    if let Some(why) = clone_obstacle(context, target.container, by_program).filter(|_| !is_there) {
        let container = target.container.name.to_owned();
        return Err(ContainerFinding::CloneImpossible { container, why }.into());
    }
    target.env.set_defaults(&context.language_env);
    let clone = clone(server, context, target, clone_name, place, by_program);
    target.unmount_below(place.folder, server.configuration_volume);
    let taken = |path| context.taken(Taken::MountPath, path);
    target.mount(server.agent_volume, AGENT, false).map_err(taken)?;
    target.mount(server.configuration_volume, place.folder, false).map_err(taken)?;
    if let Some((variable, folder)) = server.library_path {
        let join = Join::appended(":", folder, folder);
        target.env.merge(variable, join).map_err(|_| target.not_mergeable(variable))?;
    }
    target.env.add_common(&context.common_env);
    let outlet = Outlet::of(context, target);
    telemetry::add(context, target.container, outlet, target, findings)?;

    // Without the folder of its libraries, a module keeps the server from starting.
    let awaited = server.library_path.map(|(variable, _)| variable);
    let awaited = awaited.filter(|variable| by_program && target.env.is_open(variable));
    let attach = attach(server, context, target.container, place, awaited, findings);
    draft.add_volumes((server.volumes)(context));
    if by_program && !is_there {
        draft.needs_program.get_or_insert(target.container);
    }
    for (name, container) in [(clone_name, clone), (server.attach, attach)] {
        if !draft.has_init_container(name) {
            draft.add_init_container(container, None);
        }
    }
    Ok(())
}

/// The name of the init container that clones: free, or ours already. Both servers may be in one pod.
fn clone_name(
    server: &Server,
    context: &LanguageContext<'_, '_>,
    draft: &Draft<'_>,
) -> Result<&'static str, Reason> {
    let volume = server.configuration_volume;
    let taken = |name| draft.has_container(name) || draft.is_foreign(name, volume);
    let second = draft.has_init_container(server.second_clone) || taken(CLONE);
    let clone = if second { server.second_clone } else { CLONE };
    for name in [clone, server.attach] {
        if taken(name) {
            return Err(context.taken(Taken::Container, name));
        }
    }
    for name in [volume, server.agent_volume] {
        let ours = |volume: &Value| volume.get("emptyDir").or_else(|| volume.get("ephemeral")).is_some();
        if draft.volume(name).is_some_and(|volume| !ours(volume)) {
            return Err(context.taken(Taken::Volume, name));
        }
    }
    exporter::check_volumes(context, draft)?;
    Ok(clone)
}

/// Why a configuration would not be cloned: then the server is left alone.
fn clone_obstacle(
    context: &LanguageContext<'_, '_>,
    target: Container<'_>,
    by_program: bool,
) -> Option<CloneObstacle> {
    let has_no_shell = || context.pod.image(target).is_some_and(|facts| facts.no_shell);
    let has_profile = || {
        let contexts = [context.pod.spec(), target.json].map(|object| object.get("securityContext"));
        contexts.into_iter().any(|context| obstacle::of_security_context(context).is_some())
    };
    if context.pod.has_no_clone(target) {
        Some(CloneObstacle::Failed)
    } else if by_program {
        None
    } else if has_no_shell() {
        Some(CloneObstacle::NoShell)
    } else {
        has_profile().then_some(CloneObstacle::LocalhostProfile)
    }
}

/// The init container that clones the configuration: the target's image, with all that it may need to be read.
fn clone(
    server: &Server,
    context: &LanguageContext<'_, '_>,
    target: &Target<'_>,
    name: &str,
    place: Place<'_>,
    by_program: bool,
) -> Value {
    // The mounts as they were: what was there is cloned, even on a second pass.
    let mut mounts: Vec<Value> = list(target.container.json, "volumeMounts").to_vec();
    for mount in mounts.iter_mut().filter_map(Value::as_object_mut) {
        // Only privileged containers may have it, and it is of no use for reading.
        mount.remove("mountPropagation");
    }
    let mut env = target.env.clone();
    env.settle(|name| context.pod.env_from_sets(target.container, name));
    let clone = NewContainer::like(target.container, name)
        .with_list("env", env.entries())
        .mounts(mounts)
        .mount(server.configuration_volume, SOURCE);
    let security = security::of_clone(target.container);
    let (program, file) = server.version_of.unzip();
    if by_program {
        let (version_of, writable) = (program.map(str::to_owned), file.map(str::to_owned));
        let (from, to) = (place.folder.to_owned(), SOURCE.to_owned());
        let words = command::of_clone(Cloning { from, to, version_of, writable });
        let clone = clone.mount(probe::VOLUME, command::FOLDER);
        return finish(context, target.container, clone, (words, Vec::new()), security);
    }
    let arguments: Vec<&str> = std::iter::once(place.folder).chain(program).chain(file).collect();
    finish(context, target.container, clone, script(SCRIPT, &arguments), security)
}

/// The init container that attaches the module to the clone; not if a probe has run before it and has not passed on the
/// variable that is awaited.
fn attach(
    server: &Server,
    context: &LanguageContext<'_, '_>,
    target: Container<'_>,
    place: Place<'_>,
    awaited: Option<&str>,
    findings: &mut Findings,
) -> Value {
    let mut env = Env::new(&[]);
    env.set_defaults(&context.language_env);
    env.set_defaults(&context.common_env);
    env.set_default_field("OTEL_POD_IP", "status.podIP");
    env.set_default_field("OTEL_NODE_IP", "status.hostIP");
    let configuration =
        format!("{}{}", (server.modules)(context.spec()), server.syntax.directives(context, target));
    env.put(json!({"name": server.configuration_variable, "value": configuration}));
    env.put(field(server.instance_variable, "metadata.name"));
    // This container has no `envFrom`: a reference that only `envFrom` resolves is left out here alone.
    env.settle(|_| Presence::No);

    let mut attach = NewContainer::named(server.attach)
        .image(context.image(), context.pull_policy(findings))
        .with("env", Some(env.entries()))
        .mount(server.agent_volume, AGENT)
        .mount(server.configuration_volume, SOURCE);
    let (words, mut args) = (server.attach_command)(&place);
    if let Some(variable) = awaited {
        attach = attach.mount(probe::VOLUME, command::FOLDER);
        args.extend([command::path_of(&command::file_for(target.name)), variable.to_owned()]);
    }
    let security = security::of_attach(context, target);
    finish(context, target, attach.token_of(target), (words, args), security)
}

/// What both init containers have in common.
fn finish(
    context: &LanguageContext<'_, '_>,
    target: Container<'_>,
    container: NewContainer,
    (command, args): Command,
    security: Option<Value>,
) -> Value {
    container
        .with("command", Some(command))
        .with_list("args", args)
        .with("resources", resources::of_init_container(context, target))
        .with("securityContext", security)
        .build()
}

/// Notices what will not work well: the module has its own settings and reads no variables.
fn review(server: &Server, context: &LanguageContext<'_, '_>, target: &Target<'_>, findings: &mut Findings) {
    let joined = server.library_path.map(|(variable, _)| variable);
    telemetry::review_hidden(context, joined.as_slice(), target, findings);
    directives::review(context, findings);
    let reasons = match exporter::endpoint(context.spec()) {
        None => {
            let container = Some(target.container.name.to_owned());
            [Some(EndpointFinding::EndpointMissing { container }), None]
        }
        // Whatever the container sets: the module does not see it.
        Some(endpoint) => {
            if let Some(corrected) = exporter::corrected_endpoint(context) {
                [Some(exporter::port_corrected(context, endpoint, corrected)), None]
            } else {
                let port = exporter::review_port(server.language, true, endpoint);
                [context.pod.review_endpoint(endpoint), port]
            }
        }
    };
    for reason in reasons.into_iter().flatten() {
        findings.about(context.choice.instrumentation, reason, "/spec/exporter/endpoint");
    }
}

//! Variables that the image or `envFrom` may set: only the start of the container shows them.
//!
//! Before the application starts, a probe runs with its image and environment. It joins our values with those that it
//! finds and writes the result to a file, from which the kubelet takes the application's variables (environment.md,
//! section 3). Where facts show that nothing else sets them, or no probe is possible, everything stays as it is.
//!
//! ```text
//!  ingraft-probe-copier   our image: puts probe and empty files into a volume
//!  ingraft-probe-N        the application's image and environment, our program: writes the file
//!  the application        JAVA_TOOL_OPTIONS: valueFrom.fileKeyRef{optional}
//! ```

use ingraft_api::Language;
use ingraft_api::annotations::PROBED;
use serde_json::{Map, Value, json};

use super::Request;
use super::draft::Draft;
use super::env::{Addition, Join};
use super::resource::ATTRIBUTES;
use super::target::{Container, Target};
use super::{payload, security};
use crate::finding::{Finding, Reason};
use crate::json::{list, string};

/// The volume of files and program; its name marks variables as ours.
pub(crate) const VOLUME: &str = "ingraft-env";
const FOLDER: &str = "/ingraft-env";
const PROGRAM: &str = "/ingraft-env/ingraft-probe";
pub(crate) const COPIER: &str = "ingraft-probe-copier";
/// What the kubelet keeps of all termination messages of a pod, divided evenly between its containers, and what a probe
/// writes unless told to write less, in bytes (environment.md, section 3).
const MESSAGES: usize = 12 * 1024;
const MESSAGE: usize = 1024;
/// The option that lists variables that the pod's own list sets for certain.
const OWN: &str = "--env-names";

/// The container that an init container is the probe of, if it is one.
pub(crate) fn probed(container: &Value) -> Option<&str> {
    let mut words = list(container, "command").iter().filter_map(Value::as_str);
    let ours = words.next() == Some(PROGRAM) && words.next() == Some("probe");
    let file = words.next().filter(|_| ours)?;
    file.strip_prefix(FOLDER)?.strip_prefix('/')?.strip_suffix(".env")
}

/// The variables that a probe does not tell of, because its own list sets them for certain.
pub(crate) fn own_variables(probe: &Value) -> impl Iterator<Item = &str> {
    let words = list(probe, "command").iter().filter_map(Value::as_str);
    words
        .skip_while(|word| *word != OWN)
        .nth(1)
        .unwrap_or_default()
        .split(',')
        .filter(|name| !name.is_empty())
}

/// Why a container cannot have a probe (environment.md, section 3).
pub(crate) fn obstacle(request: &Request<'_>, container: Container<'_>) -> Option<&'static str> {
    let spec = request.pod.get("spec").unwrap_or(&Value::Null);
    let localhost = |context: Option<&Value>| {
        let profile = |key: &str| context?.get(key).and_then(|profile| string(profile, "type"));
        [profile("seccompProfile"), profile("appArmorProfile")].contains(&Some("Localhost"))
    };
    let nodes = &request.snapshot.nodes;
    if !request.settings.probes() {
        Some("the probe is switched off")
    } else if nodes.iter().next().is_none() {
        Some("no node is known")
    } else if nodes.iter().any(|node| node.minor < 35) {
        Some("a node is older than Kubernetes 1.35")
    } else if string(spec, "restartPolicy") == Some("Never") {
        Some("a probe that is killed would fail the pod")
    } else if localhost(spec.get("securityContext")) || localhost(container.json.get("securityContext")) {
        Some("a Localhost profile may not allow it")
    } else {
        None
    }
}

/// Lets probes decide where only the start of a container shows what is set.
pub(crate) fn route(request: &Request<'_>, draft: &mut Draft<'_>, findings: &mut Vec<Finding>) {
    if !request.settings.probes() {
        return;
    }
    let uncertain: Vec<Target<'_>> = draft
        .targets()
        .iter()
        .filter(|target| draft.is_unknown(target.container.name) || is_uncertain(request, target))
        .cloned()
        .collect();
    let mut probes: Vec<(Value, Container<'_>)> = Vec::new();
    let mut files = Vec::new();
    for mut target in uncertain {
        let container = target.container;
        let name = format!("ingraft-probe-{}", probes.len());
        if let Some(why) = obstacle(request, container).or_else(|| taken(draft, &name)) {
            let variables = target.env.additions().iter().map(|addition| addition.name.clone()).collect();
            let reason = Reason::EnvironmentUnknown { container: container.name.to_owned(), variables, why };
            findings.push(Finding::pod(reason, container.pointer("env")));
            continue;
        }
        let file = format!("{}.env", container.name);
        let routed: Vec<Addition> =
            target.env.additions().iter().filter(|addition| is_routed(addition)).cloned().collect();
        probes.push((probe(request, draft, &target, &name, &file, &routed), container));
        for Addition { name, .. } in &routed {
            let source = json!({"volumeName": VOLUME, "path": file, "key": name, "optional": true});
            target.env.take_from_file(name, &source);
        }
        draft.keep(target);
        files.push(file);
        // What stands in the pod must not depend on how the probe fares.
        files.extend(routed.iter().filter_map(first_value).flatten());
    }
    let Some(&(_, first)) = probes.first() else {
        return;
    };
    // Init containers that are targets need it before them.
    let before = |container: Container<'_>| container.is_init().then_some(container.index);
    draft.add_volumes([json!({"name": VOLUME, "emptyDir": {"medium": "Memory", "sizeLimit": "4Mi"}})]);
    draft.add_init_container(copier(request, first, &files), before(first));
    for (probe, container) in probes {
        draft.add_init_container(probe, before(container));
    }
    draft.add_label(PROBED, "true");
}

/// Whether something outside the list of variables may set one that was added.
fn is_uncertain(request: &Request<'_>, target: &Target<'_>) -> bool {
    let container = target.container;
    let facts = request.snapshot.image(request.namespace, container.json);
    if facts.as_ref().is_some_and(|facts| !facts.agents.is_empty()) {
        return !target.env.additions().is_empty();
    }
    target.env.additions().iter().filter(|addition| !addition.certain).any(|addition| {
        let sources =
            std::iter::once(addition.name.as_str()).chain(yields_to(&addition.name).map(|(name, _)| name));
        addition.original.is_some()
            || sources.into_iter().any(|name| {
                container.env_from_sets(name, request) != Some(false)
                    || facts.as_ref().is_none_or(|facts| facts.may_set(name))
            })
    })
}

/// The other variable, or one key of it, by which the user sets what a variable of ours would set too.
fn yields_to(variable: &str) -> Option<(&'static str, &'static str)> {
    Some(match variable {
        "OTEL_SERVICE_NAME" => (ATTRIBUTES, "service.name"),
        // A sampler and its argument belong together.
        "OTEL_TRACES_SAMPLER" => ("OTEL_TRACES_SAMPLER_ARG", ""),
        "OTEL_TRACES_SAMPLER_ARG" => ("OTEL_TRACES_SAMPLER", ""),
        _ => return None,
    })
}

/// Whether the probe decides about a variable: where the user's value is certain, only about loading an agent, and only
/// if the file can hold what is there.
fn is_routed(addition: &Addition) -> bool {
    let own = addition.original.as_ref().and_then(|entry| string(entry, "value")).unwrap_or_default();
    let expressible = !own.contains(['\'', '\r']) && own.len() < 60_000 && !own.contains("$(");
    !addition.certain || (language(&addition.name).is_some() && expressible)
}

/// The language whose agent a variable loads.
fn language(variable: &str) -> Option<Language> {
    Some(match variable {
        "JAVA_TOOL_OPTIONS" => Language::Java,
        "NODE_OPTIONS" => Language::NodeJs,
        "PYTHONPATH" => Language::Python,
        "DOTNET_STARTUP_HOOKS"
        | "DOTNET_ADDITIONAL_DEPS"
        | "DOTNET_SHARED_STORE"
        | "CORECLR_ENABLE_PROFILING"
        | "CORECLR_PROFILER"
        | "CORECLR_PROFILER_PATH" => Language::DotNet,
        _ => return None,
    })
}

/// Whether a name is taken in the pod, or an earlier pass has probes there: its list of files is fixed.
fn taken(draft: &Draft<'_>, name: &str) -> Option<&'static str> {
    let names = [COPIER, name];
    let taken = names.iter().any(|name| draft.has_container(name) || draft.has_init_container(name));
    (taken || draft.volume(VOLUME).is_some()).then_some("the pod has probes, or their names, already")
}

/// The init container that looks with the eyes of the application.
fn probe(
    request: &Request<'_>,
    draft: &Draft<'_>,
    target: &Target<'_>,
    name: &str,
    file: &str,
    routed: &[Addition],
) -> Value {
    let original = target.container.json;
    let mut container = target.container.sibling(name);
    let env = environment(target, routed);
    container.insert("command".to_owned(), command(draft, target, file, routed, &env).into());
    container.insert("workingDir".to_owned(), "/".into());
    container.insert("env".to_owned(), env.into());
    container.insert("securityContext".to_owned(), security::of_probe(original));
    finish(request, target.container, container)
}

/// The variables that the application would have without us, and what ours refer to.
fn environment(target: &Target<'_>, routed: &[Addition]) -> Vec<Value> {
    let mut entries = Vec::new();
    for mut entry in target.env.entries() {
        if let Some(addition) =
            routed.iter().find(|addition| entry.get("name") == Some(&json!(addition.name)))
        {
            match &addition.original {
                Some(original) => entry = original.clone(),
                None => continue,
            }
        }
        // Resources are those of the application's container.
        let resource = entry.pointer_mut("/valueFrom/resourceFieldRef").and_then(Value::as_object_mut);
        if let Some(resource) = resource
            && resource.get("containerName").is_none_or(|name| name == "")
        {
            resource.insert("containerName".to_owned(), target.container.name.into());
        }
        entries.push(entry);
    }
    entries
}

/// The command line of `ingraft-probe` (crates/probe/src/args.rs).
fn command(
    draft: &Draft<'_>,
    target: &Target<'_>,
    file: &str,
    routed: &[Addition],
    env: &[Value],
) -> Vec<String> {
    let original = target.container.json;
    let mut words = vec![PROGRAM.to_owned(), "probe".to_owned(), format!("{FOLDER}/{file}")];
    let limit = MESSAGES / draft.most_containers();
    if limit < MESSAGE {
        words.extend(["--message-limit".to_owned(), limit.to_string()]);
    }
    if let Some(folder) = string(original, "workingDir").filter(|folder| !folder.is_empty()) {
        words.extend(["--workdir".to_owned(), folder.to_owned()]);
    }
    // What is set for certain, so neither by the image nor by envFrom.
    let certain = |entry: &&Value| match entry.get("valueFrom").and_then(Value::as_object) {
        Some(source) => source.contains_key("fieldRef") || source.contains_key("resourceFieldRef"),
        None => true,
    };
    let own: Vec<&str> = env.iter().filter(certain).filter_map(|entry| string(entry, "name")).collect();
    if !own.is_empty() {
        words.extend([OWN.to_owned(), own.join(",")]);
    }
    let plain = routed.iter().filter(|addition| language(&addition.name).is_none());
    words.extend(plain.flat_map(rule));
    for files in &draft.agents {
        let mut rules = routed
            .iter()
            .filter(|addition| language(&addition.name) == Some(files.language))
            .flat_map(rule)
            .peekable();
        if rules.peek().is_none() {
            continue;
        }
        words.extend(["--agent".to_owned(), files.language.key().to_owned()]);
        if let Some(libc) = files.libc {
            words.extend(["--payload-libc".to_owned(), libc.to_owned()]);
        }
        if files.any_version {
            words.push("--any-version".to_owned());
        }
        words.extend(rules);
    }
    let argv: Vec<&str> =
        ["command", "args"].iter().flat_map(|key| list(original, key)).filter_map(Value::as_str).collect();
    if !argv.is_empty() {
        words.push("--argv".to_owned());
        words.extend(argv.into_iter().map(str::to_owned));
    }
    words
}

fn rule(addition: &Addition) -> Vec<String> {
    let name = addition.name.as_str();
    let words = match (&addition.join, yields_to(name)) {
        (Join::Default { ours }, None) => vec!["--default", name, ours],
        (Join::Default { ours }, Some((other, key))) => vec!["--default-unless", name, ours, other, key],
        (Join::Around { prefix, suffix, alone, mark }, _) => {
            vec!["--join", name, prefix, suffix, alone, mark]
        }
        (Join::Attributes { ours }, _) => vec!["--attributes", name, ours],
    };
    words.into_iter().map(str::to_owned).collect()
}

/// The words by which the copier puts the user's own value of a variable into the file.
fn first_value(addition: &Addition) -> Option<[String; 3]> {
    let value = string(addition.original.as_ref()?, "value").filter(|value| !value.is_empty())?;
    Some(["--value".to_owned(), addition.name.clone(), value.to_owned()])
}

/// The init container that brings the program, and first files: one that is missing would keep the application from
/// starting.
fn copier(request: &Request<'_>, first: Container<'_>, files: &[String]) -> Value {
    let mut container = Map::new();
    container.insert("name".to_owned(), COPIER.into());
    container.insert("image".to_owned(), request.settings.probe_image.as_str().into());
    let mut command = vec!["/ingraft-probe".to_owned(), "install".to_owned(), FOLDER.to_owned()];
    command.extend(files.iter().cloned());
    container.insert("command".to_owned(), command.into());
    if let Some(context) = security::inherited(request, first) {
        container.insert("securityContext".to_owned(), context);
    }
    finish(request, first, container)
}

/// What both have in common.
fn finish(request: &Request<'_>, target: Container<'_>, mut container: Map<String, Value>) -> Value {
    let amounts = |cpu: &str, memory: &str| {
        Map::from_iter([("cpu".to_owned(), cpu.into()), ("memory".to_owned(), memory.into())])
    };
    let requirements = [amounts("500m", "64Mi"), amounts("10m", "16Mi")];
    if let Some(resources) = payload::fitted_resources(request.pod, requirements) {
        container.insert("resources".to_owned(), resources);
    }
    let mut mounts = vec![json!({"name": VOLUME, "mountPath": FOLDER})];
    mounts.extend(payload::token_mount(target).cloned());
    container.insert("volumeMounts".to_owned(), mounts.into());
    Value::Object(container)
}

#[cfg(test)]
mod tests;

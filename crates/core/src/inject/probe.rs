//! Variables that the image or `envFrom` may set: only the start of the container shows them.
//!
//! Before the application starts, a probe runs with its image and environment. It joins our values with those that it
//! finds and writes the result to a file, from which the kubelet takes the application's variables
//! (docs/reference/merging.md 10). Where facts show that nothing else sets them, or no probe is possible, everything
//! stays as it is.
//!
//! ```text
//!  ingraft-probe-copier   our image: puts probe and first files into a volume
//!  ingraft-probe-N        the application's image and environment, our program: writes the file
//!  the application        JAVA_TOOL_OPTIONS: valueFrom.fileKeyRef{optional}
//! ```

pub(crate) mod command;
pub(crate) mod obstacle;

use command::{AgentFiles, COPIER, FOLDER, first_file, yields_to};
use ingraft_api::annotations::PROBED;
use ingraft_probe_contract::{FirstFile, writable};
use serde_json::{Map, Value, json};

use super::Request;
use super::draft::Draft;
use super::env::{Addition, VOLUME};
use super::target::{Container, Target};
use super::{payload, security};
use crate::environment::Presence;
use crate::finding::{Finding, Findings, Obstacle, ProbeFinding};
use crate::json::string;

/// Lets probes decide where only the start of a container shows what is set.
pub(crate) fn route(request: &Request<'_>, draft: &mut Draft<'_>, findings: &mut Findings) {
    if !request.settings.probes() {
        return;
    }
    let mut chosen: Vec<(Target<'_>, Vec<Addition>)> = Vec::new();
    for target in draft.targets() {
        let container = target.container;
        let mut routed = routed(target, &draft.agents);
        let wanted = draft.is_unknown(container.name) || is_uncertain(request, target, &routed);
        let obstacle = || obstacle::of(request, container).or_else(|| taken(draft, &name(chosen.len())));
        let obstacle = wanted.then(obstacle).flatten();
        if let Some(why) = obstacle {
            let variables = target.env.additions().iter().map(|addition| addition.name.clone()).collect();
            let reason =
                ProbeFinding::EnvironmentUnknown { container: container.name.to_owned(), variables, why };
            findings.pod(reason, container.pointer("env"));
        }
        if wanted && obstacle.is_none() {
            chosen.push((target.clone(), routed.iter().map(|&addition| addition.clone()).collect()));
        } else {
            routed.clear();
        }
        findings.extend(not_joined(target, &routed));
    }
    let (mut probes, mut files): (Vec<(Value, Container<'_>)>, Vec<FirstFile>) = Default::default();
    for (mut target, routed) in chosen {
        let container = target.container;
        let file = format!("{}.env", container.name);
        probes.push((probe(request, draft, &target, &name(probes.len()), &file, &routed), container));
        for addition in &routed {
            target.env.take_from_file(&addition.name, &file);
        }
        draft.keep(target);
        files.push(first_file(file, &routed));
    }
    let Some(&(_, first)) = probes.first() else {
        return;
    };
    // Init containers that are targets need it before them.
    let before = |container: Container<'_>| container.is_init().then_some(container.index);
    draft.add_volumes([json!({"name": VOLUME, "emptyDir": {"medium": "Memory", "sizeLimit": "4Mi"}})]);
    draft.add_init_container(copier(request, first, files), before(first));
    for (probe, container) in probes {
        draft.add_init_container(probe, before(container));
    }
    draft.add_label(PROBED, "true");
}

/// Whether something outside the list of variables may set one that was added.
fn is_uncertain(request: &Request<'_>, target: &Target<'_>, routed: &[&Addition]) -> bool {
    let container = target.container;
    let facts = request.snapshot.image(request.namespace, container.json);
    if facts.as_ref().is_some_and(|facts| !facts.agents.is_empty()) {
        return !target.env.additions().is_empty();
    }
    routed.iter().filter(|addition| !addition.certain).any(|addition| {
        let sources =
            std::iter::once(addition.name.as_str()).chain(yields_to(&addition.name).map(|(name, _)| name));
        addition.original.is_some()
            || sources.into_iter().any(|name| {
                container.env_from_sets(name, request) != Presence::No
                    || facts.as_ref().is_none_or(|facts| facts.may_set(name))
            })
    })
}

/// The name of a probe.
fn name(index: usize) -> String {
    format!("ingraft-probe-{index}")
}

/// What only a probe could join, where none does: the user's entries stay as they are.
fn not_joined(target: &Target<'_>, routed: &[&Addition]) -> Vec<Finding> {
    let is_routed = |name: &str| routed.iter().any(|addition| addition.name == name);
    let additions = target.env.additions().iter();
    let optional = additions.filter(|addition| addition.original.is_some() && !addition.certain);
    let lost = optional.filter(|addition| !is_routed(&addition.name));
    let reason = |addition: &Addition| target.not_mergeable(&addition.name);
    lost.map(|addition| Finding::pod(reason(addition), target.container.pointer("env"))).collect()
}

/// The variables that the probe decides about.
fn routed<'t>(target: &'t Target<'_>, agents: &[AgentFiles]) -> Vec<&'t Addition> {
    let mut routed: Vec<&Addition> =
        target.env.additions().iter().filter(|addition| is_routed(addition, agents)).collect();
    // The probe does not have what it decides about, so nothing that it writes can refer to that.
    loop {
        let names: Vec<&str> = routed.iter().map(|addition| addition.name.as_str()).collect();
        let before = names.len();
        routed.retain(|addition| !names.iter().any(|name| addition.refers_to(name)));
        if routed.len() == before {
            return routed;
        }
    }
}

/// Whether the probe decides about a variable: where the user's value is certain, only about loading an agent, and only
/// if the file can hold what is there.
fn is_routed(addition: &Addition, agents: &[AgentFiles]) -> bool {
    let own = addition.original.as_ref().and_then(|entry| string(entry, "value")).unwrap_or_default();
    let expressible = writable(&addition.name, own).is_ok() && !own.contains("$(");
    !addition.certain || (expressible && agents.iter().any(|agent| agent.are_loaded_by(&addition.name)))
}

/// Whether a name is taken in the pod, or an earlier pass has probes there: its list of files is fixed.
fn taken(draft: &Draft<'_>, name: &str) -> Option<Obstacle> {
    let names = [COPIER, name];
    let taken = names.iter().any(|name| draft.has_container(name) || draft.has_init_container(name));
    (taken || draft.volume(VOLUME).is_some()).then_some(Obstacle::Taken)
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
    let command = command::of_probe(&draft.agents, draft.most_containers(), target, file, routed, &env);
    container.insert("command".to_owned(), command.into());
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

/// The init container that brings the program, and first files: one that is missing would keep the application from
/// starting.
fn copier(request: &Request<'_>, first: Container<'_>, files: Vec<FirstFile>) -> Value {
    let mut container = Map::new();
    container.insert("name".to_owned(), COPIER.into());
    container.insert("image".to_owned(), request.settings.probe_image.as_str().into());
    container.insert("command".to_owned(), command::of_copier(files).into());
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

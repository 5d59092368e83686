//! Variables that the image or `envFrom` may set: only the start of the container shows them.
//!
//! Before the application starts, a probe runs with its image and environment. It joins our values with those that it
//! finds and writes the result to a file, from which the kubelet takes the application's variables
//! (docs/reference/merging.md 10). Where facts show that nothing else sets them, or no probe is possible, everything
//! stays as it is.
//!
//! ```text
//!  ingraft-probe-copier   our image: puts probe and empty files into a volume
//!  ingraft-probe-N        the application's image and environment, our program: writes the file
//!  (others)               that read the file, or use the program
//!  the application        JAVA_TOOL_OPTIONS: valueFrom.fileKeyRef{optional}
//! ```
//!
//! The program also clones the configuration of a web server, where it would work as a probe.

pub mod canary;
pub(crate) mod command;
pub(crate) mod obstacle;
pub(crate) mod stripped;

use command::{COPIER, FOLDER, NAMES, yields_to};
use serde_json::{Map, Value, json};

use super::draft::Draft;
pub(crate) use super::env::VOLUME;
use super::env::{AddedVariable, Standing};
use super::new_container::NewContainer;
use super::pod::{Container, Pod};
use super::target::Target;
use super::{resources, security};
use crate::environment::{Presence, refers_to};
use crate::finding::{Finding, Findings, Obstacle, ProbeFinding};
use crate::json::{list, string};
use crate::settings::Settings;

/// A container that has a probe, and the variables that the probe decides about.
#[derive(Debug)]
pub(crate) struct Probe<'a> {
    target: Container<'a>,
    delegated: Vec<AddedVariable>,
}

/// Decides which containers have a probe; where one is wanted and impossible, a finding says why.
pub(crate) fn plan<'a>(
    pod: &Pod<'a>,
    draft: &Draft<'a>,
    settings: &Settings,
    findings: &mut Findings,
) -> Vec<Probe<'a>> {
    let mut probes = Vec::new();
    for target in draft.targets().iter().filter(|_| settings.probes()) {
        let container = target.container;
        let mut delegated = delegated(target);
        let wanted = draft.is_unknown(container.name) || is_uncertain(pod, target, &delegated);
        let obstacle = || pod.obstacle(container).or_else(|| taken(draft, &name(probes.len())));
        let obstacle = wanted.then(obstacle).flatten();
        let has_probe = wanted && obstacle.is_none();
        if let Some(why) = obstacle {
            let variables = target.env.added().iter().map(|added| added.name.clone()).collect();
            let (is_particular, container_name) = (why.is_particular(), container.name.to_owned());
            let reason = if is_particular {
                ProbeFinding::ProbeNotPossible { container: container_name, variables, why }
            } else {
                ProbeFinding::EnvironmentUnknown { container: container_name, variables, why }
            };
            findings.pod(reason, container.pointer("env"));
        }
        if !has_probe {
            delegated.clear();
        }
        findings.extend(not_joined(target, &delegated));
        if has_probe {
            let delegated = delegated.into_iter().cloned().collect();
            probes.push(Probe { target: container, delegated });
        }
    }
    probes
}

/// Whether an init container that is no probe may use the program in a volume of ours, for a container.
pub(crate) fn has_program(draft: &Draft<'_>, target: &Target<'_>) -> bool {
    let is_taken = draft.has_container(COPIER) || draft.has_init_container(COPIER);
    target.env.has_probe() && !is_taken && draft.volume(VOLUME).is_none() && target.mount_at(FOLDER).is_none()
}

/// Adds the probes, and lets variables come from the files that they write.
pub(crate) fn apply<'a>(plan: Vec<Probe<'a>>, pod: &Pod<'a>, settings: &Settings, draft: &mut Draft<'a>) {
    let Some(first) = plan.first().map(|probe| probe.target).or(draft.needs_program) else {
        return;
    };
    let (mut probes, mut files) = (Vec::new(), Vec::new());
    for Probe { target: container, delegated } in plan {
        let Some(mut target) = draft.target(container.name).cloned() else { continue };
        let file = command::file_for(container.name);
        probes.push((probe(pod, draft, &target, &name(probes.len()), &file, &delegated), container));
        for added in &delegated {
            target.env.take_from_file(&added.name, &file);
        }
        draft.keep(target);
        files.push(file);
    }
    // Init containers that are targets need it before them.
    let before = |container: Container<'_>| container.is_init().then_some(container.index);
    draft.add_volumes([volume()]);
    // Each is put before the one that was added last.
    for (probe, container) in probes.into_iter().rev() {
        draft.add_filler(probe, before(container), VOLUME);
    }
    draft.add_filler(copier(pod, &settings.probe_image, first, files), before(first), VOLUME);
}

/// Whether something outside the list of variables may set one that was added.
fn is_uncertain(pod: &Pod<'_>, target: &Target<'_>, delegated: &[&AddedVariable]) -> bool {
    let facts = pod.image(target.container);
    if facts.is_some_and(|facts| !facts.agents.is_empty()) {
        return !target.env.added().is_empty();
    }
    // What the list sets for certain hides the image's.
    let hidden = command::certain_names(list(target.container.json, "env"));
    let may_be_set = |name: &str| {
        pod.env_from_sets(target.container, name) != Presence::No
            || facts.is_none_or(|facts| facts.may_set(name))
    };
    delegated.iter().any(|added| match added.standing {
        Standing::JoinedToValue(_) => false,
        Standing::InPlaceOfOptional(_) => true,
        Standing::New => {
            let yields = |(name, _)| hidden.iter().all(|hidden| hidden != name) && may_be_set(name);
            may_be_set(&added.name) || yields_to(&added.name).is_some_and(yields)
        }
    })
}

/// Where the program and the files are: in memory, so that no secret reaches a disk.
fn volume() -> Value {
    json!({"name": VOLUME, "emptyDir": {"medium": "Memory", "sizeLimit": "4Mi"}})
}

/// The name of a probe.
fn name(index: usize) -> String {
    format!("{NAMES}{index}")
}

/// What only a probe could join, where none does: the user's entries stay as they are.
fn not_joined(target: &Target<'_>, delegated: &[&AddedVariable]) -> Vec<Finding> {
    let is_delegated = |name: &str| delegated.iter().any(|added| added.name == name);
    let optional =
        target.env.added().iter().filter(|added| matches!(added.standing, Standing::InPlaceOfOptional(_)));
    let lost = optional.filter(|added| !is_delegated(&added.name));
    let reason = |added: &AddedVariable| target.not_mergeable(&added.name);
    lost.map(|added| Finding::pod(reason(added), target.container.pointer("env"))).collect()
}

/// The variables that a probe would decide about: those that the pod's own list leaves open. A value in the list stays
/// there, so that it depends on nothing, and so does an entry of the user that others refer to: it keeps its meaning
/// however the probe fares.
fn delegated<'t>(target: &'t Target<'_>) -> Vec<&'t AddedVariable> {
    let is_used = |name: &str| {
        target.env.is_referred_to(name) || target.container.words().any(|word| refers_to(word, name))
    };
    let is_open = |added: &&AddedVariable| match added.standing {
        Standing::New => true,
        Standing::InPlaceOfOptional(_) => !is_used(&added.name),
        Standing::JoinedToValue(_) => false,
    };
    let mut delegated: Vec<&AddedVariable> = target.env.added().iter().filter(is_open).collect();
    // The probe does not have what it decides about, so nothing that it writes can refer to that.
    loop {
        let names: Vec<&str> = delegated.iter().map(|added| added.name.as_str()).collect();
        let before = names.len();
        delegated.retain(|added| !names.iter().any(|name| added.refers_to(name)));
        if delegated.len() == before {
            return delegated;
        }
    }
}

/// Whether a name is taken in the pod, or an earlier pass has probes there: its list of files is fixed.
fn taken(draft: &Draft<'_>, name: &str) -> Option<Obstacle> {
    let names = [COPIER, name];
    let taken = names.iter().any(|name| draft.has_container(name) || draft.has_init_container(name));
    (taken || draft.volume(VOLUME).is_some()).then_some(Obstacle::Taken)
}

/// The init container that looks with the eyes of the application.
fn probe(
    pod: &Pod<'_>,
    draft: &Draft<'_>,
    target: &Target<'_>,
    name: &str,
    file: &str,
    delegated: &[AddedVariable],
) -> Value {
    let container = target.container;
    let env = environment(target, delegated);
    let command = command::of_probe(&draft.agents, draft.most_containers(), target, file, delegated, &env);
    let probe = NewContainer::like(container, name)
        .with("command", Some(command))
        .with("workingDir", Some("/"))
        .with("env", Some(env))
        .with("securityContext", Some(security::of_probe(container.json)));
    finish(pod, container, probe)
}

/// The variables that the application would have without us, and what ours refer to.
fn environment(target: &Target<'_>, delegated: &[AddedVariable]) -> Vec<Value> {
    let mut entries = Vec::new();
    for mut entry in target.env.entries() {
        let name = string(&entry, "name").unwrap_or_default();
        if let Some(added) = target.env.added().iter().find(|added| added.name == name) {
            match added.original() {
                Some(original) => entry = original.clone(),
                None if delegated.iter().any(|delegated| delegated.name == name) => continue,
                None => {}
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

/// The init container that brings the program, and empty files: one that is missing would keep the application from
/// starting.
fn copier(pod: &Pod<'_>, image: &str, first: Container<'_>, files: Vec<String>) -> Value {
    let copier = NewContainer::named(COPIER)
        .image(image, None)
        .with("command", Some(command::of_copier(files)))
        .with("securityContext", Some(security::of_probe(first.json)));
    finish(pod, first, copier)
}

/// What both have in common.
fn finish(pod: &Pod<'_>, target: Container<'_>, container: NewContainer) -> Value {
    let amounts = |cpu: &str, memory: &str| {
        Map::from_iter([("cpu".to_owned(), cpu.into()), ("memory".to_owned(), memory.into())])
    };
    let requirements = [amounts("500m", "64Mi"), amounts("10m", "16Mi")];
    container
        .with("resources", resources::of_probe(pod, &requirements, target))
        .mount(VOLUME, FOLDER)
        .token_of(target)
        .build()
}

#[cfg(test)]
mod tests;

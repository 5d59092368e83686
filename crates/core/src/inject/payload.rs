//! The init container that copies an agent's files, and the volume that holds them (docs/reference/payload.md).

use ingraft_api::instrumentation::AgentBlock;
use ingraft_probe_contract::Libc;
use serde_json::{Map, Value, json};

use super::draft::Draft;
use super::language_context::LanguageContext;
use super::new_container::NewContainer;
use super::pod::Container;
use super::probe::command::AgentFiles;
use super::security;
use crate::defaults;
use crate::finding::{Findings, Reason, Taken};
use crate::json::{list, string_at};
use crate::quantity;

/// An agent's files and how they reach the targets.
#[derive(Debug)]
pub(crate) struct Payload {
    /// The name of the volume, and of the first init container.
    name: &'static str,
    /// Where the init containers mount the volume.
    folder: &'static str,
    /// The C library that the files are for, where it matters.
    libc: Option<Libc>,
    copies: Vec<Copy>,
}

/// One init container that copies files into the volume.
#[derive(Debug)]
struct Copy {
    name: String,
    /// The image, where it is not the agent's.
    image: Option<String>,
    command: Vec<String>,
}

impl Payload {
    pub(crate) fn new(name: &'static str, folder: &'static str, command: &[&str]) -> Self {
        let copy = Copy { name: name.to_owned(), image: None, command: owned(command) };
        Self { name, folder, libc: None, copies: vec![copy] }
    }

    /// Files that work with one C library only.
    pub(crate) fn for_libc(self, libc: Libc) -> Self {
        Self { libc: Some(libc), ..self }
    }

    /// Copies files from another image too, after those before.
    pub(crate) fn also_copy(&mut self, name: String, image: &str, command: &[&str]) {
        self.copies.push(Copy { name, image: Some(image.to_owned()), command: owned(command) });
    }

    /// Whether init containers and volume can be added, or are there already.
    pub(crate) fn check(&self, context: &LanguageContext<'_, '_>, draft: &Draft<'_>) -> Result<(), Reason> {
        for Copy { name, .. } in &self.copies {
            if draft.has_container(name) || draft.is_foreign(name, self.name) {
                return Err(context.taken(Taken::Container, name));
            }
        }
        match draft.volume(self.name) {
            Some(volume) if volume.get("emptyDir").is_none() && volume.get("ephemeral").is_none() => {
                Err(context.taken(Taken::Volume, self.name))
            }
            _ => Ok(()),
        }
    }

    /// Adds init containers and volume unless they are there, before the first target if that is an init container.
    pub(crate) fn add(
        &self,
        context: &LanguageContext<'_, '_>,
        first: Container<'_>,
        draft: &mut Draft<'_>,
        findings: &mut Findings,
    ) {
        draft.add_volumes([volume(self.name, context.block)]);
        let language = context.language();
        let any_version = !context.is_default_image();
        let variables = context.profile.loading_variables;
        draft.agents.push(AgentFiles { language, variables, libc: self.libc, any_version });
        // Extensions come with the agent's files or not at all.
        if draft.has_init_container(self.name) {
            return;
        }
        let resources = resources(context);
        let security = security::of_payload(context, first, findings);
        for copy in &self.copies {
            let (image, policy) = match &copy.image {
                // The reference gives extensions no pull policy (docs/reference/java.md 4).
                Some(image) => (image.as_str(), None),
                None => (context.image(), context.pull_policy(findings)),
            };
            let container = NewContainer::named(&copy.name)
                .image(image, policy)
                .with("command", Some(copy.command.as_slice()))
                .with("resources", resources.clone())
                .with("securityContext", security.clone())
                .mount(self.name, self.folder)
                .token_of(first)
                .build();
            draft.add_init_container(container, first.is_init().then_some(first.index));
        }
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// The volume for an agent's files: as large as the Instrumentation says, or a claim of its template.
pub(crate) fn volume(name: &str, block: AgentBlock<'_>) -> Value {
    if let Some(template) = block.volume_claim_template {
        return json!({"name": name, "ephemeral": {"volumeClaimTemplate": template}});
    }
    limited_volume(name, block)
}

/// The same without a claim.
pub(crate) fn limited_volume(name: &str, block: AgentBlock<'_>) -> Value {
    let limit = block.volume_limit_size.unwrap_or(defaults::VOLUME_LIMIT);
    json!({"name": name, "emptyDir": {"sizeLimit": limit}})
}

/// The resources of a container of ours, so that the pod stays what it is (docs/reference/payload.md 9): limits and
/// requests as the Instrumentation or the defaults say, requests never above limits; in a Guaranteed pod both are equal
/// and no larger than the pod's own; in a pod with resources of its own, none.
pub(crate) fn resources(context: &LanguageContext<'_, '_>) -> Option<Value> {
    fitted_resources(context.pod.json, context.requirements.clone())
}

/// The same for given limits and requests.
pub(crate) fn fitted_resources(
    pod: &Value,
    [mut limits, mut requests]: [Map<String, Value>; 2],
) -> Option<Value> {
    let of_pod = pod.pointer("/spec/resources").and_then(Value::as_object);
    if of_pod.is_some_and(|resources| !resources.is_empty()) {
        return None;
    }
    if let Some(sums) = guaranteed_sums(pod) {
        for (resource, sum) in sums {
            let limit = limits.get(resource).and_then(Value::as_str).and_then(quantity::parse);
            if limit.is_none_or(|limit| limit > sum) {
                limits.insert(resource.to_owned(), quantity::format(sum).into());
            }
        }
        requests.clone_from(&limits);
    }
    for (resource, request) in &mut requests {
        let number = |value: &Value| value.as_str().and_then(quantity::parse);
        if let Some(limit) = limits.get(resource)
            && number(request) > number(limit)
        {
            *request = limit.clone();
        }
    }
    let mut resources = Map::new();
    for (key, map) in [("limits", limits), ("requests", requests)] {
        if !map.is_empty() {
            resources.insert(key.to_owned(), Value::Object(map));
        }
    }
    Some(Value::Object(resources))
}

/// For a pod of the class Guaranteed, what its containers may use in sum of CPU and memory:
/// <https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/#guaranteed>.
fn guaranteed_sums(pod: &Value) -> Option<[(&'static str, f64); 2]> {
    let spec = pod.get("spec")?;
    let mut sums = [("cpu", 0.0), ("memory", 0.0)];
    for key in ["initContainers", "containers"] {
        for container in list(spec, key) {
            for (resource, sum) in &mut sums {
                let amount = |kind: &str| quantity_of(container, kind, resource);
                let limit = amount("limits").filter(|limit| *limit > 0.0)?;
                if amount("requests").is_some_and(|request| request.total_cmp(&limit).is_ne()) {
                    return None;
                }
                if key == "containers" {
                    *sum += limit;
                }
            }
        }
    }
    sums.iter().all(|(_, sum)| *sum > 0.0).then_some(sums)
}

fn quantity_of(container: &Value, kind: &str, resource: &str) -> Option<f64> {
    let value = container.pointer(&format!("/resources/{kind}/{resource}"))?;
    value.as_f64().or_else(|| string_at(value, "").and_then(quantity::parse))
}

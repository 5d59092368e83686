//! The pod as it will be: collects what changes, and turns it into edits.

use ingraft_api::annotations::{INJECTED, SAFE_TO_EVICT_LOCAL_VOLUMES};
use serde_json::{Map, Value};

use super::injected_annotation::InjectedAnnotation;
use super::pod::{Container, Pod};
use super::probe::command::AgentFiles;
use super::resources;
use super::target::Target;
use crate::edit::{Edit, set_entries};
use crate::json::{annotation, list, named, string};

/// A pod with the changes made so far.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    pod: &'a Value,
    spec: &'a Value,
    containers: Vec<Target<'a>>,
    /// The agents that were added, for the probe to know what it activates.
    pub(crate) agents: Vec<AgentFiles>,
    /// Containers whose language is to be found out.
    unknown: Vec<String>,
    /// A container for which our program works in an init container that is no probe.
    pub(crate) needs_program: Option<Container<'a>>,
    init_containers: Vec<NewInitContainer>,
    sidecars: Vec<Value>,
    shares_process_namespace: bool,
    volumes: Vec<Value>,
}

/// An init container to insert before the one at an index of the original list, or at its end.
#[derive(Debug)]
struct NewInitContainer {
    before: usize,
    container: Value,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(pod: &Pod<'a>) -> Self {
        let target =
            |&container: &Container<'a>| Target::new(container).with_probe(pod.obstacle(container).is_none());
        Self {
            pod: pod.json,
            spec: pod.spec(),
            containers: pod.containers.iter().map(target).collect(),
            agents: Vec::new(),
            unknown: Vec::new(),
            needs_program: None,
            init_containers: Vec::new(),
            sidecars: Vec::new(),
            shares_process_namespace: false,
            volumes: Vec::new(),
        }
    }

    /// A container or init container, as it is by now.
    pub(crate) fn target(&self, name: &str) -> Option<&Target<'a>> {
        self.containers.iter().find(|target| target.container.name == name)
    }

    /// The containers and init containers, as they are by now.
    pub(crate) fn targets(&self) -> &[Target<'a>] {
        &self.containers
    }

    /// Keeps what was done to a copy of a container.
    pub(crate) fn keep(&mut self, target: Target<'a>) {
        let place = self.containers.iter_mut().find(|known| known.container.name == target.container.name);
        if let Some(place) = place {
            *place = target;
        }
    }

    /// Whether an init container of that name exists or is being added.
    pub(crate) fn has_init_container(&self, name: &str) -> bool {
        self.init_container(name).is_some()
    }

    fn init_container(&self, name: &str) -> Option<&Value> {
        let added = || self.init_containers.iter().map(|new| &new.container);
        named(list(self.spec, "initContainers"), name)
            .or_else(|| added().find(|container| string(container, "name") == Some(name)))
    }

    /// Whether a container of that name exists that does not mount a volume of ours: it is somebody else's.
    pub(crate) fn is_foreign(&self, name: &str, volume: &str) -> bool {
        let foreign = |container: &Value| named(list(container, "volumeMounts"), volume).is_none();
        let regular = named(list(self.spec, "containers"), name);
        self.init_container(name).is_some_and(foreign) || regular.is_some_and(foreign)
    }

    /// Whether a container that is no init container has that name.
    pub(crate) fn has_container(&self, name: &str) -> bool {
        named(list(self.spec, "containers"), name).is_some()
    }

    /// How many containers the pod may have in the end, when each has a probe.
    pub(crate) fn most_containers(&self) -> usize {
        1 + 2 * self.containers.len() + self.init_containers.len() + self.sidecars.len()
    }

    /// A volume that exists or is being added.
    pub(crate) fn volume(&self, name: &str) -> Option<&Value> {
        named(list(self.spec, "volumes"), name).or_else(|| named(&self.volumes, name))
    }

    /// Adds volumes, but none whose name is there.
    pub(crate) fn add_volumes(&mut self, volumes: impl IntoIterator<Item = Value>) {
        for volume in volumes {
            if self.volume(string(&volume, "name").unwrap_or_default()).is_none() {
                self.volumes.push(volume);
            }
        }
    }

    /// Adds an init container directly before the one at a place of the original list, or at the end.
    pub(crate) fn add_init_container(&mut self, container: Value, before: Option<usize>) {
        let end = list(self.spec, "initContainers").len();
        self.init_containers.push(NewInitContainer { before: before.unwrap_or(end), container });
    }

    /// The same for one that fills a volume, or a file of it: before those that are being added and mount it.
    pub(crate) fn add_filler(&mut self, container: Value, before: Option<usize>, volume: &str) {
        self.add_init_container(container, before);
        let needs = |new: &NewInitContainer| named(list(&new.container, "volumeMounts"), volume).is_some();
        let first = self.init_containers.iter().position(needs).unwrap_or_default();
        if let Some(last) = self.init_containers.get_mut(first..) {
            last.rotate_right(1);
        }
    }

    /// Adds a container that runs beside the others.
    pub(crate) fn add_sidecar(&mut self, container: Value) {
        self.sidecars.push(container);
    }

    /// Lets a probe find out the language of a container.
    pub(crate) fn request_probe(&mut self, container: &str) {
        self.unknown.push(container.to_owned());
    }

    /// Whether a probe is to find out the language of a container.
    pub(crate) fn is_unknown(&self, container: &str) -> bool {
        self.unknown.iter().any(|unknown| unknown == container)
    }

    /// Lets the containers see each other's processes.
    pub(crate) fn share_process_namespace(&mut self) {
        self.shares_process_namespace = true;
    }

    /// Whether containers are being added.
    pub(crate) fn adds_containers(&self) -> bool {
        !self.init_containers.is_empty() || !self.sidecars.is_empty()
    }

    /// Whether the pod will ask for more CPU or memory than before: by a container that keeps running, or by an init
    /// container that needs more than all others together.
    pub(crate) fn adds_to_sum(&self) -> bool {
        let sums = resources::sums(self.spec);
        let added = self.init_containers.iter().map(|new| &new.container);
        let keeps_running = |container: &Value| container.get("restartPolicy").is_some();
        !self.sidecars.is_empty()
            || added
                .into_iter()
                .any(|container| keeps_running(container) || resources::exceeds(container, &sums))
    }

    /// All changes, in an order in which they can be carried out.
    pub(crate) fn into_edits(mut self, injected: &InjectedAnnotation) -> Vec<Edit> {
        let mut edits = Vec::new();
        for target in self.containers {
            let container = target.container;
            let edit = |(field, value): (&str, Value)| Edit::add(container.pointer(field), value);
            edits.extend(target.into_changes().map(edit));
        }
        self.init_containers.sort_by_key(|new| new.before);
        let places = self.init_containers.into_iter().enumerate();
        let init_containers =
            places.map(|(added, new)| ((new.before + added).to_string(), new.container)).collect();
        edits.extend(insert(self.spec, "initContainers", init_containers));
        let sidecars = self.sidecars.into_iter().map(|container| ("-".to_owned(), container)).collect();
        edits.extend(insert(self.spec, "containers", sidecars));
        if self.shares_process_namespace {
            edits.push(Edit::add("/spec/shareProcessNamespace", true));
        }

        let local =
            |volume: &Value| volume.get("emptyDir").and_then(|_| string(volume, "name")).map(str::to_owned);
        let local_volumes: Vec<String> = self.volumes.iter().filter_map(local).collect();
        let volumes = self.volumes.into_iter().map(|volume| ("-".to_owned(), volume)).collect();
        edits.extend(insert(self.spec, "volumes", volumes));

        let mut annotations = Vec::new();
        annotations.extend(evictable(self.pod, local_volumes));
        annotations.extend(
            injected.value(annotation(self.pod, INJECTED)).map(|value| (INJECTED.to_owned(), value.into())),
        );
        // Annotations are for people and tools; the pod matters more than they do.
        if !fits(self.pod, &annotations) {
            annotations.clear();
        }
        // A template may have no metadata at all where its namespace asks.
        if !annotations.is_empty() && !self.pod.get("metadata").is_some_and(Value::is_object) {
            edits.push(Edit::add("/metadata", Map::new()));
        }
        edits.extend(set_entries(self.pod, "/metadata/annotations", annotations));
        edits
    }
}

/// Whether the annotations of a pod stay within the API server's limit with these added:
/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/> (256 KiB for keys and values).
fn fits(pod: &Value, added: &[(String, Value)]) -> bool {
    let length = |value: &Value| value.as_str().map_or(0, str::len);
    let existing = pod.pointer("/metadata/annotations").and_then(Value::as_object).into_iter().flatten();
    let existing: usize = existing.map(|(key, value)| key.len() + length(value)).sum();
    let added: usize = added.iter().map(|(key, value)| key.len() + length(value)).sum();
    existing + added <= 256 * 1024
}

/// The edits that insert items in a list of the pod's spec, which may be absent.
fn insert(spec: &Value, key: &str, items: Vec<(String, Value)>) -> Vec<Edit> {
    if items.is_empty() {
        Vec::new()
    } else if spec.get(key).is_some_and(Value::is_array) {
        items.into_iter().map(|(place, item)| Edit::add(format!("/spec/{key}/{place}"), item)).collect()
    } else {
        let items: Vec<Value> = items.into_iter().map(|(_, item)| item).collect();
        vec![Edit::add(format!("/spec/{key}"), items)]
    }
}

/// The annotation that tells the cluster autoscaler not to mind our volumes, beside those it already names.
fn evictable(pod: &Value, volumes: Vec<String>) -> Option<(String, Value)> {
    let current = annotation(pod, SAFE_TO_EVICT_LOCAL_VOLUMES);
    let mut names: Vec<String> =
        current.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let known = names.len();
    let unknown: Vec<String> = volumes.into_iter().filter(|volume| !names.contains(volume)).collect();
    names.extend(unknown);
    (names.len() > known).then(|| (SAFE_TO_EVICT_LOCAL_VOLUMES.to_owned(), names.join(",").into()))
}

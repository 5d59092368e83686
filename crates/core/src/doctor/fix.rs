//! What corrects a finding, where that is certain.

pub(super) mod endpoint;
mod field;

use std::collections::BTreeSet;

use ingraft_api::Language;
use ingraft_api::annotations::{INJECT, OWN_PREFIX};
use serde_json::Value;

use super::{Diagnosis, ObjectRef, Scene, View, WORKLOADS};
use crate::edit::{Edit, apply, set_entries};
use crate::finding::{
    AnnotationFinding, ChoiceFinding, ContainerFinding, Finding, InstrumentationFinding, ManifestFinding,
    Reason, RunningFinding, VariableFinding, own_list,
};
use crate::inject::{Outcome, has_musl, may_run, musl};
use crate::json::{annotation_pointer, is_open, pointer_step, string, string_at};
use crate::workload::Workload;

/// What corrects a finding.
#[derive(Debug, Clone, PartialEq)]
pub enum Fix {
    /// Changes of the object that it is about.
    Edits(Vec<Edit>),
    /// The workload's pods are to be created anew.
    Restart,
    /// Another object is to stand before the object.
    PutFirst(ObjectRef),
}

/// What corrects a finding about an object, as the object is now; `None` where only a person can know.
pub fn fix(diagnosis: &Diagnosis, object: &Value, scene: &Scene<'_>) -> Option<Fix> {
    let Diagnosis { finding, object: own, pointer } = diagnosis;
    let place = Place { object, pointer, namespace: &own.namespace, scene };
    // The language that another one takes the place of.
    let mut replaced = None;
    let edits = match &finding.reason {
        Reason::Running(
            RunningFinding::PodMissed { workload, .. } | RunningFinding::PodOutdated { workload, .. },
        ) => {
            return workload.restart().map(|_| Fix::Restart);
        }
        Reason::Manifest(ManifestFinding::InstrumentationFollows { instrumentation, file: None }) => {
            let (namespace, name) = instrumentation.split_once('/')?;
            return Some(Fix::PutFirst(ObjectRef::new("Instrumentation", namespace, name)));
        }
        Reason::Manifest(ManifestFinding::NamespaceFollows { namespace, file: None, .. }) => {
            return Some(Fix::PutFirst(ObjectRef::new("Namespace", "", namespace)));
        }
        reason if place.is_open(reason) => None,
        Reason::Annotation(reason) => of_annotation(reason, &place),
        Reason::Choice(reason) => of_choice(reason, &place),
        Reason::Container(ContainerFinding::LanguageSeemsWrong { language, found, .. }) => {
            replaced = Some(*language);
            other_language(*language, found, &place)
        }
        Reason::Container(reason) => of_platform(reason, &place),
        Reason::Endpoint(reason) => endpoint::of_endpoint(reason, &place),
        Reason::Instrumentation(reason) => of_instrumentation(reason, &place),
        Reason::Variable(VariableFinding::VariableMisspelt { variable, meant, .. }) => {
            (place.text() == Some(variable)).then(|| place.set(meant.as_str()))
        }
        Reason::Variable(VariableFinding::ValueMisspelt { value, meant, .. }) => {
            let words = place.text().map(|text| text.split(',').map(str::trim));
            let words = words.map(|words| words.map(|word| if word == value { meant } else { word }));
            words.map(|words| place.set(words.collect::<Vec<_>>().join(",")))
        }
        Reason::Field(reason) => field::of_field(reason, &place),
        _ => None,
    };
    edits.filter(|edits| !edits.is_empty() && place.takes_nothing(edits, replaced)).map(Fix::Edits)
}

/// A field of an object.
struct Place<'a> {
    object: &'a Value,
    pointer: &'a str,
    /// The namespace of the object; empty for one without.
    namespace: &'a str,
    scene: &'a Scene<'a>,
}

impl Place<'_> {
    /// Whether everything that is known is one person's. In a cluster somebody else may have put there what is near.
    fn is_of_one_person(&self) -> bool {
        self.scene.resources.view == View::Files
    }

    fn value(&self) -> Option<&Value> {
        self.object.pointer(self.pointer)
    }

    fn text(&self) -> Option<&str> {
        self.value()?.as_str()
    }

    /// Writes another value in place of a scalar, or of nothing.
    fn set(&self, value: impl Into<Value>) -> Vec<Edit> {
        let is_scalar = !self.value().is_some_and(|value| value.is_array() || value.is_object());
        if is_scalar { self.replace(value) } else { Vec::new() }
    }

    /// Writes another value in place of whatever is there.
    fn replace(&self, value: impl Into<Value>) -> Vec<Edit> {
        match self.pointer.rsplit_once('/').and_then(|(parent, _)| self.object.pointer(parent)) {
            Some(Value::Object(_)) => vec![Edit::add(self.pointer, value)],
            // What is added to a list takes the place of nothing.
            Some(Value::Array(_)) if self.value().is_some() => {
                vec![Edit::remove(self.pointer), Edit::add(self.pointer, value)]
            }
            _ => Vec::new(),
        }
    }

    /// Removes an entry of a map, and what is empty then.
    fn remove(&self) -> Edit {
        let mut pointer = self.pointer;
        while let Some((map, _)) = pointer.rsplit_once('/') {
            let entries = self.object.pointer(map).and_then(Value::as_object);
            if entries.is_none_or(|entries| entries.len() > 1) || !self.may_go(map) {
                break;
            }
            pointer = map;
        }
        Edit::remove(pointer)
    }

    /// Whether an empty map need not stay: `annotations`, `labels`, and a `metadata` or `template` that is of no object.
    fn may_go(&self, map: &str) -> bool {
        let Some((parent, name)) = map.rsplit_once('/') else { return false };
        let is_of_object = self.object.pointer(parent).is_some_and(|parent| parent.get("spec").is_some());
        match name {
            "annotations" | "labels" => true,
            "metadata" | "template" => !is_of_object,
            _ => false,
        }
    }

    /// Whether something else is yet to fill in what the field says, or what it is compared with: `envsubst`, a template.
    fn is_open(&self, reason: &Reason) -> bool {
        let key = self.pointer.rsplit_once('/').map_or("", |(_, key)| key);
        let depends_on_namespace = matches!(reason, Reason::Choice(_) | Reason::Endpoint(_));
        is_open(key) || self.text().is_some_and(is_open) || (depends_on_namespace && is_open(self.namespace))
    }

    /// Whether every language that is injected now, but one that another takes the place of, is injected after some edits,
    /// too: one more that is requested may leave open which containers are meant.
    fn takes_nothing(&self, edits: &[Edit], replaced: Option<Language>) -> bool {
        if string(self.object, "kind") == Some("Namespace") {
            let resources = self.scene.resources;
            let name = string_at(self.object, "/metadata/name").unwrap_or_default();
            let is_off = |edit: &Edit| edit.value().is_none_or(|value| value == "false");
            let mut requesting = resources.requesting().iter();
            let is_injected =
                requesting.any(|(workload, from)| *workload.namespace == *name && !from.is_empty());
            let is_known = resources.view == View::Files || resources.is_complete(WORKLOADS);
            return edits.iter().all(is_off) || (is_known && !is_injected);
        }
        let injected = |object: &Value| -> BTreeSet<Language> {
            let decisions = self.outcome(object).into_iter().flat_map(|outcome| outcome.decisions);
            decisions
                .filter(|decision| decision.injected.is_some())
                .map(|decision| decision.language)
                .collect()
        };
        let (before, after) = (injected(self.object), injected(&self.after(edits)));
        before.iter().all(|language| after.contains(language) || replaced == Some(*language))
    }

    /// Whether nothing asks for a language that is not known after some edits.
    fn knows_language(&self, edits: &[Edit]) -> bool {
        let is_unknown = |finding: &Finding| {
            matches!(finding.reason, Reason::Choice(ChoiceFinding::LanguageUnknown { .. }))
        };
        !self.outcome(&self.after(edits)).is_some_and(|outcome| outcome.findings.iter().any(is_unknown))
    }

    /// The object as it is after some edits.
    fn after(&self, edits: &[Edit]) -> Value {
        let mut changed = self.object.clone();
        apply(&mut changed, edits);
        changed
    }

    /// What is decided about the pods of a workload that stands in place of the object.
    fn outcome(&self, object: &Value) -> Option<Outcome> {
        let Scene { snapshot, settings, .. } = self.scene;
        Workload::of(object).map(|workload| workload.inject(self.namespace, snapshot, settings))
    }

    /// Whether a selector that is known names a label of the pods.
    fn is_selected_by(&self, key: &str) -> bool {
        let names = |object: &Value, pointer: &str| {
            object
                .pointer(pointer)
                .is_some_and(|selector| selector.to_string().contains(&format!("\"{key}\"")))
        };
        let resources = self.scene.resources;
        let kinds = ["Service", "PodDisruptionBudget", "NetworkPolicy"].into_iter();
        let mut others = kinds.flat_map(|kind| resources.within(kind, self.namespace));
        names(self.object, "/spec/selector")
            || others.any(|other| names(other, "/spec/selector") || names(other, "/spec/podSelector"))
    }

    /// The pod or template whose metadata the field is in.
    fn own_template(&self) -> &str {
        self.pointer.rsplit_once("/metadata/").map_or("", |(template, _)| template)
    }

    /// Moves an entry of a map to the map at `path`, under a key. One that is there stays as it is.
    fn move_to(&self, path: &str, key: &str) -> Option<Vec<Edit>> {
        let value = match self.value()? {
            Value::String(text) => text.clone(),
            Value::Bool(truth) => truth.to_string(),
            // A number may have been written in another way.
            _ => return None,
        };
        let mut edits = vec![self.remove()];
        let mut rest = self.object.clone();
        apply(&mut rest, &edits);
        let other = rest.pointer(&format!("{path}/{}", pointer_step(key)));
        // Which of the two is meant only a person knows.
        if other.is_some_and(|other| other.as_str() != Some(&value)) {
            return None;
        }
        if other.is_none() {
            // A template may have no metadata.
            let (parent, _) = path.rsplit_once('/')?;
            if !rest.pointer(parent).is_some_and(Value::is_object) {
                edits.push(Edit::add(parent, Value::Object(serde_json::Map::new())));
                apply(&mut rest, edits.last().map_or(&[][..], std::slice::from_ref));
            }
            edits.extend(set_entries(&rest, path, vec![(key.to_owned(), value.into())]));
        }
        Some(edits)
    }

    /// Moves a value as it is to the map at `path`, under a key.
    fn move_value(&self, path: &str, key: &str) -> Option<Vec<Edit>> {
        let value = self.value()?.clone();
        let mut edits = vec![Edit::remove(self.pointer)];
        let mut rest = self.object.clone();
        apply(&mut rest, &edits);
        let (parent, _) = path.rsplit_once('/')?;
        let has_room = rest.pointer(parent).is_some_and(Value::is_object)
            && rest.pointer(&format!("{path}/{}", pointer_step(key))).is_none();
        edits.extend(set_entries(&rest, path, vec![(key.to_owned(), value)]));
        has_room.then_some(edits)
    }

    /// Renames an entry of a map. One that is there stays as it is.
    fn rename(&self, key: &str) -> Option<Vec<Edit>> {
        let (map, _) = self.pointer.rsplit_once('/')?;
        let value = self.value()?.clone();
        let path = format!("{map}/{}", pointer_step(key));
        let mut edits = vec![Edit::remove(self.pointer)];
        match self.object.pointer(&path) {
            None => edits.push(Edit::add(path, value)),
            // Which of the two is meant only a person knows.
            Some(other) if *other != value => return None,
            Some(_) => {}
        }
        Some(edits)
    }
}

fn of_annotation(reason: &AnnotationFinding, place: &Place<'_>) -> Option<Vec<Edit>> {
    match reason {
        AnnotationFinding::AnnotationUnknown { key, suggestion: Some(meant) } => {
            let is_sure = meant != INJECT || key.starts_with(OWN_PREFIX);
            place.rename(meant).filter(|edits| is_sure || place.knows_language(edits))
        }
        AnnotationFinding::AnnotationIsLabel { key, .. } if place.is_selected_by(key) => None,
        AnnotationFinding::AnnotationMisplaced { key, meant, template }
        | AnnotationFinding::AnnotationIsLabel { key, meant, template } => {
            let template = if template.is_empty() { place.own_template() } else { template };
            let edits =
                place.move_to(&format!("{template}/metadata/annotations"), meant.as_ref().unwrap_or(key));
            edits.filter(|edits| meant.as_deref() != Some(INJECT) || place.knows_language(edits))
        }
        AnnotationFinding::RequireMisplaced { template } => {
            let template = if template.is_empty() { place.own_template() } else { template };
            let key = place.pointer.rsplit_once('/').map(|(_, key)| key.replace("~1", "/"))?;
            place.move_to(&format!("{template}/metadata/labels"), &key)
        }
        AnnotationFinding::AnnotationNotText { value, meant: Some(meant), .. } => {
            // A number may have been written in another way.
            let is_certain = place.value().is_some_and(Value::is_boolean) || meant != value;
            is_certain.then(|| vec![Edit::add(place.pointer, meant.as_str())])
        }
        AnnotationFinding::PlatformUnknown { language, value, known } => {
            if place.text() != Some(value) {
                return None;
            }
            let lower = value.to_ascii_lowercase();
            let names_musl = lower.contains("musl") || lower.contains("alpine");
            let (_, for_musl) = musl(*language)?;
            if names_musl && has_only_musl(place.object, place.own_template()) {
                return Some(place.set(for_musl));
            }
            let near = known.iter().filter(|known| strsim::jaro_winkler(known, value) > 0.8);
            let near: Vec<_> = near.collect();
            let [one] = near.as_slice() else { return None };
            Some(place.set(**one))
        }
        _ => None,
    }
}

/// Whether the images of all containers of a pod or template have musl.
fn has_only_musl(object: &Value, template: &str) -> bool {
    let containers = object.pointer(&format!("{template}/spec/containers")).and_then(Value::as_array);
    containers.is_some_and(|containers| {
        containers.iter().all(|container| has_musl(string(container, "image").unwrap_or_default()))
    })
}

/// The agent of a language is to be that for the C library of its image.
fn of_platform(reason: &ContainerFinding, place: &Place<'_>) -> Option<Vec<Edit>> {
    match reason {
        ContainerFinding::MuslNotNamed { language, .. } => {
            let (template, _) = place.pointer.rsplit_once("/spec/")?;
            let (key, value) = musl(*language)?;
            // It counts for all containers of the language.
            let metadata = place.object.pointer(&format!("{template}/metadata"))?;
            (metadata.is_object() && has_only_musl(place.object, template)).then(|| {
                let entry = (key.to_owned(), value.into());
                set_entries(place.object, &format!("{template}/metadata/annotations"), vec![entry])
            })
        }
        ContainerFinding::PlatformSeemsWrong { value, meant, .. } => {
            let containers = place.object.pointer(&format!("{}/spec/containers", place.own_template()))?;
            let is_one = containers.as_array()?.len() == 1 && place.text() == Some(value);
            is_one.then(|| place.set(*meant))
        }
        _ => None,
    }
}

fn of_choice(reason: &ChoiceFinding, place: &Place<'_>) -> Option<Vec<Edit>> {
    match reason {
        ChoiceFinding::InstrumentationMissing { elsewhere, .. } => match elsewhere.as_slice() {
            [one] if place.is_of_one_person() => Some(place.set(one.as_str())),
            _ => None,
        },
        ChoiceFinding::InstrumentationNotFound { candidates, others, .. } => {
            let written = place.text()?.trim();
            if place.is_of_one_person() {
                // Nothing is like it; those of the pod's own namespace are named without it.
                let mut own = others.iter().filter(|other| !other.contains('/'));
                if let (true, Some(one), None) = (candidates.is_empty(), own.next(), own.next()) {
                    return Some(place.set(one.as_str()));
                }
                return meant(written, candidates, |reference| reference).map(|meant| place.set(meant));
            }
            // Whoever owns an Instrumentation says what runs in the pods.
            let namespace =
                |reference: &str| reference.split_once('/').map(|(namespace, _)| namespace.to_owned());
            let of_same = candidates.iter().filter(|one| namespace(one) == namespace(written));
            let of_same: Vec<String> = of_same.cloned().collect();
            let meant = meant(written, &of_same, |reference| reference)
                .filter(|meant| strsim::jaro_winkler(meant, written) > 0.85);
            meant.map(|meant| place.set(meant))
        }
        ChoiceFinding::ContainersUnnamed { language, containers, meant: Some(meant) } => {
            let is_pod = string(place.object, "kind") != Some("Namespace");
            let pointer = format!("{}{}", place.own_template(), annotation_pointer(own_list(*language)));
            let own = Place { pointer: &pointer, ..*place };
            (is_pod && containers.len() > 1).then(|| own.set(meant.as_str()))
        }
        ChoiceFinding::ContainerNotFound { name, containers, .. } => {
            // Several that are not separated as they must be.
            let several: Vec<&str> = name.split([';', ' ']).filter(|name| !name.is_empty()).collect();
            if several.len() > 1 && several.iter().all(|name| containers.iter().any(|known| known == name)) {
                return Some(place.set(place.text()?.replace(name.as_str(), &several.join(","))));
            }
            // One that is not like any other, like one that is named too, or like one but for a word, may come with a sidecar.
            let is_longer =
                |one: &str, other: &str| one.strip_prefix(other).is_some_and(|rest| rest.starts_with('-'));
            let is_one = name.chars().all(|one| one.is_ascii_alphanumeric() || one == '-');
            let names = || place.text().into_iter().flat_map(|text| text.split(',').map(str::trim));
            let meant = meant(name, containers, |name| name)
                .filter(|meant| is_one && strsim::jaro_winkler(meant, name) > 0.7)
                .filter(|meant| !is_longer(meant, name) && !is_longer(name, meant))
                .filter(|meant| names().all(|one| one != *meant))?;
            let names = names();
            let names: Vec<&str> = names.map(|one| if one == name { meant } else { one }).collect();
            Some(place.set(names.join(",")))
        }
        _ => None,
    }
}

/// What was meant by a name: the only one that there is, or the one that is more like it than every other. `name_of` is what is
/// compared of each.
fn meant<'a>(name: &str, known: &'a [String], name_of: fn(&str) -> &str) -> Option<&'a str> {
    if let [only] = known {
        return Some(only);
    }
    let likeness = |known: &String| strsim::jaro_winkler(name_of(known), name);
    let mut near: Vec<_> = known.iter().map(|known| (likeness(known), known)).collect();
    near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    match near.as_slice() {
        [(likeness, meant), (next, _), ..] => (*likeness > 0.85 && next < likeness).then_some(meant.as_str()),
        _ => None,
    }
}

/// The pod requests a language that its image does not have, and that which it has instead is known.
fn other_language(requested: Language, found: &[String], place: &Place<'_>) -> Option<Vec<Edit>> {
    let [found] = found else { return None };
    let other = Language::ALL.into_iter().find(|known| known.key() == found)?;
    if !place.scene.settings.enabled(other) {
        return None;
    }
    // A variable may be there without need.
    if place.pointer.contains("/env/") {
        return None;
    }
    // The annotations of the pod whose image it is.
    let (template, _) = place.pointer.rsplit_once("/spec/")?;
    // Another container may be meant.
    let containers = place.object.pointer(&format!("{template}/spec/containers")).and_then(Value::as_array);
    if containers.into_iter().flatten().any(|container| may_run(container, requested)) {
        return None;
    }
    let pointer = |key: &str| format!("{template}{}", annotation_pointer(key));
    let own = Place { pointer: &pointer(requested.inject_key()), ..*place };
    // What says which containers is about the other language.
    let lists = requested.container_names_keys();
    let has_list = lists.iter().any(|list| place.object.pointer(&pointer(list)).is_some());
    if has_list { None } else { own.rename(other.inject_key()) }
}

fn of_instrumentation(reason: &InstrumentationFinding, place: &Place<'_>) -> Option<Vec<Edit>> {
    match reason {
        InstrumentationFinding::SamplerTypeMissing => {
            let sampler = place.object.pointer("/spec/sampler")?;
            let argument: f64 = sampler.get("argument")?.as_str()?.parse().ok()?;
            let is_share = (0.0..=1.0).contains(&argument);
            is_share.then(|| vec![Edit::add("/spec/sampler/type", "parentbased_traceidratio")])
        }
        InstrumentationFinding::SamplerArgumentUnused { .. } => {
            let path = "/spec/sampler/argument";
            place.object.pointer(path).map(|_| vec![Edit::remove(path)])
        }
        // The first one counts.
        InstrumentationFinding::VariableTwice { variable, .. } => {
            let (list, index) = place.pointer.rsplit_once('/')?;
            let earlier = place.object.pointer(list)?.as_array()?.get(..index.parse().ok()?)?;
            let is_it = |entry: &Value| string(entry, "name") == Some(variable);
            // In a container the last one counts, and the finding is about an earlier one.
            let is_twice = if list.contains("ontainers/") {
                is_without_effect(place.object.pointer(list)?.as_array()?.get(earlier.len() + 1..)?, variable)
            } else {
                earlier.iter().any(is_it)
            };
            let is_twice = is_twice && place.value().is_some_and(is_it);
            is_twice.then(|| vec![Edit::remove(place.pointer)])
        }
        // Without one, the operator's own is used.
        InstrumentationFinding::AgentOfOtherLanguage { .. } => {
            // Who has a mirror cannot do without it.
            let is_public = place.text()?.starts_with("ghcr.io/open-telemetry/");
            is_public.then(|| vec![Edit::remove(place.pointer)])
        }
        _ => None,
    }
}

/// Whether a variable of a container has no effect because of the entries after it: nothing refers to it before it is surely
/// set again. <https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/>.
fn is_without_effect(later: &[Value], variable: &str) -> bool {
    let is_it = |entry: &Value| string(entry, "name") == Some(variable);
    let refers =
        |entry: &Value| string(entry, "value").is_some_and(|value| value.contains(&format!("$({variable})")));
    let may_be_absent = |entry: &Value| {
        let sources = entry.get("valueFrom").and_then(Value::as_object).into_iter().flatten();
        sources.into_iter().any(|(_, source)| source.get("optional") == Some(&Value::Bool(true)))
    };
    let again = later.iter().position(|entry| is_it(entry) && !may_be_absent(entry));
    again.is_some_and(|again| !later.iter().take(again + 1).any(refers))
}

#[cfg(test)]
mod tests;

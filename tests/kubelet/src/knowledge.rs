//! What somebody knows of a case: everything, or only parts.

use std::collections::BTreeMap;

use fastrand::Rng;
use ingraft_core::ReferenceKind;
use ingraft_core::environment::{File, Inputs, ServiceVariable, Source, Sources, service_links};
use serde_json::Value;

use crate::case::{CONTAINER, Case, NAMESPACE};

/// How much is known of an object.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sight {
    Values,
    Keys,
    Nothing,
}

/// What is known, in a form that lives long enough to ask with it.
#[derive(Debug)]
pub(crate) struct Knowledge<'c> {
    case: &'c Case,
    pod: Value,
    sights: BTreeMap<(ReferenceKind, &'static str), Sight>,
    files: Vec<File<'c>>,
    services: Option<Vec<ServiceVariable>>,
    image: Option<&'c [(String, String)]>,
}

impl<'c> Knowledge<'c> {
    pub(crate) fn all(case: &'c Case) -> Self {
        let files = case
            .files
            .iter()
            .flat_map(|(volume, files)| files.iter().map(|(path, content)| File { volume, path, content }));
        Self {
            case,
            pod: case.pod.clone(),
            sights: BTreeMap::new(),
            files: files.collect(),
            services: Some(service_links(&case.services, NAMESPACE, &case.pod)),
            image: Some(&case.image),
        }
    }

    /// Without some of it.
    pub(crate) fn some(case: &'c Case, random: &mut Rng) -> Self {
        let mut known = Self::all(case);
        for kind in [ReferenceKind::ConfigMap, ReferenceKind::Secret] {
            for name in ["one", "two", "three", "gone"] {
                let sight = [Sight::Values, Sight::Keys, Sight::Nothing][random.usize(..3)];
                known.sights.insert((kind, name), sight);
            }
        }
        known.files.retain(|_| random.bool());
        known.services = known.services.filter(|_| random.bool());
        known.image = known.image.filter(|_| random.bool());
        // As a pod is before it is stored.
        for (object, field) in [("metadata", "uid"), ("metadata", "name"), ("spec", "nodeName")] {
            if random.bool() {
                known.pod[object].as_object_mut().unwrap().remove(field);
            }
        }
        if known.pod["spec"].get("nodeName").is_none() {
            known.pod["metadata"]["labels"].as_object_mut().unwrap().remove("app");
            known.pod["spec"].as_object_mut().unwrap().remove("serviceAccountName");
            known.pod.as_object_mut().unwrap().remove("status");
        }
        known
    }

    /// Whether two Services set one variable, of which the kubelet takes any.
    pub(crate) fn has_ambiguous_services(&self) -> bool {
        self.services.iter().flatten().any(|variable| variable.value.is_none())
    }

    pub(crate) fn ask<T>(&self, ask: impl FnOnce(&Inputs<'_>) -> T) -> T {
        let containers = self.pod["spec"]["containers"].as_array().unwrap();
        ask(&Inputs {
            pod: &self.pod,
            container: containers.iter().find(|container| container["name"] == CONTAINER).unwrap(),
            namespace: NAMESPACE,
            sources: self,
            files: &self.files,
            services: self.services.as_deref(),
            image: self.image,
        })
    }
}

impl Sources for Knowledge<'_> {
    fn source(&self, kind: ReferenceKind, name: &str) -> Source<'_> {
        let objects = match kind {
            ReferenceKind::ConfigMap => &self.case.config_maps,
            ReferenceKind::Secret => &self.case.secrets,
        };
        let sight = self.sights.iter().find(|((known, of), _)| (*known, *of) == (kind, name));
        let sight = sight.map_or(Sight::Values, |(_, sight)| *sight);
        match objects.get(name) {
            _ if sight == Sight::Nothing => Source::Unknown,
            None => Source::Missing,
            Some(data) => {
                let told = |text| (sight == Sight::Values).then_some(text);
                Source::Keys(data.iter().map(|(key, text)| (*key, told(text.as_str()))).collect())
            }
        }
    }
}

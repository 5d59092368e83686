//! What probes have found in images: so the next pods need none.
//!
//! Facts are learnt per namespace, because whoever may create a pod could forge one (environment.md, section 3).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::finding::{Finding, Reason};
use crate::inject::probe;
use crate::json::{list, named, string, string_at};

/// What a probe reported of an image; never values (crates/probe/src/facts.rs).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageFacts {
    /// Variables that image or `envFrom` set.
    pub sets: BTreeSet<String>,
    /// The C library: `glibc` or `musl`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub libc: Option<String>,
    /// Runtimes and their versions, where known.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub runtimes: BTreeMap<String, Option<String>>,
    /// Agents of others that are loaded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<String>,
    /// Languages whose agent was not loaded, and why, in one word.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stood_down: BTreeMap<String, String>,
    /// Whether the application consists of ES modules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub esm: Option<bool>,
    /// Variables that a shell script at the start sets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// Whether there was more to tell.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

impl ImageFacts {
    /// Whether the image may set a variable.
    pub fn may_set(&self, variable: &str) -> bool {
        self.cut || self.sets.contains(variable)
    }
}

/// What one probe reported.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeReport {
    /// The container that the probe ran for.
    pub container: String,
    /// Its image, as the pod names it.
    pub image: String,
    /// The image that was run, by digest.
    pub id: String,
    /// The architecture that it ran on.
    pub architecture: String,
    /// What was found.
    pub facts: ImageFacts,
}

/// What the probes of a pod reported, as far as they are ours: whoever may create a pod could give a container of it
/// any name.
pub fn reports(pod: &Value, probe_image: &str) -> Vec<ProbeReport> {
    let spec = pod.get("spec").unwrap_or(&Value::Null);
    let containers = list(spec, "initContainers");
    let copier = named(containers, probe::COPIER);
    if copier.and_then(|copier| string(copier, "image")) != Some(probe_image) || probe_image.is_empty() {
        return Vec::new();
    }
    let statuses = pod.pointer("/status/initContainerStatuses").and_then(Value::as_array);
    let report = |status: &Value| {
        let container = named(containers, string(status, "name")?)?;
        let message = string_at(status, "/state/terminated/message")?;
        Some(ProbeReport {
            container: probe::probed(container)?.to_owned(),
            image: string(container, "image")?.to_owned(),
            id: string(status, "imageID")?.to_owned(),
            architecture: string(&serde_json::from_str(message).ok()?, "arch")?.to_owned(),
            facts: serde_json::from_str(message).ok()?,
        })
    };
    statuses.into_iter().flatten().filter_map(report).collect()
}

/// What a probe found that people should know.
pub fn review(container: &str, facts: &ImageFacts) -> Vec<Finding> {
    let stood_down = facts.stood_down.iter().map(|(language, why)| Reason::AgentStoodDown {
        language: language.clone(),
        container: container.to_owned(),
        why: why.clone(),
        agents: facts.agents.clone(),
        version: facts.runtimes.get(language).cloned().flatten(),
    });
    let entrypoint = (!facts.entrypoint.is_empty()).then(|| Reason::EntrypointSets {
        container: container.to_owned(),
        variables: facts.entrypoint.clone(),
    });
    stood_down.chain(entrypoint).map(|reason| Finding::pod(reason, "/spec/containers")).collect()
}

/// The facts of all images.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    namespaces: BTreeMap<String, BTreeMap<String, Known>>,
}

/// What is known of one image reference.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Known {
    /// The image that the reference stood for. Empty when it has stood for several: then nothing holds.
    id: String,
    /// By architecture.
    facts: BTreeMap<String, ImageFacts>,
}

/// So many images are remembered in a namespace.
const REMEMBERED: usize = 200;

impl Facts {
    /// Learns what a probe reported. Answers whether that is new.
    pub fn learn(
        &mut self,
        namespace: &str,
        image: &str,
        id: &str,
        architecture: &str,
        facts: ImageFacts,
    ) -> bool {
        let images = self.namespaces.entry(namespace.to_owned()).or_default();
        if images.len() >= REMEMBERED && !images.contains_key(image) {
            return false;
        }
        let known =
            images.entry(image.to_owned()).or_insert_with(|| Known { id: id.to_owned(), ..Known::default() });
        let before = known.clone();
        if known.id == id {
            known.facts.insert(architecture.to_owned(), facts);
        } else {
            // A tag that has moved may move again.
            *known = Known::default();
        }
        *known != before
    }

    /// All facts as text of at most so many bytes; what does not fit is left out and will be learnt again.
    pub fn to_text(&self, largest: usize) -> String {
        let mut facts = self.clone();
        loop {
            let text = serde_json::to_string(&facts).unwrap_or_default();
            if text.len() <= largest || facts.namespaces.pop_last().is_none() {
                return text;
            }
        }
    }

    /// What is known of an image, on whichever of the architectures it will run.
    pub fn of(&self, namespace: &str, image: &str, architectures: &BTreeSet<&str>) -> Option<ImageFacts> {
        let known = self.namespaces.get(namespace)?.get(image)?;
        let mut all = architectures.iter().map(|architecture| known.facts.get(*architecture));
        let mut merged = all.next()??.clone();
        for facts in all {
            let facts = facts?;
            merged.sets.extend(facts.sets.iter().cloned());
            merged.cut |= facts.cut;
            if merged.libc != facts.libc {
                merged.libc = None;
            }
        }
        Some(merged)
    }
}

//! What probes have found in images: so the next pods need none.
//!
//! Facts are learnt per namespace, because whoever may create a pod could forge one (environment.md, section 3).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::finding::{Finding, Reason};
use crate::inject::probe;
use crate::json::{list, named, string};

/// What a probe reported of an image; never values (crates/probe/src/facts.rs).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageFacts {
    /// Variables that the image may set: it sets none that is not among them, unless `cut`.
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

    /// Takes up what another pod of the image showed.
    ///
    /// In a pod, variables and agents come from the image or from the pod. What the image has, every pod has, so what
    /// all pods have in common is nearer to it.
    fn narrow(&mut self, mut newer: Self) {
        if newer.cut {
            (newer.sets, newer.agents, newer.cut) = (self.sets.clone(), self.agents.clone(), self.cut);
        } else if !self.cut {
            newer.sets.retain(|variable| self.sets.contains(variable));
            newer.agents.retain(|agent| self.agents.contains(agent));
        }
        *self = newer;
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
    /// What was found, unless the probe said nothing.
    pub found: Option<Found>,
    /// What went wrong.
    pub error: Option<String>,
}

/// What a probe said.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Found {
    /// The architecture that it ran on.
    #[serde(rename = "arch")]
    pub architecture: String,
    /// What holds for the image.
    #[serde(flatten)]
    pub facts: ImageFacts,
    /// What holds for this pod: variables that could not be handed over.
    #[serde(default)]
    pub omitted: Vec<Omitted>,
}

/// A variable that a probe could not hand over.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Omitted {
    /// Its name.
    pub name: String,
    /// What its value holds, in one word.
    pub why: String,
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
        let probed = probe::probed(container)?.to_owned();
        let ended = status.pointer("/state/terminated")?;
        let message = string(ended, "message").unwrap_or_default();
        let mut found = serde_json::from_str::<Found>(message).ok();
        if let Some(Found { facts, .. }) = &mut found {
            // The image may set what the pod's own list sets too, and the probe does not tell.
            facts.sets.extend(probe::own_variables(container).map(str::to_owned));
        }
        let said = || serde_json::from_str::<Value>(message).ok()?.get("error")?.as_str().map(str::to_owned);
        let nothing = || {
            let code = ended.get("exitCode").and_then(Value::as_i64).unwrap_or_default();
            format!("it ended without a report, with exit code {code}")
        };
        Some(ProbeReport {
            container: probed,
            image: string(container, "image")?.to_owned(),
            id: string(status, "imageID")?.to_owned(),
            error: said().or_else(|| found.is_none().then(nothing)),
            found,
        })
    };
    statuses.into_iter().flatten().filter_map(report).collect()
}

impl ProbeReport {
    /// What a probe found that people should know.
    pub fn review(&self) -> Vec<Finding> {
        let container = &self.container;
        let mut reasons = Vec::new();
        if let Some(error) = &self.error {
            reasons.push(Reason::ProbeFailed { container: container.clone(), error: error.clone() });
        }
        if let Some(Found { facts, omitted, .. }) = &self.found {
            reasons.extend(facts.stood_down.iter().map(|(language, why)| Reason::AgentStoodDown {
                language: language.clone(),
                container: container.clone(),
                why: why.clone(),
                agents: facts.agents.clone(),
                version: facts.runtimes.get(language).cloned().flatten(),
            }));
            reasons.extend(omitted.iter().map(|omitted| Reason::VariableNotJoined {
                container: container.clone(),
                variable: omitted.name.clone(),
                why: omitted.why.clone(),
            }));
            if !facts.entrypoint.is_empty() {
                let (container, variables) = (container.clone(), facts.entrypoint.clone());
                reasons.push(Reason::EntrypointSets { container, variables });
            }
        }
        reasons.into_iter().map(|reason| Finding::pod(reason, "/spec/containers")).collect()
    }
}

/// The facts of all images.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// By namespace, image reference and architecture.
    namespaces: BTreeMap<String, BTreeMap<String, BTreeMap<String, Known>>>,
}

/// What is known of one image reference.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Known {
    /// The image that the reference stood for. Empty when it has stood for several: then nothing holds.
    id: String,
    facts: ImageFacts,
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
        let architectures = images.entry(image.to_owned()).or_default();
        let Some(known) = architectures.get_mut(architecture) else {
            architectures.insert(architecture.to_owned(), Known { id: id.to_owned(), facts });
            return true;
        };
        let before = known.clone();
        if known.id == id {
            known.facts.narrow(facts);
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
        let mut all = architectures.iter().map(|architecture| {
            known.get(*architecture).filter(|known| !known.id.is_empty()).map(|known| &known.facts)
        });
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

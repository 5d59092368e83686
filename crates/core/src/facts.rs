//! What probes have found in images: so the next pods need none.
//!
//! Facts are learnt per namespace, because whoever may create a pod could forge one (docs/reference/merging.md 16).

use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;

use ingraft_api::Language;
use ingraft_probe_contract::{Agent, ImageFacts};
use serde::{Deserialize, Serialize};

/// The agent for a language, if it is one that probes know.
pub(crate) fn agent(language: Language) -> Option<Agent> {
    Agent::named(language.key())
}

/// The language that an agent is for.
pub(crate) fn language(agent: Agent) -> Option<Language> {
    Language::ALL.into_iter().find(|language| language.key() == agent.name())
}

/// Takes up what another pod of the image showed.
///
/// In a pod, variables and agents come from the image or from the pod. What the image has, every pod has, so what all
/// pods have in common is nearer to it.
fn narrow(known: &mut ImageFacts, mut newer: ImageFacts) {
    if newer.cut {
        (newer.sets, newer.agents, newer.cut) = (take(&mut known.sets), take(&mut known.agents), known.cut);
    } else if !known.cut {
        newer.sets.retain(|variable| known.sets.contains(variable));
        newer.agents.retain(|agent| known.agents.contains(agent));
    }
    *known = newer;
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
            narrow(&mut known.facts, facts);
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

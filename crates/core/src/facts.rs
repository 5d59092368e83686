//! What probes have found in images: so the next pods need none.
//!
//! Facts are learnt per namespace, because whoever may create a pod could forge one (docs/reference/merging.md 16).

use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;

use ingraft_api::Language;
use ingraft_probe_contract::{Agent, ImageFacts, Libc};
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
        newer.sets = take(&mut known.sets);
        newer.hidden = take(&mut known.hidden);
        newer.agents = take(&mut known.agents);
        newer.cut = known.cut;
    } else if !known.cut {
        let both = |name: &&String| known.may_set(name) && newer.may_set(name);
        // What one pod shows, another may hide.
        let sets: BTreeSet<String> = known.sets.union(&newer.sets).filter(both).cloned().collect();
        let hidden = known.hidden.intersection(&newer.hidden).filter(|name| !sets.contains(*name));
        (newer.hidden, newer.sets) = (hidden.cloned().collect(), sets);
        newer.agents.retain(|agent| known.agents.contains(agent));
    }
    *known = newer;
}

/// Takes up what another image of the same name showed: the name may stand for either.
fn widen(known: &mut ImageFacts, newer: ImageFacts) {
    known.sets.extend(newer.sets);
    known.hidden.extend(newer.hidden);
    known.stood_down.extend(newer.stood_down);
    known.runtimes.extend(newer.runtimes);
    known.cut |= newer.cut;
    if newer.libc == Some(Libc::Musl) {
        known.libc = newer.libc;
    }
    if newer.esm == Some(true) {
        known.esm = newer.esm;
    }
}

/// The facts of all images.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// By namespace, image reference and architecture.
    namespaces: BTreeMap<String, Images>,
    /// Counts what was learnt or seen.
    #[serde(default)]
    turn: u64,
}

/// What is known of the images of a namespace, by reference and architecture.
type Images = BTreeMap<String, BTreeMap<String, Known>>;

/// What is known of one image reference.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Known {
    /// The image that the reference stood for. Empty when it has stood for several: then nothing holds, and whoever knows no
    /// better heeds what any of them had.
    id: String,
    facts: ImageFacts,
    /// When it was learnt or seen last.
    #[serde(default)]
    turn: u64,
}

/// When something was learnt or seen last of an image.
fn last_turn(known: &BTreeMap<String, Known>) -> u64 {
    known.values().map(|known| known.turn).max().unwrap_or_default()
}

/// Whether two ids are those of one image, if that can be told. Runtimes put before a digest the name of any repository
/// from which they have it, or nothing where they know its configuration only.
fn is_same(one: &str, other: &str) -> Option<bool> {
    match (one.split_once('@'), other.split_once('@')) {
        (Some((_, one)), Some((_, other))) => Some(one == other),
        (None, None) => Some(one == other),
        _ => None,
    }
}

/// So many images are remembered in a namespace; then those that nobody has used for the longest time go.
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
        self.turn += 1;
        let turn = self.turn;
        let images = self.namespaces.entry(namespace.to_owned()).or_default();
        if images.len() >= REMEMBERED && !images.contains_key(image) {
            let oldest = images.iter().min_by_key(|(_, known)| last_turn(known));
            let oldest = oldest.map(|(image, _)| image.clone()).unwrap_or_default();
            images.remove(&oldest);
        }
        let architectures = images.entry(image.to_owned()).or_default();
        let Some(known) = architectures.get_mut(architecture) else {
            architectures.insert(architecture.to_owned(), Known { id: id.to_owned(), facts, turn });
            return true;
        };
        known.turn = turn;
        let before = known.clone();
        if !known.id.is_empty() && is_same(&known.id, id) != Some(false) {
            narrow(&mut known.facts, facts);
        } else {
            // A tag that has moved may move again.
            known.id.clear();
            widen(&mut known.facts, facts);
        }
        *known != before
    }

    /// Takes up what an image reference stands for in a container that runs. Answers whether that puts in doubt what is
    /// known.
    pub fn see(&mut self, namespace: &str, image: &str, id: &str, architecture: &str) -> bool {
        let known = self.namespaces.get_mut(namespace).and_then(|images| images.get_mut(image));
        let Some(known) = known.and_then(|known| known.get_mut(architecture)) else {
            return false;
        };
        if known.turn < self.turn {
            self.turn += 1;
            known.turn = self.turn;
        }
        let moved = !known.id.is_empty() && is_same(&known.id, id) == Some(false);
        if moved {
            known.id.clear();
        }
        moved
    }

    /// Forgets the namespaces that are not kept. Returns whether there were any.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) -> bool {
        let before = self.namespaces.len();
        self.namespaces.retain(|namespace, _| keep(namespace));
        self.namespaces.len() < before
    }

    /// All facts as text of at most so many bytes. Namespaces that do not fit are left out, those that have used none of
    /// their images for the longest time first, and will be learnt again.
    pub fn to_text(&self, largest: usize) -> String {
        let last = |images: &Images| images.values().map(last_turn).max().unwrap_or_default();
        let mut namespaces: Vec<(&String, &Images)> = self.namespaces.iter().collect();
        namespaces.sort_by_key(|(_, images)| std::cmp::Reverse(last(images)));
        let mut kept = Self { turn: self.turn, ..Self::default() };
        let mut size = serde_json::to_string(&kept).unwrap_or_default().len();
        for (namespace, images) in namespaces {
            // A quoted name, a colon and a comma stand around it.
            size += serde_json::to_string(images).unwrap_or_default().len() + namespace.len() + 4;
            if size > largest {
                break;
            }
            kept.namespaces.insert(namespace.clone(), images.clone());
        }
        serde_json::to_string(&kept).unwrap_or_default()
    }

    /// The images, by namespace, of which this is true on some architecture, or was before their name stood for another.
    pub fn images(&self, of: impl Fn(&ImageFacts) -> bool) -> BTreeSet<(&str, &str)> {
        let all = self
            .namespaces
            .iter()
            .flat_map(|(namespace, images)| images.iter().map(move |image| (namespace, image)));
        let found = all.filter(|(_, (_, known))| known.values().any(|known| of(&known.facts)));
        found.map(|(namespace, (image, _))| (namespace.as_str(), image.as_str())).collect()
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
            merged.hidden.extend(facts.hidden.iter().cloned());
            merged.cut |= facts.cut;
            if merged.libc != facts.libc {
                merged.libc = None;
            }
        }
        Some(merged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learn(facts: &mut Facts, namespace: &str, image: &str) {
        facts.learn(namespace, image, "sha256:a", "amd64", ImageFacts::default());
    }

    fn knows(facts: &Facts, namespace: &str, image: &str) -> bool {
        facts.of(namespace, image, &["amd64"].into()).is_some()
    }

    #[test]
    fn the_images_that_were_used_first_make_room() {
        let mut facts = Facts::default();
        for number in 0..REMEMBERED {
            learn(&mut facts, "shop", &format!("app:{number}"));
        }
        learn(&mut facts, "shop", "app:0");
        learn(&mut facts, "shop", "app:new");
        assert!(knows(&facts, "shop", "app:0") && knows(&facts, "shop", "app:new"));
        assert!(!knows(&facts, "shop", "app:1"));
    }

    #[test]
    fn what_runs_is_used_and_may_put_in_doubt_what_is_known() {
        let mut facts = Facts::default();
        for number in 0..REMEMBERED {
            learn(&mut facts, "shop", &format!("app:{number}"));
        }
        assert!(!facts.see("shop", "app:0", "sha256:a", "amd64"));
        learn(&mut facts, "shop", "app:new");
        assert!(knows(&facts, "shop", "app:0") && !knows(&facts, "shop", "app:1"));

        // A runtime may know the same image by another repository, or by its configuration.
        facts.learn("shop", "app:x", "a/app@sha256:a", "amd64", ImageFacts::default());
        assert!(!facts.see("shop", "app:x", "b/app@sha256:a", "amd64"));
        assert!(!facts.see("shop", "app:x", "sha256:c", "amd64") && knows(&facts, "shop", "app:x"));

        // Of another architecture, the same reference has another id.
        assert!(!facts.see("shop", "app:0", "sha256:b", "arm64") && knows(&facts, "shop", "app:0"));
        assert!(facts.see("shop", "app:0", "sha256:b", "amd64") && !knows(&facts, "shop", "app:0"));
        assert!(!facts.see("shop", "app:0", "sha256:b", "amd64"), "it is in doubt already");
        learn(&mut facts, "shop", "app:0");
        assert!(!knows(&facts, "shop", "app:0"), "what has moved may move again");
    }

    #[test]
    fn what_is_saved_fits_and_is_the_newest() {
        let mut facts = Facts::default();
        for number in 0..100 {
            learn(&mut facts, &format!("preview-{number}"), "app:1");
        }
        let all = facts.to_text(usize::MAX);
        assert_eq!(serde_json::from_str::<Facts>(&all).unwrap(), facts);
        let half = facts.to_text(all.len() / 2);
        assert!(half.len() <= all.len() / 2 && half.len() > all.len() / 3, "{} of {}", half.len(), all.len());
        let half: Facts = serde_json::from_str(&half).unwrap();
        assert!(knows(&half, "preview-99", "app:1") && !knows(&half, "preview-0", "app:1"));
        assert!(facts.retain(|namespace| namespace != "preview-99"));
        assert!(!knows(&facts, "preview-99", "app:1"));
    }

    #[test]
    fn what_an_earlier_version_saved_is_read() {
        let saved = r#"{"namespaces":{"shop":{"app:1":{"amd64":{"id":"sha256:a","facts":{"sets":[],"arch":"amd64"}}}}}}"#;
        assert!(serde_json::from_str::<Facts>(saved).is_ok(), "{:?}", serde_json::from_str::<Facts>(saved));
    }
}

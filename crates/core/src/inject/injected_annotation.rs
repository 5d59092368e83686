//! The annotation `ingraft.dev/injected`: what was injected, from where, and from which content.
//!
//! It is written for people and for finding pods that run with an older Instrumentation; nothing that is injected
//! depends on it.

use std::collections::BTreeMap;

use ingraft_api::{InstrumentationSpec, Language};
use serde_json::{Value, json};

use super::choose::Choice;
use super::profile::Profile;
use crate::defaults;
use crate::fnv::Fnv;
use crate::settings::Settings;

/// What was injected into this pod, by language.
#[derive(Debug, Default)]
pub(crate) struct InjectedAnnotation {
    entries: BTreeMap<String, Value>,
}

impl InjectedAnnotation {
    pub(crate) fn add(
        &mut self,
        choice: &Choice<'_>,
        profile: &Profile,
        containers: &[String],
        settings: &Settings,
    ) {
        let entry = json!({
            "containers": containers,
            "hash": hash(&choice.instrumentation.spec, choice.language, profile, settings),
            "instrumentation": choice.instrumentation.reference(),
        });
        self.entries.insert(choice.language.key().to_owned(), entry);
    }

    /// Whether nothing was injected.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A text that changes with what the Instrumentations mean.
    pub(crate) fn fingerprint(&self) -> String {
        let mut hasher = Fnv::new();
        for (language, entry) in &self.entries {
            hasher.add(&(language, entry.get("hash"), entry.get("instrumentation")));
        }
        hasher.text()
    }

    /// The new value of the annotation, beside what it already says of other languages; `None` if nothing is new.
    pub(crate) fn value(&self, current: &str) -> Option<String> {
        if self.entries.is_empty() {
            return None;
        }
        let mut all: BTreeMap<String, Value> = serde_json::from_str(current).unwrap_or_default();
        for (language, entry) in &self.entries {
            let mut entry = entry.clone();
            // Containers that were injected before this pass, when another webhook had not yet added the rest.
            let earlier =
                all.get(language).and_then(|entry| entry.get("containers")).and_then(Value::as_array);
            if let (Some(earlier), Some(containers)) =
                (earlier, entry.get_mut("containers").and_then(Value::as_array_mut))
            {
                let new = std::mem::take(containers);
                containers.extend(earlier.iter().filter(|name| !new.contains(name)).cloned());
                containers.extend(new);
            }
            all.insert(language.clone(), entry);
        }
        serde_json::to_string(&all).ok()
    }
}

/// A number that changes with what an Instrumentation means for one language, whether or not its defaults are written
/// down.
fn hash(spec: &InstrumentationSpec, language: Language, profile: &Profile, settings: &Settings) -> String {
    let mut hasher = Fnv::new();
    let common =
        (&spec.exporter, &spec.resource, &spec.propagators, &spec.sampler, &spec.defaults, &spec.env);
    hasher.add(&common);
    hasher.add(&(&spec.image_pull_policy, &spec.init_container_security_context));
    let block = defaults::block(spec, language);
    let image = block.image.unwrap_or_else(|| settings.image(language));
    hasher.add(&(image, block.env, block.volume_claim_template, block.volume_limit_size));
    hasher.add(&defaults::requirements(profile.requests, block.resources));
    hasher.add_bytes((profile.particulars)(spec).as_bytes());
    hasher.text()
}

//! The annotation `ingraft.dev/injected`: what was injected, from where, and from which content.
//!
//! It is written for people and for telling which pods run with what an Instrumentation meant before it was changed;
//! nothing that is injected depends on it.

use std::collections::BTreeMap;

use ingraft_api::annotations::INJECTED;
use ingraft_api::{Instrumentation, Language};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::choose::Choice;
use super::profile;
use crate::defaults;
use crate::fnv::Fnv;
use crate::json::annotation;
use crate::settings::Settings;
use crate::upgrade::follows_default;

/// What injects while no replica runs, in `ingraft.dev/injected`.
pub(crate) const POLICY: &str = "policy";

/// What was injected into a pod for one language.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Injected {
    /// What has injected it, where that was not the operator or the command line: `policy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The containers, in the order in which they were treated.
    pub containers: Vec<String>,
    /// A number that changes with what the Instrumentation means for the language.
    pub hash: String,
    /// The image of the agent; `None` for `sdk`, which has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The Instrumentation, as `namespace/name`.
    pub instrumentation: String,
}

impl Injected {
    pub(crate) fn of(choice: &Choice<'_>, containers: Vec<String>, settings: &Settings) -> Self {
        let (language, instrumentation) = (choice.language, choice.instrumentation);
        let image = defaults::block(&instrumentation.spec, language).image;
        let image = image.unwrap_or_else(|| settings.image(language));
        Self {
            by: None,
            containers,
            hash: hash(instrumentation, language),
            image: language.has_image().then(|| image.to_owned()),
            instrumentation: instrumentation.reference(),
        }
    }
}

/// What the annotation of a pod says that was injected; nothing where it says nothing that can be read.
pub fn injected(pod: &Value) -> BTreeMap<Language, Injected> {
    let all: BTreeMap<String, Injected> = serde_json::from_str(annotation(pod, INJECTED)).unwrap_or_default();
    let of = |language: Language| Some((language, all.get(language.key())?.clone()));
    Language::ALL.into_iter().filter_map(of).collect()
}

/// What was injected into this pod, by language.
#[derive(Debug, Default)]
pub(crate) struct InjectedAnnotation {
    entries: BTreeMap<&'static str, Injected>,
}

impl InjectedAnnotation {
    pub(crate) fn add(&mut self, language: Language, entry: Injected) {
        self.entries.insert(language.key(), entry);
    }

    /// Whether nothing was injected.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A text that changes with what the Instrumentations mean.
    pub(crate) fn fingerprint(&self) -> String {
        let mut hasher = Fnv::new();
        for (language, entry) in &self.entries {
            hasher.add(&(language, &entry.hash, &entry.image, &entry.instrumentation));
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
            let earlier = all.get(*language).and_then(|entry| entry.get("containers"));
            let earlier: Vec<String> =
                earlier.and_then(|names| Deserialize::deserialize(names).ok()).unwrap_or_default();
            let new = std::mem::replace(&mut entry.containers, earlier);
            entry.containers.retain(|name| !new.contains(name));
            entry.containers.extend(new);
            all.insert((*language).to_owned(), serde_json::to_value(entry).ok()?);
        }
        serde_json::to_string(&all).ok()
    }
}

/// A number that changes with what an Instrumentation means for one language, whether or not its defaults are written
/// down. A default image is not part of it: with that, a new version of the operator would change what nobody has
/// touched.
fn hash(instrumentation: &Instrumentation, language: Language) -> String {
    let (spec, profile) = (&instrumentation.spec, profile(language));
    let mut hasher = Fnv::new();
    let common =
        (&spec.exporter, &spec.resource, &spec.propagators, &spec.sampler, &spec.defaults, &spec.env);
    hasher.add(&common);
    hasher.add(&(&spec.image_pull_policy, &spec.init_container_security_context));
    let block = defaults::block(spec, language);
    let image = block.image.filter(|_| !follows_default(instrumentation, language));
    hasher.add(&(image, block.env, block.volume_claim_template, block.volume_limit_size));
    hasher.add(&defaults::requirements(profile.requests, block.resources));
    hasher.add_bytes((profile.particulars)(spec).as_bytes());
    hasher.text()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::defaulting::missing;
    use crate::edit::apply;

    fn page() -> Value {
        json!({"metadata": {"name": "a", "namespace": "b"}, "spec": {
            "exporter": {"endpoint": "http://otel-collector.opentelemetry.svc.cluster.local:4318"},
            "propagators": ["tracecontext", "baggage"],
            "sampler": {"type": "parentbased_traceidratio", "argument": "1"},
        }})
    }

    fn hashes(instrumentation: &Value) -> Vec<String> {
        let instrumentation = serde_json::from_value(instrumentation.clone()).unwrap();
        Language::ALL.map(|language| hash(&instrumentation, language)).to_vec()
    }

    /// If this fails, every pod that is injected today counts as outdated after the next release.
    #[test]
    fn a_release_makes_nothing_outdated() {
        let expected = [
            "af3138e7265823a1", // java
            "f43719eb08e88275", // nodejs
            "996567af414811d4", // python
            "f43719eb08e88275", // dotnet
            "af3138e7265823a1", // go
            "079b45d2355fe1c3", // apache-httpd
            "1da7bbd8b1cabd4d", // nginx
            "996567af414811d4", // sdk
        ];
        assert_eq!(hashes(&page()), expected);
    }

    #[test]
    fn defaults_that_are_written_down_mean_the_same_whatever_the_image() {
        let mut settings = Settings::default();
        settings.set_image(Language::Java, "ghcr.io/x/java:99.0.0".to_owned());
        let mut written = page();
        apply(&mut written, &missing(&page(), &settings));
        assert_eq!(hashes(&written), hashes(&page()));

        written["spec"]["java"]["image"] = "example.com/own:1".into();
        let (chosen, java) = (hashes(&written), Language::Java as usize);
        assert_ne!(chosen[java], hashes(&page())[java]);
        assert_eq!(chosen[java + 1..], hashes(&page())[java + 1..]);
    }

    #[test]
    fn what_cannot_be_read_says_nothing() {
        let pod = |value: &str| json!({"metadata": {"annotations": {INJECTED: value}}});
        for value in ["", "[]", "{\"java\": 1}", "{"] {
            assert_eq!(injected(&pod(value)), BTreeMap::new(), "{value}");
        }
        // By an earlier release.
        let earlier = r#"{"java": {"containers": ["app"], "hash": "h", "instrumentation": "a/b"}}"#;
        assert_eq!(injected(&pod(earlier))[&Language::Java].image, None);
    }
}

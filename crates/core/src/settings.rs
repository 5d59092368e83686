//! What the person who runs Ingraft chose.

use std::collections::{BTreeMap, BTreeSet};

use ingraft_api::Language;

use crate::finding::Locale;
use crate::image::ImageReference;

/// Default images and feature switches: the same for the operator and the command line. The defaults follow from the
/// profiles of the languages.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    images: BTreeMap<Language, String>,
    enabled: BTreeSet<Language>,
    /// Whether lists of containers per language are honoured. Default: true.
    pub multi_instrumentation: bool,
    /// When a probe may look for variables that only the start of a container shows. Default: where that is proven.
    pub env_probe: EnvProbe,
    /// The image that holds the probe: the operator's own. Empty where it is not known: then there are no probes.
    pub probe_image: String,
    /// The language of findings.
    pub locale: Locale,
    /// What the operator does with what it decides.
    pub mode: Mode,
    /// What is healed of those who say nothing; `None` where the operator has no right to heal.
    pub heal: Option<Heal>,
    /// Whether a newer default image is a reason to restart a workload.
    pub heal_images: bool,
}

/// Which workloads are restarted, so that their pods get what they request. Each includes the ones before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Heal {
    /// None.
    #[default]
    Off,
    /// Those with pods that run without.
    Missed,
    /// Those with pods that run with what an Instrumentation meant before it was changed.
    Outdated,
}

impl Heal {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Off, Self::Missed, Self::Outdated];

    /// The word on command lines and in annotations.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Missed => "missed",
            Self::Outdated => "outdated",
        }
    }

    /// What a word means.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

/// What an operator does with what it decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Pods are injected.
    #[default]
    Inject,
    /// People are told, and nothing is changed.
    Observe,
    /// The API server does not ask.
    Off,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Inject, Self::Observe, Self::Off];

    /// The word on command lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inject => "inject",
            Self::Observe => "observe",
            Self::Off => "off",
        }
    }
}

/// When there are probes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvProbe {
    /// Nowhere.
    Never,
    /// Where all nodes on which a pod may run are of a class that is proven to take variables from files.
    Auto,
    /// Wherever nothing is known to be in the way.
    Always,
}

impl EnvProbe {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Never, Self::Always];

    /// The word on command lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Auto => "auto",
            Self::Always => "always",
        }
    }
}

impl Settings {
    /// Whether there are probes at all.
    pub fn probes(&self) -> bool {
        self.env_probe != EnvProbe::Never && !self.probe_image.is_empty()
    }

    /// The agent image for a language; empty for `sdk`, which has none.
    pub fn image(&self, language: Language) -> &str {
        self.images.get(&language).map_or("", String::as_str)
    }

    /// Chooses another default image for a language.
    pub fn set_image(&mut self, language: Language, image: String) {
        self.images.insert(language, image);
    }

    /// Whether a language may be injected.
    pub fn enabled(&self, language: Language) -> bool {
        self.enabled.contains(&language)
    }

    /// Switches a language on or off.
    pub fn set_enabled(&mut self, language: Language, enabled: bool) {
        if enabled {
            self.enabled.insert(language)
        } else {
            self.enabled.remove(&language)
        };
    }

    /// No images, and no language enabled.
    pub(crate) fn bare() -> Self {
        Self {
            images: BTreeMap::new(),
            enabled: BTreeSet::new(),
            multi_instrumentation: true,
            env_probe: EnvProbe::Auto,
            probe_image: String::new(),
            locale: Locale::En,
            mode: Mode::default(),
            heal: None,
            heal_images: false,
        }
    }
}

/// An image reference with another registry in place of its first part.
pub fn mirrored(image: &str, registry: &str) -> String {
    ImageReference::mirrored(image, registry)
}

//! What the person who runs Ingraft chose.

use std::collections::{BTreeMap, BTreeSet};

use ingraft_api::Language;

/// Default images and feature switches: the same for the operator and the command line.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    images: BTreeMap<Language, String>,
    enabled: BTreeSet<Language>,
    /// Whether lists of containers per language are honoured. Default: true.
    pub multi_instrumentation: bool,
    /// Whether a probe may look for variables that only the start of a container shows. Default: true.
    pub env_probe: bool,
    /// The image that holds the probe: the operator's own. Empty where it is not known: then there are no probes.
    pub probe_image: String,
}

impl Settings {
    /// Whether there are probes at all.
    pub fn probes(&self) -> bool {
        self.env_probe && !self.probe_image.is_empty()
    }

    /// The agent image for a language; empty for `sdk`, which has none.
    pub fn image(&self, language: Language) -> &str {
        self.images.get(&language).map_or("", String::as_str)
    }

    /// Chooses another default image for a language.
    pub fn set_image(&mut self, language: Language, image: String) {
        self.images.insert(language, image);
    }

    /// The default image of a language from another registry, which has it under the same path:
    /// `mirror.example.com/ghcr` instead of `ghcr.io`.
    pub fn mirrored_image(language: Language, registry: &str) -> String {
        mirrored(Self::default_image(language), registry)
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

    /// The default image of the OpenTelemetry Operator 0.158.0 for a language (injection.md, section 4).
    pub const fn default_image(language: Language) -> &'static str {
        match language {
            Language::Java => "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-java:2.30.0",
            Language::NodeJs => {
                "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-nodejs:0.78.0"
            }
            Language::Python => {
                "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-python:0.64b0"
            }
            Language::DotNet => {
                "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-dotnet:1.16.0"
            }
            Language::Go => {
                "ghcr.io/open-telemetry/opentelemetry-go-instrumentation/autoinstrumentation-go:v0.24.0"
            }
            Language::ApacheHttpd | Language::Nginx => {
                "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-apache-httpd:1.0.4"
            }
            Language::Sdk => "",
        }
    }

    /// Whether a language is on unless somebody says otherwise: all but Go, which needs a privileged container, and
    /// nginx, as in the reference (injection.md, section 7.1).
    pub const fn enabled_by_default(language: Language) -> bool {
        !matches!(language, Language::Go | Language::Nginx)
    }
}

/// An image reference with another registry in place of its first part.
///
/// ```
/// use ingraft_core::settings::mirrored;
/// assert_eq!(mirrored("ghcr.io/a/b:1", "mirror.example.com/ghcr/"), "mirror.example.com/ghcr/a/b:1");
/// ```
pub fn mirrored(image: &str, registry: &str) -> String {
    match image.split_once('/') {
        Some((_, path)) => format!("{}/{path}", registry.trim_end_matches('/')),
        None => image.to_owned(),
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            images: Language::with_image()
                .map(|language| (language, Self::default_image(language).to_owned()))
                .collect(),
            enabled: Language::ALL
                .into_iter()
                .filter(|language| Self::enabled_by_default(*language))
                .collect(),
            multi_instrumentation: true,
            env_probe: true,
            probe_image: String::new(),
        }
    }
}

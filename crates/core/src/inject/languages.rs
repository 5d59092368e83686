//! The languages: what is particular to each is in its file, and the table here is the only place that lists them.
//!
//! Most load an agent whose files are copied into the pod: they implement [`files::Agent`]. Go runs beside its target,
//! and web servers get their configuration cloned.

pub(crate) mod dotnet;
mod files;
mod go;
mod java;
pub(crate) mod nodejs;
mod python;
mod sdk;
mod web_server;

use ingraft_api::Language;
use web_server::{apache_httpd, nginx};
pub(crate) use web_server::{is_attach, is_clone, is_script, why_not_attached};

use super::choose::Choice;
use super::draft::Draft;
use super::language_context::LanguageContext;
use super::pod::Pod;
use super::profile::Profile;
use crate::finding::Findings;
use crate::image::ImageReference;
use crate::settings::Settings;

/// One line for each language: its file, which has a `PROFILE` and a function `inject`.
macro_rules! languages {
    ($($language:ident => $file:ident,)*) => {
        /// What is particular to a language.
        pub(crate) const fn profile(language: Language) -> &'static Profile {
            match language { $(Language::$language => &$file::PROFILE,)* }
        }

        /// Injects one language. Returns the containers that changed; whatever was refused is a finding.
        pub(crate) fn inject<'a>(
            pod: &Pod<'a>,
            settings: &'a Settings,
            choice: &Choice<'a>,
            draft: &mut Draft<'a>,
            findings: &mut Findings,
        ) -> Vec<String> {
            let context = LanguageContext::new(pod, settings, choice, profile(choice.language), findings);
            match choice.language { $(Language::$language => $file::inject(&context, draft, findings),)* }
        }
    };
}

languages! {
    Java => java,
    NodeJs => nodejs,
    Python => python,
    DotNet => dotnet,
    Go => go,
    ApacheHttpd => apache_httpd,
    Nginx => nginx,
    Sdk => sdk,
}

impl Settings {
    /// The default image of the OpenTelemetry Operator 0.158.0 for a language.
    pub const fn default_image(language: Language) -> &'static str {
        profile(language).default_image
    }

    /// The default image of a language from another registry, which has it under the same path:
    /// `mirror.example.com/ghcr` instead of `ghcr.io`.
    pub fn mirrored_image(language: Language, registry: &str) -> String {
        ImageReference::mirrored(Self::default_image(language), registry)
    }

    /// Whether a language is on unless somebody says otherwise: all but Go and nginx, as in the reference.
    pub const fn enabled_by_default(language: Language) -> bool {
        profile(language).enabled
    }
}

impl Default for Settings {
    fn default() -> Self {
        let mut settings = Self::bare();
        for language in Language::ALL {
            settings.set_enabled(language, Self::enabled_by_default(language));
            if language.has_image() {
                settings.set_image(language, Self::default_image(language).to_owned());
            }
        }
        settings
    }
}

//! What happens to the images in stored Instrumentations when the operator has other defaults
//! (docs/reference/instrumentation.md 13 and 14).
//!
//! An image is touched only if the defaulting webhook wrote it, as `ingraft.dev/defaulted` tells, and nobody changed it
//! since. What a user chose stays, also if it equals a default.

use std::collections::BTreeMap;

use ingraft_api::annotations::DEFAULTED;
use ingraft_api::{Instrumentation, Language};
use semver::Version;
use serde_json::{Map, Value, json};

use crate::defaults;
use crate::finding::{Finding, InstrumentationFinding, Locale, Subject};
use crate::image::ImageReference;
use crate::inject::profile;
use crate::settings::Settings;

/// What an upgrade changes in one Instrumentation.
#[derive(Debug, Default, PartialEq)]
pub struct Upgrade {
    /// New images, by language.
    pub images: BTreeMap<Language, String>,
    /// Languages that stay as they are, each with a finding.
    pub blocked: BTreeMap<Language, Finding>,
}

impl Upgrade {
    /// The change as a merge patch (RFC 7386); `None` if there is none.
    pub fn patch(&self) -> Option<Value> {
        let mut annotations = Map::new();
        let mut spec = Map::new();
        for (language, image) in &self.images {
            annotations.insert(language.default_image_key(), image.as_str().into());
            spec.insert(language.field().to_owned(), json!({"image": image}));
        }
        (!spec.is_empty()).then(|| json!({"metadata": {"annotations": annotations}, "spec": spec}))
    }

    /// The blocked languages as the status of the Instrumentation holds them.
    pub fn status(&self, locale: Locale) -> BTreeMap<String, String> {
        let entry =
            |(language, finding): (&Language, &Finding)| (language.key().to_owned(), finding.message(locale));
        self.blocked.iter().map(entry).collect()
    }
}

/// Decides which images follow the operator's defaults.
pub fn upgrade(instrumentation: &Instrumentation, settings: &Settings) -> Upgrade {
    let mut upgrade = Upgrade::default();
    for language in Language::with_image().filter(|language| settings.enabled(*language)) {
        let Some(old) = defaults::block(&instrumentation.spec, language).image else { continue };
        let new = settings.image(language);
        if old == new || !follows_default(instrumentation, language) || is_downgrade(old, new) {
            continue;
        }
        if let Some(reason) = blocked(language, old, new) {
            let subject = Subject::Instrumentation(instrumentation.reference());
            let pointer = image_pointer(language);
            upgrade.blocked.insert(language, Finding { reason: reason.into(), subject, pointer });
        } else {
            upgrade.images.insert(language, new.to_owned());
        }
    }
    upgrade
}

/// Whether nobody chose a language's image: there is none, or the defaulting webhook wrote it, and nobody changed it since.
pub(crate) fn follows_default(instrumentation: &Instrumentation, language: Language) -> bool {
    let Some(image) = defaults::block(&instrumentation.spec, language).image else { return true };
    let annotations = instrumentation.metadata.annotations.as_ref();
    let annotation = |key: &str| annotations.and_then(|all| all.get(key)).map_or("", String::as_str);
    let pointer = image_pointer(language);
    annotation(DEFAULTED).split(',').any(|path| path == pointer)
        && annotation(&language.default_image_key()) == image
}

fn image_pointer(language: Language) -> String {
    format!("/spec/{}/image", language.field())
}

/// The reason for not going from one image to another of the same repository.
pub(crate) fn blocked(language: Language, old: &str, new: &str) -> Option<InstrumentationFinding> {
    let breaking = profile(language).breaking_version?;
    let (from, to) = (ImageReference::parse(old), ImageReference::parse(new));
    if from.repository != to.repository {
        return None;
    }
    let crosses = match (version(from.tag_or_latest()), version(to.tag_or_latest()), version(breaking)) {
        (Some(old), Some(new), Some(breaking)) => old < breaking && breaking <= new,
        _ => to.tag_or_latest() == breaking,
    };
    crosses.then(|| InstrumentationFinding::UpgradeBlocked {
        language,
        from: old.to_owned(),
        to: new.to_owned(),
        version: breaking,
    })
}

/// Whether the new image is an earlier version of the same repository: a replica of an earlier release may be elected
/// while the operator is updated, and must not undo what a later one did.
pub(crate) fn is_downgrade(old: &str, new: &str) -> bool {
    let (from, to) = (ImageReference::parse(old), ImageReference::parse(new));
    let versions = version(from.tag_or_latest()).zip(version(to.tag_or_latest()));
    from.repository == to.repository && versions.is_some_and(|(old, new)| new < old)
}

/// Whether a tag is that of an earlier version than this one.
pub(crate) fn is_before(tag: &str, since: &str) -> bool {
    version(tag).zip(version(since)).is_some_and(|(own, since)| own < since)
}

fn version(tag: &str) -> Option<Version> {
    Version::parse(tag.trim_start_matches('v')).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "ghcr.io/x/java:2.1.0";
    const NEW: &str = "ghcr.io/x/java:2.30.0";

    fn upgraded(image: &str, defaulted: &str, old: &str) -> Upgrade {
        let annotations =
            json!({Language::Java.default_image_key(): old, DEFAULTED: defaulted, "other": "stays"});
        let object = json!({
            "metadata": {"name": "a", "namespace": "b", "annotations": annotations},
            "spec": {"java": {"image": image}},
        });
        let mut settings = Settings::default();
        settings.set_image(Language::Java, NEW.to_owned());
        upgrade(&serde_json::from_value(object).unwrap(), &settings)
    }

    #[test]
    fn follows_the_default_only_where_it_was_written_by_us_and_never_changed() {
        let expected = json!({
            "metadata": {"annotations": {Language::Java.default_image_key(): NEW}},
            "spec": {"java": {"image": NEW}},
        });
        assert_eq!(upgraded(OLD, "/spec/java/image,/spec/go/image", OLD).patch(), Some(expected));
        for (image, defaulted) in [
            ("example.com/own:1", "/spec/java/image"),
            // The user wrote the very image that is the default.
            (OLD, "/spec/go/image"),
            (OLD, ""),
            ("", "/spec/java/image"),
        ] {
            assert_eq!(upgraded(image, defaulted, OLD).patch(), None, "{image} {defaulted}");
        }
        assert_eq!(upgraded(NEW, "/spec/java/image", NEW), Upgrade::default());
    }

    #[test]
    fn is_blocked_where_telemetry_would_change() {
        let old = "ghcr.io/x/java:1.33.0";
        let blocked = upgraded(old, "/spec/java/image", old);
        assert_eq!(blocked.patch(), None);
        assert_eq!(blocked.status(Locale::En).keys().collect::<Vec<_>>(), ["java"]);
        // Another repository is another product.
        let other = "example.com/x/java:1.33.0";
        assert!(upgraded(other, "/spec/java/image", other).patch().is_some());
    }
    #[test]
    fn never_goes_to_an_earlier_version_of_the_same_repository() {
        for (old, is_followed) in [
            ("ghcr.io/x/java:2.31.0", false),
            ("ghcr.io/x/java:v3.0.0", false),
            ("ghcr.io/x/java:2.29.0", true),
            ("ghcr.io/x/java:2.30.0-rc.1", true),
            ("ghcr.io/x/java:latest", true),
            ("example.com/x/java:2.31.0", true),
        ] {
            let upgrade = upgraded(old, "/spec/java/image", old);
            assert_eq!(upgrade.patch().is_some(), is_followed, "{old}");
            assert!(upgrade.blocked.is_empty(), "{old}");
        }
    }
}

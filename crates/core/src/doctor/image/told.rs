//! What is told of an image, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{Platform, Verdict};
use crate::finding::{Finding, Locale, Row, conclusion, user_remark, visible};
use crate::inject::profile;

/// The version of the form for programs; docs/image.schema.json describes it.
const VERSION: &str = "ingraft.dev/doctor-image/v1";

impl Verdict<'_> {
    /// All of it, for people.
    pub fn text(&self, locale: Locale) -> String {
        let mut text = format!("{}\n", visible(&self.reading.image));
        let rows = self.rows(locale);
        let width = rows.iter().map(|(row, _)| row.title(locale).chars().count()).max().unwrap_or_default();
        // Writing to a String cannot fail.
        for (row, value) in rows {
            let _ = writeln!(text, "  {:<width$}  {}", row.title(locale), visible(&value));
        }
        for finding in &self.findings {
            let lines = finding.lines(locale);
            let _ = writeln!(text, "{}: {}", lines.title, lines.message);
            if let Some(help) = lines.help {
                let _ = writeln!(text, "  {help}");
            }
        }
        let _ = writeln!(text, "\n{}", conclusion(self.language, self.fits(), locale));
        if !self.annotations.is_empty() {
            text.push_str("\nspec:\n  template:\n    metadata:\n      annotations:\n");
        }
        for (key, value) in &self.annotations {
            let _ = writeln!(text, "        {key}: {}", quoted(value));
        }
        text
    }

    fn rows(&self, locale: Locale) -> Vec<(Row, String)> {
        let reading = self.reading;
        let list = |values: &mut dyn Iterator<Item = String>| values.collect::<Vec<_>>().join(", ");
        let has = |(language, version): &(ingraft_api::Language, Option<String>)| match version {
            Some(version) => format!("{language} {version}"),
            None => language.to_string(),
        };
        let libc = reading.facts.libc.map_or("?", ingraft_probe_contract::Libc::name);
        let rows = [
            (Row::Digest, reading.digest.clone().unwrap_or_default()),
            (Row::Platforms, list(&mut reading.platforms.iter().map(Platform::to_string))),
            (Row::LookedInto, reading.platform.to_string()),
            (Row::Starts, reading.commands.join(" ")),
            (Row::Has, list(&mut self.found.iter().map(has))),
            (Row::Libc, libc.to_owned()),
            (Row::User, user_remark(&reading.user, locale)),
            (Row::Sets, list(&mut reading.facts.sets.iter().cloned())),
        ];
        rows.into_iter().filter(|(_, value)| !value.is_empty()).collect()
    }

    /// All of it, for programs.
    pub fn json(&self, locale: Locale) -> Value {
        let reading = self.reading;
        let finding = |finding: &Finding| {
            let text = finding.reason.text(locale);
            json!({
                "severity": finding.severity().as_str(), "code": finding.code(), "message": text.message,
                "help": text.help,
            })
        };
        let supported = |platform: &Platform| {
            let known = self.language.map(|language| profile(language).architectures);
            known.map(|known| platform.os == "linux" && known.contains(&platform.architecture.as_str()))
        };
        let platform =
            |platform: &Platform| json!({"platform": platform.to_string(), "supported": supported(platform)});
        let found = self.found.iter().map(|(language, version)| {
            json!({"language": language.key(), "version": version, "architectures": profile(*language).architectures})
        });
        let annotations: Map<String, Value> =
            self.annotations.iter().map(|(key, value)| ((*key).to_owned(), value.as_str().into())).collect();
        json!({
            "version": VERSION,
            "image": reading.image,
            "digest": reading.digest,
            "instrumentable": self.fits(),
            "language": self.language.map(ingraft_api::Language::key),
            "annotations": annotations,
            "platforms": reading.platforms.iter().map(platform).collect::<Vec<_>>(),
            "platform": reading.platform.to_string(),
            "languages": found.collect::<Vec<_>>(),
            "starts": reading.commands,
            "libc": reading.facts.libc.map(ingraft_probe_contract::Libc::name),
            "user": reading.user,
            "sets": reading.facts.sets,
            "agents": reading.facts.agents,
            "findings": self.findings.iter().map(finding).collect::<Vec<_>>(),
        })
    }
}

/// A value that every reader of YAML takes for text. One that is plain is quoted as people do it.
fn quoted(value: &str) -> String {
    let is_plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    if is_plain { format!("'{value}'") } else { Value::from(value).to_string() }
}

//! The report as workflow commands, which GitHub shows beside the changed lines:
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>.

use std::path::Path;

use ingraft_cluster::documents;
use ingraft_core::{Locale, Severity};

use super::report::{Item, Report};
use super::{paths, text};
use crate::input::STANDARD_INPUT;

/// Where files are found.
#[derive(Debug, Clone, Copy)]
pub struct Folders<'a> {
    /// The folder in which files were named.
    pub current: &'a Path,
    /// The one with the repository, from which GitHub looks for them.
    pub workspace: &'a Path,
}

/// One command for each finding, and one that says how it stands.
pub fn github(report: &Report, folders: Folders<'_>, locale: Locale) -> String {
    let mut commands: Vec<String> = report.told().map(|item| of_item(item, folders, locale)).collect();
    let closing = text::closing(report, locale);
    commands.push(command("notice", &[("title", "ingraft doctor".to_owned())], &closing));
    commands.concat()
}

/// The command for a file that cannot be read.
pub fn unreadable(error: &documents::Error, folders: Folders<'_>) -> String {
    let mut properties = Vec::new();
    if error.file != STANDARD_INPUT {
        properties.push(("file", path_of(&error.file, folders)));
        properties.push(("line", error.line.to_string()));
    }
    properties.push(("title", "ingraft doctor".to_owned()));
    command("error", &properties, &error.detail)
}

/// How GitHub names a file.
fn path_of(file: &str, folders: Folders<'_>) -> String {
    let path = paths::absolute(file, folders.current);
    let file = paths::below(&path, folders.workspace).map(|steps| steps.join("/"));
    file.unwrap_or_else(|| path.display().to_string())
}

fn of_item(item: &Item, folders: Folders<'_>, locale: Locale) -> String {
    let word = match item.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    let mut properties = Vec::new();
    if let Some(place) = item.place.as_ref().filter(|place| place.file != STANDARD_INPUT) {
        properties.push(("file", path_of(&place.file, folders)));
        properties.push(("line", place.line.to_string()));
        properties.push(("col", place.column.to_string()));
    }
    properties.push(("title", format!("{} {}", item.code(), item.diagnosis.object.path())));
    let lines = item.diagnosis.finding.lines(locale);
    let message = [Some(lines.message), lines.help].into_iter().flatten().collect::<Vec<_>>().join("\n");
    command(word, &properties, &message)
}

fn command(word: &str, properties: &[(&str, String)], message: &str) -> String {
    let properties: Vec<String> =
        properties.iter().map(|(name, value)| format!("{name}={}", escape(value, true))).collect();
    format!("::{word} {}::{}\n", properties.join(","), escape(message, false))
}

/// What the runner reads back. Other control characters would only confuse the terminals of those who read the log.
fn escape(text: &str, is_property: bool) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '%' => escaped.push_str("%25"),
            '\r' => escaped.push_str("%0D"),
            '\n' => escaped.push_str("%0A"),
            ':' if is_property => escaped.push_str("%3A"),
            ',' if is_property => escaped.push_str("%2C"),
            c if c.is_control() => escaped.extend(c.escape_unicode()),
            c => escaped.push(c),
        }
    }
    escaped
}

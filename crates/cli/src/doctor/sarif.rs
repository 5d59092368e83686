//! The report as SARIF 2.1.0, for code scanning and editors:
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html>.

use std::path::{Component, Path};

use ingraft_cluster::documents;
use ingraft_core::{Locale, Reason, Severity};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::report::{Item, Place, Report};
use super::text::pick;
use super::{pages, paths};
use crate::input::STANDARD_INPUT;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// What stands for the folder in which files were named.
const FOLDER: &str = "%SRCROOT%";

/// What a URI has to spell out in a step of a path.
const SPELLED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The report. Files were named in `folder`.
pub fn sarif(report: &Report, folder: &Path, locale: Locale) -> Value {
    let mut rules: Vec<&Item> = Vec::new();
    let results: Vec<Value> = report
        .items
        .iter()
        .map(|item| {
            let known = rules.iter().position(|rule| rule.code() == item.code());
            let index = known.unwrap_or_else(|| {
                rules.push(item);
                rules.len() - 1
            });
            result(item, index, folder, locale)
        })
        .collect();
    let rules: Vec<Value> = rules.into_iter().map(rule).collect();
    let notes = report.notes.iter().map(|note| json!({"level": "warning", "message": {"text": note}}));
    let errors = report.unread.iter().map(|error| unread(error, folder));
    let notes: Vec<Value> = errors.chain(notes).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "ingraft",
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "language": "en",
                    "rules": rules,
                },
            },
            "language": locale.as_str(),
            "invocations": [{"executionSuccessful": report.unread.is_empty(), "toolExecutionNotifications": notes}],
            "originalUriBaseIds": {
                FOLDER: {"uri": format!("{}/", file_uri(folder).trim_end_matches('/'))},
            },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// A file that cannot be read.
fn unread(error: &documents::Error, folder: &Path) -> Value {
    let place =
        json!({"artifactLocation": artifact(&error.file, folder), "region": {"startLine": error.line}});
    let locations = json!([{"physicalLocation": place}]);
    json!({"level": "error", "message": {"text": error.detail}, "locations": locations})
}

/// What is to be said of a finding whatever its values.
fn rule(item: &Item) -> Value {
    let codes = Reason::FAMILIES.iter().flat_map(|(_, codes)| codes.iter());
    let code = codes.into_iter().find(|code| code.name == item.code());
    let meaning = code.map(|code| code.meaning.split_whitespace().collect::<Vec<_>>().join(" "));
    let meaning = meaning.unwrap_or_default();
    let example = code.and_then(|code| code.example);
    let full = example.map_or_else(|| meaning.clone(), |example| format!("{meaning}\n\n{}", example.cause));
    let own = || item.diagnosis.finding.reason.text(Locale::En).help;
    let remedy = example.map(|example| pages::without_links(example.fix)).or_else(own);
    let more = format!("`ingraft doctor --explain {}` says more.", item.code());
    let remedy = remedy.map_or_else(|| more.clone(), |remedy| format!("{remedy}\n\n{more}"));
    json!({
        "id": item.code(),
        "shortDescription": {"text": meaning},
        "fullDescription": {"text": full, "markdown": full},
        "defaultConfiguration": {"level": level(item.severity())},
        "help": {"text": remedy, "markdown": remedy},
        "properties": {"tags": [item.diagnosis.section().as_str()]},
    })
}

fn result(item: &Item, rule: usize, folder: &Path, locale: Locale) -> Value {
    let message = item.message(locale);
    let text = match item.help(locale) {
        Some(help) => format!("{message}. {help}"),
        None => message,
    };
    let object = &item.diagnosis.object;
    let mut location = json!({
        "logicalLocations": [
            {"name": object.name, "fullyQualifiedName": object.path(), "kind": "resource"},
        ],
    });
    if let (Some(place), Some(location)) = (&item.place, location.as_object_mut()) {
        location.insert("physicalLocation".to_owned(), physical(place, folder));
    }
    // Of each result or of none, as the standard has it.
    let suppressions: Vec<Value> =
        item.ignored.iter().map(|reason| json!({"kind": "inSource", "justification": reason})).collect();
    let mut result = json!({
        "ruleId": item.code(),
        "ruleIndex": rule,
        "level": level(item.severity()),
        "message": {"text": text},
        "locations": [location],
        "partialFingerprints": {"ingraftFinding/v1": item.diagnosis.fingerprint()},
        "suppressions": suppressions,
        "properties": {"pointer": item.diagnosis.pointer},
    });
    let template = item.place.as_ref().and_then(|place| place.template.as_ref());
    if let (Some(template), Some(result)) = (template, result.as_object_mut()) {
        let uri = relative_uri(template.split('/'));
        let related = json!({
            "id": 1,
            "physicalLocation": {"artifactLocation": {"uri": uri}},
            "message": {"text": pick(locale, "the template of Helm", "la plantilla de Helm")},
        });
        result.insert("relatedLocations".to_owned(), json!([related]));
    }
    result
}

fn physical(place: &Place, folder: &Path) -> Value {
    json!({
        "artifactLocation": artifact(&place.file, folder),
        "region": {"startLine": place.line, "startColumn": place.column},
    })
}

fn artifact(file: &str, folder: &Path) -> Value {
    if file == STANDARD_INPUT {
        return json!({"uri": "stdin"});
    }
    let path = paths::absolute(file, folder);
    match paths::below(&path, folder) {
        Some(steps) => json!({"uri": relative_uri(steps), "uriBaseId": FOLDER}),
        None => json!({"uri": file_uri(&path)}),
    }
}

fn file_uri(path: &Path) -> String {
    let steps = path.components().filter(|step| !matches!(step, Component::RootDir));
    let steps: Vec<_> = steps.map(|step| step.as_os_str().to_string_lossy()).collect();
    format!("file:///{}", relative_uri(steps.iter().map(AsRef::as_ref)))
}

fn relative_uri<'a>(steps: impl IntoIterator<Item = &'a str>) -> String {
    let steps = steps.into_iter().map(|step| utf8_percent_encode(step, SPELLED).to_string());
    steps.collect::<Vec<_>>().join("/")
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

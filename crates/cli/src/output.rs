//! What is printed: data on standard output, findings and errors on standard error.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use anyhow::Context;
use ingraft_api::Instrumentation;
use ingraft_cluster::manifests::Document;
use ingraft_core::{Finding, Severity, Snapshot, Subject, Workload};
use serde_json::{Value, json};
use similar::TextDiff;

use crate::args::Output;
use crate::inject::{Change, Injected};

const BOLD: Style = Style::new().bold();

/// The object that a finding came from.
pub struct Place<'a> {
    document: &'a Document,
    /// The object's JSON pointer in the document.
    pointer: &'a str,
    object: &'a Value,
    namespace: &'a str,
}

impl<'a> Place<'a> {
    /// An object of a document.
    pub fn new(
        document: &'a Document,
        pointer: &'a str,
        object: &'a Value,
        default_namespace: &'a str,
    ) -> Self {
        let namespace = object.pointer("/metadata/namespace").and_then(Value::as_str);
        let namespace = namespace.filter(|namespace| !namespace.is_empty()).unwrap_or(default_namespace);
        Self { document, pointer, object, namespace }
    }

    fn text(&self, pointer: &str) -> &'a str {
        self.object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The Instrumentation that the object is, if it is one.
    pub fn instrumentation<'s>(&self, snapshot: &'s Snapshot) -> Option<&'s Instrumentation> {
        let is = self.text("/kind") == "Instrumentation"
            && self.text("/apiVersion").starts_with("opentelemetry.io/");
        snapshot.instrumentations.get(self.namespace, self.text("/metadata/name")).filter(|_| is)
    }

    /// The JSON pointer of a finding in the document: of the field, or of the object if the finding is about another.
    fn pointer(&self, finding: &Finding) -> String {
        let template = Workload::of(self.object).map_or("", |workload| workload.pointer);
        let own = self.text("/kind") == "Instrumentation";
        match &finding.subject {
            Subject::Pod => format!("{}{template}{}", self.pointer, finding.pointer),
            Subject::Workload => format!("{}{}", self.pointer, finding.pointer),
            Subject::Instrumentation(_) if own => format!("{}{}", self.pointer, finding.pointer),
            Subject::Namespace | Subject::Instrumentation(_) => self.pointer.to_owned(),
        }
    }
}

/// Prints an error with its causes, once each.
pub fn error(error: &anyhow::Error) {
    let style = style(Severity::Error);
    anstream::eprintln!("{style}error{style:#}{BOLD}: {error:#}{BOLD:#}");
}

/// Prints a finding: what, where, and what to do.
pub fn finding(place: &Place<'_>, finding: &Finding) {
    let (severity, code) = (finding.severity(), finding.code());
    let style = style(severity);
    let kind = place.text("/kind").to_lowercase();
    let name = format!("{kind}/{} in namespace {}", place.text("/metadata/name"), place.namespace);
    anstream::eprintln!("{style}{}[{code}]{style:#}{BOLD}: {}{BOLD:#}", severity.as_str(), finding.message());
    let document = place.document;
    let line = document.line_of(&place.pointer(finding));
    let about = match &finding.subject {
        Subject::Namespace => format!(", by namespace {}", place.namespace),
        Subject::Instrumentation(reference) if kind != "instrumentation" => {
            format!(", by Instrumentation {reference}")
        }
        _ => String::new(),
    };
    anstream::eprintln!("  --> {}:{line} ({name}{about})", document.file);
    if let Some(help) = finding.help() {
        anstream::eprintln!("  help: {help}");
    }
}

/// Prints a finding about an object of a cluster.
pub fn finding_of(object: &str, finding: &Finding) {
    let (severity, code) = (finding.severity(), finding.code());
    let style = style(severity);
    anstream::eprintln!("{style}{}[{code}]{style:#}{BOLD}: {}{BOLD:#}", severity.as_str(), finding.message());
    let about = match &finding.subject {
        Subject::Instrumentation(reference) => format!(", by Instrumentation {reference}"),
        Subject::Namespace => ", by its namespace".to_owned(),
        Subject::Pod | Subject::Workload => String::new(),
    };
    anstream::eprintln!("  --> {}{} ({object}{about})", "", finding.pointer);
    if let Some(help) = finding.help() {
        anstream::eprintln!("  help: {help}");
    }
}

const fn style(severity: Severity) -> Style {
    let color = match severity {
        Severity::Info => AnsiColor::Green,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Error => AnsiColor::Red,
    };
    Style::new().bold().fg_color(Some(anstyle::Color::Ansi(color)))
}

/// Prints the documents in the chosen form.
pub fn print(output: Output, injected: &[Injected<'_>]) -> anyhow::Result<()> {
    let text = match output {
        Output::Yaml => as_yaml(injected)?,
        Output::Json => as_json(injected)?,
        Output::Patch => as_patches(injected)?,
        Output::Diff => as_diff(injected)?,
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        // Whoever reads has seen enough, as `head` does.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("failed to write to standard output"),
    }
}

/// Documents without a change as they were read, comments included.
fn as_yaml(injected: &[Injected<'_>]) -> anyhow::Result<String> {
    let mut parts = Vec::new();
    for document in injected {
        let text =
            if document.is_unchanged() { document.document.text.clone() } else { yaml(&document.value())? };
        parts.push(format!("{}\n", text.trim_end()));
    }
    Ok(parts.join("---\n"))
}

fn as_json(injected: &[Injected<'_>]) -> anyhow::Result<String> {
    let mut values: Vec<Value> = injected.iter().map(Injected::value).collect();
    let value = if values.len() == 1 {
        values.remove(0)
    } else {
        json!({"apiVersion": "v1", "kind": "List", "items": values})
    };
    Ok(format!("{}\n", serde_json::to_string_pretty(&value)?))
}

fn as_patches(injected: &[Injected<'_>]) -> anyhow::Result<String> {
    let changed =
        injected.iter().flat_map(|document| &document.changes).filter(|change| !change.edits.is_empty());
    let patch = |change: &Change<'_>| {
        json!({
            "apiVersion": change.workload.document.get("apiVersion"),
            "kind": change.workload.kind,
            "namespace": change.namespace,
            "name": change.workload.name,
            "patch": change.edits,
        })
    };
    Ok(format!("{}\n", serde_json::to_string_pretty(&changed.map(patch).collect::<Vec<_>>())?))
}

fn as_diff(injected: &[Injected<'_>]) -> anyhow::Result<String> {
    let mut text = String::new();
    for document in injected.iter().filter(|document| !document.is_unchanged()) {
        let (before, after) = (yaml(&document.document.value)?, yaml(&document.value())?);
        let file = &document.document.file;
        let diff = TextDiff::from_lines(&before, &after);
        text.push_str(
            &diff.unified_diff().context_radius(3).header(file, &format!("{file} (injected)")).to_string(),
        );
    }
    Ok(text)
}

/// YAML that any reader understands alike: long values stay on one line, look-alikes of other types are quoted.
pub fn yaml(value: &Value) -> anyhow::Result<String> {
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    serde_saphyr::to_string_with_options(value, options).context("failed to write YAML")
}

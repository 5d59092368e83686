//! What is printed: data on standard output, findings and errors on standard error.

use std::fmt::Display;
use std::io::{ErrorKind, Write};

use anstyle::{AnsiColor, Style};
use anyhow::Context;
use clap::ValueEnum;
use ingraft_cluster::error_chain::Chain;
use ingraft_core::finding::Lines;
use ingraft_core::{Finding, Locale, Severity, Subject};
use serde_json::{Value, json};
use similar::TextDiff;

use crate::document::{Change, Injected};

/// Exit status: nothing was found at or above the chosen severity.
pub const CLEAN: u8 = 0;
/// Exit status: there are findings at or above the chosen severity.
pub const FINDINGS: u8 = 1;
/// Exit status: there is no answer, because a file is missing or is not YAML, or a cluster does not answer. Wrong usage
/// is 2, as clap has it.
pub const FAILED: u8 = 3;

const BOLD: Style = Style::new().bold();

/// What `ingraft inject` prints.
#[derive(Debug, Clone, Copy, Default, PartialEq, ValueEnum)]
pub enum Output {
    /// All documents as YAML, injected where requested
    #[default]
    Yaml,
    /// All documents as JSON: one object, or a List
    Json,
    /// The changes of each workload as RFC 6902 patches
    Patch,
    /// The changes as a unified diff
    Diff,
}

/// The least severity that counts as failure.
#[derive(Debug, Clone, Copy, Default, PartialEq, ValueEnum)]
pub enum FailOn {
    /// Something that was requested does not happen
    #[default]
    Error,
    /// Something works less well than it seems
    Warning,
    /// Nothing counts
    Never,
}

impl FailOn {
    /// The exit status for findings of which this is the worst.
    pub fn status(self, worst: Option<Severity>) -> u8 {
        let counts = match self {
            Self::Error => worst >= Some(Severity::Error),
            Self::Warning => worst >= Some(Severity::Warning),
            Self::Never => false,
        };
        if counts { FINDINGS } else { CLEAN }
    }
}

/// Prints an error with its causes, once each.
pub fn error(error: &anyhow::Error) {
    let style = style(Severity::Error);
    let chain = Chain(error.as_ref());
    tell(format_args!("{style}error{style:#}{BOLD}: {chain}{BOLD:#}"));
}

/// Prints something that limits the answer.
pub fn note(text: &str) {
    tell(format_args!("{BOLD}note{BOLD:#}: {text}"));
}

/// Prints a finding: what, where, and what to do.
pub fn finding(finding: &Finding, location: &str, locale: Locale) {
    let Lines { title, message, help } = finding.lines(locale);
    let style = style(finding.severity());
    tell(format_args!("{style}{title}{style:#}{BOLD}: {message}{BOLD:#}"));
    tell(format_args!("  --> {location}"));
    if let Some(help) = help {
        tell(format_args!("  {help}"));
    }
}

/// A finding for programs. Its pointer is relative to the subject: for a pod, to the pod template.
pub fn finding_as_json(finding: &Finding, locale: Locale) -> Value {
    let text = finding.reason.text(locale);
    json!({
        "severity": finding.severity().as_str(),
        "code": finding.code(),
        "subject": subject(&finding.subject),
        "pointer": finding.pointer,
        "message": text.message,
        "help": text.help,
    })
}

fn subject(subject: &Subject) -> String {
    match subject {
        Subject::Pod => "Pod".to_owned(),
        Subject::Workload => "Workload".to_owned(),
        Subject::Namespace => "Namespace".to_owned(),
        Subject::Instrumentation(reference) => format!("Instrumentation {reference}"),
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

/// Writes a line for people. If nobody reads standard error, nothing is lost.
fn tell(line: impl Display) {
    drop(writeln!(anstream::stderr(), "{line}"));
}

/// Writes data to standard output. A reader that has seen enough, such as `head`, is no reason to complain.
pub fn print(data: &[u8]) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(data).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("failed to write to standard output"),
    }
}

/// Prints the documents in the chosen form.
pub fn print_documents(output: Output, injected: &[Injected<'_>]) -> anyhow::Result<()> {
    let text = match output {
        Output::Yaml => as_yaml(injected)?,
        Output::Json => as_json(injected)?,
        Output::Patch => as_patches(injected)?,
        Output::Diff => as_diff(injected)?,
    };
    print(text.as_bytes())
}

/// Unchanged documents are printed as they were read, comments included.
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
    json_text(&if values.len() == 1 {
        values.remove(0)
    } else {
        json!({"apiVersion": "v1", "kind": "List", "items": values})
    })
}

fn as_patches(injected: &[Injected<'_>]) -> anyhow::Result<String> {
    let changed =
        injected.iter().flat_map(|document| &document.changes).filter(|change| !change.edits.is_empty());
    json_text(&changed.map(Change::patch).collect())
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

/// JSON for programs that people can also read.
pub fn json_text(value: &Value) -> anyhow::Result<String> {
    Ok(format!("{}\n", serde_json::to_string_pretty(value)?))
}

/// YAML that every reader understands alike: long values stay on one line, look-alikes of other types are quoted.
pub fn yaml(value: &impl serde::Serialize) -> anyhow::Result<String> {
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    serde_saphyr::to_string_with_options(value, options).context("failed to write YAML")
}

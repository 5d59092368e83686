//! What is printed: data on standard output, findings and errors on standard error.

use std::fmt::Display;
use std::io::{ErrorKind, Write};

use anstyle::{AnsiColor, Style};
use anyhow::Context;
use clap::ValueEnum;
use ingraft_cluster::error_chain::Chain;
use ingraft_core::finding::{Lines, visible};
use ingraft_core::{Finding, Locale, Severity, Subject};
use serde_json::{Value, json};
use similar::TextDiff;

use crate::document::{Change, Injected};
use crate::file::{File, files};

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
    /// The changes of the files as a unified diff, for patch -p0
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
    let chain = Chain(error.as_ref()).to_string();
    let chain = chain.lines().map(visible).collect::<Vec<_>>().join("\n");
    tell(format_args!("{style}error{style:#}{BOLD}: {chain}{BOLD:#}"));
}

/// Prints something that limits the answer.
pub fn note(text: &str) {
    tell(format_args!("{BOLD}note{BOLD:#}: {}", visible(text)));
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

/// Writes a text for people to standard output, with colours where somebody sees them.
pub fn print_styled(text: &str) -> anyhow::Result<()> {
    let mut stdout = anstream::AutoStream::auto(std::io::stdout().lock());
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
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

/// The files one after the other, as they were read but for what is injected.
fn as_yaml(injected: &[Injected<'_>]) -> anyhow::Result<String> {
    let mut text = String::new();
    for File { after, .. } in files(injected)? {
        if !text.is_empty() {
            text.push_str(if text.ends_with('\n') { "" } else { "\n" });
            // A directive may only follow the end of a document.
            text.push_str(match after.get(..1) {
                Some("%") => "...\n",
                _ if after.starts_with("---") => "",
                _ => "---\n",
            });
        }
        text.push_str(&after);
    }
    Ok(text)
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
    let files = files(injected)?;
    Ok(files.iter().map(|File { name, before, after }| unified_diff(name, before, after)).collect())
}

/// What `patch` carries out on a file.
pub fn unified_diff(file: &str, before: &str, after: &str) -> String {
    // A tab ends a name that contains spaces.
    let name = if file.contains(' ') { format!("{file}\t") } else { file.to_owned() };
    TextDiff::from_lines(before, after).unified_diff().context_radius(3).header(&name, &name).to_string()
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

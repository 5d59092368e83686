//! The shortest example of each finding among the golden cases.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde_json::Value;

/// Manifests that cause a finding.
#[derive(Debug)]
pub struct Example {
    /// The golden case.
    pub case: String,
    /// The documents of it that matter.
    pub manifest: String,
    /// What the command line says.
    pub finding: String,
    /// The remedy that it names.
    pub help: Option<String>,
    /// The flags of the case.
    flags: Vec<String>,
}

impl Example {
    /// The command that finds it in the whole case, as Markdown: what the documents here refer to may be in others.
    pub fn command(&self) -> String {
        let file = format!("ingraft inject -f testdata/inject/{}/input.yaml", self.case);
        let words = std::iter::once(file.as_str()).chain(self.flags.iter().map(String::as_str));
        format!("`{}`", words.collect::<Vec<_>>().join(" "))
    }
}

/// A document of a case.
struct Document<'a> {
    line: usize,
    text: &'a str,
    value: Value,
}

/// A finding as the command line prints it: title, place and help.
struct Printed<'a> {
    code: &'a str,
    title: &'a str,
    line: usize,
    place: &'a str,
    help: Option<&'a str>,
}

/// The shortest example of each code.
pub fn all(cases: &Path) -> anyhow::Result<BTreeMap<String, Example>> {
    let mut examples = BTreeMap::<String, Example>::new();
    let mut folders = std::fs::read_dir(cases)?.collect::<Result<Vec<_>, _>>()?;
    folders.sort_by_key(std::fs::DirEntry::file_name);
    for folder in folders {
        let read = |file: &str| std::fs::read_to_string(folder.path().join(file));
        let (input, findings) = (read("input.yaml")?, read("findings.txt")?);
        let flags: Vec<String> = read("args.txt").unwrap_or_default().lines().map(str::to_owned).collect();
        let case = folder.file_name().to_string_lossy().into_owned();
        let documents = documents(&input).with_context(|| format!("read {case}"))?;
        for printed in printed(&findings) {
            let Some(manifest) = manifest(&documents, &printed) else { continue };
            let known = examples.get(printed.code);
            if known.is_none_or(|known| manifest.len() < known.manifest.len()) {
                let example = Example {
                    case: case.clone(),
                    manifest,
                    finding: finding(&printed),
                    help: printed.help.map(str::to_owned),
                    flags: flags.clone(),
                };
                examples.insert(printed.code.to_owned(), example);
            }
        }
    }
    Ok(examples)
}

fn documents(input: &str) -> anyhow::Result<Vec<Document<'_>>> {
    let mut documents = Vec::new();
    let mut line = 1;
    for text in input.split_inclusive("\n---\n") {
        let lines = text.lines().count();
        let text = text.strip_suffix("---\n").unwrap_or(text);
        documents.push(Document { line, text, value: serde_saphyr::from_str(text)? });
        line += lines;
    }
    Ok(documents)
}

fn printed(findings: &str) -> Vec<Printed<'_>> {
    let mut all: Vec<Printed<'_>> = Vec::new();
    for line in findings.lines() {
        if let Some(place) = line.strip_prefix("  --> input.yaml:") {
            if let Some(last) = all.last_mut() {
                let (number, place) = place.split_once(' ').unwrap_or_default();
                (last.line, last.place) = (number.parse().unwrap_or(0), place);
            }
        } else if let Some(help) = line.strip_prefix("  help: ") {
            if let Some(last) = all.last_mut() {
                last.help = Some(help);
            }
        } else if let Some((start, _)) = line.split_once("]: ")
            && let Some((_, code)) = start.split_once('[')
        {
            all.push(Printed { code, title: line, line: 0, place: "", help: None });
        }
    }
    all
}

/// The document that a finding is in, after the Instrumentation or Namespace that it is about.
fn manifest(documents: &[Document<'_>], printed: &Printed<'_>) -> Option<String> {
    let own = documents.iter().rev().find(|document| document.line <= printed.line)?;
    let about = match printed.place.trim_end_matches(')').split_once(", by ") {
        Some((_, about)) => Some(documents.iter().find(|document| is(document, about))?),
        None => None,
    };
    let texts: Vec<String> =
        about.into_iter().chain([own]).map(|document| without_comments(document.text)).collect();
    Some(texts.join("---\n"))
}

/// Whether a document is what decided: `Instrumentation shop/base` or `namespace shop`.
fn is(document: &Document<'_>, about: &str) -> bool {
    let text = |pointer: &str| document.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let name = text("/metadata/name");
    match text("/kind") {
        "Instrumentation" => about == format!("Instrumentation {}/{name}", text("/metadata/namespace")),
        "Namespace" => about == format!("namespace {name}"),
        _ => false,
    }
}

/// Comments at the beginning are about the case.
fn without_comments(text: &str) -> String {
    let lines = text.lines().skip_while(|line| line.starts_with('#') || line.trim().is_empty());
    lines.flat_map(|line| [line, "\n"]).collect()
}

fn finding(printed: &Printed<'_>) -> String {
    let help = printed.help.map(|help| format!("\n  help: {help}")).unwrap_or_default();
    format!("{}\n  --> {}{help}", printed.title, printed.place)
}

//! `--fix` on files: what is found is corrected in the text, and everything else stays as it is.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use ingraft_cluster::documents::{self, Document};
use ingraft_core::doctor::Fix;
use ingraft_core::finding::visible;
use ingraft_core::{Edit, Locale};
use ingraft_yaml_edit::Refused;
use serde_json::Value;

use super::collect::Collected;
use super::files::{self, File};
use super::moved_document::{self, Spot, Stays};
use super::report::{Item, Report};
use crate::output::unified_diff;

/// Each round corrects something of every object: nobody has more mistakes in one.
pub const MOST_ROUNDS: usize = 200;

/// Files, and what becomes of them.
pub struct Repaired {
    /// In the order in which they were read.
    files: Vec<File>,
    /// What was corrected.
    pub corrected: usize,
    /// What could be corrected and was not, and why.
    pub left: Vec<String>,
    /// The files that Helm has made, each with the template of what was changed in it.
    pub made: BTreeSet<(String, String)>,
}

/// Corrects what is told of some documents, in memory. What a correction changes is looked at again, so that the next one
/// sees it. `told` takes out of a report what is not to be told. What is left after so many rounds is left to people.
pub fn repair(
    base: &Collected,
    documents: &[Document],
    told: impl Fn(&mut Report),
    rounds: usize,
    locale: Locale,
) -> anyhow::Result<Repaired> {
    let made = BTreeSet::new();
    let mut repaired = Repaired { files: files::of(documents)?, corrected: 0, left: Vec::new(), made };
    let mut tried = BTreeSet::new();
    for round in 0..=rounds {
        let collected = base.with(repaired.documents()?)?;
        let mut report = collected.examine();
        told(&mut report);
        let mut files: BTreeMap<&str, Vec<Attempt<'_>>> = BTreeMap::new();
        for item in report.told() {
            let (Some(fix), Some((number, pointer))) = (&item.fix, &item.written) else { continue };
            let Some(document) = collected.documents.get(*number) else { continue };
            let attempt = Attempt { item, fix, number: *number, pointer };
            if !tried.contains(&attempt.key()) {
                files.entry(&document.file).or_default().push(attempt);
            }
        }
        if files.is_empty() {
            break;
        }
        if round == rounds {
            repaired.left.push(match locale {
                Locale::En => format!("there is more to correct after {rounds} rounds: run it again"),
                Locale::Es => {
                    format!("queda más por corregir después de {rounds} rondas: ejecútalo otra vez")
                }
            });
            break;
        }
        for attempts in files.into_values() {
            let done = repaired.round(&collected, &attempts, locale);
            tried.extend(done.iter().map(Attempt::key));
        }
    }
    Ok(repaired)
}

/// A correction of an object in a document.
#[derive(Clone, Copy)]
struct Attempt<'a> {
    item: &'a Item,
    fix: &'a Fix,
    /// The number of the document.
    number: usize,
    /// The object's JSON pointer there.
    pointer: &'a str,
}

impl Attempt<'_> {
    /// What tells it from others: two documents can hold the same object.
    fn key(&self) -> (usize, String, String) {
        (self.number, self.pointer.to_owned(), self.item.diagnosis.fingerprint())
    }

    /// What is edited in the document.
    fn edits(&self) -> Vec<Edit> {
        match self.fix {
            Fix::Edits(edits) => within(edits, self.pointer),
            Fix::PutFirst(_) | Fix::Restart => Vec::new(),
        }
    }
}

fn left(item: &Item, why: &anyhow::Error, locale: Locale) -> String {
    let (code, object, message) = (item.code(), &item.diagnosis.object, item.message(locale));
    let refused = why.downcast_ref::<Refused>().map(|refused| refused.reason.message(locale));
    let stays = || why.downcast_ref::<Stays>().map(|stays| stays.message(locale));
    let why = refused.or_else(stays).map_or_else(|| format!("{why:#}"), str::to_owned);
    match locale {
        Locale::En => format!("{code} ({object}) is left to you: {why}: {message}"),
        Locale::Es => format!("{code} ({object}) queda para ti: {why}: {message}"),
    }
}

/// Whether a document is in a file of SOPS, whose checksum tells any change: <https://getsops.io/docs/#message-authentication-code>.
pub fn is_encrypted(document: &Document, all: &[Document]) -> bool {
    let mut of_file = all.iter().filter(|other| other.file == document.file);
    of_file.any(|document| document.value.get("sops").is_some_and(Value::is_object))
}

/// Whether edits can be made in a document. What is written otherwise than it is read stays, which only the text shows.
pub fn is_writable(edits: &[Edit], document: &Document, pointer: &str) -> bool {
    let edits = within(edits, pointer);
    let is_text_of_other = |edit: &Edit| {
        let before = document.value.pointer(edit.path());
        edit.value().is_some_and(Value::is_string)
            && before.is_some_and(|before| before.is_boolean() || before.is_number())
    };
    !edits.iter().any(is_text_of_other)
        || ingraft_yaml_edit::apply(&document.text, &document.value, &edits).is_ok()
}

/// Edits of an object as edits of the document that it stands in.
fn within(edits: &[Edit], pointer: &str) -> Vec<Edit> {
    edits.iter().map(|edit| edit.clone().under(pointer)).collect()
}

/// The text of a file in which a document is changed.
fn edited(text: &str, document: &Document, attempts: &[Attempt<'_>]) -> anyhow::Result<String> {
    let edits: Vec<Edit> = attempts.iter().flat_map(Attempt::edits).collect();
    let changed = ingraft_yaml_edit::apply(&document.text, &document.value, &edits)?;
    files::replaced(text, document, &changed)
}

impl Repaired {
    /// Makes some of the attempts that there are in one file: the first one for each object, as the next one may be about the same
    /// lines. Documents are moved once nothing else is to be done. Returns those that were made.
    fn round<'a>(
        &mut self,
        collected: &Collected,
        attempts: &[Attempt<'a>],
        locale: Locale,
    ) -> Vec<Attempt<'a>> {
        let mut done = Vec::new();
        let mut documents: BTreeMap<usize, BTreeMap<&str, Attempt<'a>>> = BTreeMap::new();
        for attempt in attempts.iter().filter(|attempt| matches!(attempt.fix, Fix::Edits(_))) {
            documents.entry(attempt.number).or_default().entry(attempt.pointer).or_insert(*attempt);
        }
        if documents.is_empty() {
            for attempt in attempts {
                let moved = |text: &str, document: &Document| {
                    let Fix::PutFirst(object) = attempt.fix else { return Ok(text.to_owned()) };
                    let before = Spot { document, pointer: attempt.pointer.to_owned() };
                    let follows = collected.spot_of(object);
                    moved_document::moved(text, &before, follows.as_ref(), &collected.documents)
                };
                done.push(*attempt);
                // Whatever follows stands elsewhere then.
                if self.change(collected, attempt, moved, locale) {
                    break;
                }
            }
            return done;
        }
        // The last one first: what stands before it stays where it is.
        for attempts in documents.into_values().rev() {
            let attempts: Vec<Attempt<'a>> = attempts.into_values().collect();
            let all = |text: &str, document: &Document| edited(text, document, &attempts);
            if attempts.len() > 1 && self.try_change(collected, &attempts, all).is_ok() {
                done.extend(attempts);
                continue;
            }
            // One that cannot be made is not in the way of the others.
            for attempt in &attempts {
                let one =
                    |text: &str, document: &Document| edited(text, document, std::slice::from_ref(attempt));
                done.push(*attempt);
                if self.change(collected, attempt, one, locale) {
                    break;
                }
            }
        }
        done
    }

    /// Makes one attempt; where that cannot be done, it is left to people. Returns whether it can.
    fn change(
        &mut self,
        collected: &Collected,
        attempt: &Attempt<'_>,
        change: impl Fn(&str, &Document) -> anyhow::Result<String>,
        locale: Locale,
    ) -> bool {
        let changed = self.try_change(collected, std::slice::from_ref(attempt), change);
        let said = changed.as_ref().err().map(|error| left(attempt.item, error, locale));
        self.left.extend(said.filter(|said| !self.left.contains(said)));
        changed.is_ok()
    }

    fn try_change(
        &mut self,
        collected: &Collected,
        attempts: &[Attempt<'_>],
        change: impl Fn(&str, &Document) -> anyhow::Result<String>,
    ) -> anyhow::Result<()> {
        let number = attempts.first().map(|attempt| attempt.number);
        let document = number.and_then(|number| collected.documents.get(number)).context("it is gone")?;
        let file =
            self.files.iter_mut().find(|file| file.name == document.file).context("its file is gone")?;
        if is_encrypted(document, &collected.documents) {
            bail!(Stays::Encrypted);
        }
        file.after = change(&file.after, document)?;
        let template = document.template().map(|template| (file.name.clone(), visible(template)));
        self.made.extend(template);
        self.corrected += attempts.len();
        Ok(())
    }

    /// What changes, as `patch` takes it.
    pub fn diff(&self) -> String {
        let changes = self.files.iter().filter(|file| file.changes());
        changes.map(|file| unified_diff(&file.name, &file.before, &file.after)).collect()
    }

    /// How many files change.
    pub fn changes(&self) -> usize {
        self.files.iter().filter(|file| file.changes()).count()
    }

    /// Writes what has changed; nothing where somebody else has changed one of the files meanwhile.
    pub fn write(&self) -> anyhow::Result<()> {
        files::write(&self.files)
    }

    /// The documents as they are corrected.
    pub fn documents(&self) -> anyhow::Result<Vec<Document>> {
        read(self.files.iter().map(|file| (&file.name, &file.after)))
    }

    /// The documents as they were.
    pub fn documents_before(&self) -> anyhow::Result<Vec<Document>> {
        read(self.files.iter().map(|file| (&file.name, &file.before)))
    }
}

fn read<'a>(texts: impl Iterator<Item = (&'a String, &'a String)>) -> anyhow::Result<Vec<Document>> {
    let mut documents = Vec::new();
    for (file, text) in texts {
        documents.extend(documents::read(file, text)?);
    }
    Ok(documents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_corrected_by_the_last_round_is_not_lost() {
        let text = "apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata: {name: base, namespace: shop}
spec: {exporter: {endpoint: http://gateway.obs:4318}}
---
apiVersion: v1
kind: Pod
metadata:
  name: app
  namespace: shop
  annotations:
    instrumentation.opentelemetry.io/inject-pyton: base
    instrumentation.opentelemetry.io/python-container-names: ap
spec: {containers: [{name: app, image: app}]}
";
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("pod.yaml").display().to_string();
        std::fs::write(&path, text).unwrap();
        let documents = documents::read(&path, text).unwrap();
        let corrected = |rounds| {
            let all = |_: &mut Report| {};
            let repaired = repair(&Collected::default(), &documents, all, rounds, Locale::En).unwrap();
            (repaired.files[0].after.clone(), repaired.corrected, repaired.left)
        };
        let first = text.replace("inject-pyton", "inject-python");
        let note = "there is more to correct after 1 rounds: run it again".to_owned();
        assert_eq!(corrected(1), (first.clone(), 1, vec![note]));
        assert_eq!(corrected(2), (first.replace("names: ap\n", "names: app\n"), 2, Vec::new()));
    }
}

//! Whole files before and after injection.

use std::sync::Arc;

use crate::document::Injected;
use crate::output::{note, yaml};

/// A file, and what becomes of it.
pub struct File<'a> {
    /// The file as it was named.
    pub name: &'a str,
    /// Its text as read.
    pub before: &'a str,
    /// Its text after the changes. What lies between the documents is as it was.
    pub after: String,
}

/// The files of documents, which are in the order in which they were read.
pub fn files<'a>(injected: &'a [Injected<'_>]) -> anyhow::Result<Vec<File<'a>>> {
    let same_file = |a: &Injected<'_>, b: &Injected<'_>| Arc::ptr_eq(&a.document.source, &b.document.source);
    injected.chunk_by(same_file).filter_map(|documents| file(documents).transpose()).collect()
}

fn file<'a>(documents: &'a [Injected<'_>]) -> anyhow::Result<Option<File<'a>>> {
    let Some(first) = documents.first() else { return Ok(None) };
    let before = &*first.document.source;
    let (mut after, mut position) = (String::with_capacity(before.len()), 0);
    for injected in documents {
        let document = injected.document;
        after.push_str(before.get(position..document.offset).unwrap_or_default());
        after.push_str(&text(injected)?);
        position = document.offset + document.text.len();
    }
    after.push_str(before.get(position..).unwrap_or_default());
    Ok(Some(File { name: &first.document.file, before, after }))
}

/// The text of a document after the changes. If its layout cannot be kept, it is written anew.
fn text(injected: &Injected<'_>) -> anyhow::Result<String> {
    let document = injected.document;
    if injected.is_unchanged() {
        return Ok(document.text.clone());
    }
    injected.text().or_else(|refused| {
        let line = document.position_of(&refused.pointer).line;
        note(&format!(
            "{}:{line}: the document is written anew, without its comments: {refused}",
            document.file
        ));
        let text = yaml(&injected.value())?;
        // What stands on the line of a separator moves below it.
        let begins_line = document
            .source
            .get(..document.offset)
            .is_none_or(|before| before.is_empty() || before.ends_with('\n'));
        Ok(if begins_line { text } else { format!("\n{text}") })
    })
}

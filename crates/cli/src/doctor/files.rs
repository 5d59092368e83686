//! Files that are corrected.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, ensure};
use ingraft_cluster::documents::Document;
use tempfile::NamedTempFile;

use crate::input::STANDARD_INPUT;

/// A file, and what becomes of it.
pub struct File {
    /// As it was named.
    pub name: String,
    /// Its text.
    pub before: String,
    /// What it is to be.
    pub after: String,
}

impl File {
    /// Whether it is to be another one.
    pub fn changes(&self) -> bool {
        self.before != self.after
    }
}

/// The files of some documents, in their order.
pub fn of(documents: &[Document]) -> anyhow::Result<Vec<File>> {
    let mut files: Vec<File> = Vec::new();
    for Document { file, .. } in documents {
        if files.iter().any(|known| known.name == *file) {
            continue;
        }
        // A file may be called so, and is not the one that was read.
        let is_file = file != STANDARD_INPUT && Path::new(file).is_file();
        ensure!(is_file, "--fix writes files, and {file} is none");
        let text = std::fs::read_to_string(file).with_context(|| format!("failed to read {file}"))?;
        files.push(File { name: file.clone(), after: text.clone(), before: text });
    }
    Ok(files)
}

/// The text of a file in which a document has another text.
pub fn replaced(text: &str, document: &Document, changed: &str) -> anyhow::Result<String> {
    let (start, end) = (document.offset, document.offset + document.text.len());
    let (before, after) = text.get(..start).zip(text.get(end..)).context("the file has changed meanwhile")?;
    Ok([before, changed, after].concat())
}

/// Writes those that change; none where somebody else has changed one meanwhile. Each takes the place of the one before at once:
/// nobody sees half of it. What a link leads to is written, and not the link; what is write-protected is not.
pub fn write(files: &[File]) -> anyhow::Result<()> {
    let mut written = Vec::new();
    for File { name, before, after, .. } in files.iter().filter(|file| file.changes()) {
        let now = std::fs::read_to_string(name).with_context(|| format!("failed to read {name}"))?;
        ensure!(now == *before, "{name} has changed meanwhile: nothing is written");
        let write = || -> anyhow::Result<_> {
            let path = Path::new(name).canonicalize()?;
            let mut file = NamedTempFile::new_in(path.parent().context("it is in no folder")?)?;
            let metadata = std::fs::metadata(&path)?;
            ensure!(!metadata.permissions().readonly(), "it is write-protected: nothing is written");
            file.write_all(after.as_bytes())?;
            own(file.as_file(), &metadata);
            file.as_file().set_permissions(metadata.permissions())?;
            file.as_file().sync_all()?;
            Ok((file, path))
        };
        written.push(write().with_context(|| format!("failed to write {name}"))?);
    }
    for (file, path) in written {
        file.persist(&path).with_context(|| format!("failed to write {}", path.display()))?;
    }
    Ok(())
}

/// Leaves a file to whom the one before it belongs: root may correct the files of others. Who may not give it away has it, as
/// with an editor.
#[cfg(unix)]
fn own(file: &std::fs::File, before: &std::fs::Metadata) {
    use std::os::unix::fs::{MetadataExt as _, fchown};

    drop(fchown(file, Some(before.uid()), Some(before.gid())));
}

#[cfg(not(unix))]
fn own(_: &std::fs::File, _: &std::fs::Metadata) {}

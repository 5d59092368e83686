//! Reads files, folders and standard input.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use ingraft_cluster::documents::{self, Document};

/// No single file of manifests is larger; more is probably not what was meant.
const LARGEST: u64 = 64 * 1024 * 1024;

/// All documents of the named files and folders, in order.
pub fn documents(names: &[&PathBuf], recursive: bool) -> anyhow::Result<Vec<Document>> {
    let mut found = Vec::new();
    for name in names {
        if name.as_os_str() == "-" {
            let text = read_limited(std::io::stdin().lock()).context("failed to read standard input")?;
            found.extend(documents::read("standard input", &text)?);
        } else if name.is_dir() {
            let files = files_in(name, recursive)?;
            if files.is_empty() {
                let hint = if recursive { "" } else { "; use -R to look into its folders" };
                bail!("folder {} has no .yaml, .yml or .json files{hint}", name.display());
            }
            for file in files {
                found.extend(read_file(&file)?);
            }
        } else {
            found.extend(read_file(name)?);
        }
    }
    if found.is_empty() {
        bail!("there are no documents in the input");
    }
    Ok(found)
}

fn read_file(path: &Path) -> anyhow::Result<Vec<Document>> {
    let read = || read_limited(std::fs::File::open(path)?);
    let text = read().with_context(|| format!("failed to read {}", path.display()))?;
    Ok(documents::read(&path.display().to_string(), &text)?)
}

fn read_limited(from: impl Read) -> std::io::Result<String> {
    let mut text = String::new();
    let length = from.take(LARGEST + 1).read_to_string(&mut text)?;
    if length as u64 > LARGEST {
        let limit = LARGEST / 1024 / 1024;
        return Err(std::io::Error::new(
            std::io::ErrorKind::FileTooLarge,
            format!("it is larger than {limit} MiB"),
        ));
    }
    Ok(text)
}

fn files_in(folder: &Path, recursive: bool) -> anyhow::Result<Vec<PathBuf>> {
    let list = || -> std::io::Result<Vec<PathBuf>> {
        std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect()
    };
    let mut entries = list().with_context(|| format!("failed to list {}", folder.display()))?;
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        let extension = entry.extension().and_then(|extension| extension.to_str());
        if entry.is_dir() {
            if recursive {
                files.extend(files_in(&entry, recursive)?);
            }
        } else if matches!(extension, Some("yaml" | "yml" | "json")) {
            files.push(entry);
        }
    }
    Ok(files)
}

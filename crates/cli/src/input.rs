//! Reads files, folders and standard input.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use ingraft_cluster::documents::{self, Document};
use ingraft_core::finding::visible;

/// No single file of manifests is larger; more is probably not what was meant.
const LARGEST: u64 = 64 * 1024 * 1024;

/// Which manifests to read.
#[derive(Debug, clap::Args)]
pub struct InputArgs {
    /// A file, a folder with .yaml, .yml and .json files, or - for standard input
    #[arg(value_name = "FILE", required_unless_present = "filename")]
    files: Vec<PathBuf>,
    /// The same, written as for kubectl; can be repeated
    #[arg(short = 'f', long, value_name = "FILE")]
    filename: Vec<PathBuf>,
    /// Also read the folders within a folder
    #[arg(short = 'R', long)]
    recursive: bool,
}

impl InputArgs {
    /// All documents of the named files and folders, in order.
    pub fn documents(&self) -> anyhow::Result<Vec<Document>> {
        documents(self.filename.iter().chain(&self.files), self.recursive)
    }
}

/// The file name of what is read from standard input.
pub const STANDARD_INPUT: &str = "standard input";

/// Which files were read: each is once, whatever names and links lead to it.
#[derive(Default)]
struct Seen(BTreeSet<PathBuf>);

impl Seen {
    fn is_new(&mut self, file: &Path) -> bool {
        // What has no path, such as a pipe that a shell has opened, is its own.
        self.0.insert(file.canonicalize().unwrap_or_else(|_| file.to_owned()))
    }
}

/// All documents of files and folders, in order.
pub fn documents<'a>(
    names: impl Iterator<Item = &'a PathBuf>,
    recursive: bool,
) -> anyhow::Result<Vec<Document>> {
    let (mut found, mut seen) = (Vec::new(), Seen::default());
    for name in names {
        if name.as_os_str() == "-" {
            let text = read_limited(std::io::stdin().lock()).context("failed to read standard input")?;
            found.extend(documents::read(STANDARD_INPUT, &text)?);
        } else if name.is_dir() {
            let files = files_in(name, recursive)?;
            if files.is_empty() {
                let hint = if recursive { "" } else { "; use -R to look into its folders" };
                bail!("folder {} has no .yaml, .yml or .json files{hint}", name.display());
            }
            for file in files.iter().filter(|file| seen.is_new(file)) {
                found.extend(read_file(file)?);
            }
        } else if seen.is_new(name) {
            found.extend(read_file(name)?);
        }
    }
    if found.is_empty() {
        bail!("there are no documents in the input");
    }
    Ok(found)
}

fn read_file(path: &Path) -> anyhow::Result<Vec<Document>> {
    let text = text_of(path)?;
    Ok(documents::read(&path.display().to_string(), &text).map_err(|mut error| {
        if is_template(&text) {
            error.detail = format!("{}: {TEMPLATE}", error.detail);
        }
        error
    })?)
}

fn text_of(path: &Path) -> anyhow::Result<String> {
    ensure_printable(path)?;
    let read = || read_limited(std::fs::File::open(path)?);
    read().with_context(|| format!("failed to read {}", path.display()))
}

/// Whether a text that cannot be read may be a template of Helm.
fn is_template(text: &str) -> bool {
    text.contains("{{")
}

/// A name that a terminal would take for a command is not printed: it is in no finding.
fn ensure_printable(path: &Path) -> anyhow::Result<()> {
    let name = path.display().to_string();
    let shown = visible(&name);
    ensure!(shown == name, "rename {shown}: its name has characters that steer a terminal");
    Ok(())
}

fn read_limited(from: impl Read) -> std::io::Result<String> {
    let mut text = String::new();
    let length = from.take(LARGEST + 1).read_to_string(&mut text).map_err(|error| match error.kind() {
        ErrorKind::InvalidData => std::io::Error::new(
            error.kind(),
            "it is not UTF-8: save it as such (PowerShell's > writes UTF-16)",
        ),
        _ => error,
    })?;
    if length as u64 > LARGEST {
        let limit = LARGEST / 1024 / 1024;
        return Err(std::io::Error::new(ErrorKind::FileTooLarge, format!("it is larger than {limit} MiB")));
    }
    Ok(text)
}

/// Why a template is not read.
const TEMPLATE: &str =
    "it is a template; look at what is made of it: helm template CHART | ingraft doctor -f -";

fn files_in(folder: &Path, recursive: bool) -> anyhow::Result<Vec<PathBuf>> {
    let list = || -> std::io::Result<Vec<PathBuf>> {
        std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect()
    };
    let mut entries = list().with_context(|| format!("failed to list {}", folder.display()))?;
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        let extension = entry.extension().and_then(|extension| extension.to_str());
        let name = entry.file_name().unwrap_or_default().to_string_lossy();
        if entry.is_dir() {
            // As for kubectl, a link to a folder is none. Those of a mounted ConfigMap are there a second time.
            if recursive && !entry.is_symlink() && !name.starts_with("..") {
                files.extend(files_in(&entry, recursive)?);
            }
        // Anything else, such as a pipe, may never end.
        } else if matches!(extension, Some("yaml" | "yml" | "json")) && entry.is_file() {
            files.push(entry);
        }
    }
    Ok(files)
}

/// Why a patch is left out.
pub const PATCH: &str =
    "it is a patch; look at what is made of it: kubectl kustomize FOLDER | ingraft doctor -f -";

/// What was read of files and folders.
#[derive(Default)]
pub struct Manifests {
    /// The documents that are manifests, in order.
    pub documents: Vec<Document>,
    /// Which files of folders are something else, and why: settings of Helm and Kustomize, templates, patches.
    pub left_out: Vec<String>,
    /// What is wrong with files that are no YAML.
    pub unread: Vec<documents::Error>,
    /// The folders that were looked at.
    pub folders: BTreeSet<PathBuf>,
}

/// The manifests in files and folders. One that is no YAML is not in the way of the others.
pub fn manifests<'a>(names: impl Iterator<Item = &'a PathBuf>, recursive: bool) -> anyhow::Result<Manifests> {
    let mut read = Manifests::default();
    let mut seen = Seen::default();
    let mut looked = Vec::new();
    for name in names {
        looked.push(name.display().to_string());
        if !name.is_dir() {
            if seen.is_new(name) {
                read.take(documents(std::iter::once(name), recursive))?;
            }
            continue;
        }
        for file in files_in(name, recursive)?.into_iter().filter(|file| seen.is_new(file)) {
            read.folders.extend(file.parent().map(Path::to_path_buf));
            match manifests_of(&file) {
                Ok(Err(why)) => read.left_out.push(format!("{} is left out: {why}", file.display())),
                Ok(Ok(documents)) => read.documents.extend(documents),
                Err(error) => read.take(Err(error))?,
            }
        }
    }
    if read.documents.is_empty() && read.unread.is_empty() {
        let more = if recursive { "" } else { "; -R also looks into folders" };
        let why =
            [vec![format!("there are no manifests in {}{more}", looked.join(", "))], read.left_out].concat();
        bail!(why.join("\n"));
    }
    Ok(read)
}

impl Manifests {
    /// Keeps what was read of a file, or why it could not be. What is wrong with the reading itself ends it.
    fn take(&mut self, read: anyhow::Result<Vec<Document>>) -> anyhow::Result<()> {
        match read {
            Ok(documents) => self.documents.extend(documents),
            Err(error) => self.unread.push(error.downcast()?),
        }
        Ok(())
    }
}

/// The documents of a file in a folder, or why they are not looked at.
fn manifests_of(path: &Path) -> anyhow::Result<Result<Vec<Document>, &'static str>> {
    let text = text_of(path)?;
    let read = match documents::read(&path.display().to_string(), &text) {
        Ok(read) => read,
        Err(_) if is_template(&text) => return Ok(Err(TEMPLATE)),
        Err(error) => return Err(error.into()),
    };
    Ok(if read.iter().all(|document| documents::is_setting(&document.value)) && !read.is_empty() {
        Err("it is no manifest")
    } else if read.iter().any(|document| documents::is_patch(&document.value)) {
        Err(PATCH)
    } else {
        Ok(read)
    })
}

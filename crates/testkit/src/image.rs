//! Container images without a container engine.
//!
//! A [`Recipe`] lists what goes where in the image's only layer. Written out it is a docker-archive: an outer
//! tar with `manifest.json`, the configuration and one layer. Equal recipes give equal bytes: entries are
//! sorted, owned by root and dated to the epoch.
//!
//! Format: <https://github.com/moby/docker-image-spec>

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Seek as _, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

/// An image in a file, ready to be loaded into a [`Cluster`](crate::Cluster).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The names that the image gets, each with a tag.
    pub names: Vec<String>,
    /// The docker-archive file.
    pub archive: PathBuf,
}

/// What an image consists of.
#[derive(Clone, Debug, Default)]
pub struct Recipe {
    entries: BTreeMap<PathBuf, Entry>,
    config: BTreeMap<&'static str, Value>,
    variants: Vec<(String, Vec<String>)>,
}

#[derive(Clone, Debug)]
enum Entry {
    Folder { mode: u32 },
    Host { path: PathBuf, mode: u32 },
    Text { content: String, mode: u32 },
    Link { target: PathBuf },
}

impl Recipe {
    /// An empty image.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a file of this machine at `path`, with its own permissions unless `mode` is given.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn file(&mut self, path: &str, host: &Path, mode: Option<u32>) -> anyhow::Result<&mut Self> {
        let metadata = fs::metadata(host).with_context(|| format!("look at {}", host.display()))?;
        let mode = mode.unwrap_or_else(|| metadata.permissions().mode() & 0o7777);
        Ok(self.put(inside(path), Entry::Host { path: host.to_owned(), mode }))
    }

    /// Puts what a folder of this machine contains below `path`; symbolic links stay what they are.
    ///
    /// # Errors
    /// When something in it cannot be read, or is neither file nor folder nor link.
    pub fn tree(&mut self, path: &str, host: &Path) -> anyhow::Result<&mut Self> {
        self.add_tree(&inside(path), host)?;
        Ok(self)
    }

    /// Puts a short file at `path`.
    pub fn text(&mut self, path: &str, content: impl Into<String>) -> &mut Self {
        self.put(inside(path), Entry::Text { content: content.into(), mode: 0o644 })
    }

    /// Puts an empty folder at `path`.
    pub fn folder(&mut self, path: &str, mode: u32) -> &mut Self {
        self.put(inside(path), Entry::Folder { mode })
    }

    /// Puts a symbolic link at `path`.
    pub fn link(&mut self, path: &str, target: &str) -> &mut Self {
        self.put(inside(path), Entry::Link { target: PathBuf::from(target) })
    }

    /// Sets what is started, before the arguments.
    pub fn entrypoint(&mut self, words: &[&str]) -> &mut Self {
        self.set("Entrypoint", json!(words))
    }

    /// Sets the default arguments, or without an entrypoint the default command.
    pub fn command(&mut self, words: &[&str]) -> &mut Self {
        self.set("Cmd", json!(words))
    }

    /// Sets the variables, each as `NAME=value`.
    pub fn variables(&mut self, variables: &[&str]) -> &mut Self {
        self.set("Env", json!(variables))
    }

    /// Sets the user; give a number where a pod asks for `runAsNonRoot`.
    pub fn user(&mut self, user: &str) -> &mut Self {
        self.set("User", json!(user))
    }

    /// Sets the working directory.
    pub fn working_directory(&mut self, path: &str) -> &mut Self {
        self.set("WorkingDir", json!(path))
    }

    /// Makes another image of the same files, which sets more variables, each as `NAME=value`.
    pub fn variant(&mut self, name: &str, variables: &[&str]) -> &mut Self {
        self.variants
            .push((name.to_owned(), variables.iter().map(|&variable| variable.to_owned()).collect()));
        self
    }

    /// Writes the image to a file, under the given names, and its variants.
    ///
    /// # Errors
    /// When a file in the recipe cannot be read, or the archive not be written.
    pub fn write(&self, archive: &Path, names: &[&str]) -> anyhow::Result<Image> {
        let folder = archive.parent().context("an archive needs a folder")?;
        let layer = tempfile::tempfile_in(folder).context("create the layer")?;
        let mut hashing = Hashing { inner: BufWriter::new(layer), hash: Sha256::new() };
        self.write_layer(&mut hashing)?;
        let digest = format!("{:x}", hashing.hash.finalize());
        let mut layer = hashing.inner.into_inner().context("write the layer")?;

        let layer_name = format!("{digest}/layer.tar");
        let file = File::create(archive).with_context(|| format!("create {}", archive.display()))?;
        let mut outer = Builder::new(BufWriter::new(file));
        let mut manifest = Vec::new();
        let own: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let variants = self.variants.iter().map(|(name, more)| (vec![name.clone()], more.as_slice()));
        for (names, more) in std::iter::once((own.clone(), [].as_slice())).chain(variants) {
            let config = self.configuration(&digest, more)?.to_string();
            let config_name = format!("{:x}.json", Sha256::digest(&config));
            append(&mut outer, Path::new(&config_name), 0o644, config.as_bytes(), config.len() as u64)?;
            manifest.push(json!({ "Config": config_name, "RepoTags": names, "Layers": [layer_name] }));
        }
        let manifest = Value::Array(manifest).to_string();
        layer.rewind()?;
        let size = layer.metadata()?.len();
        append(&mut outer, Path::new(&layer_name), 0o644, &mut layer, size)?;
        append(&mut outer, Path::new("manifest.json"), 0o644, manifest.as_bytes(), manifest.len() as u64)?;
        outer.into_inner()?.flush()?;
        Ok(Image { names: own, archive: archive.to_owned() })
    }

    /// What a container engine reads beside the layer.
    fn configuration(&self, digest: &str, more_variables: &[String]) -> anyhow::Result<Value> {
        let mut config = self.config.clone();
        if !more_variables.is_empty() {
            let own = self.config.get("Env").and_then(Value::as_array).into_iter().flatten().cloned();
            let all = own.chain(more_variables.iter().map(|variable| variable.as_str().into()));
            config.insert("Env", all.collect());
        }
        Ok(json!({
            "architecture": architecture()?,
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": config,
            "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{digest}")] },
            "history": [{ "created": "1970-01-01T00:00:00Z", "created_by": "ingraft-testkit" }],
        }))
    }

    fn put(&mut self, path: PathBuf, entry: Entry) -> &mut Self {
        let mut parent = path.parent();
        while let Some(folder) = parent.filter(|folder| !folder.as_os_str().is_empty()) {
            self.entries.entry(folder.to_owned()).or_insert(Entry::Folder { mode: 0o755 });
            parent = folder.parent();
        }
        self.entries.insert(path, entry);
        self
    }

    fn set(&mut self, key: &'static str, value: Value) -> &mut Self {
        self.config.insert(key, value);
        self
    }

    fn add_tree(&mut self, path: &Path, host: &Path) -> anyhow::Result<()> {
        for entry in fs::read_dir(host).with_context(|| format!("read {}", host.display()))? {
            let entry = entry?;
            let (host, path) = (entry.path(), path.join(entry.file_name()));
            // Not followed: a link in an image means a path in the image.
            let metadata = entry.metadata()?;
            let mode = metadata.permissions().mode() & 0o7777;
            if metadata.is_dir() {
                self.put(path.clone(), Entry::Folder { mode });
                self.add_tree(&path, &host)?;
            } else if metadata.is_symlink() {
                let target = fs::read_link(&host)?;
                self.put(path, Entry::Link { target });
            } else if metadata.is_file() {
                self.put(path, Entry::Host { path: host, mode });
            } else {
                bail!("{} is neither a file nor a folder nor a link", host.display());
            }
        }
        Ok(())
    }

    fn write_layer(&self, output: &mut impl Write) -> anyhow::Result<()> {
        let mut layer = Builder::new(output);
        for (path, entry) in &self.entries {
            match entry {
                Entry::Folder { mode } => {
                    let mut header = header(EntryType::Directory, *mode, 0);
                    layer.append_data(&mut header, path, std::io::empty())?;
                }
                Entry::Link { target } => {
                    let mut header = header(EntryType::Symlink, 0o777, 0);
                    layer.append_link(&mut header, path, target)?;
                }
                Entry::Text { content, mode } => {
                    append(&mut layer, path, *mode, content.as_bytes(), content.len() as u64)?;
                }
                Entry::Host { path: host, mode } => {
                    let file = File::open(host).with_context(|| format!("open {}", host.display()))?;
                    let size = file.metadata()?.len();
                    append(&mut layer, path, *mode, file, size)?;
                }
            }
        }
        layer.finish().context("finish the layer")
    }
}

/// The path as a tar entry: relative, without a trailing slash.
fn inside(path: &str) -> PathBuf {
    PathBuf::from(path.trim_matches('/'))
}

/// Go's name for this machine's architecture, which images use.
fn architecture() -> anyhow::Result<&'static str> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        other => bail!("no images for the architecture {other}"),
    }
}

fn append(
    builder: &mut Builder<impl Write>,
    path: &Path,
    mode: u32,
    content: impl std::io::Read,
    size: u64,
) -> anyhow::Result<()> {
    builder
        .append_data(&mut header(EntryType::Regular, mode, size), path, content)
        .with_context(|| format!("write {} into the archive", path.display()))
}

/// Everything belongs to root and is of the epoch.
fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

/// Hashes what passes through.
struct Hashing<W> {
    inner: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hash.update(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests;

//! Images in files and folders: what `docker save` writes, and the layout of OCI, packed or not.

mod file;
mod folder;

use std::path::Path;

use serde::Deserialize;
use serde_json::json;

use crate::manifest::{Descriptor, Document};
use crate::{Error, Store};

/// Opens an archive. `wanted` is the name of one of several images in it.
pub(crate) fn open(path: &Path, wanted: Option<&str>) -> Result<Box<dyn Store>, Error> {
    let metadata =
        path.metadata().map_err(|source| Error::Open { path: path.display().to_string(), source })?;
    if metadata.is_dir() {
        return Ok(Box::new(folder::Folder::open(path, wanted)?));
    }
    Ok(Box::new(file::File::open(path, wanted)?))
}

/// An image in the `manifest.json` of Docker.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// The root of an archive, and its digest.
type Root = (Vec<u8>, Option<String>);

/// The root of what `docker save` has written, as a manifest whose digests are names of files.
fn of_docker(bytes: &[u8], path: &str, wanted: Option<&str>) -> Result<Root, Error> {
    let images: Vec<Saved> = serde_json::from_slice(bytes)
        .map_err(|error| Error::malformed(format!("{path}: manifest.json"), error))?;
    let names = |image: &Saved| image.repo_tags.clone().unwrap_or_default();
    let all = images.iter().map(|image| (names(image), image)).collect();
    let Saved { config, layers, .. } = one(all, path, wanted)?;
    let digest = |name: &String| json!({"digest": name});
    let manifest = json!({"config": digest(config), "layers": layers.iter().map(digest).collect::<Vec<_>>()});
    Ok((manifest.to_string().into_bytes(), None))
}

/// The entry of an `index.json` that is meant; none where the index itself is.
fn of_layout(bytes: &[u8], path: &str, wanted: Option<&str>) -> Result<Option<Descriptor>, Error> {
    let Document::Index(entries) = Document::parse(bytes, path)? else { return Ok(None) };
    // Those without a name are images of one index.
    let has_names = entries.iter().any(|entry| entry.names().next().is_some());
    if !has_names && wanted.is_none() {
        return Ok(if let [only] = entries.as_slice() { Some(only.clone()) } else { None });
    }
    let mut images: Vec<(Vec<String>, &Descriptor)> = Vec::new();
    for entry in &entries {
        let names = entry.names().map(str::to_owned);
        match images.iter_mut().find(|(_, known)| known.digest == entry.digest) {
            Some((known, _)) => known.extend(names),
            None => images.push((names.collect(), entry)),
        }
    }
    one(images, path, wanted).map(|entry| Some(entry.clone()))
}

/// The only one, or that of a name.
fn one<'i, T>(images: Vec<(Vec<String>, &'i T)>, path: &str, wanted: Option<&str>) -> Result<&'i T, Error> {
    let all: Vec<String> = images.iter().flat_map(|(names, _)| names.clone()).collect();
    let count = images.len();
    let mut fitting = images
        .into_iter()
        .filter(|(names, _)| wanted.is_none_or(|wanted| names.iter().any(|name| name == wanted)))
        .map(|(_, image)| image);
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(Error::malformed(
            path,
            format!("it has no image of that name, only these: {}", all.join(", ")),
        )),
        (Some(_), Some(_)) => Err(Error::Several {
            path: path.to_owned(),
            count,
            name: all.into_iter().next().unwrap_or_else(|| "NAME".to_owned()),
        }),
    }
}

/// The file of a blob, from its digest; nothing that leads anywhere else.
fn blob(digest: &str) -> Option<String> {
    let (algorithm, encoded) = digest.split_once(':')?;
    let is_plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric());
    (is_plain(algorithm) && is_plain(encoded)).then(|| format!("blobs/{algorithm}/{encoded}"))
}

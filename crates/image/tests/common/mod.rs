//! Images that are made in the test: layers, documents, and the ways in which they are stored.

#![allow(dead_code, reason = "each test uses a part of it")]

pub mod server;

use std::collections::BTreeMap;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

/// A file of a layer: path, mode, content. A mode of 0 means a link to what stands as the content.
pub type File<'f> = (&'f str, u32, &'f [u8]);

/// The loader of musl, which tells the C library where nothing else does.
pub const MUSL: File<'static> = ("lib/ld-musl-x86_64.so.1", 0o755, b"");
pub const GLIBC: File<'static> = ("lib64/ld-linux-x86-64.so.2", 0o755, b"");
pub const PYTHON: [File<'static>; 2] =
    [("usr/local/bin/python3.12", 0o755, b""), ("usr/local/bin/python3", 0, b"python3.12")];
pub const NODE: File<'static> = ("usr/local/bin/node", 0o755, b"");

/// A tar of files.
pub fn tar<'f>(files: impl IntoIterator<Item = File<'f>>) -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    for (path, mode, content) in files {
        let mut header = Header::new_gnu();
        header.set_mode(mode);
        if mode == 0 {
            header.set_entry_type(EntryType::Symlink);
            header.set_size(0);
            let target = std::str::from_utf8(content).expect("text");
            archive.append_link(&mut header, path, target).expect("link");
        } else {
            header.set_entry_type(EntryType::Regular);
            header.set_size(content.len() as u64);
            archive.append_data(&mut header, path, content).expect("file");
        }
    }
    archive.into_inner().expect("finish")
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("write");
    encoder.finish().expect("finish")
}

pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(bytes))
}

/// Blobs by digest.
#[derive(Default, Clone)]
pub struct Blobs(pub BTreeMap<String, Vec<u8>>);

impl Blobs {
    /// Stores bytes, and describes them.
    pub fn add(&mut self, bytes: Vec<u8>, media_type: &str) -> Value {
        let (digest, size) = (digest(&bytes), bytes.len());
        self.0.insert(digest.clone(), bytes);
        json!({"mediaType": media_type, "digest": digest, "size": size})
    }

    /// Stores an image of compressed layers, and describes its manifest.
    pub fn image(&mut self, platform: &str, config: &Value, layers: &[Vec<u8>]) -> Value {
        let (os, architecture) = platform.split_once('/').expect("a platform");
        let config = json!({"os": os, "architecture": architecture, "config": config});
        let config = self.add(config.to_string().into(), "application/vnd.oci.image.config.v1+json");
        let layers: Vec<Value> = layers
            .iter()
            .map(|layer| self.add(gzip(layer), "application/vnd.oci.image.layer.v1.tar+gzip"))
            .collect();
        let manifest = json!({"schemaVersion": 2, "config": config, "layers": layers});
        let mut described =
            self.add(manifest.to_string().into(), "application/vnd.oci.image.manifest.v1+json");
        described["platform"] = json!({"os": os, "architecture": architecture});
        described
    }

    /// Stores an index, and describes it.
    pub fn index(&mut self, manifests: &[Value]) -> Value {
        let index = json!({"schemaVersion": 2, "manifests": manifests});
        self.add(index.to_string().into(), "application/vnd.oci.image.index.v1+json")
    }

    /// The files of a layout of OCI.
    pub fn layout(&self, manifests: &[Value]) -> Vec<(String, Vec<u8>)> {
        let index = json!({"schemaVersion": 2, "manifests": manifests}).to_string();
        let blobs = self
            .0
            .iter()
            .map(|(digest, bytes)| (format!("blobs/{}", digest.replace(':', "/")), bytes.clone()));
        let fixed = [
            ("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
            ("index.json".to_owned(), index.into_bytes()),
        ];
        // The index comes last, as it may.
        blobs.chain(fixed).collect()
    }
}

/// What `docker save` writes, in its old form: names, configuration and layers of each image.
pub fn docker_save(images: &[(&str, Value, Vec<Vec<u8>>)]) -> Vec<u8> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut manifest = Vec::new();
    for (name, config, layers) in images {
        let config = json!({"os": "linux", "architecture": "amd64", "config": config}).to_string();
        let config_name = format!("{}.json", &digest(config.as_bytes())[7..]);
        let layers = layers.iter().map(|layer| {
            let name = format!("{}/layer.tar", &digest(layer)[7..]);
            files.push((name.clone(), layer.clone()));
            name
        });
        let layers: Vec<String> = layers.collect();
        files.push((config_name.clone(), config.into_bytes()));
        manifest.push(json!({"Config": config_name, "RepoTags": [name], "Layers": layers}));
    }
    files.push(("manifest.json".to_owned(), Value::from(manifest).to_string().into_bytes()));
    packed(&files)
}

pub fn packed(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    tar(files.iter().map(|(path, bytes)| (path.as_str(), 0o644, bytes.as_slice())))
}

/// The configuration of an application in Python, which sets a variable.
pub fn python_config() -> Value {
    json!({
        "User": "1000", "WorkingDir": "/app", "Entrypoint": ["python3"], "Cmd": ["app.py"],
        "Env": ["PATH=/usr/local/bin:/bin", "PYTHONPATH=/app/lib", "PYTHON_VERSION=3.12.4"],
    })
}

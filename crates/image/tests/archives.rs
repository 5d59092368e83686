//! Images that are stored here, in every form.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "in a test, a panic is the answer"
)]

mod common;

use std::fs;
use std::path::PathBuf;

use common::{Blobs, GLIBC, MUSL, NODE, PYTHON, docker_save, gzip, packed, python_config, tar};
use ingraft_core::doctor::image::{Platform, Reading};
use ingraft_image::{Options, Source};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder in which archives are put.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(TempDir::new().expect("folder"))
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().expect("above")).expect("folder");
        fs::write(&path, bytes).expect("write");
        path
    }

    fn read_for(&self, name: &str, platform: Option<&str>) -> Result<Reading, String> {
        let path = self.0.path().join(name);
        let source = Source::parse(path.to_str().expect("text")).expect("a path");
        let platform = platform.map(|platform| Platform::parse(platform).expect("a platform"));
        let options = Options { platform, ..Options::default() };
        // As it is told, with all causes, and without the folder of the test.
        ingraft_image::read(&source, &options).map_err(|error| {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            let folder = format!("{}/", self.0.path().display());
            format!("{error}{}", cause.unwrap_or_default()).replace(&folder, "")
        })
    }

    fn read(&self, name: &str) -> Result<Reading, String> {
        self.read_for(name, None)
    }
}

fn python_layers() -> Vec<Vec<u8>> {
    vec![tar([MUSL, PYTHON[0]]), tar([PYTHON[1]])]
}

/// What every form of the same image must show.
fn assert_is_python(reading: &Reading) {
    let facts = serde_json::to_value(&reading.facts).expect("JSON");
    let expected = json!({
        "sets": ["PYTHONPATH"], "libc": "musl", "runtimes": {"python": "3.12.4"}, "no_shell": true,
        "stood_down": {},
    });
    for (key, value) in expected.as_object().expect("an object") {
        let found = facts.get(key).cloned().unwrap_or_else(|| json!({}));
        assert_eq!(found, *value, "{key} of {facts}");
    }
    assert_eq!(reading.commands, ["/usr/local/bin/python3.12"]);
    assert_eq!((reading.user.as_str(), reading.platform.to_string().as_str()), ("1000", "linux/amd64"));
}

fn described(mut descriptor: Value, name: &str) -> Value {
    descriptor["annotations"] = json!({"org.opencontainers.image.ref.name": name});
    descriptor
}

#[test]
fn every_form_shows_the_same() {
    let place = Place::new();
    let saved = docker_save(&[("shop/web:1", python_config(), python_layers())]);
    place.put("saved.tar", &saved);
    place.put("saved.tar.gz", &gzip(&saved));
    let mut blobs = Blobs::default();
    let image = blobs.image("linux/amd64", &python_config(), &python_layers());
    let layout = blobs.layout(std::slice::from_ref(&image));
    place.put("layout.tar", &packed(&layout));
    place.put("layout.tgz", &gzip(&packed(&layout)));
    for (name, bytes) in &layout {
        place.put(&format!("folder/{name}"), bytes);
    }
    for name in ["saved.tar", "saved.tar.gz", "layout.tar", "layout.tgz", "folder"] {
        let reading = place.read(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_is_python(&reading);
        let digest = image["digest"].as_str().filter(|_| !name.starts_with("saved"));
        assert_eq!(reading.digest.as_deref(), digest, "{name}");
    }
}

#[test]
fn one_of_several_images_is_named() {
    let place = Place::new();
    let node = json!({"Entrypoint": ["node"], "Env": ["PATH=/usr/local/bin"]});
    let images = [
        ("shop/web:1", python_config(), python_layers()),
        ("shop/api:2", node.clone(), vec![tar([GLIBC, NODE])]),
    ];
    place.put("all.tar", &docker_save(&images));
    let error = place.read("all.tar").expect_err("several");
    assert_eq!(error, "all.tar holds 2 images: name one of them, as all.tar#shop/web:1");
    assert_is_python(&place.read("all.tar#shop/web:1").expect("the first"));
    assert_eq!(place.read("all.tar#shop/api:2").expect("the second").commands, ["/usr/local/bin/node"]);
    let error = place.read("all.tar#shop/x:1").expect_err("none");
    assert!(error.contains("no image of that name, only these: shop/web:1, shop/api:2"), "{error}");

    let mut blobs = Blobs::default();
    let web = described(blobs.image("linux/amd64", &python_config(), &python_layers()), "web");
    let api = described(blobs.image("linux/amd64", &node, &[tar([NODE])]), "api");
    place.put("layout.tar", &packed(&blobs.layout(&[web, api])));
    assert!(place.read("layout.tar").expect_err("several").contains("layout.tar#web"));
    assert_eq!(place.read("layout.tar#api").expect("api").commands, ["/usr/local/bin/node"]);
}

#[test]
fn one_of_several_platforms_is_chosen() {
    let place = Place::new();
    let mut blobs = Blobs::default();
    let amd64 = blobs.image("linux/amd64", &python_config(), &python_layers());
    let node = json!({"Entrypoint": ["node"], "Env": ["PATH=/usr/local/bin"]});
    let arm = blobs.image("linux/s390x", &node, &[tar([NODE])]);
    let windows = blobs.image("windows/amd64", &json!({}), &[]);
    let mut attestation = blobs.image("unknown/unknown", &json!({}), &[]);
    attestation["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
    let mut elsewhere = amd64.clone();
    elsewhere["digest"] = common::digest(b"not here").into();
    elsewhere["platform"] = json!({"os": "linux", "architecture": "ppc64le"});
    let index = blobs.index(&[windows, arm, amd64, attestation, elsewhere]);
    place.put("all.tar", &packed(&blobs.layout(std::slice::from_ref(&index))));
    let reading = place.read_for("all.tar", Some("linux/amd64")).expect("amd64");
    assert_is_python(&reading);
    let platforms: Vec<String> = reading.platforms.iter().map(ToString::to_string).collect();
    assert_eq!(platforms, ["windows/amd64", "linux/s390x", "linux/amd64"]);
    assert_eq!(reading.digest.as_deref(), index["digest"].as_str());
    let other = place.read_for("all.tar", Some("linux/s390x")).expect("s390x");
    assert_eq!(other.commands, ["/usr/local/bin/node"]);
    assert_eq!(place.read_for("all.tar", Some("windows/amd64")).expect("windows").commands, [""; 0]);
    let error = place.read_for("all.tar", Some("linux/arm/v7")).expect_err("none");
    assert_eq!(
        error,
        "all.tar has nothing for linux/arm/v7, only for windows/amd64, linux/s390x, linux/amd64: name one with --platform"
    );
}

#[test]
fn layers_hide_what_is_below() {
    let place = Place::new();
    let layers = vec![
        tar([GLIBC, PYTHON[0], NODE, ("app/run", 0o755, b"#!/bin/sh\nexport PYTHONPATH=/x\nexec node x\n")]),
        tar([("usr/local/bin/.wh.node", 0o644, &b""[..]), ("usr/local/bin/python3", 0, b"python3.12")]),
        tar([("app/run", 0o755, &b"#!/bin/sh\nexec python3 app.py\n"[..])]),
    ];
    let config = json!({"Entrypoint": ["/app/run"], "Env": ["PATH=/usr/local/bin"]});
    place.put("saved.tar", &docker_save(&[("x:1", config, layers)]));
    let reading = place.read("saved.tar").expect("an image");
    assert_eq!(reading.commands, ["/app/run", "/usr/local/bin/python3.12"]);
    assert_eq!(reading.facts.entrypoint, [""; 0]);
    assert!(reading.facts.runtimes.keys().map(|agent| agent.name()).eq(["python"]));
}

#[test]
fn a_layer_that_comes_twice_is_read_once_and_applied_twice() {
    let place = Place::new();
    let (python, removed) = (tar(PYTHON), tar([("usr/local/bin/.wh.python3", 0o644, &b""[..])]));
    let layers = vec![python.clone(), removed, python];
    let mut blobs = Blobs::default();
    let image = blobs.image("linux/amd64", &python_config(), &layers);
    place.put("layout.tar", &packed(&blobs.layout(&[image])));
    assert_eq!(place.read("layout.tar").expect("an image").commands, ["/usr/local/bin/python3.12"]);
}

#[test]
fn links_between_layers_of_docker_are_followed() {
    let place = Place::new();
    let config = json!({"os": "linux", "architecture": "amd64", "config": python_config()}).to_string();
    let manifest = json!([{"Config": "c.json", "RepoTags": null, "Layers": ["a/layer.tar", "b/layer.tar"]}]);
    let (manifest, layer) = (manifest.to_string(), tar(PYTHON));
    let files = |target: &'static str| {
        tar([
            ("c.json", 0o644, config.as_bytes()),
            ("b/layer.tar", 0, target.as_bytes()),
            ("a/layer.tar", 0o644, layer.as_slice()),
            ("manifest.json", 0o644, manifest.as_bytes()),
        ])
    };
    place.put("linked.tar", &files("../a/layer.tar"));
    assert_eq!(place.read("linked.tar").expect("an image").commands, ["/usr/local/bin/python3.12"]);
    for target in ["../b/layer.tar", "../../../../etc/passwd", "layer.tar"] {
        place.put("circle.tar", &files(target));
        assert!(place.read("circle.tar").expect_err("no layer").contains("is missing"), "{target}");
    }
}

#[test]
fn what_is_damaged_or_no_image_is_named() {
    let place = Place::new();
    let saved = docker_save(&[("shop/web:1", python_config(), python_layers())]);
    place.put("cut.tar", &saved[..saved.len() / 3]);
    place.put("cut.tar.gz", &gzip(&saved)[..400]);
    place.put("text.tar", b"{}");
    place.put("files.tar", &tar(PYTHON));
    place.put("empty.tar", b"");
    place.put("bad.tar", &tar([("manifest.json", 0o644, &b"[{]"[..])]));
    place.put("none.tar", &tar([("manifest.json", 0o644, &b"[]"[..])]));
    place.put("folder/index.json", b"{\"manifests\": []}");
    let mut blobs = Blobs::default();
    let image = blobs.image("linux/amd64", &python_config(), &python_layers());
    let layer = blobs.0.values_mut().find(|bytes| bytes.starts_with(&[0x1f, 0x8b])).expect("a layer");
    let last = layer.len() - 12;
    layer[last] ^= 1;
    place.put("changed.tar", &packed(&blobs.layout(&[image])));
    let mut chart = Blobs::default();
    let config = chart.add(b"{}".to_vec(), "application/vnd.cncf.helm.config.v1+json");
    let manifest = json!({"config": config, "layers": []}).to_string();
    let manifest = chart.add(manifest.into_bytes(), "application/vnd.oci.image.manifest.v1+json");
    place.put("chart.tar", &packed(&chart.layout(&[manifest])));
    for (name, expected) in [
        ("missing.tar", "failed to read missing.tar: No such file"),
        ("cut.tar", "cut.tar cannot be used: "),
        ("cut.tar.gz", "cut.tar.gz cannot be used: "),
        ("text.tar", "text.tar cannot be used: "),
        ("files.tar", "holds neither an index.json nor a manifest.json: write it with docker save"),
        ("empty.tar", "holds neither an index.json"),
        ("bad.tar", "bad.tar: manifest.json cannot be used: "),
        ("none.tar", "it has no image of that name"),
        ("folder", "folder cannot be used: there is no image in it"),
        ("changed.tar", "changed.tar: blobs/sha256/"),
        ("chart.tar", "it is no image, its configuration is \"application/vnd.cncf.helm.config.v1+json\""),
    ] {
        let error = place.read(name).expect_err(name);
        assert!(error.contains(expected), "{name}: {error}");
    }
}

#[test]
fn paths_that_lead_out_are_not_followed() {
    let place = Place::new();
    let secret = place.put("secret", b"{}");
    assert!(secret.exists());
    for digest in ["../secret", "sha256:../../../secret", "sha256:", ":x", "sha256:a/b"] {
        let index = json!({"manifests": [{"digest": digest, "size": 2}]});
        place.put("folder/index.json", index.to_string().as_bytes());
        let error = place.read("folder").expect_err(digest);
        assert!(error.contains("it is no digest") || error.contains("no image"), "{digest}: {error}");
    }
}

#[test]
fn an_archive_full_of_names_is_refused() {
    let place = Place::new();
    let names: Vec<String> = (0..100).map(|number| format!("{number}{}", "x".repeat(200_000))).collect();
    let files = names.iter().map(|name| (name.as_str(), 0o644, b"".as_slice()));
    place.put("names.tar", &tar(files));
    let error = place.read("names.tar").expect_err("too much");
    assert_eq!(error, "names.tar is refused: it has more than 16 MiB of names");
}

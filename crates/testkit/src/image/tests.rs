use std::collections::BTreeMap;
use std::io::Read as _;

use super::*;

type Contents = BTreeMap<String, (EntryType, u32, Vec<u8>)>;

fn contents(tar: impl std::io::Read) -> Contents {
    let mut archive = tar::Archive::new(tar);
    archive
        .entries()
        .unwrap()
        .map(|entry| {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()), (0, 0, 0));
            let path = entry.path().unwrap().display().to_string();
            (path, (entry.header().entry_type(), entry.header().mode().unwrap(), bytes))
        })
        .collect()
}

fn sample(host: &Path) -> Recipe {
    fs::create_dir_all(host.join("tree/sub")).unwrap();
    fs::write(host.join("tree/sub/b"), "b").unwrap();
    fs::write(host.join("program"), "run").unwrap();
    if fs::symlink_metadata(host.join("tree/a")).is_err() {
        std::os::unix::fs::symlink("sub/b", host.join("tree/a")).unwrap();
    }
    let mut recipe = Recipe::new();
    recipe.file("/program", &host.join("program"), Some(0o755)).unwrap();
    recipe.tree("/opt/tree", &host.join("tree")).unwrap();
    recipe.folder("/tmp", 0o1777).entrypoint(&["/program"]).variables(&["A=1"]).user("1000");
    recipe
}

#[test]
fn layer_holds_files_folders_and_links_with_their_modes() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("image.tar");
    sample(folder.path()).write(&archive, &["example.com/app:1"]).unwrap();

    let outer = contents(File::open(&archive).unwrap());
    let manifest: Value = serde_json::from_slice(&outer["manifest.json"].2).unwrap();
    assert_eq!(manifest[0]["RepoTags"], json!(["example.com/app:1"]));
    let layer = contents(&outer[manifest[0]["Layers"][0].as_str().unwrap()].2[..]);
    let shape: Vec<(&str, EntryType, u32)> =
        layer.iter().map(|(path, (kind, mode, _))| (path.trim_end_matches('/'), *kind, *mode)).collect();
    assert!(shape.contains(&("opt", EntryType::Directory, 0o755)));
    assert!(shape.contains(&("opt/tree/a", EntryType::Symlink, 0o777)));
    assert!(shape.contains(&("program", EntryType::Regular, 0o755)));
    assert!(shape.contains(&("tmp", EntryType::Directory, 0o1777)));
    assert_eq!(layer["opt/tree/sub/b"].2, b"b");
}

#[test]
fn configuration_names_the_layer_by_its_hash() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("image.tar");
    sample(folder.path()).write(&archive, &["example.com/app:1"]).unwrap();

    let outer = contents(File::open(&archive).unwrap());
    let manifest: Value = serde_json::from_slice(&outer["manifest.json"].2).unwrap();
    let config: Value = serde_json::from_slice(&outer[manifest[0]["Config"].as_str().unwrap()].2).unwrap();
    let layer = &outer[manifest[0]["Layers"][0].as_str().unwrap()].2;
    assert_eq!(config["rootfs"]["diff_ids"], json!([format!("sha256:{:x}", Sha256::digest(layer))]));
    assert_eq!(config["config"], json!({ "Entrypoint": ["/program"], "Env": ["A=1"], "User": "1000" }));
}

#[test]
fn equal_recipes_give_equal_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("1.tar"), folder.path().join("2.tar"));
    sample(folder.path()).write(&first, &["example.com/app:1"]).unwrap();
    // Written again: only the time of modification differs.
    sample(folder.path()).write(&second, &["example.com/app:1"]).unwrap();
    assert_eq!(fs::read(first).unwrap(), fs::read(second).unwrap());
}

#[test]
fn long_paths_survive() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("image.tar");
    let path = format!("/{}/end", ["a-folder-with-a-long-name"; 12].join("/"));
    let mut recipe = Recipe::new();
    recipe.text(&path, "deep");
    recipe.write(&archive, &["example.com/deep:1"]).unwrap();

    let outer = contents(File::open(&archive).unwrap());
    let manifest: Value = serde_json::from_slice(&outer["manifest.json"].2).unwrap();
    let layer = contents(&outer[manifest[0]["Layers"][0].as_str().unwrap()].2[..]);
    assert_eq!(layer[path.trim_start_matches('/')].2, b"deep");
}

#[test]
fn variants_share_the_layer_and_set_more() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("image.tar");
    let mut recipe = sample(folder.path());
    recipe.variant("example.com/more:1", &["B=2"]).write(&archive, &["example.com/app:1"]).unwrap();

    let outer = contents(File::open(&archive).unwrap());
    let manifest: Value = serde_json::from_slice(&outer["manifest.json"].2).unwrap();
    let config = |index: usize| -> Value {
        serde_json::from_slice(&outer[manifest[index]["Config"].as_str().unwrap()].2).unwrap()
    };
    assert_eq!(config(0)["config"]["Env"], json!(["A=1"]));
    assert_eq!(config(1)["config"]["Env"], json!(["A=1", "B=2"]));
    assert_eq!(manifest[1]["RepoTags"], json!(["example.com/more:1"]));
    assert_eq!(manifest[0]["Layers"], manifest[1]["Layers"]);
}

//! The golden cases of `testdata/inject`, each moved to namespaces of its own, so that one cluster holds all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ingraft_cluster::documents;
use serde_json::Value;

/// A golden case.
#[derive(Debug)]
pub(crate) struct GoldenCase {
    pub(crate) name: String,
    /// The flags of its `args.txt`, but for the namespace.
    pub(crate) args: Vec<String>,
    /// Its namespaces, each with its labels and annotations, as it declares them.
    pub(crate) namespaces: BTreeMap<String, Value>,
    /// All other objects. Each names its namespace if it is in one.
    pub(crate) objects: Vec<Value>,
}

/// All golden cases. The suffix is that of their namespaces, after the name of the case.
pub(crate) fn golden_cases(suffix: &str) -> Vec<GoldenCase> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/inject");
    let mut folders: Vec<_> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders.iter().map(|folder| GoldenCase::read(folder, suffix)).collect()
}

impl GoldenCase {
    fn read(folder: &Path, suffix: &str) -> Self {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let args = std::fs::read_to_string(folder.join("args.txt")).unwrap_or_default();
        let mut args: Vec<String> = args.lines().map(str::to_owned).collect();
        let flag = "--namespace=";
        let default = args.iter().find_map(|arg| arg.strip_prefix(flag)).unwrap_or("default").to_owned();
        args.retain(|arg| !arg.starts_with(flag));

        let text = std::fs::read_to_string(folder.join("input.yaml")).unwrap();
        let documents = documents::read(&name, &text).unwrap();
        let objects = documents.iter().flat_map(|document| documents::objects(&document.value));
        let objects: Vec<&Value> = objects.map(|(_, object)| object).collect();
        let is_namespace = |object: &Value| object["kind"] == "Namespace";
        let home = |object: &Value| match object["kind"].as_str() {
            Some("Namespace") => object["metadata"]["name"].as_str().unwrap().to_owned(),
            _ => object["metadata"]["namespace"].as_str().unwrap_or(&default).to_owned(),
        };
        let homes: BTreeSet<String> = objects.iter().map(|object| home(object)).collect();
        let moved: BTreeMap<&str, String> =
            homes.iter().map(|home| (home.as_str(), format!("{home}-{name}{suffix}"))).collect();

        let mut case = Self { name: name.clone(), args, namespaces: BTreeMap::new(), objects: Vec::new() };
        for home in moved.values() {
            case.namespaces.insert(home.clone(), Value::Null);
        }
        for object in objects {
            let mut object = object.clone();
            let home = moved[home(&object).as_str()].clone();
            move_references(&mut object, &moved);
            if is_namespace(&object) {
                object["metadata"]["name"] = home.as_str().into();
                case.namespaces.insert(home, object["metadata"].take());
                continue;
            }
            if object["kind"] != "Node" {
                object["metadata"]["namespace"] = home.into();
            }
            case.objects.push(object);
        }
        case
    }
}

/// Leads references to Instrumentations and to Services into the namespaces of their case.
fn move_references(value: &mut Value, moved: &BTreeMap<&str, String>) {
    match value {
        Value::Object(object) => object.values_mut().for_each(|value| move_references(value, moved)),
        Value::Array(items) => items.iter_mut().for_each(|value| move_references(value, moved)),
        Value::String(text) => {
            if let Some(new) = moved_reference(text, moved).or_else(|| moved_url(text, moved)) {
                *text = new;
            }
        }
        _ => {}
    }
}

/// `namespace/name`.
fn moved_reference(text: &str, moved: &BTreeMap<&str, String>) -> Option<String> {
    let (namespace, name) = text.split_once('/')?;
    Some(format!("{}/{name}", moved.get(namespace)?))
}

/// `http://service.namespace:4318`.
fn moved_url(text: &str, moved: &BTreeMap<&str, String>) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let end = rest.find([':', '/']).unwrap_or(rest.len());
    let (host, rest) = rest.split_at(end);
    let (service, domain) = host.split_once('.')?;
    let (namespace, domain) = domain.split_once('.').unwrap_or((domain, ""));
    let dot = if domain.is_empty() { "" } else { "." };
    Some(format!("{scheme}://{service}.{}{dot}{domain}{rest}", moved.get(namespace)?))
}

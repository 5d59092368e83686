//! What of a container's environment decides whether a span arrives, and no more of it: the rest is nobody else's business.

use std::collections::BTreeSet;

use ingraft_probe_contract::{Command, Join};
use serde_json::{Value, json};

use super::place::Place;
use crate::environment::references;
use crate::finding::Caveat;
use crate::json::{list, named, string, string_at};

/// What the names of the exporter's variables begin with:
/// <https://opentelemetry.io/docs/specs/otel/protocol/exporter/#configuration-options>.
const EXPORTER: &str = "OTEL_EXPORTER_OTLP_";
/// Other variables that are read, for what the span says of itself.
const OTHERS: [&str; 2] = ["OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"];
/// Those for other signals.
const OTHER_SIGNALS: [&str; 2] = ["OTEL_EXPORTER_OTLP_METRICS_", "OTEL_EXPORTER_OTLP_LOGS_"];
/// The ends of the names of those that hold paths.
const FILES: [&str; 2] = ["CERTIFICATE", "CLIENT_KEY"];
/// The kinds of volumes that any pod of the namespace can have, also where Pod Security is restricted.
const SHARED: [&str; 5] = ["configMap", "secret", "projected", "csi", "downwardAPI"];

/// What is taken from a container.
#[derive(Debug, Default)]
pub(super) struct Picked {
    /// Entries of `env`.
    pub(super) env: Vec<Value>,
    /// Entries of `envFrom`, all of them: what they set is not known.
    pub(super) env_from: Vec<Value>,
    /// What variables are set to where nothing else sets them.
    pub(super) defaults: Vec<(String, String)>,
    /// Variables whose value is in a file that only pods of the workload have.
    of_files: Vec<String>,
    /// The files for TLS.
    files: BTreeSet<String>,
}

impl Picked {
    pub(super) fn of(container: &Value, defaults: Vec<(String, String)>) -> Self {
        let entries = list(container, "env");
        let defaults: Vec<_> = defaults.into_iter().filter(|(name, _)| is_wanted(name)).collect();
        let mut wanted: BTreeSet<&str> =
            entries.iter().filter_map(name).filter(|name| is_wanted(name)).collect();
        wanted.extend(defaults.iter().flat_map(|(_, value)| references(value)));
        loop {
            let values = entries.iter().filter(|entry| name(entry).is_some_and(|name| wanted.contains(name)));
            let more: Vec<&str> =
                values.filter_map(|entry| string(entry, "value")).flat_map(references).collect();
            let before = wanted.len();
            wanted.extend(more);
            if wanted.len() == before {
                break;
            }
        }
        let env_from = list(container, "envFrom").to_vec();
        let mut picked = Self { env_from, defaults: defaults.clone(), ..Self::default() };
        for entry in entries {
            let Some(name) = name(entry).filter(|name| wanted.contains(name)) else { continue };
            if entry.pointer("/valueFrom/fileKeyRef").is_some() {
                picked.of_files.push(name.to_owned());
            } else {
                picked.env.push(of_itself(entry));
            }
        }
        let literals = picked.env.iter().filter_map(|entry| Some((name(entry)?, string(entry, "value")?)));
        let all = literals.chain(picked.defaults.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let is_path = |name: &str| name.starts_with(EXPORTER) && FILES.iter().any(|end| name.ends_with(end));
        let paths = all.filter(|(name, value)| is_path(name) && value.starts_with('/'));
        picked.files = paths.map(|(_, path)| path.to_owned()).collect();
        picked
    }

    pub(super) fn caveats(&self, place: &Place<'_>) -> Vec<Caveat> {
        let variables = self.of_files.iter().map(|name| Caveat::VariableOfFile { name: name.clone() });
        let is_missing = |path: &&String| mount_of(place, path).is_none();
        let files = self.files.iter().filter(is_missing).map(|path| Caveat::FileOfPod { path: path.clone() });
        variables.chain(files).collect()
    }

    /// The mounts and volumes that hold the files for TLS.
    pub(super) fn mounts(&self, place: &Place<'_>) -> (Vec<Value>, Vec<Value>) {
        let (mut mounts, mut volumes) = (Vec::new(), Vec::new());
        for (mount, volume) in self.files.iter().filter_map(|path| mount_of(place, path)) {
            if !mounts.contains(mount) {
                mounts.push(mount.clone());
            }
            if !volumes.contains(volume) {
                volumes.push(volume.clone());
            }
        }
        for mount in mounts.iter_mut().filter_map(Value::as_object_mut) {
            mount.insert("readOnly".to_owned(), json!(true));
        }
        // What is missing is told by the program, and does not keep it from starting.
        for volume in &mut volumes {
            for kind in ["configMap", "secret"] {
                if let Some(Value::Object(source)) = volume.get_mut(kind) {
                    source.insert("optional".to_owned(), json!(true));
                }
            }
        }
        (mounts, volumes)
    }
}

/// The mount that holds a file, with a volume that another pod can have too: the one that is nearest.
fn mount_of<'a>(place: &Place<'a>, path: &str) -> Option<(&'a Value, &'a Value)> {
    let holds = |mount: &&Value| {
        let folder = string(mount, "mountPath").unwrap_or_default().trim_end_matches('/');
        path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let length = |mount: &&Value| string(mount, "mountPath").map_or(0, str::len);
    let mount = list(place.sender, "volumeMounts").iter().filter(holds).max_by_key(length)?;
    let volume = named(list(place.pod.get("spec")?, "volumes"), string(mount, "name")?)?;
    SHARED.iter().any(|kind| volume.get(kind).is_some()).then_some((mount, volume))
}

fn name(entry: &Value) -> Option<&str> {
    string(entry, "name")
}

fn is_wanted(name: &str) -> bool {
    let is_of_others = OTHER_SIGNALS.iter().any(|prefix| name.starts_with(prefix));
    name.starts_with(EXPORTER) && !is_of_others || OTHERS.contains(&name)
}

/// An entry that is about the container that it stands in: what another one has is not known where that is missing.
fn of_itself(entry: &Value) -> Value {
    let mut entry = entry.clone();
    if let Some(Value::Object(resource)) = entry.pointer_mut("/valueFrom/resourceFieldRef") {
        resource.remove("containerName");
    }
    entry
}

/// What variables of a container are set to by Ingraft's probe, where the user sets none.
pub(super) fn defaults(pod: &Value, container: &Value) -> Vec<(String, String)> {
    let of_file = |entry: &Value| {
        let path = string_at(entry, "/valueFrom/fileKeyRef/path")?;
        Some((name(entry)?.to_owned(), path.to_owned()))
    };
    let wanted: Vec<(String, String)> = list(container, "env").iter().filter_map(of_file).collect();
    let containers = pod.get("spec").map_or(&[][..], |spec| list(spec, "initContainers"));
    let plans = containers.iter().filter_map(|container| {
        let words = list(container, "command").iter().skip(1).filter_map(Value::as_str);
        match Command::parse(words.map(str::to_owned)) {
            Ok(Command::Probe(plan)) => Some(plan),
            _ => None,
        }
    });
    let mut found = Vec::new();
    for plan in plans {
        let file = plan.file.rsplit('/').next().unwrap_or_default();
        let rules = plan.rules.iter().chain(plan.agents.iter().flat_map(|agent| &agent.rules));
        for rule in rules.filter(|rule| !matches!(rule.join, Join::Around { .. })) {
            if wanted.iter().any(|(name, path)| *name == rule.name && path == file) {
                found.push((rule.name.clone(), rule.join.alone().to_owned()));
            }
        }
    }
    found
}

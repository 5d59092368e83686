//! One container that is being instrumented: a working copy, kept only if every step succeeds.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::Request;
use super::env::Env;
use crate::environment::{Inputs, Presence, Source, Sources, presence};
use crate::finding::{Reason, VariableFinding};
use crate::json::{list, named, string};
use crate::snapshot::{ROOT_CA, ReferenceKind, Snapshot};

/// A container of the pod as received, and its place there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Container<'a> {
    pub(crate) json: &'a Value,
    pub(crate) name: &'a str,
    /// `containers` or `initContainers`.
    pub(crate) list: &'static str,
    /// Its place in that list.
    pub(crate) index: usize,
}

impl<'a> Container<'a> {
    /// The containers of one list of a pod; entries that are no containers are skipped.
    pub(crate) fn all(pod: &'a Value, list_key: &'static str) -> impl Iterator<Item = Self> {
        let containers = pod.get("spec").map_or(&[][..], |spec| list(spec, list_key));
        containers.iter().enumerate().filter_map(move |(index, json)| {
            Some(Self { json, name: string(json, "name")?, list: list_key, index })
        })
    }

    pub(crate) fn image(self) -> &'a str {
        string(self.json, "image").unwrap_or_default()
    }

    pub(crate) fn is_init(self) -> bool {
        self.list == "initContainers"
    }

    /// The JSON pointer of a field of the container.
    pub(crate) fn pointer(self, field: &str) -> String {
        format!("/spec/{}/{}/{field}", self.list, self.index)
    }

    pub(crate) fn has_env_from(self) -> bool {
        !list(self.json, "envFrom").is_empty()
    }

    /// The beginning of a container with another name, the same image and the same `envFrom`.
    pub(crate) fn sibling(self, name: &str) -> Map<String, Value> {
        let fields = ["image", "imagePullPolicy", "envFrom"].into_iter();
        let present = fields.filter_map(|field| Some((field.to_owned(), self.json.get(field)?.clone())));
        let name = std::iter::once(("name".to_owned(), name.into()));
        name.chain(present.filter(|(_, value)| !value.is_null())).collect()
    }

    /// Whether `envFrom` sets a variable, by the rules of the kubelet.
    pub(crate) fn env_from_sets(self, variable: &str, request: &Request<'_>) -> Presence {
        if !self.has_env_from() {
            return Presence::No;
        }
        let sources = InNamespace { snapshot: request.snapshot, namespace: request.namespace };
        let inputs = Inputs {
            pod: request.pod,
            container: self.json,
            namespace: request.namespace,
            sources: &sources,
            files: &[],
            services: Some(&[]),
            image: Some(&[]),
        };
        presence(&inputs, variable, 0)
    }
}

/// The ConfigMaps and Secrets of the pod's namespace, as far as they are known.
struct InNamespace<'a> {
    snapshot: &'a Snapshot,
    namespace: &'a str,
}

impl Sources for InNamespace<'_> {
    fn source(&self, kind: ReferenceKind, name: &str) -> Source<'_> {
        if kind == ReferenceKind::ConfigMap && name == ROOT_CA {
            return Source::Keys(vec![("ca.crt", None)]);
        }
        let objects = match kind {
            ReferenceKind::ConfigMap => &self.snapshot.config_maps,
            ReferenceKind::Secret => &self.snapshot.secrets,
        };
        match objects.known(self.namespace, name) {
            Some(None) => Source::Missing,
            Some(Some(Some(keys))) => Source::Keys(keys.iter().map(|key| (key.as_str(), None)).collect()),
            Some(Some(None)) | None => Source::Unknown,
        }
    }
}

/// A container with what is changed in it.
#[derive(Debug, Clone)]
pub(crate) struct Target<'a> {
    pub(crate) container: Container<'a>,
    pub(crate) env: Env<'a>,
    mounts: Vec<Cow<'a, Value>>,
    changed_mounts: usize,
}

impl<'a> Target<'a> {
    pub(crate) fn new(container: Container<'a>) -> Self {
        Self {
            container,
            env: Env::new(list(container.json, "env")),
            mounts: list(container.json, "volumeMounts").iter().map(Cow::Borrowed).collect(),
            changed_mounts: 0,
        }
    }

    /// Lets a probe decide what only the start of the container shows.
    pub(crate) fn with_probe(self, probe: bool) -> Self {
        Self { env: self.env.with_probe(probe), ..self }
    }

    /// Whether the container as received sets a variable in its own list.
    pub(crate) fn sets(&self, variable: &str) -> bool {
        named(list(self.container.json, "env"), variable).is_some()
    }

    /// How many changes were made.
    pub(crate) fn changes(&self) -> usize {
        self.env.changes() + self.changed_mounts
    }

    /// Mounts a volume at a path. Answers the path if something else is there.
    pub(crate) fn mount(&mut self, volume: &str, path: &str, read_only: bool) -> Result<(), String> {
        let devices = list(self.container.json, "volumeDevices");
        if devices.iter().any(|device| string(device, "devicePath") == Some(path)) {
            return Err(path.to_owned());
        }
        if let Some(mount) = self.mount_at(path) {
            return if string(mount, "name") == Some(volume) { Ok(()) } else { Err(path.to_owned()) };
        }
        let mut mount = json!({"name": volume, "mountPath": path});
        if let (true, Some(mount)) = (read_only, mount.as_object_mut()) {
            mount.insert("readOnly".to_owned(), true.into());
        }
        self.mounts.push(Cow::Owned(mount));
        self.changed_mounts += 1;
        Ok(())
    }

    /// What is mounted at a path.
    pub(crate) fn mount_at(&self, path: &str) -> Option<&Value> {
        let at =
            |mount: &Value| string(mount, "mountPath").unwrap_or_default().trim_end_matches('/').to_owned();
        self.mounts.iter().map(Cow::as_ref).find(|mount| at(mount) == path.trim_end_matches('/'))
    }

    /// Removes the mounts at a folder or below it, but not that of one volume.
    pub(crate) fn unmount_below(&mut self, folder: &str, except: &str) {
        let before = self.mounts.len();
        self.mounts.retain(|mount| {
            let at = string(mount, "mountPath").unwrap_or_default();
            !is_within(at, folder) || string(mount, "name") == Some(except)
        });
        self.changed_mounts += before - self.mounts.len();
    }

    /// The reason for refusing this container because a variable cannot be joined to.
    pub(crate) fn not_mergeable(&self, variable: &str) -> Reason {
        let (container, variable) = (self.container.name.to_owned(), variable.to_owned());
        VariableFinding::VariableNotMergeable { container, variable }.into()
    }

    /// The new lists, where they changed.
    pub(crate) fn into_changes(self) -> impl Iterator<Item = (&'static str, Value)> {
        let mounts = self.mounts.into_iter().map(Cow::into_owned).collect();
        let mounts = (self.changed_mounts > 0).then_some(("volumeMounts", Value::Array(mounts)));
        self.env.into_changed().map(|env| ("env", env)).into_iter().chain(mounts)
    }
}

/// Whether a path is a folder or below it, however many slashes they are written with.
pub(crate) fn is_within(path: &str, folder: &str) -> bool {
    let steps = |path: &str| -> Vec<String> {
        path.split('/').filter(|step| !matches!(*step, "" | ".")).map(str::to_owned).collect()
    };
    steps(path).starts_with(&steps(folder))
}

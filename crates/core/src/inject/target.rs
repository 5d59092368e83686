//! One container that is being instrumented: a working copy, kept only if every step succeeds.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::env::Env;
use super::pod::Container;
use crate::finding::{Reason, VariableFinding};
use crate::json::{list, named, string};

/// A container with what is changed in it.
#[derive(Debug, Clone)]
pub(crate) struct Target<'a> {
    pub(crate) container: Container<'a>,
    pub(crate) env: Env<'a>,
    mounts: Vec<Cow<'a, Value>>,
}

impl<'a> Target<'a> {
    pub(crate) fn new(container: Container<'a>) -> Self {
        Self {
            container,
            env: Env::new(list(container.json, "env")),
            mounts: list(container.json, "volumeMounts").iter().map(Cow::Borrowed).collect(),
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

    /// The JSON pointer of the first of these variables that the container as received sets: of its value, if it has one.
    /// Without any, that of the list.
    pub(crate) fn pointer_of(&self, variables: &[&str]) -> String {
        let env = list(self.container.json, "env");
        let place = |name: &&str| env.iter().rposition(|entry| string(entry, "name") == Some(name));
        let Some(place) = variables.iter().find_map(place) else { return self.container.pointer("env") };
        let has_value = env.get(place).is_some_and(|entry| string(entry, "value").is_some());
        self.container.pointer(&format!("env/{place}{}", if has_value { "/value" } else { "" }))
    }

    /// Whether it is another than an earlier copy.
    pub(crate) fn differs_from(&self, earlier: &Self) -> bool {
        self.env.differs_from(&earlier.env) || self.mounts != earlier.mounts
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
        self.mounts.retain(|mount| {
            let at = string(mount, "mountPath").unwrap_or_default();
            !is_within(at, folder) || string(mount, "name") == Some(except)
        });
    }

    /// The reason for refusing this container because a variable cannot be joined to.
    pub(crate) fn not_mergeable(&self, variable: &str) -> Reason {
        let (container, variable) = (self.container.name.to_owned(), variable.to_owned());
        let optional = self.container.has_optional(&variable);
        VariableFinding::VariableNotMergeable { container, variable, optional }.into()
    }

    /// The new lists, where they changed.
    pub(crate) fn into_changes(self) -> impl Iterator<Item = (&'static str, Value)> {
        let is_unchanged = self.mounts.iter().map(Cow::as_ref).eq(list(self.container.json, "volumeMounts"));
        let mounts = self.mounts.into_iter().map(Cow::into_owned).collect();
        let mounts = (!is_unchanged).then_some(("volumeMounts", Value::Array(mounts)));
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

//! A container that is added to the pod.

use serde_json::{Map, Value, json};

use super::pod::Container;
use crate::json::{list, string};

/// Its fields so far, in the order in which they were given.
#[derive(Debug)]
pub(crate) struct NewContainer(Map<String, Value>);

impl NewContainer {
    pub(crate) fn named(name: &str) -> Self {
        Self(Map::new()).with("name", Some(name))
    }

    /// With the image of another container, and what its `envFrom` sets.
    pub(crate) fn like(container: Container<'_>, name: &str) -> Self {
        let present = |field: &str| container.json.get(field).filter(|value| !value.is_null()).cloned();
        ["image", "imagePullPolicy", "envFrom"]
            .into_iter()
            .fold(Self::named(name), |new, field| new.with(field, present(field)))
    }

    pub(crate) fn image(self, image: &str, pull_policy: Option<&str>) -> Self {
        self.with("image", Some(image)).with("imagePullPolicy", pull_policy)
    }

    /// Sets a field, unless there is nothing to set.
    pub(crate) fn with(mut self, field: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.0.insert(field.to_owned(), value.into());
        }
        self
    }

    /// Sets a list, unless it is empty.
    pub(crate) fn with_list(self, field: &str, items: Vec<impl Into<Value>>) -> Self {
        let items: Vec<Value> = items.into_iter().map(Into::into).collect();
        self.with(field, (!items.is_empty()).then_some(items))
    }

    pub(crate) fn mount(self, volume: &str, path: &str) -> Self {
        self.mounts([json!({"name": volume, "mountPath": path})])
    }

    pub(crate) fn mounts(mut self, mounts: impl IntoIterator<Item = Value>) -> Self {
        let known = self.0.entry("volumeMounts").or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(known) = known {
            known.extend(mounts);
        }
        self
    }

    /// Mounts the ServiceAccount's token as the API server did for the target. It would give this container the same
    /// mount, and then ask the webhook again because the pod changed:
    /// <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#reinvocation-policy>.
    pub(crate) fn token_of(self, target: Container<'_>) -> Self {
        match token_mount(target) {
            Some(mount) => self.mounts([mount.clone()]),
            None => self,
        }
    }

    pub(crate) fn build(self) -> Value {
        Value::Object(self.0)
    }
}

/// Where the API server mounts the token of a ServiceAccount, and what the name of its volume begins with.
pub(crate) const TOKEN: (&str, &str) = ("/var/run/secrets/kubernetes.io/serviceaccount", "kube-api-access-");

/// The mount of the ServiceAccount's token, if the API server has added it.
pub(crate) fn token_mount(target: Container<'_>) -> Option<&Value> {
    list(target.json, "volumeMounts").iter().find(|mount| {
        string(mount, "mountPath") == Some(TOKEN.0)
            && string(mount, "name").is_some_and(|name| name.starts_with(TOKEN.1))
    })
}

//! What is known of the cluster, or of the manifests at hand: plain data that a shell fills in.

use std::collections::BTreeMap;

use ingraft_api::Instrumentation;
use ingraft_api::annotations::{OPENSHIFT_UID_RANGE, PREFIX};

/// What is known of the cluster at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Namespaces; their own namespace is empty.
    pub namespaces: Objects<Namespace>,
    /// Instrumentations.
    pub instrumentations: Objects<Instrumentation>,
    /// The unique ids of Deployments.
    pub deployments: Objects<String>,
    /// The unique ids of CronJobs.
    pub cron_jobs: Objects<String>,
    /// The ports of Services.
    pub services: Objects<Vec<u16>>,
    /// The keys of ConfigMaps.
    pub config_maps: Objects<Vec<String>>,
}

impl Snapshot {
    /// A namespace, if known.
    pub fn namespace(&self, name: &str) -> Option<&Namespace> {
        self.namespaces.get("", name)
    }
}

/// What is kept of a namespace. Most have nothing that concerns us, and cost only their name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Namespace {
    annotations: BTreeMap<String, String>,
}

impl Namespace {
    /// Keeps the annotations that can matter.
    pub fn new(annotations: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { annotations: annotations.into_iter().filter(|(key, _)| Self::concerns(key)).collect() }
    }

    /// Whether an annotation of a namespace can change a decision.
    pub fn concerns(key: &str) -> bool {
        key.starts_with(PREFIX) || key == OPENSHIFT_UID_RANGE
    }

    /// Whether pods may be injected because of this namespace alone.
    pub fn asks(&self) -> bool {
        self.annotations.keys().any(|key| key.starts_with(PREFIX))
    }

    /// The value of an annotation; empty where there is none.
    pub fn annotation(&self, key: &str) -> &str {
        self.annotations.get(key).map_or("", String::as_str)
    }
}

/// Objects of one kind, by namespace and name.
#[derive(Debug, Clone)]
pub struct Objects<T>(BTreeMap<String, BTreeMap<String, T>>);

impl<T> Default for Objects<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Objects<T> {
    /// An object, if known.
    pub fn get(&self, namespace: &str, name: &str) -> Option<&T> {
        self.0.get(namespace)?.get(name)
    }

    /// Learns of an object.
    pub fn insert(&mut self, namespace: String, name: String, object: T) {
        self.0.entry(namespace).or_default().insert(name, object);
    }

    /// Learns that an object is gone.
    pub fn remove(&mut self, namespace: &str, name: &str) {
        if let Some(objects) = self.0.get_mut(namespace) {
            objects.remove(name);
            if objects.is_empty() {
                self.0.remove(namespace);
            }
        }
    }

    /// The objects of a namespace with their names, in the order of the names.
    pub fn in_namespace(&self, namespace: &str) -> impl Iterator<Item = (&str, &T)> {
        let objects = self.0.get(namespace).into_iter().flatten();
        objects.map(|(name, object)| (name.as_str(), object))
    }

    /// All objects, in the order of namespaces and names.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.values().flat_map(BTreeMap::values)
    }
}

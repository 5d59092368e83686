//! What is known of the cluster, or of the manifests at hand: plain data that a shell fills in.

use std::collections::BTreeMap;

use ingraft_api::Instrumentation;

/// What is known of the cluster at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    namespaces: BTreeMap<String, Namespace>,
    instrumentations: ByName<Instrumentation>,
    deployments: ByName<String>,
    cron_jobs: ByName<String>,
}

/// Namespace → name → object.
type ByName<T> = BTreeMap<String, BTreeMap<String, T>>;

/// What is kept of a namespace. Most have nothing that concerns us, and cost only their name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Namespace {
    /// The annotations that can matter: those for which [`Namespace::concerns`] holds.
    pub annotations: BTreeMap<String, String>,
}

impl Namespace {
    /// Whether an annotation of a namespace can change a decision.
    pub fn concerns(key: &str) -> bool {
        use ingraft_api::annotations::{OPENSHIFT_UID_RANGE, PREFIX};
        key.starts_with(PREFIX) || key == OPENSHIFT_UID_RANGE
    }

    /// Whether pods may be injected because of this namespace alone.
    pub fn asks(&self) -> bool {
        self.annotations.keys().any(|key| key.starts_with(ingraft_api::annotations::PREFIX))
    }
}

impl Snapshot {
    /// A namespace, if known.
    pub fn namespace(&self, name: &str) -> Option<&Namespace> {
        self.namespaces.get(name)
    }

    /// Every known namespace, by name.
    pub fn namespaces(&self) -> impl Iterator<Item = (&str, &Namespace)> {
        self.namespaces.iter().map(|(name, namespace)| (name.as_str(), namespace))
    }

    /// Learns of a namespace. Annotations that cannot matter are dropped.
    pub fn set_namespace(&mut self, name: String, mut annotations: BTreeMap<String, String>) {
        annotations.retain(|key, _| Namespace::concerns(key));
        self.namespaces.insert(name, Namespace { annotations });
    }

    /// Learns that a namespace is gone.
    pub fn remove_namespace(&mut self, name: &str) {
        self.namespaces.remove(name);
    }

    /// An Instrumentation, if known.
    pub fn instrumentation(&self, namespace: &str, name: &str) -> Option<&Instrumentation> {
        self.instrumentations.get(namespace)?.get(name)
    }

    /// The Instrumentations of a namespace, by name.
    pub fn instrumentations_in(&self, namespace: &str) -> impl Iterator<Item = &Instrumentation> {
        self.instrumentations.get(namespace).into_iter().flat_map(BTreeMap::values)
    }

    /// Every known Instrumentation, by namespace and name.
    pub fn instrumentations(&self) -> impl Iterator<Item = &Instrumentation> {
        self.instrumentations.values().flat_map(BTreeMap::values)
    }

    /// Learns of an Instrumentation.
    pub fn set_instrumentation(&mut self, instrumentation: Instrumentation) {
        let namespace = instrumentation.metadata.namespace.clone().unwrap_or_default();
        let name = instrumentation.metadata.name.clone().unwrap_or_default();
        self.instrumentations.entry(namespace).or_default().insert(name, instrumentation);
    }

    /// Learns that an Instrumentation is gone.
    pub fn remove_instrumentation(&mut self, namespace: &str, name: &str) {
        remove(&mut self.instrumentations, namespace, name);
    }

    /// The unique id of a Deployment, if it is known to exist.
    pub fn deployment(&self, namespace: &str, name: &str) -> Option<&str> {
        self.deployments.get(namespace)?.get(name).map(String::as_str)
    }

    /// Learns of a Deployment.
    pub fn set_deployment(&mut self, namespace: String, name: String, uid: String) {
        self.deployments.entry(namespace).or_default().insert(name, uid);
    }

    /// Learns that a Deployment is gone.
    pub fn remove_deployment(&mut self, namespace: &str, name: &str) {
        remove(&mut self.deployments, namespace, name);
    }

    /// The unique id of a CronJob, if it is known to exist.
    pub fn cron_job(&self, namespace: &str, name: &str) -> Option<&str> {
        self.cron_jobs.get(namespace)?.get(name).map(String::as_str)
    }

    /// Learns of a CronJob.
    pub fn set_cron_job(&mut self, namespace: String, name: String, uid: String) {
        self.cron_jobs.entry(namespace).or_default().insert(name, uid);
    }

    /// Learns that a CronJob is gone.
    pub fn remove_cron_job(&mut self, namespace: &str, name: &str) {
        remove(&mut self.cron_jobs, namespace, name);
    }
}

/// Removes an object, and the namespace's entry with its last one.
fn remove<T>(objects: &mut ByName<T>, namespace: &str, name: &str) {
    if let Some(in_namespace) = objects.get_mut(namespace) {
        in_namespace.remove(name);
        if in_namespace.is_empty() {
            objects.remove(namespace);
        }
    }
}

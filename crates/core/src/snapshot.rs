//! What is known of the cluster, or of the manifests at hand: plain data that a shell fills in.

use std::collections::{BTreeMap, BTreeSet};

use ingraft_api::Instrumentation;
use ingraft_api::annotations::{HEAL, INJECT, NODEJS_ESM, OPENSHIFT_UID_RANGE, PREFIX, SIDECAR};
use litemap::LiteMap;
use serde_json::Value;

use crate::image::ImageReference;
use crate::json::string;
use crate::node::{Node, Proofs};
use crate::{Facts, Guards, Halts, ImageFacts, LimitRange, Refusals};

/// A ConfigMap that every namespace has, and that therefore need not be kept:
/// <https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/> (root-ca-certificate-publisher-controller).
pub const ROOT_CA: &str = "kube-root-ca.crt";

/// What is known of the cluster at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Namespaces; their own namespace is empty.
    pub namespaces: Objects<Namespace>,
    /// Instrumentations.
    pub instrumentations: Objects<Instrumentation>,
    /// The unique ids of Deployments.
    pub deployments: Objects<Box<str>>,
    /// The unique ids of CronJobs.
    pub cron_jobs: Objects<Box<str>>,
    /// The ports of Services; none for one that is another name for something elsewhere.
    pub services: Objects<Vec<u16>>,
    /// Nodes; their namespace is empty.
    pub nodes: Objects<Node>,
    /// What the nodes of the cluster have been seen to do.
    pub proofs: Proofs,
    /// What namespaces demand of the resources of containers.
    pub limit_ranges: Objects<LimitRange>,
    /// The handlers of RuntimeClasses; their namespace is empty.
    pub runtime_classes: Objects<Box<str>>,
    /// What probes have found in images.
    pub facts: Facts,
    /// Where probes have gone wrong.
    pub halts: Halts,
    /// What others have refused after we had changed it.
    pub refusals: Refusals,
    /// What annotations of workloads say of their pods that crash.
    pub guards: Guards,
    /// ConfigMaps.
    pub config_maps: Objects<Keys>,
    /// Secrets: only their names and keys, and only where somebody allowed that they are looked at.
    pub secrets: Objects<Keys>,
}

impl Snapshot {
    /// What is known of a container's image on all of these architectures, where it cannot have changed since.
    pub fn image(
        &self,
        namespace: &str,
        container: &Value,
        architectures: &BTreeSet<&str>,
    ) -> Option<ImageFacts> {
        let image = string(container, "image")?;
        let reference = ImageReference::parse(image);
        // Without a policy, Kubernetes pulls `latest` always.
        let always = match string(container, "imagePullPolicy") {
            None | Some("") => reference.tag_or_latest() == "latest",
            Some(policy) => policy == "Always",
        };
        if always && reference.digest.is_none() {
            return None;
        }
        self.facts.of(namespace, image, architectures)
    }

    /// A namespace, if known.
    pub fn namespace(&self, name: &str) -> Option<&Namespace> {
        self.namespaces.get("", name)
    }
}

/// The keys of a ConfigMap or Secret; `None` where only its existence is known.
pub type Keys = Option<Vec<String>>;

/// A kind of object that holds material for pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReferenceKind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

impl ReferenceKind {
    /// The kind as Kubernetes writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }
}

/// How strictly a namespace checks pods:
/// <https://kubernetes.io/docs/concepts/security/pod-security-standards/>.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum PodSecurity {
    /// Not at all.
    #[default]
    Privileged,
    /// Known escalations of privileges are refused.
    Baseline,
    /// Pods must follow all hardening practices.
    Restricted,
}

impl PodSecurity {
    /// The level that a namespace's label names. The API server takes an unknown level for *restricted*:
    /// <https://kubernetes.io/docs/concepts/security/pod-security-admission/>.
    pub fn parse(label: &str) -> Self {
        match label {
            "" | "privileged" => Self::Privileged,
            "baseline" => Self::Baseline,
            _ => Self::Restricted,
        }
    }

    /// The word in the label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        }
    }
}

/// What is kept of a namespace. Most have nothing that concerns us, and cost only their name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Namespace {
    annotations: BTreeMap<String, String>,
    pod_security: PodSecurity,
}

impl Namespace {
    /// Keeps the annotations that can matter.
    pub fn new(annotations: impl IntoIterator<Item = (String, String)>) -> Self {
        let annotations = annotations.into_iter().filter(|(key, _)| Self::concerns(key)).collect();
        Self { annotations, pod_security: PodSecurity::default() }
    }

    /// The same namespace, with the level of Pod Security that its label names.
    #[must_use]
    pub fn enforcing(self, label: Option<&str>) -> Self {
        Self { pod_security: PodSecurity::parse(label.unwrap_or_default()), ..self }
    }

    /// What its pods must keep to.
    pub fn pod_security(&self) -> PodSecurity {
        self.pod_security
    }

    /// Whether an annotation of a namespace can change a decision.
    pub fn concerns(key: &str) -> bool {
        key.starts_with(PREFIX) || [OPENSHIFT_UID_RANGE, NODEJS_ESM, INJECT, HEAL, SIDECAR].contains(&key)
    }

    /// Whether pods may be injected because of this namespace alone.
    pub fn asks(&self) -> bool {
        self.annotations.keys().any(|key| key.starts_with(PREFIX) || key == INJECT)
    }

    /// The value of an annotation; empty where there is none.
    pub fn annotation(&self, key: &str) -> &str {
        self.annotations.get(key).map_or("", String::as_str)
    }
}

/// Objects of one kind, by namespace and name.
///
/// Thousands of namespaces have one or two objects of a kind each: a sorted list takes a third of a tree's memory.
#[derive(Debug, Clone)]
pub struct Objects<T> {
    objects: BTreeMap<Box<str>, LiteMap<Box<str>, T>>,
    complete: bool,
}

impl<T> Default for Objects<T> {
    fn default() -> Self {
        Self { objects: BTreeMap::new(), complete: false }
    }
}

impl<T> Objects<T> {
    /// An object, if known.
    pub fn get(&self, namespace: &str, name: &str) -> Option<&T> {
        self.objects.get(namespace)?.get(name)
    }

    /// An object; `None` where it is not known whether there is one.
    pub fn known(&self, namespace: &str, name: &str) -> Option<Option<&T>> {
        match self.get(namespace, name) {
            Some(object) => Some(Some(object)),
            None => self.complete.then_some(None),
        }
    }

    /// From now on, an object that is not here does not exist.
    pub fn set_complete(&mut self) {
        self.complete = true;
    }

    /// Whether all objects are known.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Learns of an object. Answers whether it was known otherwise or not at all.
    pub fn insert(&mut self, namespace: String, name: String, object: T) -> bool
    where
        T: PartialEq,
    {
        let objects = self.objects.entry(namespace.into()).or_default();
        let name = name.into();
        let changes = objects.get(&name) != Some(&object);
        objects.insert(name, object);
        changes
    }

    /// Learns that an object is gone. Answers whether it was known.
    pub fn remove(&mut self, namespace: &str, name: &str) -> bool {
        let Some(objects) = self.objects.get_mut(namespace) else {
            return false;
        };
        let known = objects.remove(name).is_some();
        if objects.is_empty() {
            self.objects.remove(namespace);
        }
        known
    }

    /// The objects of a namespace with their names, in the order of the names.
    pub fn in_namespace(&self, namespace: &str) -> impl Iterator<Item = (&str, &T)> {
        let objects = self.objects.get(namespace).into_iter().flat_map(LiteMap::iter);
        objects.map(|(name, object)| (&**name, object))
    }

    /// All objects with their namespaces and names, in the order of these.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str, &T)> {
        self.objects.iter().flat_map(|(namespace, objects)| {
            objects.iter().map(move |(name, object)| (&**namespace, &**name, object))
        })
    }

    /// All objects, in the order of namespaces and names.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.objects.values().flat_map(LiteMap::values)
    }
}

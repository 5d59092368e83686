//! Nodes: which of them a pod may run on, and what has been proven of their kind.

mod proofs;
mod scheduling;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use proofs::Proofs;
pub(crate) use scheduling::Placement;

/// The oldest minor version of a kubelet that takes variables from files without being asked to:
/// <https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates/> (EnvFiles).
pub const OLDEST_WITH_FILES: u16 = 35;

/// What nodes have in common that treat a pod in the same way.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeClass {
    /// The version as the kubelet reports it, such as `v1.35.4-eks-1`.
    pub kubelet: String,
    /// The architecture, such as `amd64`.
    pub architecture: String,
    /// The container runtime and its version, such as `containerd://2.4.2`.
    pub runtime: String,
    /// The operating system, such as `Debian GNU/Linux 13 (trixie)`.
    pub os_image: String,
    /// The pool that it belongs to, whose kubelets are configured alike; empty where no label names one.
    #[serde(default)]
    pub pool: String,
}

/// The labels by which providers name the pool of a node.
pub const POOLS: [&str; 5] = [
    "eks.amazonaws.com/nodegroup",
    "karpenter.sh/nodepool",
    "cloud.google.com/gke-nodepool",
    "kubernetes.azure.com/agentpool",
    "agentpool",
];

impl NodeClass {
    /// The minor version of the kubelet: 35 for `v1.35.4`. One that cannot be read counts as 0.
    pub fn minor(&self) -> u16 {
        let minor = self.kubelet.split('.').nth(1).and_then(|minor| minor.parse().ok());
        minor.unwrap_or_default()
    }
}

impl fmt::Display for NodeClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [&self.kubelet, &self.architecture, &self.runtime, &self.os_image, &self.pool];
        let known: Vec<&str> = all.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        f.write_str(&known.join(", "))
    }
}

/// What matters of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// What kind of node it is.
    pub class: NodeClass,
    /// Its labels.
    pub labels: BTreeMap<Box<str>, Box<str>>,
    /// What keeps pods away that do not tolerate it.
    pub taints: Vec<Taint>,
    /// Whether it takes new pods: its kubelet reports that it is ready, and nobody has cordoned it.
    pub accepts_pods: bool,
}

/// A mark that keeps pods away: <https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/>.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Taint {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

impl Node {
    /// Whether there is no kubelet behind it that runs containers as others do: a virtual kubelet, or Fargate, where
    /// each pod has a machine of its own.
    pub(crate) fn is_virtual(&self) -> bool {
        const VIRTUAL: &str = "virtual-kubelet.io/provider";
        let label = |key: &str| self.labels.get(key).map_or("", |value| &**value);
        self.taints.iter().any(|taint| taint.key == VIRTUAL)
            || self.labels.contains_key(VIRTUAL)
            || label("type") == "virtual-kubelet"
            || label("eks.amazonaws.com/compute-type") == "fargate"
            || self.class.kubelet.contains("-vk-")
    }

    /// Whether it runs containers for Linux, and as others do.
    pub fn is_ordinary(&self) -> bool {
        self.is_linux() && !self.is_virtual()
    }

    /// Whether containers for Linux run there.
    pub(crate) fn is_linux(&self) -> bool {
        self.labels.get("kubernetes.io/os").is_none_or(|os| **os == *"linux")
    }
}

//! A cluster that runs pods: a node that this crate starts, or a cluster that exists already.

use crate::{Existing, Image, Kubectl, Kubernetes, Node, NodeTools, Progress};

/// A running cluster.
#[derive(Clone, Debug)]
pub enum Cluster {
    /// One that this crate has started.
    Node(Node),
    /// The one that `INGRAFT_KUBECONFIG` names.
    Existing(Existing),
}

impl Cluster {
    /// Returns the cluster that `INGRAFT_KUBECONFIG` names, otherwise starts a node.
    ///
    /// # Errors
    /// Says what is missing on this machine, or which component failed and what it logged.
    pub fn up(name: &str, kubernetes: Kubernetes, progress: Progress) -> anyhow::Result<Self> {
        if let Some(existing) = Existing::named()? {
            return Ok(Self::Existing(existing));
        }
        let tools = NodeTools::prepare(kubernetes, progress)?;
        Node::up(name, &tools, progress).map(Self::Node)
    }

    /// kubectl for this cluster.
    pub const fn kubectl(&self) -> &Kubectl {
        match self {
            Self::Node(node) => node.kubectl(),
            Self::Existing(existing) => existing.kubectl(),
        }
    }

    /// Loads an image.
    ///
    /// # Errors
    /// When the cluster refuses it.
    pub fn load_image(&self, image: &Image) -> anyhow::Result<()> {
        match self {
            Self::Node(node) => node.load_image(image),
            Self::Existing(existing) => existing.load_image(image),
        }
    }
}

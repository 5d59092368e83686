//! The words that stand for what only a pod shows.

/// What all of them begin with.
pub(crate) const PREFIX: &str = "__INGRAFT_";

/// A word that stands for something of a pod. Each could stand in the name of a container, in a tag, and in an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// The name of the container.
    Container,
    /// The pod's namespace.
    Namespace,
    /// The version that the container's image names, or a label.
    Version,
    /// The name of the owner of this kind, if there is one; and so on.
    Deployment,
    ReplicaSet,
    StatefulSet,
    DaemonSet,
    Job,
    /// The name of the workload, or whatever comes nearest to it.
    Workload,
    /// All attributes, with commas between them.
    Attributes,
}

impl Word {
    /// All of them.
    pub(crate) const ALL: [Self; 10] = [
        Self::Container,
        Self::Namespace,
        Self::Version,
        Self::Deployment,
        Self::ReplicaSet,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Job,
        Self::Workload,
        Self::Attributes,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Container => "__INGRAFT_CONTAINER__",
            Self::Namespace => "__INGRAFT_NAMESPACE__",
            Self::Version => "__INGRAFT_VERSION__",
            Self::Deployment => "__INGRAFT_DEPLOYMENT__",
            Self::ReplicaSet => "__INGRAFT_REPLICASET__",
            Self::StatefulSet => "__INGRAFT_STATEFULSET__",
            Self::DaemonSet => "__INGRAFT_DAEMONSET__",
            Self::Job => "__INGRAFT_JOB__",
            Self::Workload => "__INGRAFT_WORKLOAD__",
            Self::Attributes => "__INGRAFT_ATTRIBUTES__",
        }
    }
}

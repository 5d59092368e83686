//! Who owns a pod, without asking the API server.

use std::fmt;

use serde_json::Value;

use crate::json::{label, list, string, string_at};
use crate::snapshot::Snapshot;

/// A kind of object that makes pods, or makes what makes pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnerKind {
    /// apps/v1 ReplicaSet.
    ReplicaSet,
    /// apps/v1 Deployment.
    Deployment,
    /// apps/v1 StatefulSet.
    StatefulSet,
    /// apps/v1 DaemonSet.
    DaemonSet,
    /// batch/v1 Job.
    Job,
    /// batch/v1 CronJob.
    CronJob,
    /// argoproj.io Rollout.
    Rollout,
}

impl OwnerKind {
    const ALL: [Self; 7] = [
        Self::ReplicaSet,
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Job,
        Self::CronJob,
        Self::Rollout,
    ];

    /// The kind as manifests write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReplicaSet => "ReplicaSet",
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
            Self::Rollout => "Rollout",
        }
    }

    /// The API version as manifests write it.
    pub const fn api_version(self) -> &'static str {
        match self {
            Self::Job | Self::CronJob => "batch/v1",
            Self::Rollout => "argoproj.io/v1alpha1",
            _ => "apps/v1",
        }
    }

    /// The kind by its name, in any case.
    ///
    /// ```
    /// use ingraft_core::OwnerKind;
    /// assert_eq!(OwnerKind::parse("replicaset"), Some(OwnerKind::ReplicaSet));
    /// ```
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(name))
    }

    /// The prefix of its resource attributes: `k8s.deployment`. A Rollout has none in the semantic conventions.
    pub const fn attribute(self) -> Option<&'static str> {
        match self {
            Self::ReplicaSet => Some("k8s.replicaset"),
            Self::Deployment => Some("k8s.deployment"),
            Self::StatefulSet => Some("k8s.statefulset"),
            Self::DaemonSet => Some("k8s.daemonset"),
            Self::Job => Some("k8s.job"),
            Self::CronJob => Some("k8s.cronjob"),
            Self::Rollout => None,
        }
    }
}

/// An object that owns a pod, directly or through another owner.
#[derive(Debug, Clone, PartialEq)]
pub struct Owner {
    /// Its kind.
    pub kind: OwnerKind,
    /// Its name.
    pub name: String,
    /// Its unique id, where known.
    pub uid: Option<String>,
}

/// What makes the pods that are counted together: the outermost owner whose kind is known, or a pod by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadRef {
    /// Its kind; `None` for a pod that nothing known makes.
    pub kind: Option<OwnerKind>,
    /// Its namespace.
    pub namespace: Box<str>,
    /// Its name.
    pub name: Box<str>,
}

impl WorkloadRef {
    /// What makes a pod in a namespace, whose owners are known.
    pub fn of(pod: &str, namespace: &str, owners: &[Owner]) -> Self {
        let (kind, name) = owners.last().map_or((None, pod), |owner| (Some(owner.kind), &owner.name));
        Self { kind, namespace: namespace.into(), name: name.into() }
    }

    /// What makes a pod. Kinds of others may have the name of one that is known, such as the StatefulSet of
    /// `apps.kruise.io`: nothing is known of these, so the pod stands for itself.
    pub fn of_pod(pod: &Value, namespace: &str, snapshot: &Snapshot) -> Self {
        let name = string_at(pod, "/metadata/name").unwrap_or_default();
        let group = |version: &str| version.split_once('/').map_or("", |(group, _)| group).to_owned();
        let is_of_others = |reference: &Value| {
            let kind = string(reference, "kind").and_then(OwnerKind::parse);
            let version = string(reference, "apiVersion");
            kind.zip(version).is_some_and(|(kind, version)| group(version) != group(kind.api_version()))
        };
        let references = pod.get("metadata").map_or(&[][..], |metadata| list(metadata, "ownerReferences"));
        let owners = owners(pod, namespace, snapshot);
        Self::of(name, namespace, if references.iter().any(is_of_others) { &[] } else { &owners })
    }

    /// The command that has its pods created anew; `None` where there is none.
    pub fn restart(&self) -> Option<String> {
        let Self { kind, namespace, name } = self;
        match kind {
            Some(OwnerKind::Deployment | OwnerKind::StatefulSet | OwnerKind::DaemonSet) => {
                Some(format!("kubectl rollout restart {} -n {namespace}", self.short()))
            }
            // https://argo-rollouts.readthedocs.io/en/stable/generated/kubectl-argo-rollouts/kubectl-argo-rollouts_restart/
            Some(OwnerKind::Rollout) => Some(format!("kubectl argo rollouts restart {name} -n {namespace}")),
            Some(OwnerKind::ReplicaSet | OwnerKind::Job | OwnerKind::CronJob) | None => None,
        }
    }

    /// As `kubectl` takes it within the namespace: `deployment/web`.
    pub fn short(&self) -> String {
        let kind = self.kind.map_or("pod", OwnerKind::as_str);
        format!("{}/{}", kind.to_ascii_lowercase(), self.name)
    }
}

/// As `kubectl` takes it: `deployment/web -n shop`.
impl fmt::Display for WorkloadRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -n {}", self.short(), self.namespace)
    }
}

/// The owners of a pod, each followed by its own owner.
///
/// The owner of a ReplicaSet or Job follows from its name, as the controllers build it. A CronJob counts only if the
/// snapshot knows it, because any Job's name may end with digits; of a Deployment, the snapshot only brings the uid:
/// <https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/controller/deployment/sync.go> (`<name>-<hash>`),
/// <https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/controller/cronjob/utils.go> (`<name>-<minutes>`).
pub fn owners(pod: &Value, namespace: &str, snapshot: &Snapshot) -> Vec<Owner> {
    let references = pod.get("metadata").map_or(&[][..], |metadata| list(metadata, "ownerReferences"));
    let mut owners = Vec::new();
    for reference in references {
        let (Some(kind), Some(name)) =
            (string(reference, "kind").and_then(OwnerKind::parse), string(reference, "name"))
        else {
            continue;
        };
        owners.push(Owner { kind, name: name.to_owned(), uid: string(reference, "uid").map(str::to_owned) });
        owners.extend(owner_of(kind, name, pod, namespace, snapshot));
    }
    owners
}

/// Whether the Deployment that a pod seems to belong to is known. Deployment, ReplicaSet and pod are made within
/// milliseconds: the pod may be asked about before the watch has told of the Deployment.
pub fn is_known(pod: &Value, namespace: &str, snapshot: &Snapshot) -> bool {
    let references = pod.get("metadata").map_or(&[][..], |metadata| list(metadata, "ownerReferences"));
    let hash = label(pod, "pod-template-hash");
    references.iter().filter(|reference| string(reference, "kind") == Some("ReplicaSet")).all(|reference| {
        let deployment = without_suffix(string(reference, "name").unwrap_or_default(), hash);
        deployment.is_none_or(|name| snapshot.deployments.get(namespace, name).is_some())
    })
}

fn owner_of(kind: OwnerKind, name: &str, pod: &Value, namespace: &str, snapshot: &Snapshot) -> Option<Owner> {
    match kind {
        OwnerKind::ReplicaSet => {
            let rollout_hash = label(pod, "rollouts-pod-template-hash");
            if !rollout_hash.is_empty() {
                let name = without_suffix(name, rollout_hash)?.to_owned();
                return Some(Owner { kind: OwnerKind::Rollout, name, uid: None });
            }
            let deployment = without_suffix(name, label(pod, "pod-template-hash"))?;
            let uid = snapshot.deployments.get(namespace, deployment).map(ToString::to_string);
            Some(Owner { kind: OwnerKind::Deployment, name: deployment.to_owned(), uid })
        }
        OwnerKind::Job => {
            let (cron_job, minutes) = name.rsplit_once('-')?;
            let scheduled = !minutes.is_empty() && minutes.bytes().all(|byte| byte.is_ascii_digit());
            let uid = snapshot.cron_jobs.get(namespace, cron_job).filter(|_| scheduled)?.to_string();
            Some(Owner { kind: OwnerKind::CronJob, name: cron_job.to_owned(), uid: Some(uid) })
        }
        _ => None,
    }
}

fn without_suffix<'a>(name: &'a str, suffix: &str) -> Option<&'a str> {
    name.strip_suffix(suffix)
        .filter(|_| !suffix.is_empty())?
        .strip_suffix('-')
        .filter(|rest| !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_name_of_a_deployment_does_not_depend_on_a_watch() {
        let pod = json!({"metadata": {
            "labels": {"pod-template-hash": "6f5c8"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "web-6f5c8", "uid": "r"}],
        }});
        let mut snapshot = Snapshot::default();
        let owner =
            |kind, name: &str, uid: Option<&str>| Owner { kind, name: name.into(), uid: uid.map(Into::into) };
        let set = owner(OwnerKind::ReplicaSet, "web-6f5c8", Some("r"));
        let unknown = owner(OwnerKind::Deployment, "web", None);
        assert_eq!(owners(&pod, "shop", &snapshot), [set.clone(), unknown]);
        snapshot.deployments.insert("shop".into(), "web".into(), "d".into());
        assert_eq!(owners(&pod, "shop", &snapshot), [set, owner(OwnerKind::Deployment, "web", Some("d"))]);
    }

    #[test]
    fn a_kind_of_others_is_not_taken_for_ours() {
        let pod = |version: &str| {
            json!({"metadata": {
                "name": "web-0", "ownerReferences": [{"apiVersion": version, "kind": "StatefulSet", "name": "web"}],
            }})
        };
        let of = |version: &str| WorkloadRef::of_pod(&pod(version), "shop", &Snapshot::default()).to_string();
        assert_eq!(of("apps/v1"), "statefulset/web -n shop");
        assert_eq!(of("apps.kruise.io/v1beta1"), "pod/web-0 -n shop");
    }

    #[test]
    fn a_review_waits_for_the_deployment_that_the_pod_speaks_of() {
        let pod = |hash: &str| {
            json!({"metadata": {
                "labels": {"pod-template-hash": hash},
                "ownerReferences": [{"kind": "ReplicaSet", "name": "web-6f5c8"}],
            }})
        };
        let mut snapshot = Snapshot::default();
        assert!(is_known(&json!({}), "shop", &snapshot));
        assert!(is_known(&pod("other"), "shop", &snapshot), "a ReplicaSet by itself");
        assert!(!is_known(&pod("6f5c8"), "shop", &snapshot));
        snapshot.deployments.insert("shop".into(), "web".into(), "u".into());
        assert!(is_known(&pod("6f5c8"), "shop", &snapshot));
    }
}

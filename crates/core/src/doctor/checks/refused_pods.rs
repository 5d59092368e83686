//! Pods of workloads that request injection, and that the API server refuses.

use serde_json::Value;

use crate::doctor::{Diagnosis, ObjectRef, Scene};
use crate::finding::ClusterFinding;
use crate::json::string;
use crate::owner::{OwnerKind, WorkloadRef};

/// So much is quoted of a message, in characters.
const LONGEST_QUOTE: usize = 300;

pub(super) fn check(scene: &Scene<'_>) -> Vec<Diagnosis> {
    let mut found = Vec::new();
    for event in scene.resources.of("Event") {
        // <https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/controller/controller_utils.go> (FailedCreatePodReason)
        if string(event, "reason") != Some("FailedCreate") {
            continue;
        }
        let message = string(event, "note").or_else(|| string(event, "message")).unwrap_or_default();
        if let Some(workload) = requesting(event, scene) {
            let message = message.chars().take(LONGEST_QUOTE).collect();
            let kind = workload.kind.map_or("Pod", OwnerKind::as_str);
            let place = ObjectRef::new(kind, &workload.namespace, &workload.name);
            found.push(Diagnosis::of(ClusterFinding::PodsRefused { message }, place));
        }
    }
    found
}

/// The workload that requests injection and that an Event is about, or about whose ReplicaSet or Job it is.
fn requesting<'a>(event: &Value, scene: &'a Scene<'_>) -> Option<&'a WorkloadRef> {
    let about = event.get("regarding").or_else(|| event.get("involvedObject"))?;
    let kind = string(about, "kind").and_then(OwnerKind::parse)?;
    let (namespace, name) = (string(about, "namespace")?, string(about, "name")?);
    // The hash or the time at the end.
    let parent = name.rsplit_once('-').map(|(parent, _)| parent);
    scene.resources.requesting().keys().find(|known| {
        let is_itself = known.kind == Some(kind) && *known.name == *name;
        let is_parent = matches!(
            (kind, known.kind),
            (OwnerKind::ReplicaSet, Some(OwnerKind::Deployment | OwnerKind::Rollout))
                | (OwnerKind::Job, Some(OwnerKind::CronJob))
        ) && Some(&*known.name) == parent;
        *known.namespace == *namespace && (is_itself || is_parent)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::checks::tests::Known;

    #[test]
    fn a_quota_that_refuses_pods_is_told_of_workloads_that_request_injection() {
        let event = |kind: &str, name: &str, reason: &str| {
            json!({
                "kind": "Event", "metadata": {"namespace": "shop", "name": format!("{name}.1")}, "reason": reason,
                "note": "pods \"web-1\" is forbidden: exceeded quota",
                "regarding": {"kind": kind, "namespace": "shop", "name": name},
            })
        };
        for (kind, name, reason, told) in [
            ("ReplicaSet", "web-5d4f", "FailedCreate", &["PodsRefused deployment/web -n shop"][..]),
            ("ReplicaSet", "other-5d4f", "FailedCreate", &[]),
            ("ReplicaSet", "web-5d4f", "SuccessfulCreate", &[]),
            ("StatefulSet", "web", "FailedCreate", &[]),
        ] {
            let mut known = Known::of([event(kind, name, reason)]);
            let kind = Some(OwnerKind::Deployment);
            let workload = WorkloadRef { kind, namespace: "shop".into(), name: "web".into() };
            known.resources.add_requesting(workload, &Value::Null, Vec::new());
            assert_eq!(known.said(check), told, "{name} {reason}");
        }
    }
}

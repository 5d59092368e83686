//! Injected pods that do not run.

use crate::doctor::{Diagnosis, ObjectRef, Scene};
use crate::finding::ClusterFinding;
use crate::owner::OwnerKind;
use crate::probe_report::is_payload;

pub(super) fn check(scene: &Scene<'_>) -> Vec<Diagnosis> {
    let mut found = Vec::new();
    for (workload, pods) in scene.pods {
        // What brings the agent is told elsewhere.
        let crash = pods
            .iter()
            .filter(|pod| pod.fails_injected())
            .find_map(|pod| pod.crash.as_deref().filter(|crash| !is_payload(&crash.container)));
        if let Some(crash) = crash {
            let (container, why) = (crash.container.to_string(), crash.why.to_string());
            let reason = ClusterFinding::InjectedPodFails { container, cause: crash.cause, why };
            let kind = workload.kind.map_or("Pod", OwnerKind::as_str);
            found.push(Diagnosis::of(reason, ObjectRef::new(kind, &workload.namespace, &workload.name)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::checks::tests::Known;
    use crate::owner::WorkloadRef;
    use crate::standing::RunningPod;
    use crate::standing::samples::injected;

    #[test]
    fn injected_pods_that_crash_are_told() {
        let entry = injected("h1", "shop/base", "java:1").to_string();
        let pod = |state: serde_json::Value| {
            json!({
                "metadata": {"annotations": {"ingraft.dev/injected": entry}},
                "spec": {"containers": [{"name": "app"}]},
                "status": {"containerStatuses": [{"name": "app", "restartCount": 5, "state": state}]},
            })
        };
        let workload =
            WorkloadRef { kind: Some(OwnerKind::Deployment), namespace: "shop".into(), name: "web".into() };
        for (state, told) in [
            (
                json!({"waiting": {"reason": "CrashLoopBackOff"}}),
                &["InjectedPodFails deployment/web -n shop"][..],
            ),
            (json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}}), &[]),
        ] {
            let mut pod = pod(state);
            if told.is_empty() {
                pod["status"]["containerStatuses"][0]["restartCount"] = 0.into();
            }
            let mut known = Known::default();
            known.pods.insert(workload.clone(), vec![RunningPod::of(&pod).unwrap()]);
            assert_eq!(known.said(check), told);
        }
    }
}

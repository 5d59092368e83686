//! What the operator has found out by trying, and written into the status of Instrumentations.

use crate::doctor::{Diagnosis, ObjectRef, Scene};
use crate::finding::{AdmissionFinding, BrokenLink, ReachabilityFinding, Step};
use crate::instrumentation_status::earlier;

pub(super) fn check(scene: &Scene<'_>) -> Vec<Diagnosis> {
    let mut found = Vec::new();
    for instrumentation in scene.snapshot.instrumentations.iter() {
        let failed =
            |name: &str| earlier(instrumentation, name).filter(|condition| condition.status == "False");
        // The same for all of them.
        if let Some(condition) = failed("AdmissionPathHealthy").filter(|_| found.is_empty()) {
            let said = condition.message.clone();
            let reason = AdmissionFinding::AdmissionPathBroken { link: BrokenLink::Other, said };
            let place = ObjectRef::new("MutatingWebhookConfiguration", "", super::registration::NAME);
            found.push(Diagnosis::of(reason, place));
        }
        if let Some(condition) = failed("EndpointReachable") {
            let endpoint =
                instrumentation.spec.exporter.as_ref().and_then(|exporter| exporter.endpoint.clone());
            let step = Step::parse(&condition.reason);
            let reason =
                ReachabilityFinding::EndpointUnreachable { endpoint: endpoint.unwrap_or_default(), step };
            let metadata = &instrumentation.metadata;
            let place = ObjectRef::new(
                "Instrumentation",
                metadata.namespace.as_deref().unwrap_or_default(),
                metadata.name.as_deref().unwrap_or_default(),
            );
            found.push(Diagnosis::at(reason, place, "/spec/exporter/endpoint"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::checks::tests::Known;

    #[test]
    fn what_the_operator_has_tried_is_told() {
        let condition = |name: &str, status: &str, reason: &str| json!({"type": name, "status": status, "reason": reason, "message": "m", "lastTransitionTime": "2026-01-01T00:00:00Z"});
        let instrumentation = |name: &str, healthy: &str, reachable: &str| {
            serde_json::from_value(json!({
                "metadata": {"namespace": "shop", "name": name},
                "spec": {"exporter": {"endpoint": "http://c.obs:4318"}},
                "status": {"conditions": [
                    condition("AdmissionPathHealthy", healthy, "TimedOut"),
                    condition("EndpointReachable", reachable, "Refused"),
                ]},
            }))
            .unwrap()
        };
        let mut known = Known::default();
        for (name, healthy, reachable) in
            [("a", "False", "True"), ("b", "False", "False"), ("c", "True", "Unknown")]
        {
            let object = instrumentation(name, healthy, reachable);
            known.snapshot.instrumentations.insert("shop".into(), name.into(), object);
        }
        let told = [
            "AdmissionPathBroken mutatingwebhookconfiguration/zz-ingraft-operator",
            "EndpointUnreachable instrumentation/b -n shop",
        ];
        assert_eq!(known.said(check), told);
    }
}

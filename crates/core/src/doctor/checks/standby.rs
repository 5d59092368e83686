//! Whether the API server injects by itself.

use serde_json::Value;

use super::object;
use crate::doctor::{Diagnosis, Scene};
use crate::finding::ClusterFinding;

pub(super) fn check(scene: &Scene<'_>) -> Vec<Diagnosis> {
    let is_bound = scene.resources.get("MutatingAdmissionPolicyBinding", "", "ingraft-standby").is_some();
    let plans = scene.resources.of("Plan").filter(|_| is_bound);
    plans
        .map(|plan| {
            let is_paused = plan.pointer("/spec/paused").and_then(Value::as_bool) == Some(true);
            let reason = if is_paused { ClusterFinding::StandbyPaused } else { ClusterFinding::StandbyOn };
            Diagnosis::of(reason, object(plan))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::checks::tests::Known;

    #[test]
    fn a_paused_plan_is_told() {
        let binding =
            json!({"kind": "MutatingAdmissionPolicyBinding", "metadata": {"name": "ingraft-standby"}});
        let plan = |paused: bool| json!({"kind": "Plan", "metadata": {"name": "ingraft"}, "spec": {"paused": paused}});
        assert_eq!(Known::of([plan(false)]).said(check), [""; 0], "nothing reads it");
        assert_eq!(Known::of([plan(false), binding.clone()]).said(check), ["StandbyOn plan/ingraft"]);
        assert_eq!(Known::of([plan(true), binding]).said(check), ["StandbyPaused plan/ingraft"]);
    }
}

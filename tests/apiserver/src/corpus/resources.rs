//! What containers and pod may use.

use serde_json::{Value, json};

use super::Change;

fn resources(pod: &mut Value, resources: &Value) {
    for container in pod["spec"]["containers"].as_array_mut().unwrap() {
        container["resources"] = resources.clone();
    }
}

/// What containers and pod may use.
pub(crate) const RESOURCES: &[Change] = &[
    ("Guaranteed", |pod| {
        resources(
            pod,
            &json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}}),
        );
    }),
    ("Guaranteed by limits, and small", |pod| {
        resources(pod, &json!({"limits": {"cpu": "10m", "memory": "7Mi"}}));
    }),
    ("Guaranteed by numbers", |pod| {
        resources(pod, &json!({"limits": {"cpu": 1, "memory": 134_217_728}, "requests": {"cpu": "1000m"}}));
    }),
    ("Guaranteed, odd notations", |pod| {
        resources(
            pod,
            &json!({"limits": {"cpu": "0.5", "memory": "1e8"}, "requests": {"cpu": "500m", "memory": "100M"}}),
        );
    }),
    ("Guaranteed with more", |pod| {
        let more = json!({"cpu": "1", "memory": "64Mi", "ephemeral-storage": "1Gi", "hugepages-2Mi": "4Mi", "nvidia.com/gpu": "1"});
        resources(pod, &json!({"limits": more, "requests": more}));
    }),
    ("Burstable", |pod| {
        resources(pod, &json!({"limits": {"memory": "32Mi"}, "requests": {"cpu": "1m", "memory": "8Mi"}}));
    }),
    ("requests only", |pod| resources(pod, &json!({"requests": {"cpu": "4", "memory": "8Gi"}}))),
    ("zero", |pod| resources(pod, &json!({"limits": {"cpu": "0", "memory": "0"}}))),
    ("of the pod", |pod| {
        pod["spec"]["resources"] =
            json!({"limits": {"cpu": "100m", "memory": "64Mi"}, "requests": {"cpu": "50m"}});
    }),
    ("of the pod, Guaranteed", |pod| {
        let same = json!({"cpu": "100m", "memory": "64Mi"});
        pod["spec"]["resources"] = json!({"limits": same, "requests": same});
        pod["spec"]["containers"][0]["resources"] = json!({"limits": {"cpu": "90m", "memory": "50Mi"}});
    }),
    ("claims and a policy for resizing", |pod| {
        pod["spec"]["resourceClaims"] = json!([{"name": "gpu", "resourceClaimName": "gpu"}]);
        pod["spec"]["containers"][0]["resources"] = json!({"claims": [{"name": "gpu"}]});
        pod["spec"]["containers"][0]["resizePolicy"] =
            json!([{"resourceName": "cpu", "restartPolicy": "NotRequired"}]);
    }),
];

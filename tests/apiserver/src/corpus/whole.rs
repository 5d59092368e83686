//! The pod as a whole.

use serde_json::json;

use super::{Change, annotate};

/// The pod as a whole.
pub(crate) const WHOLE: &[Change] = &[
    ("the network of the host", |pod| {
        pod["spec"]["hostNetwork"] = true.into();
        pod["spec"]["containers"][0]["ports"] = json!([{"containerPort": 4318, "hostPort": 4318}]);
    }),
    ("processes of the host", |pod| {
        pod["spec"]["hostPID"] = true.into();
        pod["spec"]["hostIPC"] = true.into();
    }),
    ("processes apart", |pod| pod["spec"]["shareProcessNamespace"] = false.into()),
    ("shared processes", |pod| pod["spec"]["shareProcessNamespace"] = true.into()),
    ("never restarted", |pod| {
        pod["spec"]["restartPolicy"] = "Never".into();
        pod["spec"]["activeDeadlineSeconds"] = 60.into();
    }),
    ("restarted on failure", |pod| pod["spec"]["restartPolicy"] = "OnFailure".into()),
    ("rules of restart", |pod| {
        pod["spec"]["containers"][0]["restartPolicy"] = "Never".into();
        let rules = json!([{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]);
        pod["spec"]["containers"][0]["restartPolicyRules"] = rules;
    }),
    ("for Linux", |pod| pod["spec"]["os"] = json!({"name": "linux"})),
    ("for Windows", |pod| {
        pod["spec"] = json!({
            "os": {"name": "windows"},
            "containers": [{"name": "app", "image": "example.com/app:1"}],
            "securityContext": {"windowsOptions": {"runAsUserName": "NT AUTHORITY\\Local service"}, "runAsNonRoot": true},
        });
    }),
    ("gates", |pod| {
        pod["spec"]["schedulingGates"] = json!([{"name": "example.com/wait"}]);
        pod["spec"]["readinessGates"] = json!([{"conditionType": "example.com/ready"}]);
    }),
    ("on a node", |pod| pod["spec"]["nodeName"] = "node-1".into()),
    ("own names and addresses", |pod| {
        pod["spec"]["dnsPolicy"] = "None".into();
        pod["spec"]["dnsConfig"] = json!({"nameservers": ["192.0.2.1"]});
        pod["spec"]["hostname"] = "web".into();
        pod["spec"]["subdomain"] = "shop".into();
        pod["spec"]["hostAliases"] = json!([{"ip": "192.0.2.1", "hostnames": ["a.test"]}]);
    }),
    ("without a token", |pod| {
        pod["spec"]["automountServiceAccountToken"] = false.into();
        pod["spec"]["enableServiceLinks"] = false.into();
    }),
    ("without a name", |pod| {
        pod["metadata"].as_object_mut().unwrap().remove("name");
        pod["metadata"]["generateName"] = "web-".into();
    }),
    ("of a ReplicaSet", |pod| {
        pod["metadata"]["labels"]["pod-template-hash"] = "5d9f".into();
        pod["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d9f",
            "uid": "00000000-0000-0000-0000-000000000001", "controller": true}]);
    }),
    ("attributes in annotations", |pod| {
        annotate(pod, "resource.opentelemetry.io/team", "año, \"x\"=;\\");
        annotate(pod, "resource.opentelemetry.io/service.name", "$(POD) $$");
    }),
    ("claims to be injected", |pod| {
        annotate(pod, "ingraft.dev/injected", "[}");
        annotate(pod, "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes", ",a,");
    }),
    ("almost too many annotations", |pod| annotate(pod, "example.com/large", &"x".repeat(261_000))),
];

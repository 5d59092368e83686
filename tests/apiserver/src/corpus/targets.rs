//! Which containers there are, and which are targets.

use serde_json::{Value, json};

use super::{Change, add, annotate};

const LISTED: &str = "instrumentation.opentelemetry.io/container-names";

/// Names of the init containers that we add.
const OURS: [&str; 8] = [
    "opentelemetry-auto-instrumentation-python",
    "opentelemetry-auto-instrumentation-java",
    "opentelemetry-auto-instrumentation-extension-0",
    "opentelemetry-auto-instrumentation-nodejs",
    "opentelemetry-auto-instrumentation-dotnet",
    "otel-agent-attach-apache",
    "otel-agent-source-container-clone",
    "otel-agent-attach-nginx",
];

fn init(pod: &mut Value, name: &str, restart_policy: Value) {
    let mut container = json!({"name": name, "image": "example.com/init:1"});
    if let Some(context) = pod["spec"]["containers"][0].get("securityContext") {
        container["securityContext"] = context.clone();
    }
    if !restart_policy.is_null() {
        container["restartPolicy"] = restart_policy;
    }
    add(&mut pod["spec"]["initContainers"], json!([container]));
}

/// Which containers there are, and which are targets.
pub(crate) const TARGETS: &[Change] = &[
    ("an init container", |pod| {
        init(pod, "before", json!(null));
        init(pod, "setup", json!(null));
        annotate(pod, LISTED, "setup");
    }),
    ("a native sidecar", |pod| {
        init(pod, "setup", json!(null));
        init(pod, "sidecar", json!("Always"));
        annotate(pod, LISTED, "sidecar");
    }),
    ("all", |pod| {
        init(pod, "setup", json!(null));
        init(pod, "sidecar", json!("Always"));
        annotate(pod, LISTED, " helper, sidecar ,setup,app,nobody,app");
    }),
    ("our names, as init containers", |pod| {
        for name in OURS {
            init(pod, name, json!(null));
        }
    }),
    ("our name, as a container", |pod| pod["spec"]["containers"][1]["name"] = OURS[0].into()),
    ("another of our names, as a container", |pod| pod["spec"]["containers"][1]["name"] = OURS[6].into()),
    ("the name of a sidecar, as a container", |pod| {
        pod["spec"]["containers"][1]["name"] = "opentelemetry-auto-instrumentation".into();
    }),
    ("a mesh proxy first", |pod| {
        pod["spec"]["containers"][0]["name"] = "istio-proxy".into();
    }),
    ("two ports and probes", |pod| {
        let container = &mut pod["spec"]["containers"][0];
        container["ports"] =
            json!([{"containerPort": 80, "name": "http"}, {"containerPort": 80, "protocol": "UDP"}]);
        container["livenessProbe"] = json!({"httpGet": {"port": "http"}});
        container["startupProbe"] = json!({"exec": {"command": ["true"]}});
        container["lifecycle"] = json!({"preStop": {"sleep": {"seconds": 5}}});
    }),
];

//! The variables that are there already.

use serde_json::{Value, json};

use super::{Change, add, env, volume};

/// The variables that are joined with ours.
const JOINED: [&str; 7] = [
    "DOTNET_ADDITIONAL_DEPS",
    "DOTNET_SHARED_STORE",
    "DOTNET_STARTUP_HOOKS",
    "JAVA_TOOL_OPTIONS",
    "LD_LIBRARY_PATH",
    "NODE_OPTIONS",
    "PYTHONPATH",
];

/// Adds an entry for each of them.
fn joined(pod: &mut Value, entry: impl Fn(&str) -> Value) {
    env(pod, JOINED.iter().map(|name| entry(name)).collect());
}

fn from_config_map(name: &str) -> Value {
    json!({"name": name, "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}})
}

fn from_secret(name: &str) -> Value {
    json!({"name": name, "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}})
}

pub(crate) const ENVIRONMENT: &[Change] = &[
    ("joined variables", |pod| joined(pod, |name| json!({"name": name, "value": "/app/lib"}))),
    ("joined variables, empty", |pod| joined(pod, |name| json!({"name": name}))),
    ("joined variables from a ConfigMap", |pod| joined(pod, from_config_map)),
    ("joined variables from an optional Secret", |pod| {
        let source = json!({"secretKeyRef": {"name": "s", "key": "k", "optional": true}});
        joined(pod, |name| json!({"name": name, "valueFrom": source}));
    }),
    ("joined variables from a file", |pod| {
        volume(pod, &json!({"name": "files", "emptyDir": {}}), "/files");
        let source =
            |name: &str| json!({"volumeName": "files", "path": "env", "key": name, "optional": true});
        joined(pod, |name| json!({"name": name, "valueFrom": {"fileKeyRef": source(name)}}));
    }),
    ("joined variables from a ConfigMap, and the names for them taken", |pod| {
        joined(pod, |name| json!({"name": format!("OTEL_ORIG_{name}"), "value": "x"}));
        joined(pod, from_config_map);
    }),
    ("joined variables twice, the second from a Secret", |pod| {
        joined(pod, |name| json!({"name": name, "value": "/a"}));
        joined(pod, from_secret);
    }),
    ("joined variables twice, the first from a Secret", |pod| {
        joined(pod, from_secret);
        joined(pod, |name| json!({"name": name, "value": "/a"}));
    }),
    ("variables that are kept", |pod| {
        let names = [
            "APACHE_SERVICE_INSTANCE_ID",
            "CORECLR_PROFILER",
            "OTEL_APACHE_AGENT_CONF",
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "OTEL_GO_AUTO_TARGET_EXE",
            "OTEL_METRICS_EXPORTER",
        ];
        env(pod, names.iter().map(|name| json!({"name": name, "value": "$(A)"})).collect());
    }),
    ("another installation of .NET's agent", |pod| {
        env(pod, json!([{"name": "OTEL_DOTNET_AUTO_HOME", "value": "/opt/otel"}]));
    }),
    ("attributes", |pod| env(pod, json!([{"name": "OTEL_RESOURCE_ATTRIBUTES", "value": "team=a,"}]))),
    ("attributes from a ConfigMap", |pod| {
        let source = json!({"configMapKeyRef": {"name": "c", "key": "k"}});
        env(pod, json!([{"name": "OTEL_RESOURCE_ATTRIBUTES", "valueFrom": source}]));
    }),
    ("attributes from a field, used by another", |pod| {
        env(
            pod,
            json!([
                {"name": "OTEL_RESOURCE_ATTRIBUTES", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
                {"name": "COPY", "value": "$(OTEL_RESOURCE_ATTRIBUTES)"},
            ]),
        );
    }),
    ("addresses from elsewhere", |pod| {
        env(
            pod,
            json!([
                {"name": "OTEL_POD_IP", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
                {"name": "OTEL_NODE_IP"},
                {"name": "OTEL_RESOURCE_ATTRIBUTES_POD_NAME", "value": "x"},
            ]),
        );
    }),
    ("envFrom", |pod| {
        let sources = json!([{"configMapRef": {"name": "c", "optional": true}}, {"prefix": "P_", "secretRef": {"name": "s"}}]);
        add(&mut pod["spec"]["containers"][0]["envFrom"], sources);
    }),
    ("odd names", |pod| {
        env(pod, json!([{"name": "my.var-1"}, {"name": "with space", "value": "$(MY) $$(X)"}]));
    }),
];

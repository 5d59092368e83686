//! Pods that the API server would accept.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::{asking, env, flag, one_of, some_of, value};

/// Names that volumes have, some of them ours.
const VOLUMES: [&str; 8] = [
    "data",
    "kernel-debug",
    "opentelemetry-auto-instrumentation-java",
    "opentelemetry-auto-instrumentation-python",
    "otel-apache-agent",
    "otel-apache-conf-dir",
    "otel-auto-secret-mtls",
    "otel-nginx-conf-dir",
];

/// Where containers mount something, some of them where we do.
const PATHS: [&str; 15] = [
    "/data",
    "/etc/nginx",
    "/etc/nginx-cache",
    "/etc/nginx/conf.d/",
    "/etc/nginx/nginx.conf",
    "/opt/opentelemetry-webserver/agent",
    "/opt/opentelemetry-webserver/source-conf",
    "/otel-auto-instrumentation-java-app",
    "/otel-auto-instrumentation-nodejs",
    "/otel-auto-instrumentation-python",
    "/otel-auto-instrumentation-secret-mtls",
    "/srv/",
    "/srv/etc/nginx",
    "/usr/local/apache2/conf",
    "/usr/local/apache2/conf/extra",
];

/// Containers and init containers, some with names of ours.
const CONTAINERS: [&str; 4] = ["app", "worker", "istio-proxy", "opentelemetry-auto-instrumentation"];
const INIT_CONTAINERS: [&str; 6] = [
    "fetch",
    "setup",
    "opentelemetry-auto-instrumentation-extension-0",
    "opentelemetry-auto-instrumentation-python",
    "otel-agent-attach-apache",
    "otel-agent-source-container-clone",
];

/// A container of that name, which mounts some of the pod's volumes.
fn container(name: &'static str, volumes: &[&'static str]) -> BoxedStrategy<Value> {
    let mounts = if volumes.is_empty() {
        Just(json!([])).boxed()
    } else {
        let mount = |path: &'static str, volumes: Vec<&'static str>| {
            select(volumes).prop_map(move |volume| json!({"name": volume, "mountPath": path}))
        };
        let volumes = volumes.to_vec();
        subsequence(PATHS.to_vec(), 0..=4)
            .prop_flat_map(move |paths| {
                paths.into_iter().map(|path| mount(path, volumes.clone())).collect::<Vec<_>>()
            })
            .prop_map(Value::Array)
            .boxed()
    };
    let quantities = one_of(&["10m", "100m", "1", "64Mi"]).boxed();
    let resources = || some_of(vec![("cpu", 0.7, quantities.clone()), ("memory", 0.7, quantities.clone())]);
    let context = some_of(vec![
        ("runAsNonRoot", 0.5, flag()),
        ("allowPrivilegeEscalation", 0.5, flag()),
        ("runAsUser", 0.3, Just(json!(1000)).boxed()),
        ("somethingNew", 0.1, Just(json!({"a": 1})).boxed()),
    ]);
    let images = one_of(&["app:1", "app", "r.example.com:5000/a/b:2", "A/B:1", "app@x", "node:22-slim"]);
    let commands = select(vec![json!(["node", "server.mjs"]), json!(["sh", "-c", "exec a"])]).boxed();
    some_of(vec![
        ("name", 1.0, Just(json!(name)).boxed()),
        ("image", 0.9, images.boxed()),
        ("imagePullPolicy", 0.2, Just(json!("Always")).boxed()),
        ("command", 0.2, commands),
        ("args", 0.3, Just(json!(["--a", "$(A)"])).boxed()),
        ("env", 0.7, env().boxed()),
        (
            "envFrom",
            0.1,
            one_of(&["c", "s"]).prop_map(|name| json!([{"configMapRef": {"name": name}}])).boxed(),
        ),
        ("volumeMounts", 0.6, mounts),
        ("resources", 0.3, some_of(vec![("limits", 0.7, resources()), ("requests", 0.7, resources())])),
        ("securityContext", 0.3, context),
        ("somethingNew", 0.1, Just(json!([{"a": null}])).boxed()),
    ])
}

fn owners() -> impl Strategy<Value = Value> {
    let kind = one_of(&["ReplicaSet", "StatefulSet", "daemonset", "Job", "Rocket"]);
    let owner = (kind, one_of(&["web-6f5c8", "web-29000000", "web", ""]))
        .prop_map(|(kind, name)| json!({"kind": kind, "name": name, "uid": "u-1", "apiVersion": "v1"}));
    vec(owner, 0..3).prop_map(Value::Array)
}

fn metadata() -> BoxedStrategy<Value> {
    let annotations = (asking(0.6), vec((value(), value()), 0..3)).prop_map(|(mut asking, resource)| {
        for (key, value) in resource {
            asking.insert(format!("resource.opentelemetry.io/{key}"), value.into());
        }
        Value::Object(asking)
    });
    let labels = some_of(vec![
        ("pod-template-hash", 0.5, one_of(&["6f5c8", ""]).boxed()),
        ("rollouts-pod-template-hash", 0.1, Just(json!("6f5c8")).boxed()),
        ("app.kubernetes.io/name", 0.3, Just(json!("web")).boxed()),
    ]);
    some_of(vec![
        ("name", 0.7, one_of(&["web-6f5c8-abcde", "web"]).boxed()),
        ("uid", 0.1, Just(json!("u-2")).boxed()),
        ("annotations", 0.97, annotations.boxed()),
        ("labels", 0.6, labels),
        ("ownerReferences", 0.6, owners().boxed()),
        ("somethingNew", 0.1, Just(json!(1)).boxed()),
    ])
}

fn volumes(names: &[&'static str]) -> BoxedStrategy<Value> {
    let kind = || {
        select(vec![
            json!({"emptyDir": {}}),
            json!({"emptyDir": {}}),
            json!({"secret": {"secretName": "s"}}),
            json!({"hostPath": {"path": "/sys/kernel/debug"}}),
        ])
    };
    let volume = |name: &'static str| {
        kind().prop_map(move |mut volume| {
            volume["name"] = name.into();
            volume
        })
    };
    names.iter().map(|name| volume(name)).collect::<Vec<_>>().prop_map(Value::Array).boxed()
}

/// A pod that the API server would accept.
pub(super) fn pod() -> impl Strategy<Value = Value> {
    let spec = subsequence(VOLUMES.to_vec(), 0..=3).prop_flat_map(|names| {
        let containers = |all: &[&'static str], least: usize| {
            let names = names.clone();
            // Names of ours are rare.
            let first = subsequence(all.get(..2).unwrap().to_vec(), least..=2);
            let other = subsequence(all.get(2..).unwrap().to_vec(), 0..=1);
            let other = prop_oneof![4 => Just(Vec::new()), 1 => other];
            (first, other)
                .prop_flat_map(move |(first, other)| {
                    let chosen = first.into_iter().chain(other);
                    chosen.map(|name| container(name, &names)).collect::<Vec<_>>()
                })
                .prop_map(Value::Array)
                .boxed()
        };
        some_of(vec![
            ("volumes", if names.is_empty() { 0.3 } else { 1.0 }, volumes(&names)),
            ("initContainers", 0.5, containers(&INIT_CONTAINERS, 0)),
            ("containers", 1.0, containers(&CONTAINERS, 1)),
            ("securityContext", 0.2, Just(json!({"runAsNonRoot": true})).boxed()),
            ("nodeName", 0.1, Just(json!("node-1")).boxed()),
            ("restartPolicy", 0.3, one_of(&["Never", "OnFailure", "Always"]).boxed()),
            ("shareProcessNamespace", 0.2, flag()),
            ("hostPID", 0.1, flag()),
            ("somethingNew", 0.1, Just(json!({"containers": []})).boxed()),
        ])
    });
    (metadata(), spec).prop_map(
        |(metadata, spec)| json!({"kind": "Pod", "metadata": metadata, "spec": spec, "somethingNew": true}),
    )
}

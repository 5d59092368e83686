//! The time of one decision, and of a plan. The budget for a typical pod is 40 µs (docs/reference/principles.md 10).

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use criterion::{Criterion, criterion_group, criterion_main};
use ingraft_core::{
    ImageFacts, Namespace, Node, NodeClass, Request, Settings, Snapshot, inject, owner, standby,
};
use ingraft_probe_contract::Libc;
use serde_json::{Value, json};
use std::hint::black_box;

/// A pod as a Deployment's ReplicaSet sends it: 6.6 kB, most of it what API server and controllers add.
fn typical_pod(variables: usize) -> Value {
    let env = |index: usize| json!({"name": format!("SETTING_{index}"), "value": format!("value-{index}")});
    let container = |name: &str| {
        json!({
            "name": name, "image": format!("registry.example.com:5000/shop/{name}:1.4.2"),
            "env": (0..variables).map(env).collect::<Vec<_>>(),
            "ports": [{"containerPort": 8080, "name": "http", "protocol": "TCP"}],
            "resources": {"limits": {"cpu": "1", "memory": "512Mi"}, "requests": {"cpu": "100m", "memory": "256Mi"}},
            "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "kube-api-access", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true}],
            "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 10, "failureThreshold": 3},
            "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 10, "failureThreshold": 3},
            "imagePullPolicy": "IfNotPresent", "terminationMessagePath": "/dev/termination-log",
        })
    };
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "generateName": "checkout-6f5c8d9b7-", "namespace": "shop",
            "labels": {"app": "checkout", "pod-template-hash": "6f5c8d9b7"},
            "annotations": {"instrumentation.opentelemetry.io/inject-python": "true"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "checkout-6f5c8d9b7", "uid": "9bb9c600-5842-41e1-a2e1-e6df97fc3e22", "controller": true}],
            "managedFields": [{"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:metadata": {"f:generateName": {}, "f:labels": {".": {}, "f:app": {}}}, "f:spec": {"f:containers": {"k:{\"name\":\"api\"}": {".": {}, "f:image": {}, "f:env": {}}}}}}],
        },
        "spec": {
            "containers": [container("api"), container("metrics")],
            "volumes": [{"name": "data", "emptyDir": {}}, {"name": "kube-api-access", "projected": {"defaultMode": 420, "sources": []}}],
            "restartPolicy": "Always", "serviceAccountName": "default", "schedulerName": "default-scheduler",
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}],
        },
    })
}

fn snapshot() -> Snapshot {
    let mut snapshot = Snapshot::default();
    snapshot.namespaces.insert(String::new(), "shop".into(), Namespace::default());
    snapshot.deployments.insert(
        "shop".into(),
        "checkout".into(),
        "08ff36f0-05fc-4dfe-aa90-783445f2c5d8".into(),
    );
    let instrumentation = json!({
        "metadata": {"name": "base", "namespace": "shop"},
        "spec": {
            "exporter": {"endpoint": "http://gateway.obs:4318"},
            "propagators": ["tracecontext", "baggage"],
            "sampler": {"type": "parentbased_traceidratio", "argument": "0.5"},
            "resource": {"resourceAttributes": {"deployment.environment": "prod"}},
            "env": [{"name": "TEAM", "value": "payments"}],
        },
    });
    let instrumentation = serde_json::from_value(instrumentation).unwrap_or_default();
    snapshot.instrumentations.insert("shop".into(), "base".into(), instrumentation);
    snapshot
}

fn decide(pod: &Value, snapshot: &Snapshot, settings: &Settings) -> usize {
    let owners = owner::owners(pod, "shop", snapshot);
    let outcome = inject(&Request { pod, namespace: "shop", owners: &owners, snapshot, settings });
    outcome.edits.len()
}

fn benchmarks(criterion: &mut Criterion) {
    let (snapshot, settings) = (snapshot(), Settings::default());
    for (name, variables) in [("typical pod", 8), ("pod with 2,000 variables", 1000)] {
        let pod = typical_pod(variables);
        criterion.bench_function(&format!("inject/{name}"), |bencher| {
            bencher.iter(|| decide(black_box(&pod), &snapshot, &settings));
        });
    }
    // The first pod of an image, where probes are possible.
    let (mut with_node, mut with_probes) = (snapshot.clone(), settings.clone());
    let class = NodeClass { kubelet: "v1.35.4".into(), architecture: "amd64".into(), ..NodeClass::default() };
    with_node.proofs.prove(&class, 1);
    with_node.nodes.insert(String::new(), "node".into(), Node { class, ..Node::default() });
    "example.com/ingraft:1".clone_into(&mut with_probes.probe_image);
    let pod = typical_pod(8);
    criterion.bench_function("inject/pod with a probe", |bencher| {
        bencher.iter(|| decide(black_box(&pod), &with_node, &with_probes));
    });
    // The next ones.
    let sets = ["OTEL_NODE_IP", "OTEL_POD_IP", "OTEL_RESOURCE_ATTRIBUTES_POD_NAME"].map(str::to_owned).into();
    let facts = ImageFacts { sets, libc: Some(Libc::Glibc), ..ImageFacts::default() };
    let image = "registry.example.com:5000/shop/api:1.4.2";
    with_node.facts.learn("shop", image, "sha256:a", "amd64", facts);
    criterion.bench_function("inject/pod of a known image", |bencher| {
        bencher.iter(|| decide(black_box(&pod), &with_node, &with_probes));
    });
    let mut silent = typical_pod(8);
    if let Some(metadata) = silent.pointer_mut("/metadata").and_then(Value::as_object_mut) {
        metadata.remove("annotations");
    }
    criterion.bench_function("inject/pod that did not ask", |bencher| {
        bencher.iter(|| decide(black_box(&silent), &snapshot, &settings));
    });
}

/// Instrumentations of which no two have the same variables.
fn different(count: usize) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for number in 0..count {
        let instrumentation = json!({
            "metadata": {"name": format!("base-{number}"), "namespace": "shop"},
            "spec": {
                "exporter": {"endpoint": format!("http://gateway-{number}.obs:4318")},
                "resource": {"resourceAttributes": {"team": format!("team-{number}")}},
                "propagators": ["tracecontext", "baggage"],
                "sampler": {"type": "parentbased_traceidratio", "argument": "0.25"},
            },
        });
        let instrumentation = serde_json::from_value(instrumentation).unwrap_or_default();
        snapshot.instrumentations.insert("shop".into(), format!("base-{number}"), instrumentation);
    }
    snapshot
}

fn plans(criterion: &mut Criterion) {
    let settings = Settings::default();
    let snapshot = different(200);
    criterion.bench_function("plan/200 Instrumentations", |bencher| {
        bencher.iter(|| standby::compile(black_box(&snapshot), &settings, "token").0.instrumentations.len());
    });
}

criterion_group!(inject_benches, benchmarks, plans);
criterion_main!(inject_benches);

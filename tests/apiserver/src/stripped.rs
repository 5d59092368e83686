//! A webhook of others that does not know `fileKeyRef`, and returns pods without it.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::cluster::{Cluster, INJECT_PYTHON, exclusive, instrumentation, is_injected, names, pod};
use crate::server::serve;
use crate::wait::until;

/// The webhook, for as long as the test runs.
struct Strips {
    address: SocketAddr,
    certificate: String,
    _runtime: tokio::runtime::Runtime,
}

impl Strips {
    fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let router = Router::new().fallback(strip);
        let (address, certificate) = serve(&runtime, time::OffsetDateTime::now_utc(), router);
        Self { address, certificate, _runtime: runtime }
    }

    /// Registers it under a name, for a namespace.
    fn register(&self, cluster: &Cluster, name: &str, namespace: &str) {
        let url = format!("https://{}/", self.address);
        let rules = json!([{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]);
        let webhook = json!({
            "name": "strips.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "clientConfig": {"url": url, "caBundle": STANDARD.encode(&self.certificate)}, "rules": rules,
            "reinvocationPolicy": "IfNeeded", "failurePolicy": "Fail",
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        });
        let configuration = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": name}, "webhooks": [webhook],
        });
        cluster.apply(&[configuration]);
        let ready = || cluster.create(true, &[pod(namespace, "ready", &json!({}))]).0;
        until("the webhook is asked", ready, |pods| {
            pods.iter().any(|pod| pod["metadata"]["labels"]["seen"] == "true")
        });
    }
}

async fn strip(body: Bytes) -> String {
    let review: Value = serde_json::from_slice(&body).unwrap();
    let pod = &review["request"]["object"];
    let mut edits = vec![json!({"op": "add", "path": "/metadata/labels", "value": {"seen": "true"}})];
    for list in ["initContainers", "containers"] {
        for (index, container) in pod["spec"][list].as_array().into_iter().flatten().enumerate() {
            for (place, entry) in container["env"].as_array().into_iter().flatten().enumerate() {
                if !entry["valueFrom"]["fileKeyRef"].is_null() {
                    let path = format!("/spec/{list}/{index}/env/{place}/valueFrom");
                    edits.push(json!({"op": "replace", "path": path, "value": {}}));
                }
            }
        }
    }
    let response = json!({
        "uid": review["request"]["uid"], "allowed": true, "patchType": "JSONPatch",
        "patch": STANDARD.encode(json!(edits).to_string()),
    });
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}).to_string()
}

#[test]
fn a_webhook_that_removes_references_leaves_a_valid_pod() {
    let cluster = exclusive();
    let strips = Strips::start();
    let flags = ["--probe-image=example.com/ingraft:1", "--env-probe=always"];
    let mut operator = cluster.operator_with("stripped", &flags);
    operator.wait_ready();
    // Before ours, and again when ours has changed the pod; and after ours.
    for name in ["aa-strips", "zzz-strips"] {
        let namespace = &format!("stripped-by-{name}");
        cluster.namespace(namespace, &json!({}));
        let spec = json!({"exporter": {"endpoint": "http://collector.obs:4318"}});
        cluster.apply(&[instrumentation(namespace, "base", &spec)]);
        cluster.wait_seen();
        strips.register(&cluster, name, namespace);
        let mut asking = pod(namespace, "asks", &json!({INJECT_PYTHON: "true"}));
        let source = json!({"configMapKeyRef": {"name": "settings", "key": "path", "optional": true}});
        let own = json!({"name": "OTEL_SERVICE_NAME", "valueFrom": source});
        asking["spec"]["containers"][0]["env"] = json!([own]);
        let (created, said) = cluster.create(false, &[asking.clone()]);
        assert_eq!(created.len(), 1, "{said}");
        assert!(said.contains("ReferencesRemoved") && is_injected(&created[0]), "{said}");
        let spec = &created[0]["spec"];
        assert_eq!(names(&spec["initContainers"]), ["opentelemetry-auto-instrumentation-python"]);
        let env = spec["containers"][0]["env"].as_array().unwrap();
        assert!(env.contains(&own), "{env:?}");
        let path = env.iter().find(|entry| entry["name"] == "PYTHONPATH").unwrap();
        assert!(path["value"].as_str().unwrap().starts_with("/otel-auto-instrumentation-python"), "{path}");
        assert!(names(&spec["volumes"]).iter().all(|volume| *volume != "ingraft-env"), "{spec}");

        // The next pods have none in this namespace, and all replicas know.
        asking["metadata"]["name"] = "next".into();
        let (created, said) = cluster.create(false, &[asking]);
        assert!(!said.contains("ReferencesRemoved"), "{said}");
        assert!(is_injected(&created[0]));
        until(
            "it is kept",
            || cluster.remembered(),
            |text| text.contains(&format!("\"stripped.{namespace}\"")),
        );
        cluster.kubectl().run(&["delete", "mutatingwebhookconfiguration", name]).unwrap();
    }
}

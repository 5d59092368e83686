//! Asks the webhook, as the API server does.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ingraft_cluster::report::Reports;
use ingraft_cluster::watch::Store;
use ingraft_cluster::webhook_paths;
use ingraft_core::{Locale, Namespace};
use ingraft_webhook::{Context, Metrics, router};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::case::Case;

/// A pod as it is after admission.
pub(crate) fn admit(case: &Case, pod: &Value) -> Value {
    let namespace = pod.pointer("/metadata/namespace").and_then(Value::as_str);
    let namespace = namespace.filter(|name| !name.is_empty()).unwrap_or(&case.flags.namespace);
    let review = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {"uid": "1", "namespace": namespace, "operation": "CREATE", "object": pod},
    });
    let request = Request::post(webhook_paths::POD).body(Body::from(review.to_string())).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(async {
        let response = router(context(case, namespace)).oneshot(request).await.unwrap();
        to_bytes(response.into_body(), usize::MAX).await.unwrap()
    });
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["response"]["allowed"], true);
    let mut patched = pod.clone();
    if let Some(patch) = answer["response"]["patch"].as_str() {
        let patch: json_patch::Patch = serde_json::from_slice(&STANDARD.decode(patch).unwrap()).unwrap();
        json_patch::patch(&mut patched, &patch).unwrap();
    }
    patched
}

fn context(case: &Case, namespace: &str) -> Arc<Context> {
    let store = Store::default();
    store.update(|snapshot| {
        *snapshot = case.snapshot.clone();
        // A pod is created in a namespace that exists, even if the input does not show it.
        if snapshot.namespace(namespace).is_none() {
            snapshot.namespaces.insert(String::new(), namespace.to_owned(), Namespace::default());
        }
    });
    Arc::new(Context {
        store: Arc::new(store),
        settings: case.flags.settings.0.clone(),
        reports: Reports::new(Locale::En).0,
        metrics: Metrics::register(&mut prometheus_client::registry::Registry::default()),
        namespace: "opentelemetry-operator-system".to_owned(),
        replica: "operator-1".to_owned(),
    })
}

//! Any body on any path: an answer, never a panic. What is an admission review is allowed.
#![no_main]

use std::sync::{Arc, LazyLock};

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use ingraft_cluster::report::Reports;
use ingraft_cluster::watch::Store;
use ingraft_cluster::webhook_paths;
use ingraft_core::{Namespace, Settings};
use ingraft_webhook::{Context, Metrics, router};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;
use tower::ServiceExt;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"));

static ROUTER: LazyLock<axum::Router> = LazyLock::new(|| {
    let store = Store::default();
    store.update(|snapshot| {
        let instrumentation = serde_json::json!({"metadata": {"name": "base", "namespace": "shop"}});
        let instrumentation = serde_json::from_value(instrumentation).expect("an Instrumentation");
        snapshot.instrumentations.insert("shop".into(), "base".into(), instrumentation);
        for namespace in ["shop", ""] {
            snapshot.namespaces.insert(String::new(), namespace.into(), Namespace::default());
        }
    });
    let metrics = Metrics::register(&mut prometheus_client::registry::Registry::default());
    let context = Context { store: Arc::new(store), settings: Settings::default(), reports: Reports::new().0, metrics };
    router(Arc::new(context))
});

fuzz_target!(|data: &[u8]| {
    let Some((path, body)) = data.split_first() else { return };
    let path = [webhook_paths::POD, webhook_paths::INSTRUMENTATION, webhook_paths::INSTRUMENTATION_WARNINGS][usize::from(*path) % 3];
    // A namespace that is not known is waited for, which would only slow this down.
    if std::str::from_utf8(body).is_ok_and(|text| text.contains("namespace") && !text.contains("\"shop\"")) {
        return;
    }
    let request = Request::post(path).body(Body::from(body.to_vec())).expect("a request");
    let (status, answer) = RUNTIME.block_on(async {
        let response = ROUTER.clone().oneshot(request).await.expect("an answer");
        (response.status(), to_bytes(response.into_body(), usize::MAX).await.expect("a body"))
    });
    assert!(status == StatusCode::OK || status.is_client_error(), "{status}");
    if status == StatusCode::OK {
        let answer: serde_json::Value = serde_json::from_slice(&answer).expect("JSON");
        assert_eq!(answer["response"]["allowed"], true);
    }
});

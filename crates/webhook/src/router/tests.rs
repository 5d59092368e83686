use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http;
use base64::Engine;
use ingraft_core::{Guard, Locale, WorkloadRef};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::limits::BODY_LIMIT;

fn context() -> Arc<Context> {
    let (reports, _) = Reports::new(Locale::En);
    let store = Store::default();
    store.update(|snapshot| {
        let instrumentation = json!({"metadata": {"name": "base", "namespace": "shop"}, "spec": {"exporter": {"endpoint": "http://c:4318"}}});
        snapshot.instrumentations.insert("shop".into(), "base".into(), serde_json::from_value(instrumentation).unwrap());
        snapshot.namespaces.insert(String::new(), "shop".into(), ingraft_core::Namespace::default());
    });
    let metrics = Metrics::register(&mut prometheus_client::registry::Registry::default());
    Arc::new(Context {
        store: Arc::new(store),
        settings: Settings::default(),
        reports,
        metrics,
        namespace: "system".to_owned(),
        replica: "operator-1".to_owned(),
    })
}

async fn post(path: &str, body: impl Into<Body>) -> (StatusCode, String) {
    post_to(context(), path, body).await
}

async fn post_to(context: Arc<Context>, path: &str, body: impl Into<Body>) -> (StatusCode, String) {
    let request = http::Request::post(path).body(body.into()).unwrap();
    let response = router(context).oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn review(object: &Value) -> String {
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {"uid": "u-1", "namespace": "shop", "operation": "CREATE", "object": object},
    })
    .to_string()
}

/// The patch in an answer.
fn patch(body: &str) -> json_patch::Patch {
    let answer: Value = serde_json::from_str(body).unwrap();
    let patch = answer["response"]["patch"].as_str().unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::STANDARD.decode(patch).unwrap()).unwrap()
}

#[tokio::test]
async fn answers_with_a_patch() {
    let pod = json!({
        "metadata": {"annotations": {"instrumentation.opentelemetry.io/inject-python": "true"}},
        "spec": {"containers": [{"name": "app", "image": "app:1"}]},
    });
    let (status, body) = post(webhook_paths::POD, review(&pod)).await;
    assert_eq!(status, StatusCode::OK);
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer["response"]["uid"], "u-1");
    assert_eq!(answer["response"]["allowed"], true);
    assert_eq!(answer["response"]["patchType"], "JSONPatch");
    let mut injected = pod.clone();
    json_patch::patch(&mut injected, &patch(&body)).unwrap();
    assert!(injected["spec"]["containers"][0]["env"].is_array(), "{injected}");
}

/// Deployments may be read a moment after a replica is ready.
#[tokio::test(start_paused = true)]
async fn a_review_waits_for_what_its_deployment_says_of_crashes() {
    let pod = json!({
        "metadata": {
            "annotations": {"instrumentation.opentelemetry.io/inject-python": "true"},
            "labels": {"pod-template-hash": "6f5c8"},
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-6f5c8", "uid": "r", "controller": true,
            }],
        },
        "spec": {"containers": [{"name": "app", "image": "app:1"}]},
    });
    let context = context();
    let is_read = async {
        tokio::time::sleep(Duration::from_millis(900)).await;
        context.store.update(|snapshot| {
            snapshot.deployments.insert("shop".into(), "web".into(), "d".into());
            let kind = Some(ingraft_core::OwnerKind::Deployment);
            let web = WorkloadRef { kind, namespace: "shop".into(), name: "web".into() };
            let guard = Guard { blocked: "a=loader".to_owned(), ..Guard::default() };
            snapshot.guards.insert(web, guard);
        });
    };
    let (answer, ()) = tokio::join!(post_to(Arc::clone(&context), webhook_paths::POD, review(&pod)), is_read);
    let answer: Value = serde_json::from_str(&answer.1).unwrap();
    assert_eq!(answer["response"].get("patch"), None);
    let warning = answer["response"]["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("InjectionBlocked: "), "{warning}");
}

#[tokio::test]
async fn warns_and_allows_when_nothing_can_be_injected() {
    let pod = json!({"metadata": {"annotations": {"instrumentation.opentelemetry.io/inject-python": "bse"}}});
    let (_, body) = post(webhook_paths::POD, review(&pod)).await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer["response"]["allowed"], true);
    assert_eq!(answer["response"].get("patch"), None);
    let warning = answer["response"]["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("InstrumentationNotFound: ") && warning.chars().count() <= 120, "{warning}");
}

#[tokio::test]
async fn fills_in_the_defaults_of_an_instrumentation() {
    let object = json!({"metadata": {"name": "a"}, "spec": {"java": {"image": "own:1"}}});
    let (_, body) = post(webhook_paths::INSTRUMENTATION, review(&object)).await;
    let mut defaulted = object.clone();
    json_patch::patch(&mut defaulted, &patch(&body)).unwrap();
    let defaults = Settings::default();
    assert_eq!(defaulted["spec"]["java"]["image"], "own:1", "what is set stays");
    assert_eq!(defaulted["spec"]["python"]["image"], defaults.image(ingraft_api::Language::Python));
    let filled_in = defaulted["metadata"]["annotations"]["ingraft.dev/defaulted"].as_str().unwrap();
    let is_listed = |field: &str| filled_in.split(',').any(|listed| listed == field);
    assert!(is_listed("/spec/python/image") && !is_listed("/spec/java/image"), "{filled_in}");
}

#[tokio::test]
async fn warns_about_an_instrumentation_and_allows_it() {
    let local =
        json!({"metadata": {"name": "a"}, "spec": {"exporter": {"endpoint": "http://localhost:4317"}}});
    let (_, body) = post(webhook_paths::INSTRUMENTATION_WARNINGS, review(&local)).await;
    assert!(body.contains("EndpointIsLocal") && body.contains(r#""allowed":true"#), "{body}");
    let (_, body) = post(webhook_paths::INSTRUMENTATION_WARNINGS, review(&json!({"spec": 7}))).await;
    assert!(body.contains("InstrumentationUnreadable") && body.contains(r#""allowed":true"#), "{body}");
}

#[tokio::test]
async fn refuses_what_is_no_review_and_allows_what_is_no_pod() {
    for body in
        ["", "{", "[]", "{}", r#"{"kind":"Pod","request":{"uid":"1"}}"#, r#"{"kind":"AdmissionReview"}"#]
    {
        let (status, text) = post(webhook_paths::POD, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert!(text.contains("AdmissionReview"), "{text}");
    }
    for object in [json!(null), json!(7), json!([]), json!({"metadata": 1, "spec": []})] {
        let (status, body) = post(webhook_paths::POD, review(&object)).await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains(r#""allowed":true"#) && !body.contains("patch"), "{body}");
    }
}

#[tokio::test]
async fn reads_bodies_up_to_four_mebibytes() {
    let mut body = review(&json!({}));
    body.extend(std::iter::repeat_n(' ', BODY_LIMIT - body.len()));
    assert_eq!(post(webhook_paths::POD, body.clone()).await.0, StatusCode::OK);
    body.push(' ');
    assert_eq!(post(webhook_paths::POD, body).await.0, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn refuses_documents_that_are_too_deep_or_would_take_too_much_memory() {
    let deep = |open: &str| {
        format!(r#"{{"kind":"AdmissionReview","request":{{"uid":"u","object":{}"#, open.repeat(100_000))
    };
    for open in ["[", r#"{"a":"#, r#"{"metadata":"#] {
        assert_eq!(post(webhook_paths::POD, deep(open)).await.0, StatusCode::BAD_REQUEST, "{open}");
    }
    let wide = review(&Value::from(vec![json!({"": 0}); 400_000]));
    assert!(wide.len() < BODY_LIMIT);
    let (status, body) = post(webhook_paths::POD, wide).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{body}");
}

#[tokio::test]
async fn injects_the_largest_pod_of_the_api_server() {
    let pod = json!({
        "metadata": {"annotations": {"instrumentation.opentelemetry.io/inject-python": "true"}},
        "spec": {
            "containers": [{"name": "app", "image": "app:1"}],
            "securityContext": {"supplementalGroups": vec![0; 1_500_000]},
        },
    });
    let (status, body) = post(webhook_paths::POD, review(&pod)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert!(!patch(&body).is_empty());
}

#[tokio::test]
async fn the_pod_of_the_self_test_is_marked_and_neither_decided_about_nor_counted() {
    use ingraft_core::admission_path;
    let mut registry = prometheus_client::registry::Registry::default();
    let metrics = Metrics::register(&mut registry);
    let mut context = context();
    Arc::get_mut(&mut context).unwrap().metrics = metrics;
    context.store.update(|snapshot| {
        snapshot.namespaces.insert(String::new(), "system".into(), ingraft_core::Namespace::default());
    });
    let review = |namespace: &str, dry_run: bool| {
        let mut review: Value = serde_json::from_str(&review(&admission_path::pod(""))).unwrap();
        review["request"]["namespace"] = namespace.into();
        review["request"]["dryRun"] = dry_run.into();
        review.to_string()
    };
    let answer = |path: &'static str, review: String| {
        let request = http::Request::post(path).body(Body::from(review)).unwrap();
        let answer = router(Arc::clone(&context)).oneshot(request);
        async move {
            let (head, body) = answer.await.unwrap().into_parts();
            let is_last = head.headers.get(header::CONNECTION).is_some_and(|end| end == "close");
            (to_bytes(body, usize::MAX).await.unwrap(), is_last)
        }
    };
    for (path, mark) in [
        (webhook_paths::POD, "ingraft.dev/pods-answered-by"),
        (webhook_paths::SELF_TEST, "ingraft.dev/self-test-answered-by"),
    ] {
        let (body, is_last) = answer(path, review("system", true)).await;
        assert!(is_last, "the next try needs a new connection");
        let mut pod = admission_path::pod("");
        json_patch::patch(&mut pod, &patch(std::str::from_utf8(&body).unwrap())).unwrap();
        assert_eq!(pod["metadata"]["annotations"][mark], "operator-1", "{pod}");
        assert_eq!(pod["spec"], admission_path::pod("")["spec"]);
    }
    let counted = || {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text.lines().filter(|line| line.starts_with("ingraft_admission_reviews_total")).count()
    };
    assert_eq!(counted(), 0);
    // One that is created, or is elsewhere, is a pod like others.
    for (namespace, dry_run) in [("system", false), ("shop", true)] {
        let (body, is_last) = answer(webhook_paths::POD, review(namespace, dry_run)).await;
        assert!(!is_last);
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(answer["response"].get("patch"), None, "{answer}");
    }
    assert_eq!(counted(), 1);
}

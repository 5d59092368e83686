use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http;
use ingraft_core::finding::Unsent;
use serde_json::{Value, json};
use tower::service_fn;

use super::*;

/// What an API server was asked, as `METHOD PATH`.
type Asked = Arc<Mutex<Vec<String>>>;

/// An API server that gives these answers to whoever asks for a pod, with this status to who creates one.
fn api(created: u16, pod: &Value) -> (Client, Asked) {
    let (asked, pod) = (Asked::default(), pod.to_string());
    let noted = Arc::clone(&asked);
    let answer = move |request: http::Request<kube::client::Body>| {
        let line = format!("{} {}", request.method(), request.uri().path());
        noted.lock().unwrap().push(line);
        let refusal = json!({
            "kind": "Status", "status": "Failure", "code": created, "reason": "Forbidden", "message": "exceeded quota",
        });
        let (status, body) = match request.method().as_str() {
            "POST" | "PATCH" if created >= 400 => (created, refusal.to_string()),
            "DELETE" => (200, json!({"kind": "Status", "status": "Success"}).to_string()),
            _ => (200, pod.clone()),
        };
        let response = http::Response::builder().status(status).body(Body::from(body)).unwrap();
        async { Ok::<_, Infallible>(response) }
    };
    (Client::new(service_fn(answer), "shop"), asked)
}

fn order<'a>() -> Order<'a> {
    Order {
        name: "ingraft-trace-1",
        namespace: "shop",
        image: "a:1",
        command: &[],
        pull_policy: None,
        seconds: 60,
        trace_id: "0af7651916cd43dd8448eb211c80319c",
        mark: "1",
        service: "web",
    }
}

/// The pod, whose container is in this state.
fn in_state(state: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "ingraft-trace-1", "namespace": "shop"},
        "spec": {"nodeName": "n1"},
        "status": {"containerStatuses": [{"name": "ingraft-trace-1", "state": state}]},
    })
}

async fn sent(created: u16, pod: &Value, limit: Duration) -> (anyhow::Result<Sent>, Vec<String>) {
    let (client, asked) = api(created, pod);
    let sent = send::from_pod(&client, &order(), pod.clone(), limit, pending()).await;
    let asked = asked.lock().unwrap().clone();
    (sent, asked)
}

fn is_deleted(asked: &[String]) -> bool {
    asked.last().is_some_and(|last| last == "DELETE /api/v1/namespaces/shop/pods/ingraft-trace-1")
}

#[tokio::test]
async fn what_the_pod_tells_is_read_and_the_pod_deleted() {
    let message = "{\"step\":\"resolve\",\"detail\":\"10.0.0.7\"}\n{\"step\":\"accept\"}\n";
    let pod = in_state(&json!({"terminated": {"exitCode": 0, "message": message}}));
    let (sent, asked) = sent(201, &pod, Duration::from_secs(9)).await;
    let sent = sent.unwrap();
    assert_eq!((sent.lines.unwrap().len(), sent.node.as_str(), sent.caveat), (2, "n1", None));
    assert!(is_deleted(&asked), "{asked:?}");
}

#[tokio::test]
async fn a_pod_that_is_refused_is_told_in_the_words_of_the_api_server() {
    let (sent, asked) = sent(403, &in_state(&json!({})), Duration::from_secs(9)).await;
    assert_eq!(sent.unwrap().lines, Err(Unsent::Refused { said: "exceeded quota".to_owned() }));
    assert_eq!(asked.len(), 1, "{asked:?}");
}

#[tokio::test]
async fn a_pod_that_does_not_start_is_told_and_deleted() {
    for (state, expected) in [
        (json!({"waiting": {"reason": "ImagePullBackOff", "message": "no"}}), "ImagePullBackOff: no"),
        (json!({"waiting": {"reason": "ErrImagePull"}}), "ErrImagePull"),
    ] {
        let (sent, asked) = sent(201, &in_state(&state), Duration::from_millis(600)).await;
        let lines = sent.unwrap().lines;
        let why = match lines {
            Err(Unsent::NotStarted { why, .. } | Unsent::Stuck { why }) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(why, expected);
        assert!(is_deleted(&asked), "{asked:?}");
    }
}

#[tokio::test]
async fn a_program_that_knows_nothing_of_it_is_told_in_its_own_words() {
    let message = "error: unexpected argument\n\n 'send-span'";
    let pod = in_state(&json!({"terminated": {"exitCode": 2, "message": message}}));
    let (sent, _) = sent(201, &pod, Duration::from_secs(9)).await;
    let why = "error: unexpected argument 'send-span'".to_owned();
    assert_eq!(sent.unwrap().lines, Err(Unsent::Ended { why }));
}

#[tokio::test]
async fn an_interrupted_pod_is_deleted() {
    let (client, asked) = api(201, &in_state(&json!({"running": {}})));
    let limit = Duration::from_mins(1);
    let interrupted = std::future::ready(());
    let sent = send::from_pod(&client, &order(), in_state(&json!({})), limit, interrupted).await;
    let error = sent.unwrap_err().to_string();
    assert!(error.contains("ingraft-trace-1 was deleted"), "{error}");
    assert!(is_deleted(&asked.lock().unwrap()));
}

#[tokio::test]
async fn a_container_is_added_to_a_pod_and_named() {
    let mut pod = in_state(&json!({}));
    let state =
        json!({"terminated": {"exitCode": 1, "message": "{\"step\":\"connect\",\"failed\":\"Refused\"}"}});
    pod["status"] = json!({"ephemeralContainerStatuses": [{"name": "ingraft-trace-1", "state": state}]});
    let (client, asked) = api(200, &pod);
    let limit = Duration::from_secs(9);
    let sent = send::from_container(&client, &order(), "web-1", json!({}), limit, pending()).await.unwrap();
    assert!(sent.lines.unwrap()[0].fault.is_some());
    assert!(matches!(sent.caveat, Some(Caveat::ContainerStays { .. })));
    assert_eq!(asked.lock().unwrap()[0], "PATCH /api/v1/namespaces/shop/pods/web-1/ephemeralcontainers");
}

#[test]
fn each_trace_is_another() {
    let (one, other) = (random().unwrap(), random().unwrap());
    assert_eq!((one.0.len(), one.1.len()), (32, 8));
    assert!(one.0 != other.0 && one.1 != other.1);
}

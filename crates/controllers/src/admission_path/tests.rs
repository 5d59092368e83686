use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Method, Response};
use ingraft_core::admission_path::{Registration, mark};
use ingraft_core::edit::apply;
use kube::client::Body;
use tokio::time::{Instant, sleep};
use tower::service_fn;

use super::*;
use crate::fake_api::FakeApi;

const BUDGET: &str = "/poddisruptionbudgets/ingraft-operator";

/// What an API server says to the pod that is tried, whose call to the webhook fails or not.
fn said(pod: &[u8], fails: bool) -> (u16, Value) {
    if fails {
        let message = "Internal error occurred: failed calling webhook \"self-test.ingraft.dev\": failed to call webhook: \
                       Post \"https://ingraft-operator.system.svc:443/self-test?timeout=5s\": context deadline exceeded";
        return (500, json!({"kind": "Status", "status": "Failure", "message": message, "code": 500}));
    }
    let mut pod: Value = serde_json::from_slice(pod).unwrap();
    for registration in [Registration::Pods, Registration::SelfTest] {
        let edits = mark(&pod, registration, "operator-1");
        apply(&mut pod, &edits);
    }
    (201, pod)
}

/// An API server whose next calls to the webhook fail, so many of them.
fn api_server(api: &FakeApi, failing: &Arc<AtomicUsize>) -> Client {
    let (inner, failing) = (api.client(), Arc::clone(failing));
    let send = move |request: Request<Body>| {
        let (inner, failing) = (inner.clone(), Arc::clone(&failing));
        async move {
            let is_tried = request.method() == Method::POST && request.uri().path().ends_with("/pods");
            if request.method() == Method::GET {
                return Ok(inner.send(request).await.unwrap());
            }
            let (status, body) = if is_tried {
                let query = request.uri().query().unwrap_or_default();
                assert!(query.contains("dryRun=All"), "{query}");
                let fails =
                    failing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
                said(&request.into_body().collect_bytes().await.unwrap(), fails.is_ok())
            } else {
                inner.send(request).await.unwrap();
                (200, json!({"metadata": {}}))
            };
            let response = Response::builder().status(status).body(Body::from(body.to_string().into_bytes()));
            Ok::<_, Infallible>(response.unwrap())
        }
    };
    Client::new(service_fn(send), "system")
}

fn self_test(
    is_trusted: &watch::Sender<bool>,
    trials: &Trials,
    is_healthy: watch::Sender<Option<bool>>,
) -> SelfTest {
    SelfTest {
        namespace: "system".to_owned(),
        image: String::new(),
        locale: Locale::En,
        store: Arc::default(),
        authority: watch::Sender::default().subscribe(),
        is_trusted: is_trusted.subscribe(),
        port: None,
        trials: trials.clone(),
        is_healthy,
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_counts_when_it_repeats_and_a_success_at_once() {
    let (api, failing) = (FakeApi::default(), Arc::new(AtomicUsize::new(0)));
    let client = api_server(&api, &failing);
    let (is_trusted, is_healthy) = (watch::Sender::new(true), watch::Sender::default());
    let (trials, mut healthy) = (Trials::default(), is_healthy.subscribe());
    let test = self_test(&is_trusted, &trials, is_healthy);
    let running = tokio::spawn(async move { test.run(&client).await });
    let start = Instant::now();
    healthy.wait_for(|healthy| *healthy == Some(true)).await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    sleep(AGAIN).await;
    let mark = || api.object(BUDGET)["metadata"]["annotations"]["ingraft.dev/admission-path"].clone();
    assert!(api.state().written[0].ends_with(BUDGET), "what another leader has left is removed");
    assert_eq!(mark(), Value::Null);

    failing.store(1, Ordering::Relaxed);
    healthy.mark_unchanged();
    sleep(2 * PERIOD).await;
    assert_eq!(failing.load(Ordering::Relaxed), 0);
    assert!(!healthy.has_changed().unwrap(), "one lost packet");

    failing.store(usize::MAX, Ordering::Relaxed);
    let start = Instant::now();
    healthy.wait_for(|healthy| *healthy == Some(false)).await.unwrap();
    assert!(start.elapsed() <= PERIOD + AGAIN, "{:?}", start.elapsed());
    sleep(2 * PERIOD).await;
    assert!(!trials.reviews_arrive());
    let trial = trials.about("shop/base").pop().unwrap();
    assert_eq!((trial.condition, trial.reason.as_str()), ("AdmissionPathHealthy", "TimedOut"));
    assert_eq!(mark(), "broken");
    let events = || api.state().written.iter().filter(|path| path.contains("/events/")).count();
    assert_eq!(events(), 1, "it is told once");

    failing.store(0, Ordering::Relaxed);
    let start = Instant::now();
    healthy.wait_for(|healthy| *healthy == Some(true)).await.unwrap();
    assert!(start.elapsed() <= AGAIN, "{:?}", start.elapsed());
    sleep(AGAIN).await;
    assert_eq!((mark(), events()), (Value::Null, 2));
    assert!(trials.reviews_arrive());
    assert!(!running.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_change_of_trust_is_looked_at_at_once() {
    let (api, failing) = (FakeApi::default(), Arc::new(AtomicUsize::new(usize::MAX)));
    let client = api_server(&api, &failing);
    let (is_trusted, is_healthy) = (watch::Sender::new(false), watch::Sender::default());
    let mut healthy = is_healthy.subscribe();
    let test = self_test(&is_trusted, &Trials::default(), is_healthy);
    tokio::spawn(async move { test.run(&client).await });
    healthy.wait_for(|healthy| *healthy == Some(false)).await.unwrap();
    failing.store(0, Ordering::Relaxed);
    let start = Instant::now();
    is_trusted.send_replace(true);
    healthy.wait_for(|healthy| *healthy == Some(true)).await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
}

/// That one that answers is asked over TLS is in the operator's tests.
#[tokio::test]
async fn a_ready_replica_that_does_not_answer_is_named() {
    let api = FakeApi::default();
    let client = api_server(&api, &Arc::default());
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let replica = |name: &str, ready: &str| {
        let conditions = json!([{"type": "Ready", "status": ready}]);
        json!({"metadata": {"name": name}, "status": {"podIP": "127.0.0.1", "conditions": conditions}})
    };
    let pods = json!({"apiVersion": "v1", "kind": "PodList", "metadata": {},
        "items": [replica("operator-1", "False"), replica("operator-2", "True")]});
    api.state().objects.insert("/api/v1/namespaces/system/pods".to_owned(), pods);
    let authority = Authority::new(None, time::OffsetDateTime::now_utc()).unwrap();
    let test = SelfTest {
        authority: watch::channel(Some(authority)).1,
        port: Some(closed.port()),
        ..self_test(&watch::Sender::new(true), &Trials::default(), watch::Sender::default())
    };
    let told = trial(&test.try_it(&client).await, Locale::En);
    assert!(told.worked != Some(true) && told.message.contains("operator-2"), "{told:?}");
    // An operator outside the cluster does not know them.
    let outside = SelfTest { port: None, ..test };
    assert_eq!(outside.try_it(&client).await, AdmissionFinding::AdmissionPathHealthy);
}

#[test]
fn reviews_are_sent_to_ready_replicas() {
    let pod = |ready: &str, more: Value| {
        let mut pod = json!({"metadata": {"name": "a"},
            "status": {"podIP": "10.0.0.7", "conditions": [{"type": "Ready", "status": ready}]}});
        pod["metadata"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        address(&serde_json::from_value(pod).unwrap())
    };
    assert_eq!(pod("True", json!({})), Some([10, 0, 0, 7].into()));
    assert_eq!(pod("False", json!({})), None);
    assert_eq!(pod("True", json!({"deletionTimestamp": "2026-01-01T00:00:00Z"})), None);
    assert_eq!(address(&serde_json::from_value(json!({"metadata": {}})).unwrap()), None);
}

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response};
use k8s_openapi::api::core::v1::Namespace;
use kube::client::Body;
use serde_json::{Value, json};

use super::*;

/// An API server that has one Lease, and counts the requests for anything else.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    lease: Option<Value>,
    version: u64,
    /// It takes requests and never answers.
    is_silent: bool,
    others: u32,
}

impl Server {
    fn client(&self) -> Client {
        let server = self.clone();
        let send = move |request: Request<Body>| {
            let server = server.clone();
            async move { Ok::<_, Infallible>(server.answer(request).await) }
        };
        Client::new(service_fn(send), "system")
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let body = request.into_body().collect_bytes().await.unwrap();
        if self.0.lock().unwrap().is_silent {
            std::future::pending::<()>().await;
        }
        let mut state = self.0.lock().unwrap();
        if !path.contains("/leases") {
            state.others += 1;
            return response(
                200,
                &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "any"}}),
            );
        }
        if method == Method::GET {
            return state.lease.as_ref().map_or_else(|| failure(404), |lease| response(200, lease));
        }
        let mut written: Value = serde_json::from_slice(&body).unwrap();
        let current = state.lease.as_ref().map(|lease| lease["metadata"]["resourceVersion"].clone());
        if current.unwrap_or_default() != written["metadata"]["resourceVersion"] {
            return failure(409);
        }
        state.version += 1;
        written["metadata"]["resourceVersion"] = state.version.to_string().into();
        state.lease = Some(written.clone());
        response(200, &written)
    }

    fn holder(&self) -> String {
        let state = self.0.lock().unwrap();
        let holder = state.lease.as_ref().and_then(|lease| lease["spec"]["holderIdentity"].as_str());
        holder.unwrap_or_default().to_owned()
    }

    fn others(&self) -> u32 {
        self.0.lock().unwrap().others
    }
}

fn response(status: u16, body: &Value) -> Response<Body> {
    Response::builder().status(status).body(body.to_string().into_bytes().into()).unwrap()
}

fn failure(code: u16) -> Response<Body> {
    let reason = if code == 404 { "NotFound" } else { "Conflict" };
    response(
        code,
        &json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "refused", "reason": reason, "code": code}),
    )
}

/// The client that a candidate leads with; `None` while it does not lead.
type Leading = Arc<Mutex<Option<Client>>>;

/// Takes the client away when the work is dropped.
struct Work(Leading);

impl Drop for Work {
    fn drop(&mut self) {
        *self.0.lock().unwrap() = None;
    }
}

/// A candidate that leads for as long as it may.
async fn run(server: Server, name: &str, leading: Leading, stop: impl Future<Output = ()>) {
    let candidate = Candidate::new(server.client(), "system", name.to_owned());
    let end = candidate.run(stop, |client| {
        let work = Work(Arc::clone(&leading));
        *leading.lock().unwrap() = Some(client);
        async move {
            let _work = work;
            std::future::pending::<()>().await;
        }
    });
    assert_eq!(end.await, None);
}

fn leads(leading: &Leading) -> bool {
    leading.lock().unwrap().is_some()
}

/// Waits until a candidate leads, or no longer does. Returns how long that took.
async fn wait(leading: &Leading, leads_then: bool) -> Duration {
    let start = Instant::now();
    while leads(leading) != leads_then {
        assert!(start.elapsed() < Duration::from_mins(1), "nothing changes");
        sleep(Duration::from_millis(100)).await;
    }
    start.elapsed()
}

async fn write(client: &Client) -> kube::Result<()> {
    Api::<Namespace>::all(client.clone()).get("any").await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn one_of_two_leads_and_the_other_as_soon_as_the_lease_is_released() {
    let server = Server::default();
    let (a, b) = (Leading::default(), Leading::default());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let first = tokio::spawn(run(server.clone(), "a", Arc::clone(&a), async { drop(stopped.await) }));
    wait(&a, true).await;
    let second = tokio::spawn(run(server.clone(), "b", Arc::clone(&b), std::future::pending()));
    // Far beyond the end of a lease that is not renewed.
    sleep(LEASE * 4).await;
    assert!(leads(&a) && !leads(&b));
    let client = a.lock().unwrap().clone().unwrap();
    write(&client).await.unwrap();
    drop(stop);
    first.await.unwrap();
    assert!(!leads(&a));
    assert!(wait(&b, true).await <= PERIOD * 2);
    assert_eq!(server.holder(), "b");
    second.abort();
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_died_is_replaced_when_its_lease_is_over() {
    let server = Server::default();
    let (a, b) = (Leading::default(), Leading::default());
    let first = tokio::spawn(run(server.clone(), "a", Arc::clone(&a), std::future::pending()));
    wait(&a, true).await;
    tokio::spawn(run(server.clone(), "b", Arc::clone(&b), std::future::pending()));
    sleep(PERIOD * 3).await;
    first.abort();
    let took = wait(&b, true).await;
    assert!(took + PERIOD >= LEASE && took <= LEASE + PERIOD * 2, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_paused_leader_writes_nothing_when_its_time_is_over() {
    let server = Server::default();
    let (a, b) = (Leading::default(), Leading::default());
    let mut first = Box::pin(run(server.clone(), "a", Arc::clone(&a), std::future::pending()));
    let until_first_leads = async {
        wait(&a, true).await;
    };
    tokio::select! {
        () = &mut first => unreachable!(),
        () = until_first_leads => {}
    }
    let client = a.lock().unwrap().clone().unwrap();
    write(&client).await.unwrap();
    // From here on nothing of the first runs: it renews nothing, and does not see the time pass.
    tokio::spawn(run(server.clone(), "b", Arc::clone(&b), std::future::pending()));
    sleep(LEAD_FOR).await;
    assert!(!leads(&b), "the other waits longer than the first may write");
    let error = write(&client).await.unwrap_err();
    assert!(Chain(&error).to_string().contains("no longer leads"), "{error}");
    wait(&b, true).await;
    assert!(write(&client).await.is_err());
    assert_eq!(server.others(), 1, "only what was written before the pause has arrived");
    // It runs again: what it had begun is dropped, and it does not lead.
    tokio::select! {
        () = &mut first => unreachable!(),
        () = sleep(LEASE * 2) => {}
    }
    assert!(!leads(&a) && leads(&b));
    assert_eq!(server.holder(), "b");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_cannot_renew_stops_before_anybody_can_take_over() {
    let server = Server::default();
    let a = Leading::default();
    tokio::spawn(run(server.clone(), "a", Arc::clone(&a), std::future::pending()));
    wait(&a, true).await;
    let client = a.lock().unwrap().clone().unwrap();
    server.0.lock().unwrap().is_silent = true;
    let start = Instant::now();
    assert!(write(&client).await.is_err(), "an answer is not waited for any longer");
    assert!(wait(&a, false).await <= Duration::from_secs(1));
    assert!(start.elapsed() <= LEAD_FOR, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_lease_was_taken_or_removed_stops_at_once() {
    for taken_by in [Some("c"), None] {
        let server = Server::default();
        let a = Leading::default();
        tokio::spawn(run(server.clone(), "a", Arc::clone(&a), std::future::pending()));
        wait(&a, true).await;
        let client = a.lock().unwrap().clone().unwrap();
        {
            let mut state = server.0.lock().unwrap();
            state.lease = taken_by.map(|name| {
                json!({"metadata": {"name": NAME, "resourceVersion": "1000"}, "spec": {"holderIdentity": name}})
            });
        }
        sleep(PERIOD * 2).await;
        assert_eq!(leads(&a), taken_by.is_none(), "it takes one that nobody has");
        drop(client);
    }
}

use std::sync::{Arc, Mutex};

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::*;
use crate::fake_api::FakeApi;

const LEASE_PATH: &str = "/apis/coordination.k8s.io/v1/namespaces/system/leases/ingraft-operator";

fn holder(api: &FakeApi) -> String {
    api.object(LEASE_PATH)["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
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

fn candidate(api: &FakeApi, name: &str, leadership: watch::Sender<Leadership>) -> Candidate {
    Candidate::new(api.client(), "system", name.to_owned(), LastHeard::default(), leadership)
}

/// A candidate that leads for as long as it may.
async fn run(api: FakeApi, name: &str, leading: Leading, stop: impl Future<Output = ()>) {
    let candidate = candidate(&api, name, watch::Sender::default());
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
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "any"}});
    let namespaces = Api::<Namespace>::all(client.clone());
    namespaces.patch("any", &PatchParams::apply("test"), &Patch::Apply(object)).await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn one_of_two_leads_and_the_other_as_soon_as_the_lease_is_released() {
    let api = FakeApi::default();
    let (a, b) = (Leading::default(), Leading::default());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let first = tokio::spawn(run(api.clone(), "a", Arc::clone(&a), async { drop(stopped.await) }));
    wait(&a, true).await;
    let second = tokio::spawn(run(api.clone(), "b", Arc::clone(&b), std::future::pending()));
    // Far beyond the end of a lease that is not renewed.
    sleep(LEASE * 4).await;
    assert!(leads(&a) && !leads(&b));
    let client = a.lock().unwrap().clone().unwrap();
    write(&client).await.unwrap();
    drop(stop);
    first.await.unwrap();
    assert!(!leads(&a));
    assert!(wait(&b, true).await <= PERIOD * 2);
    assert_eq!(holder(&api), "b");
    second.abort();
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_died_is_replaced_when_its_lease_is_over() {
    let api = FakeApi::default();
    let (a, b) = (Leading::default(), Leading::default());
    let first = tokio::spawn(run(api.clone(), "a", Arc::clone(&a), std::future::pending()));
    wait(&a, true).await;
    tokio::spawn(run(api.clone(), "b", Arc::clone(&b), std::future::pending()));
    sleep(PERIOD * 3).await;
    first.abort();
    let took = wait(&b, true).await;
    assert!(took + PERIOD >= LEASE && took <= LEASE + PERIOD * 2, "{took:?}");
}

/// How long a process waits for one in pod `one` that has died, while the API server has these pods.
async fn wait_for_dead(process: &str, pods: &[&str]) -> Duration {
    let api = FakeApi::default();
    let items: Vec<_> = pods.iter().map(|name| json!({"metadata": {"name": name}})).collect();
    let list = json!({"metadata": {}, "items": items});
    api.state().objects.insert("/api/v1/namespaces/system/pods".to_owned(), list);
    let (a, b) = (Leading::default(), Leading::default());
    let (dead, living) = (identity(Some("one"), "host", "1_1"), process.to_owned());
    let (of_dead, of_living) = (api.clone(), api);
    let leading = Arc::clone(&a);
    let first = tokio::spawn(async move { run(of_dead, &dead, leading, std::future::pending()).await });
    wait(&a, true).await;
    first.abort();
    let leading = Arc::clone(&b);
    let second = tokio::spawn(async move { run(of_living, &living, leading, std::future::pending()).await });
    let took = wait(&b, true).await;
    second.abort();
    took
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_leader_that_has_certainly_ended() {
    let one_again = identity(Some("one"), "host", "2_1");
    assert!(wait_for_dead(&one_again, &["one"]).await <= PERIOD, "its container was started anew");
    let two = identity(Some("two"), "host", "2_1");
    assert!(wait_for_dead(&two, &[]).await <= PERIOD, "its pod is gone");
    assert!(wait_for_dead(&two, &["one"]).await + PERIOD >= LEASE, "it may run on");
    assert!(wait_for_dead(&identity(None, "one", "2_1"), &["one"]).await + PERIOD >= LEASE);
}

#[tokio::test(start_paused = true)]
async fn a_paused_leader_writes_nothing_when_its_time_is_over() {
    let api = FakeApi::default();
    let (a, b) = (Leading::default(), Leading::default());
    let mut first = Box::pin(run(api.clone(), "a", Arc::clone(&a), std::future::pending()));
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
    tokio::spawn(run(api.clone(), "b", Arc::clone(&b), std::future::pending()));
    sleep(LEAD_FOR).await;
    assert!(!leads(&b), "the other waits longer than the first may write");
    let error = write(&client).await.unwrap_err();
    assert!(Chain(&error).to_string().contains("no longer leads"), "{error}");
    wait(&b, true).await;
    assert!(write(&client).await.is_err());
    let written = api.state().written.iter().filter(|path| !path.ends_with(LEASE_PATH)).count();
    assert_eq!(written, 1, "only what was written before the pause has arrived");
    // It runs again: what it had begun is dropped, and it does not lead.
    tokio::select! {
        () = &mut first => unreachable!(),
        () = sleep(LEASE * 2) => {}
    }
    assert!(!leads(&a) && leads(&b));
    assert_eq!(holder(&api), "b");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_cannot_renew_stops_before_anybody_can_take_over() {
    let api = FakeApi::default();
    let a = Leading::default();
    tokio::spawn(run(api.clone(), "a", Arc::clone(&a), std::future::pending()));
    wait(&a, true).await;
    let client = a.lock().unwrap().clone().unwrap();
    api.state().is_silent = true;
    let start = Instant::now();
    assert!(write(&client).await.is_err(), "an answer is not waited for any longer");
    assert!(wait(&a, false).await <= Duration::from_secs(1));
    assert!(start.elapsed() <= LEAD_FOR, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_lease_was_taken_or_removed_stops_at_once() {
    for taken_by in [Some("c"), None] {
        let api = FakeApi::default();
        let a = Leading::default();
        tokio::spawn(run(api.clone(), "a", Arc::clone(&a), std::future::pending()));
        wait(&a, true).await;
        let taken = taken_by.map(|name| {
            json!({"metadata": {"name": NAME, "resourceVersion": "1000"}, "spec": {"holderIdentity": name}})
        });
        match taken {
            Some(taken) => api.state().objects.insert(LEASE_PATH.to_owned(), taken),
            None => api.state().objects.remove(LEASE_PATH),
        };
        sleep(PERIOD * 2).await;
        assert_eq!(leads(&a), taken_by.is_none(), "it takes one that nobody has");
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_hangs_does_not_use_up_the_lease() {
    let api = FakeApi::default();
    let a = Leading::default();
    tokio::spawn(run(api.clone(), "a", Arc::clone(&a), std::future::pending()));
    wait(&a, true).await;
    let client = a.lock().unwrap().clone().unwrap();
    api.state().is_silent = true;
    sleep(PERIOD + Duration::from_secs(1)).await;
    // The request that was sent meanwhile is never answered.
    api.state().is_silent = false;
    sleep(LEASE).await;
    write(&client).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_hears_nothing_of_the_cluster_hands_over() {
    let api = FakeApi::default();
    let (a, b) = (Leading::default(), Leading::default());
    tokio::spawn(run(api.clone(), "a", Arc::clone(&a), std::future::pending()));
    wait(&a, true).await;
    sleep(BLIND.saturating_sub(PERIOD * 2)).await;
    tokio::spawn(run(api.clone(), "b", Arc::clone(&b), std::future::pending()));
    assert!(leads(&a));
    assert!(wait(&b, true).await <= PERIOD * 4);
    assert!(!leads(&a));
    sleep(LEASE * 2).await;
    assert!(leads(&b));
}

#[tokio::test(start_paused = true)]
async fn a_fault_releases_the_lease() {
    let api = FakeApi::default();
    let candidate = candidate(&api, "a", watch::Sender::default());
    let fault = candidate.run(std::future::pending(), |_| {
        let api = api.clone();
        async move { holder(&api) }
    });
    assert_eq!(fault.await.as_deref(), Some("a"));
    assert_eq!(api.object(LEASE_PATH)["spec"]["holderIdentity"], "");
}

#[tokio::test(start_paused = true)]
async fn leadership_is_known_to_who_leads_and_to_who_sees_the_leader_and_to_nobody_without_permission() {
    let api = FakeApi::default();
    api.state().forbidden = Some("/leases");
    let (a, b) = (watch::Sender::default(), watch::Sender::default());
    for (name, leadership) in [("a", a.clone()), ("b", b.clone())] {
        let candidate = candidate(&api, name, leadership);
        tokio::spawn(async move {
            candidate.run(std::future::pending(), |_| std::future::pending::<()>()).await;
        });
    }
    sleep(LEASE).await;
    assert!([&a, &b].iter().all(|known| known.borrow().renewed.is_none()));
    api.state().forbidden = None;
    sleep(LEASE).await;
    let both = [*a.borrow(), *b.borrow()];
    assert_eq!(both.iter().filter(|known| known.is_ours).count(), 1, "{both:?}");
    for known in both {
        assert!(known.renewed.is_some_and(|renewed| renewed.elapsed() <= PERIOD * 2), "{known:?}");
    }
}

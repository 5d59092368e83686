//! Of several replicas one leads and keeps the registration. Another takes over, whatever happens to the first.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::{Cluster, INJECT_PYTHON, exclusive, instrumentation, is_injected, pod};
use crate::operator::Operator;
use crate::wait::{until, until_some, within};

/// Others wait for 15 s without a renewal.
const TAKE_OVER: Duration = Duration::from_secs(30);

/// The leader of two operators, and the other.
fn leader_and_other(cluster: &Cluster) -> (Operator, Operator) {
    let [mut leader, mut other] = [cluster.operator("operator"), cluster.operator("replica")];
    leader.wait_ready();
    other.wait_ready();
    if leads(cluster, &other) {
        std::mem::swap(&mut leader, &mut other);
    }
    assert!(leads(cluster, &leader), "{:?}", cluster.leader());
    assert!(registers(cluster, &leader));
    (leader, other)
}

fn leads(cluster: &Cluster, operator: &Operator) -> bool {
    cluster.leader().is_some_and(|identity| identity.ends_with(&format!("_{}", operator.id())))
}

/// Whether reviews are sent to an operator: each registers its own URL.
fn registers(cluster: &Cluster, operator: &Operator) -> bool {
    let registration = cluster.registration().unwrap_or_default();
    let webhooks = registration["webhooks"].as_array().cloned().unwrap_or_default();
    let url = operator.url();
    let is_sent = |webhook: &Value| {
        webhook["clientConfig"]["url"].as_str().is_some_and(|to| to.starts_with(&format!("{url}/")))
    };
    !webhooks.is_empty() && webhooks.iter().all(is_sent)
}

/// Waits until an operator leads and has registered.
fn wait_leads(cluster: &Cluster, operator: &Operator) {
    let leading = || (leads(cluster, operator) && registers(cluster, operator)).then_some(());
    within(TAKE_OVER, leading).unwrap_or_else(|| panic!("nobody took over:\n{}", operator.log().unwrap()));
}

/// The registration follows what happens in the cluster, and the API server trusts who answers.
fn assert_kept(cluster: &Cluster, namespace: &str) {
    cluster.namespace(namespace, &json!({}));
    cluster.apply(&[instrumentation(namespace, "only", &json!({}))]);
    let asks = [pod(namespace, "asks", &json!({INJECT_PYTHON: "true"}))];
    until(
        "pods are injected",
        || cluster.create(true, &asks).0.iter().any(is_injected),
        |injected| *injected,
    );
}

#[test]
fn another_replica_takes_over_from_a_leader_that_was_killed() {
    let cluster = exclusive();
    let (leader, other) = leader_and_other(&cluster);
    drop(leader);
    wait_leads(&cluster, &other);
    assert_kept(&cluster, "after-a-kill");
}

#[test]
fn a_leader_that_is_asked_to_stop_hands_over_at_once() {
    let cluster = exclusive();
    let (mut leader, other) = leader_and_other(&cluster);
    leader.terminate().unwrap();
    let handed_over = within(Duration::from_secs(6), || leads(&cluster, &other).then_some(()));
    assert!(handed_over.is_some(), "{}", other.log().unwrap());
    wait_leads(&cluster, &other);
    assert!(leader.wait_ended(), "{}", leader.log().unwrap());
    assert_kept(&cluster, "after-a-stop");
}

#[test]
fn a_leader_that_was_paused_leaves_the_registration_to_its_successor() {
    let cluster = exclusive();
    let (leader, other) = leader_and_other(&cluster);
    leader.signal("STOP").unwrap();
    wait_leads(&cluster, &other);
    leader.signal("CONT").unwrap();
    until_some("the first notices", || leader.log().unwrap().contains("no longer leading").then_some(()));
    // What it had begun would be written by now, and its watch has seen this namespace.
    assert_kept(&cluster, "after-a-pause");
    assert!(leads(&cluster, &other) && registers(&cluster, &other));
    // It goes on serving with what the API server trusts.
    assert_eq!(leader.readiness().unwrap().status, 200);
}

//! `--mode`: an operator that only observes, and one that is off.

use serde_json::{Value, json};

use crate::cluster::{INJECT_PYTHON, deployment, exclusive, instrumentation, is_injected, pod};
use crate::wait::until;

fn is_empty(webhooks: &Value) -> bool {
    webhooks.as_array().is_none_or(Vec::is_empty)
}

#[test]
fn an_observer_tells_and_changes_nothing() {
    let cluster = exclusive();
    let mut operator = cluster.operator_with("observer", &["--mode=observe"]);
    operator.wait_ready();
    cluster.namespace("observed", &json!({}));
    let spec = json!({"exporter": {"endpoint": "http://collector.obs:4318"}});
    cluster.apply(&[instrumentation("observed", "base", &spec)]);
    assert_eq!(cluster.instrumentation("observed", "base")["spec"], spec, "no default is written");
    let right = [pod("observed", "right", &json!({INJECT_PYTHON: "true"}))];
    let try_it = || {
        let (created, said) = cluster.create(true, &right);
        assert!(!created.is_empty() && !created.iter().any(is_injected), "{said}");
        operator.log().unwrap()
    };
    let says = |log: &String| log.contains("NotInjected") && log.contains("--mode=observe");
    until("the decision is logged", try_it, says);

    // What is wrong is told as ever.
    let said = cluster.apply(&[deployment("observed", "wrong", &json!({INJECT_PYTHON: "bsae"}))]);
    assert!(said.contains("InstrumentationNotFound"), "{said}");
    cluster.create(false, &[pod("observed", "wrong", &json!({INJECT_PYTHON: "bsae"}))]);
    let events = || cluster.events("observed", "InstrumentationNotFound");
    until("an Event", events, |events| !events.is_empty());
}

#[test]
fn an_operator_that_is_off_takes_its_registration_back() {
    let cluster = exclusive();
    let mut operator = cluster.operator("before");
    operator.wait_ready();
    let webhooks = || cluster.registration().unwrap()["webhooks"].clone();
    assert!(!is_empty(&webhooks()));
    operator.terminate().unwrap();
    assert!(operator.wait_ended());
    let mut off = cluster.operator_with("off", &["--mode=off"]);
    off.wait_ready();
    assert!(is_empty(&webhooks()), "{}", webhooks());
    let metadata = &cluster.registration().unwrap()["metadata"];
    assert_eq!(metadata["ownerReferences"][0]["kind"], "ClusterRole", "it goes with the rest");
    off.terminate().unwrap();
    assert!(off.wait_ended());

    let mut again = cluster.operator("after");
    again.wait_ready();
    assert!(!is_empty(&webhooks()));
}

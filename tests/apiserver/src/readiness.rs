//! The operator says truthfully whether it can answer, and begins and ends without a pod being refused.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::cluster::{INJECT_PYTHON, exclusive, instrumentation, is_injected, pod};
use crate::wait::{until, within};

#[test]
fn the_operator_waits_for_the_definition_of_instrumentations() {
    let cluster = exclusive();
    let kubectl = cluster.kubectl();
    kubectl.run(&["delete", "crd", "instrumentations.opentelemetry.io"]).unwrap();
    let mut operator = cluster.operator("operator");
    let answers = || operator.readiness().ok();
    let serving = |answer: &Option<crate::http::Answer>| {
        answer.as_ref().is_some_and(|answer| answer.body.contains("instrumentations"))
    };
    let answer = until("reviews could be answered", answers, serving).unwrap();
    assert_eq!((answer.status, answer.body.starts_with("not ready: ")), (503, true), "{answer:?}");
    // Long enough that it has asked in vain a few times.
    let ready =
        within(Duration::from_secs(3), || operator.readiness().ok().filter(|answer| answer.status == 200));
    assert!(ready.is_none(), "ready without a definition: {ready:?}");
    let log = operator.log().unwrap();
    assert!(
        log.contains("failed to watch, will try again") && log.contains("\"resource\":\"instrumentations\""),
        "{log}"
    );
    assert_eq!(cluster.silent_namespaces(), Vec::<String>::new(), "registered before it can answer");

    kubectl.apply(cluster.crds()).unwrap();
    let applied = Instant::now();
    operator.wait_ready();
    eprintln!("ready {:.1} s after the definition", applied.elapsed().as_secs_f32());
}

#[test]
fn an_operator_that_is_asked_to_stop_answers_a_little_longer() {
    let cluster = exclusive();
    let mut operator = cluster.operator("operator");
    operator.wait_ready();
    cluster.apply(&[
        crate::cluster::namespace("stopping", &json!({})),
        instrumentation("stopping", "only", &json!({})),
    ]);
    cluster.wait_seen();
    let probe = [pod("default", "probe", &json!({INJECT_PYTHON: "stopping/only"}))];
    operator.terminate().unwrap();
    let stopping = || operator.readiness().map(|answer| answer.status).ok();
    until("the operator is no longer ready", stopping, |status| *status == Some(503));
    let (accepted, said) = cluster.create(true, &probe);
    assert!(accepted.iter().any(is_injected), "{said}");
    assert!(operator.wait_ended(), "{}", operator.log().unwrap());
    // Nobody answers now, and nobody is kept from creating pods.
    let (accepted, said) = cluster.create(true, &probe);
    assert_eq!(accepted.len(), 1, "{said}");
    assert!(!is_injected(&accepted[0]));
}

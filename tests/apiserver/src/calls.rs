//! Pods that did not ask cost no call, and those that may have asked are never missed.

use serde_json::{Value, json};

use crate::cluster::{
    Cluster, INJECT_PYTHON, deployment, exclusive, instrumentation, is_injected, namespace, pod,
};
use crate::wait::until;

#[test]
fn silent_pods_of_known_namespaces_cost_no_call() {
    let cluster = exclusive();
    let mut operator = cluster.operator("operator");
    operator.wait_ready();
    operator.wait_self_test();
    cluster.namespace("silent", &json!({"example.com/other": "annotation"}));
    wait_until_not_asked(&cluster, "silent");

    let answered =
        || operator.metric::<u64>("ingraft_admission_reviews_total", &["webhook=\"pod\""]).unwrap();
    let (before, answered_before) = (cluster.calls(), answered());
    let others =
        json!({"example.com/other": "annotation", "instrumentation.example.com/inject-python": "true"});
    let pods: Vec<Value> = (0..10).map(|index| pod("silent", &format!("pod-{index}"), &others)).collect();
    let mut bare = pod("silent", "bare", &json!({}));
    bare["metadata"].as_object_mut().unwrap().remove("annotations");
    let (accepted, said) = cluster.create(false, &[pods, vec![bare]].concat());
    assert_eq!(accepted.len(), 11, "{said}");
    cluster.apply(&[deployment("silent", "web", &others)]);
    cluster.pod_of("silent", "web");
    assert_eq!(cluster.calls() - before, 0, "calls for pods that did not ask");
    assert_eq!(answered() - answered_before, 0, "reviews of pods that did not ask");

    cluster.create(false, &[pod("silent", "asks", &json!({INJECT_PYTHON: "false"}))]);
    assert_eq!(
        cluster.calls() - before,
        1,
        "one call for a pod with an annotation of ours, by one of the two"
    );
}

#[test]
fn silent_pods_of_asking_namespaces_are_asked_about_and_injected() {
    let cluster = exclusive();
    let mut operator = cluster.operator("operator");
    operator.wait_ready();
    cluster.namespace("asking", &json!({INJECT_PYTHON: "true"}));
    cluster.apply(&[instrumentation("asking", "only", &json!({}))]);
    cluster.wait_seen();
    let (accepted, said) = cluster.create(false, &[pod("asking", "silent", &json!({}))]);
    assert!(accepted.iter().any(is_injected), "{said}");
}

#[test]
fn a_pod_that_asks_costs_one_call() {
    let cluster = exclusive();
    let on = ["--enable-go-instrumentation=true", "--enable-nginx-instrumentation=true"];
    let mut operator = cluster.operator_with("operator", &on);
    operator.wait_ready();
    operator.wait_self_test();
    cluster.namespace("counted", &json!({}));
    cluster.apply(&[instrumentation("counted", "only", &json!({}))]);
    cluster.wait_seen();
    for language in ["sdk", "python", "java", "go", "nginx", "apache-httpd"] {
        let before = cluster.calls();
        let asks = json!({
            format!("instrumentation.opentelemetry.io/inject-{language}"): "true",
            "instrumentation.opentelemetry.io/otel-go-auto-target-exe": "/app",
        });
        let (accepted, said) = cluster.create(false, &[pod("counted", language, &asks)]);
        assert!(accepted.iter().any(is_injected), "{said}");
        assert_eq!(cluster.calls() - before, 1, "{language}");
    }
}

#[test]
fn a_namespace_that_stops_or_begins_to_ask_is_followed() {
    let cluster = exclusive();
    let mut operator = cluster.operator("operator");
    operator.wait_ready();
    cluster.namespace("follow", &json!({}));
    cluster.apply(&[instrumentation("follow", "only", &json!({}))]);
    cluster.wait_seen();
    let injected = || {
        let (accepted, said) = cluster.create(true, &[pod("follow", "silent", &json!({}))]);
        accepted.first().map(is_injected).ok_or(said)
    };
    assert_eq!(injected(), Ok(false));
    let annotate = |value: &str| {
        let annotation = format!("{INJECT_PYTHON}{value}");
        cluster.kubectl().run(&["annotate", "namespace", "follow", &annotation]).unwrap();
    };
    annotate("=true");
    until("the namespace asks", injected, |injected| *injected == Ok(true)).unwrap();
    annotate("-");
    until("the namespace is silent", injected, |injected| *injected == Ok(false)).unwrap();
    wait_until_not_asked(&cluster, "follow");
}

/// Whoever annotates a namespace and creates pods at once gets them injected, or is told.
#[test]
fn pods_created_before_the_api_server_knows_are_told() {
    let cluster = exclusive();
    let mut operator = cluster.operator("operator");
    operator.wait_ready();
    cluster.namespace("hasty", &json!({}));
    cluster.apply(&[instrumentation("hasty", "only", &json!({}))]);
    cluster.wait_seen();
    let (created, said) = cluster.create(false, &[pod("hasty", "too-early", &json!({}))]);
    assert!(!is_injected(&created[0]), "{said}");
    let annotation = format!("{INJECT_PYTHON}=true");
    cluster.kubectl().run(&["annotate", "namespace", "hasty", &annotation]).unwrap();
    let told = until("it is told", || cluster.events("hasty", "PodMissed"), |events| !events.is_empty());
    let names: Vec<&Value> = told.iter().map(|event| &event["involvedObject"]["name"]).collect();
    assert_eq!(names, ["too-early"]);
}

#[test]
fn a_namespace_and_its_workload_in_one_apply_are_injected() {
    let cluster = exclusive();
    let mut operator = cluster.operator("operator");
    operator.wait_ready();
    // Several times, since it is a race that must not be lost once.
    for round in 0..5 {
        let (asking, silent) = (format!("together-{round}"), format!("together-silent-{round}"));
        cluster.apply(&[
            namespace(&asking, &json!({INJECT_PYTHON: "true"})),
            instrumentation(&asking, "only", &json!({})),
            deployment(&asking, "web", &json!({})),
            namespace(&silent, &json!({})),
            deployment(&silent, "web", &json!({})),
        ]);
        let pod = cluster.pod_of(&asking, "web");
        assert!(is_injected(&pod), "round {round}: {pod}");
        // The API server may have asked about this one. What else is in its spec is the API server's own.
        let pod = cluster.pod_of(&silent, "web");
        assert!(!is_injected(&pod) && pod["spec"].get("initContainers").is_none(), "{pod}");
        assert!(pod["spec"]["containers"][0].get("env").is_none(), "{pod}");
    }
}

/// Waits until the API server has learnt that it need not ask about silent pods of a namespace.
fn wait_until_not_asked(cluster: &Cluster, namespace: &str) {
    let calls = || {
        let before = cluster.calls();
        cluster.create(true, &[pod(namespace, "probe", &json!({}))]);
        cluster.calls() - before
    };
    until("the API server does not ask", calls, |calls| *calls == 0);
}

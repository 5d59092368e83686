//! Pods that demand injection: refused rather than run without it, also while no replica runs.

use std::path::Path;

use ingraft_cluster::documents;
use ingraft_testkit::ingraft::NAMESPACE;
use serde_json::{Value, json};

use crate::cluster::{
    Cluster, INJECT_PYTHON, NAME, deployment, exclusive, instrumentation, is_injected, pod,
};
use crate::wait::until;

const REQUIRE: &str = "ingraft.dev/require";

/// Waits until the API server knows the policy.
fn wait_for_policy(cluster: &Cluster) {
    let strict = strict(&pod("default", "strict", &json!({})));
    until("the policy is known", || cluster.check(&strict).0.is_err(), |is_refused| *is_refused);
}

/// The pod, with the label.
fn strict(pod: &Value) -> Value {
    let mut pod = pod.clone();
    pod["metadata"]["labels"][REQUIRE] = "true".into();
    pod
}

#[test]
fn a_strict_pod_waits_for_the_operator() {
    let cluster = exclusive();
    wait_for_policy(&cluster);
    let namespace = "strict";
    cluster.namespace_without_operator(namespace);
    let spec = json!({"exporter": {"endpoint": "http://collector.obs:4318"}});
    cluster.apply(&[instrumentation(namespace, "base", &spec)]);
    let asks = json!({INJECT_PYTHON: "true"});
    let mut web = deployment(namespace, "web", &asks);
    web["spec"]["template"]["metadata"]["labels"][REQUIRE] = "true".into();
    cluster.apply(&[web, deployment(namespace, "other", &asks)]);
    let refused = until("it is refused", || cluster.events(namespace, "FailedCreate"), |all| !all.is_empty());
    let message = refused[0]["message"].as_str().unwrap();
    assert!(message.contains("ingraft explain TYPE/NAME -n strict"), "{message}");
    cluster.pod_of(namespace, "other");

    let mut operator = cluster.operator("strict");
    operator.wait_ready();
    let told = || cluster.events(namespace, "StrictPodRefused");
    let told = until("an Event tells", told, |told| !told.is_empty());
    assert_eq!(told[0]["involvedObject"]["kind"], "Deployment");
    let message = told[0]["message"].as_str().unwrap();
    let (_, command) = message.rsplit_once("kubectl ").unwrap();
    assert_eq!(command, "rollout restart deployment/web -n strict");
    cluster.wait_seen();
    cluster.kubectl().run(&command.split(' ').collect::<Vec<_>>()).unwrap();
    assert!(is_injected(&cluster.pod_of(namespace, "web")));

    // An operator that does not inject changes nothing about it.
    let asks_for_nothing = strict(&pod(namespace, "asks-for-nothing", &json!({})));
    let (accepted, said) = cluster.create(true, &[asks_for_nothing]);
    assert!(accepted.is_empty() && said.contains("denied request"), "{said}");
}

#[test]
fn an_uninstalled_operator_holds_nobody_up() {
    let cluster = exclusive();
    wait_for_policy(&cluster);
    cluster.kubectl().run(&["delete", "pdb", NAME, "-n", NAMESPACE]).unwrap();
    let strict = strict(&pod("default", "strict", &json!({})));
    until("the budget is gone", || cluster.check(&strict).0, Result::is_ok).unwrap();
}

/// The pods of what golden cases expect.
fn expected_pods() -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/inject");
    let folders = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let texts = folders.map(|folder| std::fs::read_to_string(folder.join("expected.yaml")).unwrap());
    let documents = texts.flat_map(|text| documents::read("expected.yaml", &text).unwrap());
    let mut pods: Vec<Value> = documents.map(|document| document.value).collect();
    pods.retain(|object| object["kind"] == "Pod");
    for pod in &mut pods {
        pod["metadata"]["namespace"] = "default".into();
    }
    pods
}

#[test]
fn a_pod_counts_as_injected_by_what_is_in_it() {
    let cluster = exclusive();
    wait_for_policy(&cluster);
    let is_refused = |pod: &Value| {
        cluster.check(&strict(pod)).0.is_err_and(|status| status.to_string().contains("denied request"))
    };
    let mut injected = 0;
    // Some cases are about what the API server refuses.
    for pod in expected_pods().into_iter().filter(|pod| cluster.check(pod).0.is_ok()) {
        assert_eq!(is_refused(&pod), !is_injected(&pod), "{pod}");
        injected += usize::from(is_injected(&pod));
        let mut pasted = pod.clone();
        pasted["metadata"]["annotations"]["ingraft.dev/injected"].take();
        let annotations = pasted["metadata"]["annotations"].as_object_mut().unwrap();
        annotations.retain(|_, value| !value.is_null());
        assert!(is_refused(&pasted), "without the annotation: {pasted}");
    }
    assert!(injected > 200, "{injected}");
    let pasted = pod("default", "pasted", &json!({"ingraft.dev/injected": "{}"}));
    assert!(is_refused(&pasted), "nothing of ours is there");
}

//! `ingraft explain`: the chain from an annotation to the pods that run.

use serde_json::{Value, json};

use crate::cluster::{Cluster, INJECT_PYTHON, deployment, instrumentation, is_injected, shared};
use crate::wait::until;

/// What is printed, findings first.
fn explain(cluster: &Cluster, arguments: &[&str]) -> String {
    let output = cluster.ingraft(&[&["explain"], arguments].concat());
    [output.stderr, output.stdout].map(|bytes| String::from_utf8(bytes).unwrap()).concat()
}

#[test]
fn every_step_from_the_annotation_to_the_pods_is_told() {
    let (cluster, _) = shared();
    cluster.namespace("chain", &json!({}));
    let mut web = deployment("chain", "web", &json!({INJECT_PYTHON: "base"}));
    web["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([{"name": "PYTHONPATH", "value": "/app"}]);
    cluster.apply(&[web, deployment("chain", "silent", &json!({}))]);
    assert!(!is_injected(&cluster.pod_of("chain", "web")));
    let said = explain(cluster, &["deployment/web", "-n", "chain"]);
    for part in [
        "error[InstrumentationNotFound]",
        "deployment/web in namespace chain",
        "requested     instrumentation.opentelemetry.io/inject-python: \"base\", by the pod template",
        "found         no Instrumentation for python",
        "decided       python is not injected",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }

    let spec = json!({"exporter": {"endpoint": "http://collector.obs:4318"}});
    cluster.apply(&[instrumentation("chain", "base", &spec)]);
    let said = explain(cluster, &["deploy/web", "-n", "chain"]);
    for part in [
        "found         Instrumentation chain/base, generation 1, for python",
        "decided       python into app, whenever a pod is created",
        "joined        PYTHONPATH of app",
        "added         ",
        "runs without python: it was created before it could be injected",
        "next          kubectl rollout restart deployment/web -n chain",
        "warning[PodMissed]",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let all = explain(cluster, &["namespace/chain"]);
    for part in [
        "workload      deployment/web: python from chain/base: missed",
        "next          kubectl rollout restart deployment/web -n chain",
        "others        1 request nothing",
        "warning[PodMissed]",
    ] {
        assert!(all.contains(part), "{part}: {all}");
    }

    cluster.wait_seen();
    cluster.kubectl().run(&["rollout", "restart", "deployment/web", "-n", "chain"]).unwrap();
    let pods = until("an injected pod", || cluster.pods("chain"), |pods| pods.iter().any(is_injected));
    let pod = pods.iter().find(|pod| is_injected(pod)).unwrap();
    let target = format!("pod/{}", pod["metadata"]["name"].as_str().unwrap());
    let said = explain(cluster, &[&target, "-n", "chain"]);
    assert!(said.contains("has python from chain/base, as it is now") && !said.contains("next"), "{said}");
    let output = cluster.ingraft(&["explain", &target, "-n", "chain", "-o", "json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["decisions"][0]["standing"], "injected");
    assert_eq!(answer["variables"][0]["joined"], json!(["PYTHONPATH"]));

    let silent = explain(cluster, &["deployment/silent", "-n", "chain"]);
    assert!(
        silent.contains("requested     nothing, neither by the pod template nor by the namespace"),
        "{silent}"
    );
    assert!(silent.contains("to have it instrumented, add an annotation"), "{silent}");
    let wrong = explain(cluster, &["service/web"]);
    assert!(wrong.contains("\"service\" is none of pod, deployment"), "{wrong}");
}

//! What a namespace demands of resources: whoever accepts a pod accepts it once it is injected.

use serde_json::{Value, json};

use crate::cluster::{exclusive, instrumentation, names, pod};

const NAMESPACE: &str = "resources";

/// The least, the most, and how far limits may be from requests.
fn limit_range() -> Value {
    let bounds = json!({
        "type": "Container", "min": {"cpu": "100m", "memory": "100Mi"}, "max": {"cpu": "250m", "memory": "300Mi"},
        "maxLimitRequestRatio": {"cpu": "2"}, "default": {"cpu": "200m", "memory": "200Mi"},
    });
    json!({
        "apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "bounds", "namespace": NAMESPACE},
        "spec": {"limits": [bounds]},
    })
}

/// Enough for two pods, were nothing added to their sums.
fn quota() -> Value {
    json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "sums", "namespace": NAMESPACE},
        "spec": {"hard": {"requests.cpu": "400m", "limits.memory": "400Mi"}},
    })
}

#[test]
fn a_namespace_with_bounds_accepts_what_it_accepted() {
    let cluster = exclusive();
    let flags = [
        "--probe-image=example.com/ingraft:1",
        "--env-probe=always",
        "--enable-go-instrumentation=true",
        "--enable-nginx-instrumentation=true",
    ];
    let mut operator = cluster.operator_with("resources", &flags);
    operator.wait_ready();
    cluster.namespace(NAMESPACE, &json!({}));
    let spec = json!({"exporter": {"endpoint": "http://collector.obs:4318"}});
    cluster.apply(&[instrumentation(NAMESPACE, "base", &spec), limit_range()]);
    cluster.wait_seen();
    let asking = |name: &str, language: &str| {
        let key = format!("instrumentation.opentelemetry.io/inject-{language}");
        let mut pod = pod(NAMESPACE, name, &json!({key: "true"}));
        if language == "go" {
            let key = "instrumentation.opentelemetry.io/otel-go-auto-target-exe";
            pod["metadata"]["annotations"][key] = "/app".into();
        }
        pod
    };
    for language in ["java", "python", "nginx", "apache-httpd", "sdk", "go"] {
        let (created, said) = cluster.create(true, &[asking("asks", language)]);
        assert_eq!(created.len(), 1, "{language}: {said}");
        let spec = &created[0]["spec"];
        let added = [names(&spec["initContainers"]), names(&spec["containers"])].concat().len();
        assert!(added > 1, "{language}: {said}");
    }

    cluster.apply(&[quota()]);
    let wait =
        ["wait", "resourcequota", "sums", "-n", NAMESPACE, "--for=jsonpath={.status.hard}", "--timeout=60s"];
    cluster.kubectl().run(&wait).unwrap();
    for name in ["first", "second"] {
        let (created, said) = cluster.create(false, &[asking(name, "java")]);
        assert_eq!(created.len(), 1, "{said}");
        assert!(!names(&created[0]["spec"]["initContainers"]).is_empty(), "{said}");
    }
    let (created, said) = cluster.create(false, &[asking("third", "java")]);
    assert!(created.is_empty() && said.contains("exceeded quota"), "{said}");
}

//! Requests that nobody should send, and pods larger than any.

use ingraft_testkit::ingraft::NAMESPACE;
use serde_json::{Value, json};

use crate::cluster::{Cluster, INJECT_PYTHON, instrumentation, is_injected, names, pod, shared};

/// The bundle of certificates that the API server trusts.
pub(crate) fn bundle(cluster: &Cluster) -> String {
    let bundle = "go-template={{index .data \"bundle.crt\" | base64decode}}";
    cluster.kubectl().run(&["get", "secret", "ingraft-webhook-ca", "-n", NAMESPACE, "-o", bundle]).unwrap()
}

#[test]
fn what_is_no_review_is_refused_with_a_reason() {
    let (cluster, operator) = shared();
    let trusted = bundle(cluster);
    let post = |path: &str, body: &[u8]| operator.post(path, &trusted, body).unwrap();
    for path in ["/mutate-v1-pod", "/mutate-opentelemetry-io-v1alpha1-instrumentation"] {
        for body in [
            "",
            "{",
            "no JSON",
            r#"{"kind": "Pod", "request": {"uid": "1"}}"#,
            r#"{"kind": "AdmissionReview"}"#,
        ] {
            let answer = post(path, body.as_bytes());
            assert_eq!(answer.status, 400, "{path} {body}: {answer:?}");
            assert!(
                answer.body.contains("this is not an AdmissionReview of admission.k8s.io/v1: "),
                "{answer:?}"
            );
        }
        assert_eq!(post(path, &[0xff; 64]).status, 400);
    }
    assert_eq!(post("/", b"{}").status, 404);
    let review = |object: Value| {
        let review = json!({"kind": "AdmissionReview", "request": {"uid": "u", "namespace": "default", "object": object}});
        review.to_string()
    };
    for object in [json!(null), json!([]), json!("pod"), json!({"metadata": 1, "spec": "x"})] {
        let answer = post("/mutate-v1-pod", review(object).as_bytes());
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.body.contains(r#""allowed":true"#), "{answer:?}");
    }
}

#[test]
fn bodies_up_to_four_mebibytes_are_read() {
    let (cluster, operator) = shared();
    let trusted = bundle(cluster);
    let mut body = br#"{"kind": "AdmissionReview", "request": {"uid": "large", "object": {}}}"#.to_vec();
    body.resize(4 << 20, b' ');
    let answer = operator.post("/mutate-v1-pod", &trusted, &body).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body.contains(r#""uid":"large","allowed":true"#), "{answer:?}");
    body.push(b' ');
    let answer = operator.post("/mutate-v1-pod", &trusted, &body).unwrap();
    assert_eq!(answer.status, 413, "{answer:?}");
}

#[test]
fn other_certificates_are_not_trusted() {
    let (cluster, operator) = shared();
    let root = "go-template={{index .data \"ca.crt\"}}";
    let other = cluster.kubectl().run(&["get", "configmap", "kube-root-ca.crt", "-o", root]).unwrap();
    let error = operator.post("/mutate-v1-pod", &other, b"{}").unwrap_err();
    assert!(format!("{error:#}").contains("certificate"), "{error:#}");
}

#[test]
fn large_pods_are_injected() {
    let (cluster, _) = shared();
    cluster.namespace("large", &json!({}));
    cluster.apply(&[instrumentation("large", "only", &json!({"exporter": {"endpoint": "http://c:4318"}}))]);
    cluster.wait_seen();
    let mut large =
        pod("large", "large", &json!({INJECT_PYTHON: "true", "example.com/note": "x".repeat(200_000)}));
    let variables: Vec<Value> = (0..2_000)
        .map(|index| json!({"name": format!("VARIABLE_{index}"), "value": "v".repeat(400)}))
        .collect();
    large["spec"]["containers"][0]["env"] = variables.into();
    assert!(large.to_string().len() > 1_000_000);
    let (accepted, said) = cluster.create(true, &[large]);
    assert!(accepted.iter().any(is_injected), "{said}");
    let env = &accepted[0]["spec"]["containers"][0]["env"];
    let own: Vec<&str> = names(env).into_iter().filter(|name| name.starts_with("VARIABLE_")).collect();
    assert_eq!((own.len(), own[0], own[1_999]), (2_000, "VARIABLE_0", "VARIABLE_1999"));

    let mut containers = pod("large", "containers", &json!({INJECT_PYTHON: "true"}));
    let more = (0..200).map(|index| json!({"name": format!("c-{index}"), "image": "example.com/app"}));
    containers["spec"]["containers"].as_array_mut().unwrap().extend(more);
    let list = (0..200).map(|index| format!("c-{index}")).collect::<Vec<_>>().join(",");
    containers["metadata"]["annotations"]["instrumentation.opentelemetry.io/container-names"] = list.into();
    let (accepted, said) = cluster.create(true, &[containers]);
    assert!(accepted.iter().any(is_injected), "{said}");
}

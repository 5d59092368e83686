//! The certificate authority and the registration: shared by replicas, healed when lost, removed with the rest.

use ingraft_testkit::ingraft::NAMESPACE;
use serde_json::json;

use crate::cluster::{
    CONFIGURATION, Cluster, INJECT_PYTHON, NAME, exclusive, instrumentation, is_injected, pod,
};
use crate::http::Answer;
use crate::requests::bundle;
use crate::wait::until;

/// Whether the API server gets an answer that it trusts.
fn works(cluster: &Cluster) -> bool {
    let asks = json!({INJECT_PYTHON: "certificates/only"});
    cluster.create(true, &[pod("default", "probe", &asks)]).0.iter().any(is_injected)
}

fn prepare(cluster: &Cluster) {
    cluster.apply(&[
        crate::cluster::namespace("certificates", &json!({})),
        instrumentation("certificates", "only", &json!({})),
    ]);
}

#[test]
fn a_lost_authority_is_made_again_and_a_lost_registration_is_named() {
    let cluster = exclusive();
    prepare(&cluster);
    let mut operator = cluster.operator("operator");
    operator.wait_ready();
    until("reviews are answered", || works(&cluster), |works| *works);
    let first = bundle(&cluster);
    assert_eq!(first.matches("BEGIN CERTIFICATE").count(), 1, "{first}");
    assert_registered(&cluster, &first);
    drop(operator);

    let mut operator = cluster.operator("operator");
    operator.wait_ready();
    assert_eq!(bundle(&cluster), first, "a restart keeps the authority");
    drop(operator);

    cluster.kubectl().run(&["delete", "secret", "ingraft-webhook-ca", "-n", NAMESPACE]).unwrap();
    cluster.unregister().unwrap();
    cluster.release().unwrap();
    let mut operator = cluster.operator("operator");
    let names_it = |answer: &Option<Answer>| {
        answer.as_ref().is_some_and(|answer| {
            answer.status == 503 && answer.body.contains("MutatingWebhookConfiguration zz-ingraft-operator")
        })
    };
    until("what is missing is named", || operator.readiness().ok(), names_it);
    let logged = |log: &String| log.contains("is missing: apply the operator's manifests again");
    until("what is missing is logged", || operator.log().unwrap(), logged);
    assert_eq!(cluster.registration(), None, "the operator may not create it");
    cluster.install().unwrap();
    operator.wait_ready();
    let second = bundle(&cluster);
    assert_ne!(second, first);
    assert_registered(&cluster, &second);
    until("reviews are answered", || works(&cluster), |works| *works);
}

#[test]
fn an_unusable_authority_is_replaced() {
    let cluster = exclusive();
    prepare(&cluster);
    for (data, what) in [
        (json!({"tls.key": "eA==", "tls.crt": "eA==", "bundle.crt": "eA==", "not-after": "eA=="}), "no time"),
        (json!({}), "nothing"),
    ] {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ingraft-webhook-ca", "namespace": NAMESPACE}, "data": data});
        cluster
            .kubectl()
            .run(&["delete", "secret", "ingraft-webhook-ca", "-n", NAMESPACE, "--ignore-not-found"])
            .unwrap();
        cluster.create(false, &[secret]);
        cluster.release().unwrap();
        let mut operator = cluster.operator("operator");
        operator.wait_ready();
        until(what, || works(&cluster), |works| *works);
    }
}

#[test]
fn replicas_share_one_authority() {
    let cluster = exclusive();
    prepare(&cluster);
    cluster
        .kubectl()
        .run(&["delete", "secret", "ingraft-webhook-ca", "-n", NAMESPACE, "--ignore-not-found"])
        .unwrap();
    // At the same time, so that both want to make the authority.
    let mut operators = [cluster.operator("operator"), cluster.operator("replica")];
    for operator in &mut operators {
        operator.wait_ready();
    }
    let shared = bundle(&cluster);
    assert_eq!(shared.matches("BEGIN CERTIFICATE").count(), 1, "{shared}");
    let review =
        json!({"kind": "AdmissionReview", "request": {"uid": "u", "namespace": "default", "object": {}}});
    for operator in &operators {
        let answer = operator.post("/mutate-v1-pod", &shared, review.to_string().as_bytes());
        assert_eq!(answer.unwrap().status, 200);
    }
    assert_registered(&cluster, &shared);
}

#[test]
fn applying_the_manifests_again_keeps_the_registration() {
    let cluster = exclusive();
    let mut operator = cluster.operator("operator");
    operator.wait_ready();
    drop(operator);
    let webhooks = || cluster.registration().unwrap()["webhooks"].clone();
    let registered = webhooks();
    cluster.install().unwrap();
    assert_eq!(webhooks(), registered);

    // As an earlier release has left it, which created it.
    cluster.unregister().unwrap();
    let created = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": CONFIGURATION, "labels": {"app.kubernetes.io/instance": "ingraft"}}, "webhooks": registered,
    });
    let apply = ["apply", "--server-side", "--field-manager=ingraft-operator", "-f", "-"];
    cluster.kubectl().run_with_input(&apply, &created.to_string()).unwrap();
    cluster.install().unwrap();
    assert_eq!(webhooks(), registered);
}

#[test]
fn the_registration_goes_with_the_role_that_owns_it() {
    let cluster = exclusive();
    let mut operator = cluster.operator("operator");
    operator.wait_ready();
    drop(operator);
    let registered = cluster.registration().unwrap();
    let get = ["get", "clusterrole", NAME, "-o", "json"];
    let role = cluster.kubectl().json(&get).unwrap();
    assert_eq!(
        registered["metadata"]["ownerReferences"],
        json!([{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "name": NAME, "uid": role["metadata"]["uid"]}])
    );
    cluster.kubectl().run(&["delete", "clusterrole", NAME]).unwrap();
    until("the registration is collected", || cluster.registration(), Option::is_none);
    // The next test installs it again, and must not lose it.
    let all = "mutatingwebhookconfigurations,validatingwebhookconfigurations";
    let get = ["get", all, "-l", "app.kubernetes.io/instance=ingraft", "-o", "name"];
    until("all of it", || cluster.kubectl().run(&get).unwrap(), String::is_empty);
}

fn assert_registered(cluster: &Cluster, bundle: &str) {
    let registered = cluster.registration().unwrap();
    let webhooks = registered["webhooks"].as_array().unwrap();
    assert!(webhooks.len() >= 3, "{registered}");
    for webhook in webhooks {
        assert_eq!(webhook["failurePolicy"], "Ignore", "{webhook}");
        let sent = webhook["clientConfig"]["caBundle"].as_str().unwrap();
        assert_eq!(sent, encode(bundle.as_bytes()), "{webhook}");
    }
}

/// Base64, so that a bundle can be compared with what the API server prints.
fn encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |group: &[u8]| {
        let bits = group.iter().chain(&[0, 0]).take(3).fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        let digit = move |place: usize| {
            if place > group.len() { '=' } else { char::from(DIGITS[bits >> (18 - 6 * place) & 63]) }
        };
        (0..4).map(digit).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

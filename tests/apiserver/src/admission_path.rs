//! Whether reviews arrive: within one period the condition of Instrumentations names the link that is broken.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ingraft_testkit::ingraft::NAMESPACE;
use serde_json::{Value, json};

use crate::cluster::{CONFIGURATION, Cluster, NAME, exclusive, instrumentation, pod};
use crate::operator::Operator;
use crate::server::serve;
use crate::wait::{until, within};

const SELF_TEST: &str = "zz-ingraft-self-test";
/// It is tried about once a minute, a failure again after 5 s, and a status is written within 5 s.
const ONE_PERIOD: Duration = Duration::from_secs(55 + 5 + 5 + 5);

/// The condition of the only Instrumentation.
fn condition(cluster: &Cluster) -> Value {
    let status = cluster.instrumentation("tested", "base")["status"].clone();
    let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    conditions.into_iter().find(|one| one["type"] == "AdmissionPathHealthy").unwrap_or_default()
}

/// Waits until the condition has this status and reason, and answers its message.
fn wait_condition(cluster: &Cluster, operator: &Operator, status: &str, reason: &str) -> String {
    let fits = || Some(condition(cluster)).filter(|one| one["status"] == status && one["reason"] == reason);
    let found = within(ONE_PERIOD, fits);
    let found = found.unwrap_or_else(|| {
        panic!("no {status} {reason}: {}\n{}", condition(cluster), operator.log().unwrap_or_default())
    });
    found["message"].as_str().unwrap_or_default().to_owned()
}

/// What may be done to the registrations: without `patch` the operator does not correct what a test changes.
fn allow(cluster: &Cluster, verbs: &[&str]) {
    let mut role = cluster.kubectl().json(&["get", "clusterrole", NAME, "-o", "json"]).unwrap();
    let rules = role["rules"].as_array_mut().unwrap();
    let of_webhooks = |rule: &&mut Value| rule["apiGroups"][0] == "admissionregistration.k8s.io";
    rules.iter_mut().find(of_webhooks).unwrap()["verbs"] = json!(verbs);
    let labels = role["metadata"]["labels"].clone();
    role["metadata"] = json!({"name": NAME, "labels": labels});
    cluster.apply(&[role]);
}

/// Changes where the self-test's reviews go, or whom the API server trusts there.
fn redirect(cluster: &Cluster, client_config: &Value) {
    let patch =
        json!([{"op": "replace", "path": "/webhooks/0/clientConfig", "value": client_config}]).to_string();
    let arguments = ["patch", "mutatingwebhookconfiguration", SELF_TEST, "--type=json", "-p", &patch];
    cluster.kubectl().run(&arguments).unwrap();
}

fn webhooks(cluster: &Cluster, name: &str) -> Value {
    let get = ["get", "mutatingwebhookconfiguration", name, "-o", "json"];
    cluster.kubectl().json(&get).unwrap()["webhooks"].clone()
}

/// The mark that has the hints speak.
fn mark(cluster: &Cluster) -> Value {
    let get = ["get", "poddisruptionbudget", NAME, "-n", NAMESPACE, "-o", "json"];
    cluster.kubectl().json(&get).unwrap()["metadata"]["annotations"]["ingraft.dev/admission-path"].clone()
}

/// A server whose authority has ended: where it is, and whom to trust.
fn expired(runtime: &tokio::runtime::Runtime) -> (SocketAddr, String) {
    let long_ago = time::OffsetDateTime::now_utc() - time::Duration::days(400);
    serve(runtime, long_ago, Router::new())
}

#[test]
fn the_condition_names_the_link_that_is_broken() {
    let cluster = exclusive();
    cluster.apply(&[
        crate::cluster::namespace("tested", &json!({})),
        instrumentation("tested", "base", &json!({"exporter": {"endpoint": "http://collector.obs:4318"}})),
    ]);
    // What a leader before it may have left.
    let left =
        ["annotate", "poddisruptionbudget", NAME, "-n", NAMESPACE, "ingraft.dev/admission-path=broken"];
    cluster.kubectl().run(&left).unwrap();
    let mut operator = cluster.operator("operator");
    operator.wait_ready();
    let message = wait_condition(&cluster, &operator, "True", "Healthy");
    assert!(message.contains("one API server was asked"), "{message}");
    until("the mark is removed", || mark(&cluster), Value::is_null);
    let healthy = || operator.metric::<u64>("ingraft_admission_path_healthy", &[]).unwrap();
    assert_eq!(healthy(), 1);
    let log = operator.log().unwrap();
    assert!(!log.contains("ingraft-self-test"), "{log}");
    let reviews: u64 = operator.metric("ingraft_admission_reviews_total", &[]).unwrap();
    assert_eq!(reviews, 0, "nothing of it is counted");

    allow(&cluster, &["get"]);
    let right = webhooks(&cluster, SELF_TEST)[0]["clientConfig"].clone();
    // Nobody listens at this port any more.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    redirect(&cluster, &json!({"url": format!("https://{closed}/self-test"), "caBundle": right["caBundle"]}));
    assert_refuses_nothing_else(&cluster);
    // Whoever leads next tries it at once.
    cluster.release().unwrap();
    let message = wait_condition(&cluster, &operator, "False", "ConnectionRefused");
    assert!(message.contains("connect: connection refused"), "{message}");
    until("the hints are to speak", || mark(&cluster), |mark| mark == "broken");
    let events = || cluster.events(NAMESPACE, "AdmissionPathBroken");
    let events = until("an Event", events, |events| !events.is_empty());
    assert_eq!(events[0]["involvedObject"]["kind"], "Deployment");
    assert!(events[0]["involvedObject"]["uid"].is_string(), "kubectl describe looks for it: {}", events[0]);
    assert_eq!(healthy(), 0);

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (address, certificate) = expired(&runtime);
    let root = "go-template={{index .data \"ca.crt\"}}";
    let other = cluster.kubectl().run(&["get", "configmap", "kube-root-ca.crt", "-o", root]).unwrap();
    let service = json!({"namespace": NAMESPACE, "name": "missing", "port": 443, "path": "/self-test"});
    let elsewhere = |url: String| json!({"url": url, "caBundle": right["caBundle"]});
    for (client_config, status, reason) in [
        (json!({"url": right["url"], "caBundle": STANDARD.encode(other)}), "False", "UnknownAuthority"),
        (json!({"service": service, "caBundle": right["caBundle"]}), "False", "ServiceMissing"),
        (
            json!({"url": format!("https://{address}/self-test"), "caBundle": STANDARD.encode(certificate)}),
            "False",
            "CertificateExpired",
        ),
        // It does not speak TLS.
        (elsewhere(format!("https://{}/self-test", operator.metrics_address())), "False", "WrongAnswer"),
        // Replicas of earlier releases do not know the path.
        (elsewhere(format!("{}/unknown", operator.url())), "Unknown", "EarlierRelease"),
    ] {
        redirect(&cluster, &client_config);
        wait_condition(&cluster, &operator, status, reason);
    }

    redirect(&cluster, &right);
    cluster.release().unwrap();
    wait_condition(&cluster, &operator, "True", "Healthy");
    until("the hints are silent", || mark(&cluster), Value::is_null);
    let delete = |name| cluster.kubectl().run(&["delete", "mutatingwebhookconfiguration", name]).unwrap();
    delete(SELF_TEST);
    cluster.release().unwrap();
    wait_condition(&cluster, &operator, "Unknown", "SelfTestUnregistered");
    delete(CONFIGURATION);
    cluster.release().unwrap();
    wait_condition(&cluster, &operator, "False", "NothingSent");

    cluster.install().unwrap();
    wait_condition(&cluster, &operator, "True", "Healthy");
    // Only the registration for pods is gone, and the operator may not create it.
    delete(CONFIGURATION);
    cluster.release().unwrap();
    wait_condition(&cluster, &operator, "False", "PodsNotSent");
    cluster.install().unwrap();
    wait_condition(&cluster, &operator, "True", "Healthy");
}

/// The registration that fails closed cannot be answered now.
fn assert_refuses_nothing_else(cluster: &Cluster) {
    let labelled = |namespace: &str| {
        let mut pod = pod(namespace, "other", &json!({}));
        pod["metadata"]["labels"] = json!({"ingraft.dev/self-test": "true"});
        // The operator's namespace enforces it.
        pod["spec"]["securityContext"] =
            json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}});
        pod["spec"]["containers"][0]["securityContext"] =
            json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
        pod
    };
    let refused = || cluster.create(true, &[labelled(NAMESPACE)]).1;
    until("the API server uses it", refused, |said| said.contains("self-test.ingraft.dev"));
    let mut plain = labelled(NAMESPACE);
    plain["metadata"]["labels"] = json!({"ingraft.dev/self-test": "false"});
    for (dry_run, pod, what) in [
        (true, plain, "one without the label"),
        (true, labelled("tested"), "one in another namespace"),
        (false, labelled(NAMESPACE), "one that is created"),
    ] {
        let (accepted, said) = cluster.create(dry_run, &[pod]);
        assert_eq!(accepted.len(), 1, "{what}: {said}");
    }
    cluster
        .kubectl()
        .run(&["delete", "pod", "other", "-n", NAMESPACE, "--grace-period=0", "--force"])
        .unwrap();
}

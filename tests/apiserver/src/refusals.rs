//! Pods that somebody else refuses after they were injected: the next ones pass untouched.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cluster::{Cluster, INJECT_PYTHON, deployment, exclusive, instrumentation, is_injected};
use crate::wait::until;

/// What the policy says.
const REFUSED: &str = "no helpers here";

/// A policy that refuses the pods of a namespace for which this does not hold, and its binding.
fn policy(namespace: &str, holds: &str) -> [Value; 2] {
    let rules =
        json!([{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]);
    let group = "admissionregistration.k8s.io/v1";
    let policy = json!({
        "apiVersion": group, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": namespace},
        "spec": {
            "matchConstraints": {"resourceRules": rules},
            "validations": [{"expression": holds, "message": REFUSED}],
        },
    });
    let selector = json!({"matchLabels": {"kubernetes.io/metadata.name": namespace}});
    let binding = json!({
        "apiVersion": group, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": namespace},
        "spec": {
            "policyName": namespace, "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": selector},
        },
    });
    [policy, binding]
}

fn remove_policy(cluster: &Cluster, namespace: &str) {
    for kind in ["validatingadmissionpolicybinding", "validatingadmissionpolicy"] {
        cluster.kubectl().run(&["delete", kind, namespace]).unwrap();
    }
    until("the policy is forgotten", || try_refused(cluster, namespace), |said| !said.contains(REFUSED));
}

/// What the API server says of a pod that a policy refuses.
fn try_refused(cluster: &Cluster, namespace: &str) -> String {
    let mut refused = crate::cluster::pod(namespace, "test", &json!({}));
    refused["spec"]["initContainers"] = json!([{"name": "helper", "image": "example.com/helper:1"}]);
    cluster.create(true, &[refused]).1
}

/// A namespace with an Instrumentation, and a policy that the API server knows.
fn prepare(cluster: &Cluster, namespace: &str, holds: &str) {
    cluster.namespace(namespace, &json!({}));
    let spec = json!({"exporter": {"endpoint": "http://collector.obs:4318"}});
    cluster.apply(&[instrumentation(namespace, "base", &spec)]);
    cluster.apply(&policy(namespace, holds));
    until("the policy is known", || try_refused(cluster, namespace), |said| said.contains(REFUSED));
    cluster.wait_seen();
}

fn scale(cluster: &Cluster, namespace: &str, replicas: usize) -> Vec<Value> {
    let replicas_word = format!("--replicas={replicas}");
    cluster.kubectl().run(&["scale", "deployment", "web", "-n", namespace, &replicas_word]).unwrap();
    until("the pods are there", || cluster.pods(namespace), |pods| pods.len() == replicas)
}

#[test]
fn after_a_refusal_the_pods_of_a_workload_pass_untouched() {
    let cluster = exclusive();
    let mut operator = cluster.operator("refusals");
    operator.wait_ready();
    let namespace = "refused";
    prepare(&cluster, namespace, "!has(object.spec.initContainers)");
    cluster.apply(&[deployment(namespace, "web", &json!({INJECT_PYTHON: "true"}))]);
    let pods = until("the pod is there", || cluster.pods(namespace), |pods| pods.len() == 1);
    assert!(!is_injected(&pods[0]));
    let events = || cluster.events(namespace, "InjectionWithheld");
    let told = until("an Event tells", events, |events| !events.is_empty());
    assert_eq!(told[0]["involvedObject"]["kind"], "Deployment");
    assert!(told[0]["message"].as_str().unwrap().contains(REFUSED), "{}", told[0]);

    until("it is kept", || cluster.remembered(), |text| text.contains("refusal."));
    let explained = cluster.ingraft(&["explain", "deployment/web", "-n", namespace]);
    let explained = String::from_utf8(explained.stderr).unwrap();
    assert!(explained.contains("are left as they are") && explained.contains(REFUSED), "{explained}");

    // An operator that starts knows it.
    operator.terminate().unwrap();
    assert!(operator.wait_ended());
    let mut operator = cluster.operator("refusals-again");
    operator.wait_ready();
    assert!(!scale(&cluster, namespace, 3).iter().any(is_injected));

    // A changed Instrumentation is tried, and accepted where nothing refuses it any more.
    remove_policy(&cluster, namespace);
    let spec = json!({"exporter": {"endpoint": "http://other.obs:4318"}});
    cluster.apply(&[instrumentation(namespace, "base", &spec)]);
    cluster.wait_seen();
    let injected = scale(&cluster, namespace, 4).iter().filter(|pod| is_injected(pod)).count();
    assert_eq!(injected, 1);
}

#[test]
fn where_untouched_pods_are_refused_too_injection_goes_on() {
    let cluster = exclusive();
    let mut operator = cluster.operator("not-ours");
    operator.wait_ready();
    let namespace = "not-ours";
    prepare(&cluster, namespace, "false");
    cluster.apply(&[deployment(namespace, "web", &json!({INJECT_PYTHON: "true"}))]);
    let mut poke = Poke::new(&cluster, namespace);
    let log = || {
        poke.now_and_then();
        operator.log().unwrap()
    };
    let wanted = |log: &String| log.contains("\"verdict\":\"NotOurs\"");
    until("an untouched pod was refused", log, wanted);
    remove_policy(&cluster, namespace);
    let mut poke = Poke::new(&cluster, namespace);
    let pods = || {
        poke.now_and_then();
        cluster.pods(namespace)
    };
    until("it is injected", pods, |pods| pods.iter().any(is_injected));
}

/// Lets a ReplicaSet try again: by itself it waits twice as long each time.
struct Poke<'c> {
    cluster: &'c Cluster,
    namespace: &'static str,
    last: Instant,
    times: usize,
}

impl<'c> Poke<'c> {
    fn new(cluster: &'c Cluster, namespace: &'static str) -> Self {
        Self { cluster, namespace, last: Instant::now(), times: 0 }
    }

    /// Not too often: only the first 25 Events about an object are written.
    fn now_and_then(&mut self) {
        if self.last.elapsed() > Duration::from_secs(2) {
            self.last = Instant::now();
            self.times += 1;
            let poked = format!("poked={}", self.times);
            let annotate =
                ["annotate", "replicaset", "-l", "app=web", "-n", self.namespace, "--overwrite", &poked];
            self.cluster.kubectl().run(&annotate).unwrap();
        }
    }
}

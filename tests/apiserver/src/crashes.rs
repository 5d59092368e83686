//! Pods that crash once they are injected: that is told, and what stands on a workload decides about its next pods.

use std::time::Duration;

use ingraft_core::workload::template_hash;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::cluster::{Cluster, INJECT_PYTHON, deployment, exclusive, instrumentation, is_injected};
use crate::healing::allow_healing;
use crate::wait::{until, until_some, within};

const NAMESPACE: &str = "crashes";

/// What a kubelet says of a pod that runs.
fn running() -> Value {
    json!({
        "phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [{
            "name": "app", "image": "i", "imageID": "", "ready": true, "restartCount": 0, "state": {"running": {}},
        }],
    })
}

/// The same of one that is killed again and again.
fn crashing() -> Value {
    json!({
        "phase": "Running", "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [{
            "name": "app", "image": "i", "imageID": "", "ready": false, "restartCount": 4,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
        }],
    })
}

/// A pod as this makes it, which the API server only tries.
fn next_pod(cluster: &Cluster, owner: &Value, labels: &Value) -> Value {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "generateName": "next-", "namespace": NAMESPACE, "labels": labels,
            "annotations": {INJECT_PYTHON: "base"}, "ownerReferences": [owner],
        },
        "spec": {"containers": [{"name": "app", "image": "example.com/app:1.2.0"}]},
    });
    let (mut accepted, said) = cluster.create(true, std::slice::from_ref(&pod));
    accepted.pop().unwrap_or_else(|| panic!("{said}"))
}

fn next_of_deployment(cluster: &Cluster) -> Value {
    let owner = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-6f5c8", "uid": "r", "controller": true});
    next_pod(cluster, &owner, &json!({"pod-template-hash": "6f5c8"}))
}

fn annotate(cluster: &Cluster, workload: &str, annotation: &str) {
    cluster.kubectl().run(&["annotate", workload, "-n", NAMESPACE, "--overwrite", annotation]).unwrap();
}

/// The template hash of a workload as it is stored.
fn stored_hash(cluster: &Cluster, workload: &str) -> String {
    let stored = cluster.kubectl().run(&["get", workload, "-n", NAMESPACE, "-o", "json"]).unwrap();
    template_hash(&serde_json::from_str::<Value>(&stored).unwrap()["spec"]["template"])
}

#[test]
fn crashes_are_told_and_blocked_workloads_are_left_alone() {
    let cluster = exclusive();
    let mut operator = cluster.operator("crashes");
    operator.wait_ready();
    cluster.namespace(NAMESPACE, &json!({}));
    let spec = json!({"exporter": {"endpoint": "http://collector.obs:4318"}});
    cluster.apply(&[instrumentation(NAMESPACE, "base", &spec), deployment(NAMESPACE, "web", &json!({}))]);
    let name = |pod: &Value| pod["metadata"]["name"].as_str().unwrap().to_owned();
    let untouched = cluster.pod_of(NAMESPACE, "web");
    cluster.set_pod_status(NAMESPACE, &name(&untouched), &running());
    cluster.wait_seen();
    cluster.apply(&[deployment(NAMESPACE, "web", &json!({INJECT_PYTHON: "base"}))]);
    let injected = until_some("an injected pod", || cluster.pods(NAMESPACE).into_iter().find(is_injected));
    cluster.set_pod_status(NAMESPACE, &name(&injected), &crashing());
    let events = || cluster.events(NAMESPACE, "CrashAfterInjection");
    let told = until("the crash is told", events, |events| !events.is_empty());
    assert_eq!(told[0]["involvedObject"]["kind"], "Deployment");
    let message = told[0]["message"].as_str().unwrap();
    assert!(message.contains("more memory than its limit") && message.contains(INJECT_PYTHON), "{message}");
    let explain = |target: &str| {
        let output = cluster.ingraft(&["explain", target, "-n", NAMESPACE]);
        [output.stderr, output.stdout].map(|bytes| String::from_utf8(bytes).unwrap()).concat()
    };
    let explained = explain("deployment/web");
    let counted = "pods          1 injected, 1 of an earlier template";
    assert!(explained.contains("error[CrashAfterInjection]") && explained.contains(counted), "{explained}");

    // As a leader writes it that may heal.
    let hash = stored_hash(&cluster, "deployment/web");
    assert!(is_injected(&next_of_deployment(&cluster)));
    let now = OffsetDateTime::now_utc().unix_timestamp();
    annotate(&cluster, "deployment/web", &format!("ingraft.dev/control={hash}@{now}"));
    let control = |pod: &Value| pod["metadata"]["annotations"]["ingraft.dev/control"] == hash.as_str();
    let next = until("a control start", || next_of_deployment(&cluster), control);
    assert!(!is_injected(&next), "{next}");
    annotate(&cluster, "deployment/web", &format!("ingraft.dev/blocked={hash}=out-of-memory"));
    annotate(&cluster, "deployment/web", "ingraft.dev/control-");
    let untouched = |pod: &Value| !is_injected(pod) && !control(pod);
    until("the block is known", || next_of_deployment(&cluster), untouched);
    let events = || cluster.events(NAMESPACE, "InjectionBlocked");
    let told = until("the block is told", events, |events| !events.is_empty());
    assert!(told[0]["message"].as_str().unwrap().contains("ingraft.dev/blocked-"), "{}", told[0]);
    for target in ["deployment/web", &format!("pod/{}", name(&injected))] {
        let explained = explain(target);
        assert!(explained.contains("warning[InjectionBlocked]"), "{explained}");
    }

    // An operator that starts knows it, and a restart changes nothing.
    operator.terminate().unwrap();
    assert!(operator.wait_ended());
    let mut operator = cluster.operator("crashes-again");
    operator.wait_ready();
    cluster.kubectl().run(&["rollout", "restart", "deployment/web", "-n", NAMESPACE]).unwrap();
    assert_eq!(stored_hash(&cluster, "deployment/web"), hash);
    assert!(!is_injected(&next_of_deployment(&cluster)));

    // Another template is injected again.
    let set = ["set", "env", "deployment/web", "-n", NAMESPACE, "FIXED=yes"];
    cluster.kubectl().run(&set).unwrap();
    until("it is injected again", || next_of_deployment(&cluster), is_injected);
}

#[test]
fn every_kind_that_is_guarded_is_watched() {
    let cluster = exclusive();
    let mut operator = cluster.operator("guarded");
    operator.wait_ready();
    let spec = json!({"exporter": {"endpoint": "http://collector.obs:4318"}});
    cluster.namespace(NAMESPACE, &json!({}));
    cluster.apply(&[instrumentation(NAMESPACE, "base", &spec)]);
    cluster.wait_seen();
    for kind in ["StatefulSet", "DaemonSet"] {
        let mut workload = deployment(NAMESPACE, "guarded", &json!({INJECT_PYTHON: "base"}));
        workload["kind"] = kind.into();
        cluster.apply(&[workload]);
        let owner =
            json!({"apiVersion": "apps/v1", "kind": kind, "name": "guarded", "uid": "s", "controller": true});
        let next = || next_pod(&cluster, &owner, &json!({"controller-revision-hash": "1"}));
        assert!(is_injected(&next()), "{kind}");
        let reference = format!("{kind}/guarded");
        let hash = stored_hash(&cluster, &reference);
        annotate(&cluster, &reference, &format!("ingraft.dev/blocked={hash}=loader"));
        until("the block is known", next, |pod| !is_injected(pod));
        annotate(&cluster, &reference, "ingraft.dev/blocked-");
        until("the block is lifted", next, is_injected);
        cluster.kubectl().run(&["delete", &reference, "-n", NAMESPACE]).unwrap();
    }
}

/// A time some seconds ago, as a kubelet writes it.
fn ago(seconds: u64) -> String {
    let then = OffsetDateTime::now_utc() - Duration::from_secs(seconds);
    let (date, (hour, minute, second)) = (then.date(), then.to_hms());
    format!("{date}T{hour:02}:{minute:02}:{second:02}Z")
}

#[test]
fn a_pod_that_lives_without_the_agent_while_others_crash_proves_it() {
    let cluster = exclusive();
    let namespace = "proven";
    allow_healing(&cluster);
    let mut operator = cluster.operator_with("proven", &["--heal=missed"]);
    operator.wait_ready();
    cluster.namespace(namespace, &json!({}));
    let spec = json!({"exporter": {"endpoint": "http://collector.obs:4318"}});
    let web = |annotations: &Value| {
        let mut web = deployment(namespace, "web", annotations);
        web["spec"]["replicas"] = 2.into();
        web["spec"]["strategy"] = json!({"rollingUpdate": {"maxSurge": 2, "maxUnavailable": 0}});
        web
    };
    cluster.apply(&[instrumentation(namespace, "base", &spec), web(&json!({}))]);
    cluster.wait_seen();
    let name = |pod: &Value| pod["metadata"]["name"].as_str().unwrap().to_owned();
    let pods = || cluster.pods(namespace);
    for pod in until("the pods", pods, |pods| pods.len() == 2) {
        cluster.set_pod_status(namespace, &name(&pod), &running());
    }
    cluster.apply(&[web(&json!({INJECT_PYTHON: "base"}))]);
    let injected = || pods().into_iter().filter(is_injected).collect::<Vec<_>>();
    let crash = |pod: &Value| {
        let mut status = crashing();
        status["containerStatuses"][0]["lastState"]["terminated"]["startedAt"] = ago(5).into();
        status["containerStatuses"][0]["lastState"]["terminated"]["finishedAt"] = ago(1).into();
        cluster.set_pod_status(namespace, &name(pod), &status);
    };
    until("injected pods", injected, |pods| pods.len() == 2).iter().for_each(crash);
    let stored = || {
        let get = ["get", "deployment/web", "-n", namespace, "-o", "json"];
        serde_json::from_str::<Value>(&cluster.kubectl().run(&get).unwrap()).unwrap()
    };
    let is_control = |pod: &Value| pod["metadata"]["annotations"].get("ingraft.dev/control").is_some();
    let control =
        within(Duration::from_mins(1), || pods().into_iter().find(is_control)).expect("a control pod");
    assert!(!is_injected(&control), "{control}");
    let said = |key: &str| stored()["metadata"]["annotations"][key].as_str().unwrap_or_default().to_owned();
    until("one is enough", || said("ingraft.dev/control"), String::is_empty);
    let mut runs = running();
    runs["containerStatuses"][0]["state"]["running"]["startedAt"] = ago(40).into();
    cluster.set_pod_status(namespace, &name(&control), &runs);
    injected().iter().for_each(crash);
    let hash = template_hash(&stored()["spec"]["template"]);
    let blocked = |said: &String| *said == format!("{hash}=out-of-memory");
    until("it is blocked", || said("ingraft.dev/blocked"), blocked);
    let rest = within(Duration::from_mins(2), || injected().is_empty().then_some(()));
    assert!(rest.is_some(), "injected pods that crash are evicted: {:?}", injected());
    for code in ["ControlStart", "PodEvicted", "InjectionBlocked"] {
        let told = until(code, || cluster.events(namespace, code), |events| !events.is_empty());
        assert_eq!(told[0]["involvedObject"]["kind"], "Deployment", "{code}");
    }
}

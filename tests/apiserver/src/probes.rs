//! Probes: whether pods get them, as nodes come and go, and what is learnt from them.

use serde_json::{Value, json};

use crate::cluster::{Cluster, INJECT_PYTHON, deployment, exclusive, instrumentation, names, pod};
use crate::operator::Operator;
use crate::wait::until;

const PROBE_IMAGE: &str = "example.com/ingraft:1";
const FLAG: &str = "--probe-image=example.com/ingraft:1";
const ALWAYS: &str = "--env-probe=always";
const SYSTEM: &str = "opentelemetry-operator-system";
const CANARY: &str = "ingraft-canary";
const FACTS: &str = "ingraft-facts";

/// Removes what operators of other tests have remembered.
fn forget(cluster: &Cluster) {
    cluster.kubectl().run(&["delete", "configmap", FACTS, "-n", SYSTEM, "--ignore-not-found"]).unwrap();
}

/// Starts an operator with a namespace of the same name, and an Instrumentation there.
fn start(cluster: &Cluster, name: &'static str, arguments: &[&str]) -> Operator {
    let mut operator = cluster.operator_with(name, arguments);
    operator.wait_ready();
    cluster.namespace(name, &json!({}));
    cluster.apply(&[instrumentation(name, "base", &json!({}))]);
    cluster.wait_seen();
    operator
}

/// Adds a node that takes pods.
fn add_node(cluster: &Cluster, name: &str, version: &str) {
    let info = json!({
        "kubeletVersion": version, "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "",
        "kernelVersion": "", "kubeProxyVersion": "", "machineID": "", "operatingSystem": "linux", "osImage": "",
        "systemUUID": "",
    });
    let ready = json!([{"type": "Ready", "status": "True"}]);
    let node = json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
        "status": {"nodeInfo": info, "conditions": ready},
    });
    cluster.kubectl().run_with_input(&["create", "-f", "-"], &node.to_string()).unwrap();
}

/// Waits for the operator's own pod on a node, and ends it as a kubelet would.
fn canary_ended(cluster: &Cluster, node: &str, status: &Value) {
    let arguments = ["get", "pod", CANARY, "-n", SYSTEM, "-o", "json", "--ignore-not-found"];
    let look = || cluster.kubectl().run(&arguments).unwrap_or_default();
    let found = until("the canary", look, |text| text.contains(&format!("\"nodeName\": \"{node}\"")));
    let pod: Value = serde_json::from_str(&found).unwrap();
    assert_eq!(pod["spec"]["automountServiceAccountToken"], false);
    assert!(
        pod["metadata"]["labels"].get("app.kubernetes.io/instance").is_none()
            && pod["metadata"]["labels"]["app.kubernetes.io/component"] != "manager",
        "a Service of ours selects it"
    );
    cluster.set_pod_status(SYSTEM, CANARY, status);
}

fn asking(namespace: &str, name: &str) -> Value {
    pod(namespace, name, &json!({INJECT_PYTHON: "true"}))
}

/// The init containers that a pod would get now.
fn would_get(cluster: &Cluster, namespace: &str) -> Vec<String> {
    let (accepted, said) = cluster.create(true, &[asking(namespace, "asks")]);
    assert_eq!(accepted.len(), 1, "{said}");
    names(&accepted[0]["spec"]["initContainers"]).into_iter().map(str::to_owned).collect()
}

#[expect(clippy::ptr_arg, reason = "it is a condition on what was looked at")]
fn has_probe(containers: &Vec<String>) -> bool {
    containers.iter().any(|name| name == "ingraft-probe-0")
}

/// Writes what a kubelet would, when the probe of a pod has ended with this message.
fn probe_ended(cluster: &Cluster, namespace: &str, pod: &str, message: &str) {
    let status = json!({"initContainerStatuses": [{
        "name": "ingraft-probe-0", "image": "example.com/app:1.2.0", "imageID": "example.com/app@sha256:a",
        "ready": true, "restartCount": 0,
        "state": {"terminated": {"exitCode": 0, "message": message}},
    }]});
    cluster.set_pod_status(namespace, pod, &status);
}

#[test]
fn probes_need_new_nodes_and_end_where_facts_are_known() {
    let cluster = exclusive();
    let namespace = "probes";
    forget(&cluster);
    let mut operator = start(&cluster, namespace, &[FLAG]);

    // No node is known: the pod is that of the reference, and people are told.
    let (created, said) = cluster.create(false, &[asking(namespace, "before")]);
    assert!(
        !has_probe(&names(&created[0]["spec"]["initContainers"]).into_iter().map(str::to_owned).collect()),
        "{said}"
    );
    let told = |text: &'static str| {
        let says = |line: &str| line.contains("EnvironmentUnknown") && line.contains(text);
        until(text, || operator.log().unwrap(), |log| log.lines().any(says));
    };
    told("no node is known");

    // A node that has not shown that variables arrive there counts for nothing.
    add_node(&cluster, "new", "v1.35.4");
    let failed = json!({"exitCode": 1});
    let statuses = json!([{"name": "canary", "image": PROBE_IMAGE, "imageID": "", "ready": false, "restartCount": 0, "state": {"terminated": failed}}]);
    canary_ended(&cluster, "new", &json!({"phase": "Failed", "containerStatuses": statuses}));
    cluster.create(false, &[asking(namespace, "unproven")]);
    told("it is not proven yet that a probe works on nodes with v1.35.4, amd64");
    until(
        "the reason is logged",
        || operator.log().unwrap(),
        |log| log.contains("container canary ended with exit code 1"),
    );
    cluster.kubectl().run(&["delete", "node", "new"]).unwrap();
    add_node(&cluster, "new", "v1.35.5");
    canary_ended(&cluster, "new", &json!({"phase": "Succeeded"}));

    until("pods get probes", || would_get(&cluster, namespace), has_probe);

    // What a probe reports makes the next one unnecessary.
    let (created, _) = cluster.create(false, &[asking(namespace, "probed")]);
    let copier = created[0]["spec"]["initContainers"].as_array().unwrap();
    let copier = copier.iter().find(|container| container["name"] == "ingraft-probe-copier").unwrap();
    assert_eq!(copier["image"], PROBE_IMAGE);
    probe_ended(&cluster, namespace, "probed", r#"{"sets":[],"libc":"glibc","arch":"amd64"}"#);
    until("the image is known", || would_get(&cluster, namespace), |containers| !has_probe(containers));

    // Both is kept when pod and operator have gone.
    let kept = || cluster.remembered();
    // Of this namespace: pods of other tests tell of the same image in theirs.
    let has_both = |text: &String| text.contains(r#"probes\":"#) && text.contains("v1.35.5");
    until("facts are kept", kept, has_both);
    cluster.kubectl().run(&["delete", "pod", "probed", "-n", namespace, "--force"]).unwrap();
    operator.terminate().unwrap();
    assert!(operator.wait_ended());
    let mut next = cluster.operator_with("probes-again", &[FLAG]);
    next.wait_ready();
    cluster.wait_seen();
    assert!(!has_probe(&would_get(&cluster, namespace)), "the image was known before");
    let other = |name: &str| {
        let mut other = asking(namespace, name);
        other["spec"]["containers"][0]["image"] = "example.com/other:1".into();
        let (created, said) = cluster.create(true, &[other]);
        assert_eq!(created.len(), 1, "{said}");
        names(&created[0]["spec"]["initContainers"]).into_iter().map(str::to_owned).collect()
    };
    assert!(has_probe(&other("proven")), "the node was proven before");

    // With a node that is too old, nothing is probed, also when it is gone: an empty pool may have another tomorrow.
    add_node(&cluster, "old", "v1.34.9");
    until("pods get no probes", || other("old"), |containers| !has_probe(containers));
    until("it is remembered", kept, |text| text.contains("v1.34.9"));
    cluster.kubectl().run(&["delete", "node", "old"]).unwrap();
    cluster.wait_seen();
    let (_, said) = cluster.create(false, &[asking(namespace, "after")]);
    assert!(!has_probe(&other("later")), "{said}");
    cluster.kubectl().run(&["delete", "node", "new"]).unwrap();
}

#[test]
fn what_a_probe_found_wrong_is_told() {
    let cluster = exclusive();
    let namespace = "probe-findings";
    let _operator = start(&cluster, namespace, &[FLAG, ALWAYS]);
    add_node(&cluster, "new", "v1.35.4");
    until("pods get probes", || would_get(&cluster, namespace), has_probe);
    cluster.create(false, &[asking(namespace, "broken"), asking(namespace, "odd")]);
    probe_ended(&cluster, namespace, "broken", "");
    probe_ended(
        &cluster,
        namespace,
        "odd",
        r#"{"stood_down":{"python":"version"},"sets":[],"omitted":[{"name":"PYTHONPATH","why":"quote"}],
            "arch":"amd64","runtimes":{"python":"3.6.1"},"entrypoint":["PYTHONPATH"]}"#,
    );
    for (reason, pod) in [
        ("ProbeFailed", "broken"),
        ("AgentStoodDown", "odd"),
        ("VariableNotJoined", "odd"),
        ("EntrypointSets", "odd"),
    ] {
        let regarding = |event: &Value| event["involvedObject"]["name"] == pod;
        until(reason, || cluster.events(namespace, reason), |events| events.iter().any(regarding));
    }
    // The next pod is refused at once, without files and probes.
    let refused = |containers: &Vec<String>| containers.is_empty();
    until("the agent is left out", || would_get(&cluster, namespace), refused);
    cluster.kubectl().run(&["delete", "node", "new"]).unwrap();
}

/// The tag was `app@sha256:a` when it was probed.
#[test]
fn facts_end_where_a_tag_stands_for_another_image() {
    let cluster = exclusive();
    forget(&cluster);
    let namespace = "moved-tag";
    let _operator = start(&cluster, namespace, &[FLAG, ALWAYS]);
    add_node(&cluster, "new", "v1.35.4");
    cluster.create(false, &[asking(namespace, "probed")]);
    probe_ended(&cluster, namespace, "probed", r#"{"sets":[],"libc":"glibc","arch":"amd64"}"#);
    until("the image is known", || would_get(&cluster, namespace), |containers| !has_probe(containers));

    let mut untouched = pod(namespace, "untouched", &json!({}));
    untouched["spec"]["nodeName"] = "new".into();
    cluster.create(false, &[untouched]);
    let running = json!({"containerStatuses": [{
        "name": "app", "image": "example.com/app:1.2.0", "imageID": "example.com/app@sha256:b", "ready": true,
        "restartCount": 0, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
    }]});
    cluster.set_pod_status(namespace, "untouched", &running);
    until("the image is in doubt", || would_get(&cluster, namespace), has_probe);
    cluster.kubectl().run(&["delete", "node", "new"]).unwrap();
}

/// An image of ours that cannot be pulled in a namespace keeps one pod from starting, not the next.
#[test]
fn a_copier_that_does_not_start_ends_probes_there() {
    let cluster = exclusive();
    forget(&cluster);
    let namespace = "no-copier";
    let _operator = start(&cluster, namespace, &[FLAG, ALWAYS]);
    assert!(has_probe(&would_get(&cluster, namespace)));
    cluster.create(false, &[asking(namespace, "waits")]);
    let waiting = json!({"reason": "ImagePullBackOff", "message": "no credentials"});
    let status = json!({"initContainerStatuses": [{
        "name": "ingraft-probe-copier", "image": PROBE_IMAGE, "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": waiting},
    }]});
    cluster.set_pod_status(namespace, "waits", &status);
    let told =
        until("it is told", || cluster.events(namespace, "ProbeNotStarted"), |events| !events.is_empty());
    assert!(told[0]["message"].as_str().unwrap().contains("ImagePullBackOff: no credentials"), "{}", told[0]);
    assert!(!has_probe(&would_get(&cluster, namespace)));
    let kept = || cluster.remembered();
    until("it is kept", kept, |text| text.contains("\"copier.no-copier\""));
    forget(&cluster);
    until("whoever removes it has probes again", || would_get(&cluster, namespace), has_probe);
}

/// What is said of a workload is what the operator would do: with its settings, and what it knows of images.
#[test]
fn explain_asks_the_operator() {
    let cluster = exclusive();
    forget(&cluster);
    cluster.namespace_without_operator("explained");
    let mut asks = deployment("explained", "web", &json!({INJECT_PYTHON: "base"}));
    let container = &mut asks["spec"]["template"]["spec"]["containers"][0];
    container["envFrom"] = json!([{"secretRef": {"name": "s"}}]);
    container["env"] =
        json!([{"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "mode"}}}]);
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "explained"}, "stringData": {"PYTHONPATH": "/t0p"}});
    cluster.apply(&[instrumentation("explained", "base", &json!({})), secret, asks]);
    let explain = || {
        let output = cluster.ingraft(&["explain", "deployment/web", "-n", "explained", "--env"]);
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        assert!(!text.contains("t0p"), "{text}");
        text
    };
    let probed = "PYTHONPATH=… (the probe's file app.env), or else … (envFrom Secret s)";
    let (said, missing) = (explain(), "\n  does not start without ConfigMap settings, key mode\n");
    assert!(said.contains("no node is known") && said.contains(missing), "{said}");
    add_node(&cluster, "new", "v1.35.4");
    let said = explain();
    assert!(said.contains("not proven yet") && !said.contains(probed), "{said}");
    let class = json!({"kubelet": "v1.35.4", "architecture": "amd64", "runtime": "", "os_image": "", "day": 20_000, "proven": true});
    let nodes = json!([class]).to_string();
    let facts = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": FACTS, "namespace": SYSTEM}, "data": {"nodes.json": nodes}});
    cluster.apply(&[facts]);
    assert!(explain().contains(probed), "{}", explain());
    cluster.kubectl().run(&["delete", "node", "new"]).unwrap();

    cluster
        .kubectl()
        .run(&["delete", "deployment", "ingraft-operator", "-n", "opentelemetry-operator-system"])
        .unwrap();
    let alone = explain();
    assert!(alone.contains("\ndeployment/web, if it started now\n") && !alone.contains(probed), "{alone}");
    assert!(alone.contains("there is no operator in this cluster"), "{alone}");
}

//! Whatever is in the way of what is added to a pod, the application runs, and people are told what was not done.

use anyhow::{Context as _, ensure};
use ingraft_e2e_tests::{Example, asking_pod, load, wait_for_event, wait_for_facts, wait_ready};
use ingraft_testkit::ingraft::{NAMESPACE as SYSTEM, request};
use ingraft_testkit::{Cluster, Kubectl, images};
use serde_json::{Value, json};

const NAMESPACE: &str = "harm";
/// Another one, in which nothing is known of images.
const UNKNOWING: &str = "harm-unknowing";
const CLONE: &str = "otel-agent-source-container-clone";
const OPERATOR: &str = "deployment/ingraft-operator";

pub fn check(cluster: &Cluster) -> anyhow::Result<()> {
    load(
        cluster,
        &[
            images::node_app,
            images::node_agent,
            images::nginx,
            images::nginx_without_shell,
            images::webserver_agent,
        ],
    )?;
    let kubectl = cluster.kubectl();
    for example in ["python", "nodejs", "nginx"] {
        kubectl.apply(Example::read(example)?.text())?;
    }
    for namespace in [NAMESPACE, UNKNOWING] {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        kubectl.apply(&namespace.to_string())?;
    }
    limits_and_quota_are_kept(kubectl).context("LimitRange and quota")?;
    a_server_without_shell_is_injected(kubectl).context("a server without shell")?;
    if let Cluster::Node(_) = cluster {
        another_runtime_gets_no_program(kubectl).context("another runtime")?;
    } else {
        eprintln!("  left out: another runtime, which only a node of our own has");
    }
    a_copier_that_cannot_be_pulled_stops_one_pod(kubectl).context("a copier without image")
}

/// A pod that asks for a language.
fn pod(name: &str, language: &str, instrumentation: &str, image: &str) -> Value {
    let container = json!({
        "name": "app",
        "image": image,
        "resources": {
            "requests": {"cpu": "100m", "memory": "128Mi"},
            "limits": {"cpu": "200m", "memory": "256Mi"},
        },
    });
    asking_pod(NAMESPACE, name, language, instrumentation, &container)
}

fn create(kubectl: &Kubectl, pod: &Value) -> anyhow::Result<()> {
    kubectl.run_with_input(&["create", "-f", "-"], &pod.to_string()).map(drop)
}

fn delete(kubectl: &Kubectl, name: &str) -> anyhow::Result<()> {
    kubectl.run(&["delete", "pod", name, "-n", NAMESPACE]).map(drop)
}

/// Waits until the pod is ready. Returns the names of its init containers.
fn ready(kubectl: &Kubectl, name: &str) -> anyhow::Result<String> {
    ready_in(kubectl, NAMESPACE, name)
}

fn ready_in(kubectl: &Kubectl, namespace: &str, name: &str) -> anyhow::Result<String> {
    wait_ready(kubectl, namespace, name)?;
    let names = "jsonpath={.spec.initContainers[*].name}";
    kubectl.run(&["get", "pod", name, "-n", namespace, "-o", names])
}

/// The least, the most and the ratio that a namespace allows, and a quota of just what the pod asks for.
fn limits_and_quota_are_kept(kubectl: &Kubectl) -> anyhow::Result<()> {
    let range = json!({
        "apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "harm", "namespace": NAMESPACE},
        "spec": {"limits": [{
            "type": "Container",
            "min": {"cpu": "50m", "memory": "64Mi"},
            "max": {"cpu": "200m", "memory": "256Mi"},
            "maxLimitRequestRatio": {"cpu": "2", "memory": "2"},
        }]},
    });
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "harm", "namespace": NAMESPACE},
        "spec": {"hard": {
            "requests.cpu": "100m", "requests.memory": "128Mi", "limits.cpu": "200m", "limits.memory": "256Mi",
            "pods": "1",
        }},
    });
    kubectl.apply(&range.to_string())?;
    kubectl.apply(&quota.to_string())?;
    let counted = ["get", "resourcequota", "harm", "-n", NAMESPACE, "-o", "jsonpath={.status.hard.pods}"];
    wait_for_facts("the quota", || Ok(kubectl.run(&counted)? == "1"))?;
    let name = "limited";
    create(kubectl, &pod(name, "python", "my-instrumentation", images::FLASK_APP))?;
    let added = ready(kubectl, name)?;
    for expected in ["opentelemetry-auto-instrumentation-python", "ingraft-probe-0"] {
        ensure!(added.contains(expected), "{added}");
    }
    request(kubectl, NAMESPACE, name, 8080, "/")?;
    delete(kubectl, name)?;
    kubectl.run(&["delete", "limitrange,resourcequota", "harm", "-n", NAMESPACE]).map(drop)
}

/// Our program clones the configuration, and finds the version of the server.
fn a_server_without_shell_is_injected(kubectl: &Kubectl) -> anyhow::Result<()> {
    let name = "no-shell";
    create(kubectl, &pod(name, "nginx", "nginx-instrumentation", images::NGINX_WITHOUT_SHELL))?;
    let added = ready(kubectl, name)?;
    ensure!(added.contains(CLONE) && added.contains("ingraft-probe-copier"), "{added}");
    let attach = "{.status.initContainerStatuses[?(@.name=='otel-agent-attach-nginx')].state.terminated}";
    let attach = kubectl.run(&["get", "pod", name, "-n", NAMESPACE, "-o", &format!("jsonpath={attach}")])?;
    ensure!(!attach.contains("starts without instrumentation"), "{attach}");
    let answer = request(kubectl, NAMESPACE, name, 8080, "/")?;
    ensure!(answer == "hello\n", "{answer}");
    delete(kubectl, name)
}

/// Where the kubelet might not see what a container writes, variables do not come from files, and the shell clones. A server
/// that is known to have none is left alone; where that is not known, one pod does not start, and the next ones do.
fn another_runtime_gets_no_program(kubectl: &Kubectl) -> anyhow::Result<()> {
    let class = json!({
        "apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "kata"}, "handler": "kata",
    });
    kubectl.apply(&class.to_string())?;
    let in_kata = |name: &str, language: &str, instrumentation: &str, image: &str| {
        let mut pod = pod(name, language, instrumentation, image);
        if let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) {
            spec.insert("runtimeClassName".to_owned(), "kata".into());
        }
        pod
    };
    create(kubectl, &in_kata("kata", "nodejs", "nodejs-instrumentation", images::NODE_APP))?;
    let added = ready(kubectl, "kata")?;
    ensure!(added == "opentelemetry-auto-instrumentation-nodejs", "{added}");
    wait_for_event(kubectl, NAMESPACE, "ProbeNotPossible", "Pod/kata")?;
    delete(kubectl, "kata")?;

    create(kubectl, &in_kata("by-shell", "nginx", "nginx-instrumentation", images::NGINX))?;
    let added = ready(kubectl, "by-shell")?;
    ensure!(added.contains(CLONE) && !added.contains("ingraft-probe"), "{added}");
    delete(kubectl, "by-shell")?;

    let mut server = in_kata("left-alone", "nginx", "nginx-instrumentation", images::NGINX_WITHOUT_SHELL);
    create(kubectl, &server)?;
    let added = ready(kubectl, "left-alone")?;
    ensure!(added.is_empty(), "it is known that the image has no shell: {added}");
    wait_for_event(kubectl, NAMESPACE, "CloneImpossible", "Pod/left-alone")?;
    delete(kubectl, "left-alone")?;
    if let Some(metadata) = server.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("namespace".to_owned(), UNKNOWING.into());
    }
    create(kubectl, &server)?;
    wait_for_event(kubectl, UNKNOWING, "CloneFailed", "Pod/left-alone")?;
    kubectl.run(&["delete", "pod", "left-alone", "-n", UNKNOWING])?;
    create(kubectl, &server)?;
    let added = ready_in(kubectl, UNKNOWING, "left-alone")?;
    ensure!(added.is_empty(), "{added}");
    wait_for_event(kubectl, UNKNOWING, "CloneImpossible", "Pod/left-alone")?;
    kubectl.run(&["delete", "pod", "left-alone", "-n", UNKNOWING])?;
    kubectl.run(&["delete", "runtimeclass", "kata"]).map(drop)
}

fn a_copier_that_cannot_be_pulled_stops_one_pod(kubectl: &Kubectl) -> anyhow::Result<()> {
    let image = "jsonpath={.spec.template.spec.containers[0].env[?(@.name=='INGRAFT_PROBE_IMAGE')].value}";
    let image = kubectl.run(&["get", OPERATOR, "-n", SYSTEM, "-o", image])?;
    let with_image = |image: &str| {
        let variable = format!("INGRAFT_PROBE_IMAGE={image}");
        kubectl.run(&["set", "env", OPERATOR, "-n", SYSTEM, &variable])?;
        kubectl.run(&["rollout", "status", OPERATOR, "-n", SYSTEM, "--timeout=90s"])
    };
    with_image("localhost:1/missing:1")?;
    let waiting = pod("waiting", "nodejs", "nodejs-instrumentation", images::NODE_APP);
    // Replicas of before may still answer for a moment.
    wait_for_facts("that it has another image", || {
        let images = "jsonpath={.spec.initContainers[*].image}";
        let dry_run = ["create", "--dry-run=server", "-o", images, "-f", "-"];
        Ok(kubectl.run_with_input(&dry_run, &waiting.to_string())?.contains("localhost:1/missing:1"))
    })?;
    create(kubectl, &waiting)?;
    wait_for_event(kubectl, NAMESPACE, "ProbeNotStarted", "Pod/waiting")?;
    delete(kubectl, "waiting")?;
    create(kubectl, &waiting)?;
    let added = ready(kubectl, "waiting")?;
    ensure!(added == "opentelemetry-auto-instrumentation-nodejs", "{added}");
    wait_for_event(kubectl, NAMESPACE, "ProbeNotPossible", "Pod/waiting")?;
    delete(kubectl, "waiting")?;
    with_image(&image).map(drop)
}

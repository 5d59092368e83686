//! Proof of delivery: a span from a pod of its own arrives at a real Collector, what fails is told, and nothing stays behind.

use std::process::Command;

use anyhow::{Context as _, ensure};
use ingraft_e2e_tests::{Example, repository};
use ingraft_testkit::ingraft::{ready_pod, wait_for_span};
use ingraft_testkit::{Cluster, Kubectl, programs};
use serde_json::Value;

/// A namespace that enforces Pod Security *restricted*, with the workload and what others are made of.
const NAMESPACE: &str = "trace";
/// A Collector that shows what it counts.
const COLLECTOR: &str = "trace-collector";

pub fn check(cluster: &Cluster) -> anyhow::Result<()> {
    let kubectl = cluster.kubectl();
    install_collector(kubectl)?;
    kubectl.apply(&namespace())?;
    for (name, endpoint) in [
        ("http", "http://otel-collector.trace-collector:4318"),
        ("grpc", "http://otel-collector.trace-collector:4317"),
        ("wrong-port", "http://closed.trace-collector:4319"),
        ("nowhere", "http://no-collector.trace-collector:4318"),
    ] {
        kubectl.apply(&workload(name, endpoint))?;
    }
    is_delivered(kubectl, "http", "http/protobuf")?;
    is_delivered(kubectl, "grpc", "grpc")?;
    let refused = trace(kubectl, "deployment/wrong-port", &[])?;
    let step = last(&refused);
    ensure!(at(step, "/step") == "connect" && at(step, "/failed") == "Refused", "{refused}");
    let nowhere = trace(kubectl, "deployment/nowhere", &[])?;
    ensure!(at(last(&nowhere), "/failed") == "NameNotResolved", "{nowhere}");
    policies_are_named(kubectl)?;
    what_the_api_server_says_is_told(kubectl)?;
    is_delivered_from_a_pod_that_runs(kubectl)?;
    nothing_stays(kubectl)
}

/// The span that the command line has sent is in the Collector, which has counted it.
fn is_delivered(kubectl: &Kubectl, name: &str, protocol: &str) -> anyhow::Result<()> {
    let told = trace(kubectl, &format!("deployment/{name}"), &[])?;
    ensure!(at(&told, "/delivered") == true, "{told}");
    ensure!(at(&told, "/steps/0/detail").as_str().is_some_and(|detail| detail.ends_with(protocol)), "{told}");
    ensure!(at(&told, "/counted/by").as_u64() >= Some(1), "{told}");
    // The Deployment has no pod, so that it is the template that is injected.
    ensure!(*at(&told, "/settingsFrom/template") == *format!("deployment/{name}"), "{told}");
    Ok(())
}

/// In a pod that runs, an ephemeral container sends too, where Pod Security is restricted.
fn is_delivered_from_a_pod_that_runs(kubectl: &Kubectl) -> anyhow::Result<()> {
    let example = Example::read("python")?
        .replace("py-otel-server", "trace-python")
        .restricted(NAMESPACE)
        .container("  runAsUser: 65534\n");
    kubectl.apply(example.text())?;
    let pod = ready_pod(kubectl, NAMESPACE, "app=trace-python")?;
    let told = trace(kubectl, "deployment/trace-python", &["--in-pod", "--yes"])?;
    ensure!(at(&told, "/delivered") == true, "{told}");
    ensure!(
        at(&told, "/settingsFrom/pod") == pod.as_str() && at(&told, "/sender/pod") == pod.as_str(),
        "{told}"
    );
    let id = at(&told, "/traceId").as_str().unwrap_or_default().to_owned();
    let span = wait_for_span(kubectl, |span| span.trace_id == id)?;
    ensure!(span.name == "ingraft doctor" && span.service() == "trace-python", "{span:?}");
    ensure!(span.attributes.get("ingraft.trace") == Some(at(&told, "/mark")), "{span:?}");
    // The same from a pod of its own, with the settings of the one that runs.
    let told = trace(kubectl, "deployment/trace-python", &[])?;
    ensure!(at(&told, "/delivered") == true && at(&told, "/settingsFrom/pod") == pod.as_str(), "{told}");
    Ok(())
}

/// A policy that selects the workload and not the pod that sends.
fn policies_are_named(kubectl: &Kubectl) -> anyhow::Result<()> {
    let policy = format!(
        "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: http-only, namespace: {NAMESPACE}}}
spec:
  podSelector: {{matchLabels: {{app: http}}}}
  policyTypes: [Egress]
"
    );
    kubectl.apply(&policy)?;
    let told = trace(kubectl, "deployment/http", &[])?;
    ensure!(*at(&told, "/policies/0") == *format!("{NAMESPACE}/http-only"), "{told}");
    Ok(())
}

/// An image that is not there, and a quota without room.
fn what_the_api_server_says_is_told(kubectl: &Kubectl) -> anyhow::Result<()> {
    let message = |told: &Value| at(told, "/findings/0/message").as_str().unwrap_or_default().to_owned();
    let image = ["--trace-image=ingraft.dev/nothing:1", "--trace-timeout=30"];
    let told = trace(kubectl, "deployment/http", &image)?;
    ensure!(message(&told).contains("Image"), "{told}");
    let quota = format!(
        "apiVersion: v1
kind: ResourceQuota
metadata: {{name: full, namespace: {NAMESPACE}}}
spec: {{hard: {{pods: \"0\"}}}}
"
    );
    kubectl.apply(&quota)?;
    let told = trace(kubectl, "deployment/http", &[])?;
    ensure!(message(&told).contains("exceeded quota"), "{told}");
    kubectl.run(&["delete", "resourcequota", "full", "-n", NAMESPACE])?;
    Ok(())
}

fn nothing_stays(kubectl: &Kubectl) -> anyhow::Result<()> {
    let ours = ["get", "pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/managed-by=ingraft", "-o", "name"];
    let left = kubectl.run(&ours)?;
    ensure!(left.trim().is_empty(), "{left}");
    Ok(())
}

/// What `ingraft doctor --trace` tells of a workload. Its exit status says whether the span was accepted.
fn trace(kubectl: &Kubectl, workload: &str, more: &[&str]) -> anyhow::Result<Value> {
    let mut command = Command::new(programs::debug("ingraft-cli", "ingraft")?);
    command.args(["doctor", "--trace", workload, "-n", NAMESPACE, "-o", "json"]).args(more);
    for (name, value) in kubectl.command(&[]).get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    let output = command.output().context("run ingraft")?;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    let told: Value = serde_json::from_slice(&output.stdout).context(error)?;
    let expected = i32::from(at(&told, "/delivered") != true);
    ensure!(output.status.code() == Some(expected), "{told}");
    Ok(told)
}

fn at<'a>(told: &'a Value, pointer: &str) -> &'a Value {
    told.pointer(pointer).unwrap_or(&Value::Null)
}

fn last(told: &Value) -> &Value {
    at(told, "/steps").as_array().and_then(|steps| steps.last()).unwrap_or(&Value::Null)
}

/// That of the tests, in another namespace, with its own metrics for others to see.
fn install_collector(kubectl: &Kubectl) -> anyhow::Result<()> {
    let manifests = std::fs::read_to_string(repository("crates/testkit/manifests/collector.yaml"))?;
    let silent = "          level: none\n";
    ensure!(manifests.contains(silent), "the Collector of the tests has other settings");
    let readers = "          readers:
          - pull:
              exporter:
                prometheus:
                  host: 0.0.0.0
                  port: 8888
";
    let (_, rest) = manifests.split_once("---\n").context("there is one document")?;
    let rest =
        rest.replace(silent, readers).replace("namespace: opentelemetry", &format!("namespace: {COLLECTOR}"));
    kubectl.apply(&rest)?;
    // A port at which the pod does not listen.
    let closed = format!(
        "apiVersion: v1
kind: Service
metadata: {{name: closed, namespace: {COLLECTOR}}}
spec:
  selector: {{app.kubernetes.io/name: otel-collector}}
  ports: [{{port: 4319}}]
"
    );
    kubectl.apply(&closed)?;
    let deployment = "deployment/otel-collector";
    kubectl.run(&["rollout", "status", "-n", COLLECTOR, deployment, "--timeout=60s"]).map(drop)
}

fn namespace() -> String {
    format!(
        "apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels: {{pod-security.kubernetes.io/enforce: restricted}}
"
    )
}

/// A Deployment without pods, and its own Instrumentation.
fn workload(name: &str, endpoint: &str) -> String {
    let protocol = if name == "grpc" { "grpc" } else { "http/protobuf" };
    format!(
        "apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata: {{name: {name}, namespace: {NAMESPACE}}}
spec:
  exporter: {{endpoint: '{endpoint}'}}
  env: [{{name: OTEL_EXPORTER_OTLP_PROTOCOL, value: {protocol}}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {NAMESPACE}}}
spec:
  replicas: 0
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata:
      labels: {{app: {name}}}
      annotations: {{instrumentation.opentelemetry.io/inject-java: {name}}}
    spec:
      containers: [{{name: app, image: 'ingraft.dev/none:1'}}]
"
    )
}

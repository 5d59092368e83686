//! Go: a stand-in for the agent runs beside the application, and finds what the real one needs.

use anyhow::ensure;
use ingraft_e2e_tests::{Example, load, wait_for_event};
use ingraft_testkit::ingraft::{ready_pod, request};
use ingraft_testkit::{Cluster, Kubectl, images};

const SIDECAR: &str = "opentelemetry-auto-instrumentation";

/// What the stand-in must have found, apart from the process.
const FOUND: [&str; 5] = [
    "user: 0",
    "missing capabilities: ",
    "debug file system: true",
    "target: /app/server",
    "OTEL_EXPORTER_OTLP_ENDPOINT=http://otel-collector.opentelemetry.svc.cluster.local:4318",
];

/// A Job whose program ends after two seconds.
const JOB: &str = "
apiVersion: batch/v1
kind: Job
metadata:
  name: go-job
  namespace: application
spec:
  template:
    metadata:
      annotations:
        instrumentation.opentelemetry.io/inject-go: opentelemetry/go-instrumentation
        instrumentation.opentelemetry.io/otel-go-auto-target-exe: /app/server
    spec:
      restartPolicy: Never
      containers:
      - name: go-job
        image: ingraft.dev/go-app:1.0.0
        args: [2s]
";

pub fn check(cluster: &Cluster) -> anyhow::Result<()> {
    load(cluster, &[images::go_app, images::go_agent])?;
    let kubectl = cluster.kubectl();
    sidecar_finds_what_it_needs(kubectl)?;
    job_completes(kubectl)?;
    restricted_namespace_keeps_the_application(kubectl)
}

fn sidecar_finds_what_it_needs(kubectl: &Kubectl) -> anyhow::Result<()> {
    kubectl.apply(Example::read("go")?.text())?;
    let pod = ready_pod(kubectl, "application", "app=go-server")?;
    assert_eq!(request(kubectl, "application", &pod, 8080, "/")?, "hello\n");
    let own = request(kubectl, "application", &pod, 8080, "/environment")?;
    ensure!(!own.contains("OTEL_"), "the application itself is left alone:\n{own}");
    let report = request(kubectl, "application", &pod, 8099, "/")?;
    has_lines(&report, &FOUND)?;
    has_lines(&report, &["process: /app/server", "OTEL_SERVICE_NAME=go-server"])
}

/// A container beside the Job's own would keep it from completing; a native sidecar does not.
fn job_completes(kubectl: &Kubectl) -> anyhow::Result<()> {
    kubectl.apply(JOB)?;
    kubectl.run(&["wait", "job/go-job", "-n", "application", "--for=condition=Complete", "--timeout=60s"])?;
    let report = kubectl.run(&["logs", "job/go-job", "-n", "application", "-c", SIDECAR])?;
    has_lines(&report, &FOUND)?;
    has_lines(&report, &["process: /app/server 2s", "OTEL_SERVICE_NAME=go-job"])
}

fn restricted_namespace_keeps_the_application(kubectl: &Kubectl) -> anyhow::Result<()> {
    let namespace = "restricted-go";
    kubectl.apply(Example::read("go")?.restricted(namespace).text())?;
    let pod = ready_pod(kubectl, namespace, "app=go-server")?;
    assert_eq!(request(kubectl, namespace, &pod, 8080, "/")?, "hello\n");
    let containers = "jsonpath={.spec.initContainers[*].name} {.spec.containers[*].name}";
    let containers = kubectl.run(&["get", "pod", "-n", namespace, &pod, "-o", containers])?;
    assert_eq!(containers.trim(), "go-server");
    wait_for_event(kubectl, namespace, "PodSecurityForbids", "Deployment/go-server")
}

fn has_lines(text: &str, expected: &[&str]) -> anyhow::Result<()> {
    for line in expected {
        ensure!(text.lines().any(|found| found == *line), "{line:?} in\n{text}");
    }
    Ok(())
}

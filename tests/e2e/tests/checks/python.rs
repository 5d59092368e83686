//! The path of the troubleshooting page: a Python application, the real agent, a real Collector.

use ingraft_e2e_tests::{Example, repository, wait_for_event};
use ingraft_testkit::Cluster;
use ingraft_testkit::ingraft::{NAMESPACE, ready_pod};

pub fn check(cluster: &Cluster) -> anyhow::Result<()> {
    example_sends_spans(cluster)?;
    page_commands_answer(cluster)?;
    any_text_arrives(cluster)?;
    wrong_annotation_is_told(cluster)
}

fn example_sends_spans(cluster: &Cluster) -> anyhow::Result<()> {
    Example::read("python")?.sends_spans(cluster, "py-otel-server")?;
    Ok(())
}

/// What the operator encodes, the SDK decodes.
fn any_text_arrives(cluster: &Cluster) -> anyhow::Result<()> {
    let example = Example::read("python")?.replace("py-otel-server", "py-team");
    example.sends_any_text(cluster, "py-team")?;
    Ok(())
}

/// The commands that the page tells users to run, and what it tells them to look for.
fn page_commands_answer(cluster: &Cluster) -> anyhow::Result<()> {
    let kubectl = cluster.kubectl();
    let described = kubectl.run(&["describe", "otelinst", "-n", "opentelemetry"])?;
    for expected in [
        "app.kubernetes.io/managed-by=opentelemetry-operator",
        "instrumentation.opentelemetry.io/default-auto-instrumentation-python-image:",
        "Endpoint:  http://otel-collector.opentelemetry.svc.cluster.local:4318",
        "Resource Requirements:",
    ] {
        assert!(described.contains(expected), "{expected} in\n{described}");
    }
    let label = "app.kubernetes.io/name=opentelemetry-operator";
    let logs = kubectl.run(&["logs", "-l", label, "--container", "manager", "-n", NAMESPACE])?;
    assert!(logs.contains("\"level\":\"INFO\""), "{logs}");
    let events = kubectl.run(&["get", "events", "-n", "application"])?;
    assert!(events.contains("Created") && events.contains("Started"), "{events}");
    let pod = kubectl.run(&["describe", "pod", "-n", "application", "-l", "app=py-otel-server"])?;
    assert!(pod.contains("opentelemetry-auto-instrumentation-python:"), "{pod}");
    Ok(())
}

/// `true` in a namespace without an Instrumentation: the application runs, and its Deployment says why it sends nothing.
fn wrong_annotation_is_told(cluster: &Cluster) -> anyhow::Result<()> {
    let kubectl = cluster.kubectl();
    let example = std::fs::read_to_string(repository("examples/python.yaml"))?;
    let wrong = example
        .replace("inject-python: opentelemetry/my-instrumentation", "inject-python: 'true'")
        .replace("py-otel-server", "py-missed");
    kubectl.apply(&wrong)?;
    ready_pod(kubectl, "application", "app=py-missed")?;
    wait_for_event(kubectl, "application", "InstrumentationMissing", "Deployment/py-missed")?;
    let described = kubectl.run(&["describe", "deployment", "-n", "application", "py-missed"])?;
    assert!(described.contains("inject-python: 'opentelemetry/my-instrumentation'"), "{described}");
    Ok(())
}

//! An application with an SDK of its own gets variables, and nothing else.

use anyhow::ensure;
use ingraft_e2e_tests::{Example, node_of};
use ingraft_testkit::Cluster;
use ingraft_testkit::ingraft::ready_pod;

pub fn check(cluster: &Cluster) -> anyhow::Result<()> {
    let kubectl = cluster.kubectl();
    kubectl.apply(Example::read("sdk")?.text())?;
    let pod = ready_pod(kubectl, "application", "app=sdk-server")?;
    let environment = kubectl.run(&["exec", "-n", "application", &pod, "--", "env"])?;
    for expected in [
        "OTEL_SERVICE_NAME=sdk-server",
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://otel-collector.opentelemetry.svc.cluster.local:4318",
        "OTEL_PROPAGATORS=tracecontext,baggage",
        "OTEL_TRACES_SAMPLER=parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG=1",
    ] {
        ensure!(environment.lines().any(|line| line == expected), "{expected} in\n{environment}");
    }
    // Names that only the cluster knows are filled in.
    let attributes = environment.lines().find_map(|line| line.strip_prefix("OTEL_RESOURCE_ATTRIBUTES="));
    let attributes: Vec<&str> = attributes.unwrap_or_default().split(',').collect();
    for expected in [
        "k8s.namespace.name=application",
        "k8s.deployment.name=sdk-server",
        &format!("k8s.pod.name={pod}"),
        &format!("k8s.node.name={}", node_of(kubectl, &pod)?),
    ] {
        ensure!(attributes.contains(&expected), "{expected} in {attributes:?}");
    }
    let added = "jsonpath={.spec.initContainers}{.spec.containers[0].volumeMounts[*].name}";
    let added = kubectl.run(&["get", "pod", "-n", "application", &pod, "-o", added])?;
    ensure!(!added.contains("opentelemetry"), "{added}");
    Ok(())
}

//! .NET: a real runtime loads a stand-in for the agent, by what was injected.

use anyhow::ensure;
use ingraft_e2e_tests::{Example, load, wait_for_event};
use ingraft_testkit::ingraft::{ready_pod, request};
use ingraft_testkit::{Cluster, Kubectl, images};

const FOLDER: &str = "/otel-auto-instrumentation-dotnet";

/// What the stand-in records once all of it is loaded.
const LOADED: &str = "startup hook\nprofiler initialised 1 times\ndependency from the store: 1.0.0.0\n";

pub fn check(cluster: &Cluster) -> anyhow::Result<()> {
    load(cluster, &[images::dotnet_app, images::dotnet_agent])?;
    let kubectl = cluster.kubectl();
    old_runtime_is_left_alone(kubectl)?;
    agent_loads_hook_profiler_and_store(kubectl)?;
    hook_of_the_application_runs_as_well(kubectl)?;
    restricted_namespace_accepts_it(kubectl)
}

/// The .NET of packages is 3.1, which the agent of the example does not support.
fn old_runtime_is_left_alone(kubectl: &Kubectl) -> anyhow::Result<()> {
    kubectl.apply(Example::read("dotnet")?.replace("dotnet-server", "dotnet-old").text())?;
    let pod = ready_pod(kubectl, "application", "app=dotnet-old")?;
    assert_eq!(request(kubectl, "application", &pod, 8080, "/loaded")?, "");
    wait_for_event(kubectl, "application", "AgentStoodDown", "Deployment/dotnet-old")
}

/// The example with an agent of one's own.
fn example() -> anyhow::Result<Example> {
    let own = format!("  dotnet:\n    image: {}\n  exporter:\n", images::DOTNET_AGENT_OF_OURS);
    let example = Example::read("dotnet")?.replace("dotnet-instrumentation", "dotnet-of-ours");
    Ok(example.replace("  exporter:\n", &own))
}

fn agent_loads_hook_profiler_and_store(kubectl: &Kubectl) -> anyhow::Result<()> {
    kubectl.apply(example()?.text())?;
    let pod = ready_pod(kubectl, "application", "app=dotnet-server")?;
    assert_eq!(request(kubectl, "application", &pod, 8080, "/")?, "hello");
    assert_eq!(request(kubectl, "application", &pod, 8080, "/loaded")?, LOADED);
    let environment = request(kubectl, "application", &pod, 8080, "/environment")?;
    for expected in [
        &format!("CORECLR_PROFILER_PATH={FOLDER}/linux/OpenTelemetry.AutoInstrumentation.Native.so"),
        &format!("OTEL_DOTNET_AUTO_HOME={FOLDER}"),
        "OTEL_SERVICE_NAME=dotnet-server",
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://otel-collector.opentelemetry.svc.cluster.local:4318",
    ] {
        ensure!(environment.lines().any(|line| line == expected), "{expected} in\n{environment}");
    }
    Ok(())
}

/// A literal value is kept in front of ours. The library for musl is another file; here it is the same stand-in.
fn hook_of_the_application_runs_as_well(kubectl: &Kubectl) -> anyhow::Result<()> {
    let example = example()?
        .replace("dotnet-server", "dotnet-own-hook")
        .annotation("instrumentation.opentelemetry.io/otel-dotnet-auto-runtime: linux-musl-x64")
        .container("env:\n- name: DOTNET_STARTUP_HOOKS\n  value: /app/OwnHook.dll");
    kubectl.apply(example.text())?;
    let pod = ready_pod(kubectl, "application", "app=dotnet-own-hook")?;
    assert_eq!(request(kubectl, "application", &pod, 8080, "/loaded")?, format!("own hook\n{LOADED}"));
    let environment = request(kubectl, "application", &pod, 8080, "/environment")?;
    let profiler = format!("{FOLDER}/linux-musl/OpenTelemetry.AutoInstrumentation.Native.so");
    ensure!(environment.contains(&format!("CORECLR_PROFILER_PATH={profiler}\n")), "{environment}");
    Ok(())
}

fn restricted_namespace_accepts_it(kubectl: &Kubectl) -> anyhow::Result<()> {
    kubectl.apply(example()?.restricted("restricted-dotnet").text())?;
    let pod = ready_pod(kubectl, "restricted-dotnet", "app=dotnet-server")?;
    assert_eq!(request(kubectl, "restricted-dotnet", &pod, 8080, "/loaded")?, LOADED);
    Ok(())
}

//! Java: the real agent, with what the user gave the virtual machine and with an extension.

use anyhow::ensure;
use ingraft_e2e_tests::{Example, expect_resource, load};
use ingraft_testkit::ingraft::{ready_pod, request, wait_for_span};
use ingraft_testkit::{Cluster, Kubectl, images};

/// Two spans of one trace: a call, and the answer to it.
const CALL: &str = "/call?url=http://localhost:8080/inner";

pub fn check(cluster: &Cluster) -> anyhow::Result<()> {
    load(cluster, &[images::java_app, images::java_agent, images::java_extension])?;
    example_sends_spans(cluster)?;
    options_and_extensions_take_effect(cluster)?;
    restricted_namespace_accepts_it(cluster.kubectl())
}

fn example_sends_spans(cluster: &Cluster) -> anyhow::Result<()> {
    let kubectl = cluster.kubectl();
    let shown = Example::read("java")?.sends_spans(cluster, "java-server")?;
    request(kubectl, "application", &shown.pod, 8080, CALL)?;
    let call = wait_for_span(kubectl, |span| span.service() == "java-server" && span.kind == 3)?;
    wait_for_span(kubectl, |span| {
        span.trace_id == call.trace_id
            && span.kind == 2
            && span.attributes.get("url.path").is_some_and(|path| path == "/inner")
    })?;
    Ok(())
}

fn options_and_extensions_take_effect(cluster: &Cluster) -> anyhow::Result<()> {
    let kubectl = cluster.kubectl();
    let extension =
        "  java:\n    extensions:\n    - image: ingraft.dev/java-extension:1.0.0\n      dir: /extensions\n";
    let shown = Example::read("java")?
        .replace("java-server", "java-options")
        .replace("java-instrumentation", "java-with-extension")
        .replace("  exporter:\n", &format!("{extension}  exporter:\n"))
        .container("env:\n- name: JAVA_TOOL_OPTIONS\n  value: -Dshop=1\n")
        .sends_any_text(cluster, "java-options")?;
    expect_resource(&shown.span, "ingraft.extension", "loaded")?;
    let properties = request(kubectl, "application", &shown.pod, 8080, "/properties")?;
    ensure!(properties.contains(r#""shop":"1""#), "{properties}");
    let environment = request(kubectl, "application", &shown.pod, 8080, "/environment")?;
    let folder = "/otel-auto-instrumentation-java-java-options";
    let options = format!(
        r#""JAVA_TOOL_OPTIONS":"-Dshop=1 -javaagent:{folder}/javaagent.jar -Dotel.javaagent.extensions={folder}/extensions""#
    );
    ensure!(environment.contains(&options), "{environment}");
    Ok(())
}

fn restricted_namespace_accepts_it(kubectl: &Kubectl) -> anyhow::Result<()> {
    kubectl.apply(Example::read("java")?.restricted("restricted-java").text())?;
    let pod = ready_pod(kubectl, "restricted-java", "app=java-server")?;
    wait_for_span(kubectl, |span| {
        span.resource.get("k8s.pod.name").is_some_and(|name| name == pod.as_str()) && span.kind == 2
    })?;
    Ok(())
}

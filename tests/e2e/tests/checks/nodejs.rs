//! Node.js: the real agent, in an application of CommonJS modules and in the same as ES modules.

use anyhow::ensure;
use ingraft_e2e_tests::{Example, load};
use ingraft_testkit::ingraft::{ready_pod, request, wait_for_span};
use ingraft_testkit::{Cluster, Kubectl, images};

const AGENT: &str = "/otel-auto-instrumentation-nodejs/autoinstrumentation.js";

/// Express is seen only where the application's imports are.
const EXPRESS: &str = "@opentelemetry/instrumentation-express";

pub fn check(cluster: &Cluster) -> anyhow::Result<()> {
    load(cluster, &[images::node_app, images::node_agent])?;
    example_sends_spans(cluster)?;
    es_modules_send_spans(cluster)?;
    restricted_namespace_accepts_it(cluster.kubectl())
}

fn example_sends_spans(cluster: &Cluster) -> anyhow::Result<()> {
    let kubectl = cluster.kubectl();
    let shown = Example::read("nodejs")?.sends_spans(cluster, "nodejs-server")?;
    wait_for_span(kubectl, |span| span.service() == "nodejs-server" && span.scope == EXPRESS)?;
    let environment = request(kubectl, "application", &shown.pod, 8080, "/environment")?;
    ensure!(environment.contains(&format!("\"NODE_OPTIONS\":\" --require {AGENT}\"")), "{environment}");
    Ok(())
}

/// What the user wrote into `NODE_OPTIONS` stays in front.
fn es_modules_send_spans(cluster: &Cluster) -> anyhow::Result<()> {
    let kubectl = cluster.kubectl();
    let shown = Example::read("nodejs")?
        .replace("nodejs-server", "nodejs-modules")
        .annotation("ingraft.dev/nodejs-esm: 'true'")
        .container("command: [node, /app/app.mjs]\n")
        .container("env:\n- name: NODE_OPTIONS\n  value: --title=\"my shop\"\n")
        .sends_any_text(cluster, "nodejs-modules")?;
    wait_for_span(kubectl, |span| span.service() == "nodejs-modules" && span.scope == EXPRESS)?;
    let environment = request(kubectl, "application", &shown.pod, 8080, "/environment")?;
    ensure!(environment.contains(r#""NODE_OPTIONS":"--title=\"my shop\" --import data:"#), "{environment}");
    Ok(())
}

fn restricted_namespace_accepts_it(kubectl: &Kubectl) -> anyhow::Result<()> {
    kubectl.apply(Example::read("nodejs")?.restricted("restricted-nodejs").text())?;
    let pod = ready_pod(kubectl, "restricted-nodejs", "app=nodejs-server")?;
    request(kubectl, "restricted-nodejs", &pod, 8080, "/")?;
    wait_for_span(kubectl, |span| {
        span.resource.get("k8s.pod.name").is_some_and(|name| name == pod.as_str()) && span.kind == 2
    })?;
    Ok(())
}

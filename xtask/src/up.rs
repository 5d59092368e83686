//! `cargo xtask up`: the path of the troubleshooting page on a real cluster, shown step by step.

use ingraft_testkit::ingraft::{
    apply_file, install_ingraft, prepare_cluster, ready_pod, request, wait_for_span,
};
use ingraft_testkit::{Cluster, Creator, Kubectl, Kubernetes, Progress, Span};

use crate::paths::root;

/// The name of the demo's cluster.
pub const CLUSTER: &str = "ingraft";

/// The namespaces of the demo, but for the operator's own.
const NAMESPACES: [&str; 2] = [APPLICATION, "opentelemetry"];

const APPLICATION: &str = "application";
const LABEL: &str = "app=py-otel-server";
const SERVICE: &str = "py-otel-server";
const PORT: u16 = 8080;

/// Starts everything, sends a request, and prints what a user wants to see.
pub fn run(kubernetes: Kubernetes, progress: Progress) -> anyhow::Result<()> {
    let cluster = prepare_cluster(CLUSTER, kubernetes, Creator::DEMO, &NAMESPACES, progress)?;
    install_ingraft(&cluster, Creator::DEMO, &[], progress)?;
    let kubectl = cluster.kubectl();
    let pod = progress.step("starting the Python application of examples/python.yaml", || {
        apply_file(kubectl, &root().join("examples/python.yaml"))?;
        ready_pod(kubectl, APPLICATION, LABEL)
    })?;
    let span = progress.step("sending a request and waiting for its span", || {
        request(kubectl, APPLICATION, &pod, PORT, "/")?;
        wait_for_span(kubectl, |span| span.service() == SERVICE && span.kind == SERVER)
    })?;
    show(kubectl, &pod, &span)?;
    if let Cluster::Node(node) = cluster {
        println!("\n# The cluster stays until `cargo xtask down`. To use it:");
        println!("export KUBECONFIG={}", node.kubeconfig().display());
        println!("export PATH={}:$PATH", node.programs().display());
    } else {
        println!("\n# All of this stays in the cluster until `cargo xtask down`.");
    }
    Ok(())
}

/// The kind of a server's span, as OTLP counts.
const SERVER: u64 = 2;

fn show(kubectl: &Kubectl, pod: &str, span: &Span) -> anyhow::Result<()> {
    for arguments in [
        &["describe", "pod", "-n", APPLICATION, pod][..],
        &["get", "events", "-n", APPLICATION],
        &["describe", "otelinst", "-n", "opentelemetry"],
    ] {
        println!("\n$ kubectl {}", arguments.join(" "));
        print!("{}", kubectl.run(arguments)?);
    }
    println!("\n# The span that the Collector received: {} ({})", span.name, span.scope);
    for (key, value) in &span.resource {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        println!("{key}: {text}");
    }
    Ok(())
}

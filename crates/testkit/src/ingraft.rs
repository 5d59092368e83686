//! Ingraft itself in a cluster, installed as a user would.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::command::run;
use crate::{
    Cache, Cluster, Creator, Kubectl, Kubernetes, Progress, Span, images, install_collector, programs,
    received_spans,
};

/// The operator's namespace.
pub const NAMESPACE: &str = "opentelemetry-operator-system";
const DEPLOYMENT: &str = "deployment/ingraft-operator";

/// How long a first span may take: the application starts, answers, and its batch is sent.
const SPAN_LIMIT: Duration = Duration::from_mins(2);

/// How long an application may take until it listens.
const START_LIMIT: Duration = Duration::from_mins(3);

/// How long it may take until the API server asks the operator about pods.
const WEBHOOK_LIMIT: Duration = Duration::from_secs(30);

/// Starts a cluster, or takes the one that runs or is named, with these namespaces, the images of the demo and a
/// Collector.
///
/// # Errors
/// Says what is missing on this machine, which component failed and what it logged, or what in the cluster was created
/// by somebody else.
pub fn prepare_cluster(
    name: &str,
    kubernetes: Kubernetes,
    creator: Creator,
    namespaces: &[&str],
    progress: Progress,
) -> anyhow::Result<Cluster> {
    let cluster = Cluster::up(name, kubernetes, progress)?;
    creator.create_namespaces(cluster.kubectl(), namespaces)?;
    let cache = Cache::locate()?;
    let images = [
        images::flask_app(&cache, progress)?,
        images::python_agent(&cache, progress)?,
        images::collector(&cache, progress)?,
    ];
    progress.step("loading images", || images.iter().try_for_each(|image| cluster.load_image(image)))?;
    install_collector(cluster.kubectl(), progress)?;
    Ok(cluster)
}

/// Builds operator and command line, loads the operator's image, and runs
/// `ingraft manifests all | kubectl apply --server-side -f -`, with the creator's label and further arguments.
///
/// # Errors
/// When something does not build, or the operator does not become ready.
pub fn install_ingraft(
    cluster: &Cluster,
    creator: Creator,
    arguments: &[&str],
    progress: Progress,
) -> anyhow::Result<()> {
    let operator = programs::release("ingraft-operator", "ingraft-operator", progress)?;
    let name = format!("ingraft.dev/operator:{}", env!("CARGO_PKG_VERSION"));
    let probe = programs::probe(progress)?;
    let image = images::ingraft(&Cache::locate()?, progress, &operator, &probe, &name)?;
    progress.step("installing Ingraft", || {
        cluster.load_image(&image)?;
        let manifests = command_line(&[&["manifests", "all", "--image", &name], arguments].concat())?;
        let kubectl = cluster.kubectl();
        let before = pods(kubectl)?;
        creator.apply(kubectl, &manifests)?;
        if !before.is_empty() {
            // The image has the same name after every build: pods that ran before run an older one.
            kubectl.run(&["rollout", "restart", "-n", NAMESPACE, DEPLOYMENT])?;
        }
        kubectl.run(&["rollout", "status", "-n", NAMESPACE, DEPLOYMENT, "--timeout=60s"])?;
        wait_for_webhook(kubectl)
    })
}

/// What `ingraft` prints.
///
/// # Errors
/// When it does not build, or fails.
pub fn command_line(words: &[&str]) -> anyhow::Result<String> {
    run(std::process::Command::new(programs::debug("ingraft-cli", "ingraft")?).args(words))
}

/// Waits until the API server asks the operator about pods: the registration and the Service's addresses need a
/// moment to get around after the operator is ready.
///
/// # Errors
/// When that does not happen.
pub fn wait_for_webhook(kubectl: &Kubectl) -> anyhow::Result<()> {
    let start = Instant::now();
    // A pod that is not created, and that asks for something that does not exist: the answer is a warning.
    let ask = [
        "run",
        "webhook-test",
        "--image=none",
        "--dry-run=server",
        "--annotations=instrumentation.opentelemetry.io/inject-sdk=webhook-test",
    ];
    loop {
        let output = kubectl.output(&ask)?;
        if String::from_utf8_lossy(&output.stderr).contains("InstrumentationNotFound") {
            return Ok(());
        }
        if start.elapsed() > WEBHOOK_LIMIT {
            bail!("the API server does not ask the operator: {}", String::from_utf8_lossy(&output.stderr));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn pods(kubectl: &Kubectl) -> anyhow::Result<String> {
    kubectl.run(&["get", "pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/instance=ingraft", "-o", "name"])
}

/// Asks an application's pod for a path, through the API server, once the application listens.
///
/// # Errors
/// When it does not answer, or does not listen in time.
pub fn request(
    kubectl: &Kubectl,
    namespace: &str,
    pod: &str,
    port: u16,
    path: &str,
) -> anyhow::Result<String> {
    let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy{path}");
    let start = Instant::now();
    loop {
        let output = kubectl.output(&["get", "--raw", &path])?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let error = String::from_utf8_lossy(&output.stderr);
        // Without a readiness probe a pod is ready before its application listens.
        if !error.contains("connection refused") || start.elapsed() > START_LIMIT {
            bail!("no answer from {path}: {error}");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Waits until the Collector has received a span that fits.
///
/// # Errors
/// When none comes in time; the error names the spans that came.
pub fn wait_for_span(kubectl: &Kubectl, fits: impl Fn(&Span) -> bool) -> anyhow::Result<Span> {
    let start = Instant::now();
    loop {
        // The Collector's log cannot be watched for a condition: it is read again.
        let spans = received_spans(kubectl)?;
        if let Some(span) = spans.iter().find(|span| fits(span)) {
            return Ok(span.clone());
        }
        if start.elapsed() > SPAN_LIMIT {
            let came: Vec<String> =
                spans.iter().map(|span| format!("{} of {}", span.name, span.service())).collect();
            bail!("no such span after {} s; these came: {came:?}", SPAN_LIMIT.as_secs());
        }
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// The name of a pod of a workload, once it is ready.
///
/// # Errors
/// When it does not become ready; the error tells the pod's state and Events.
pub fn ready_pod(kubectl: &Kubectl, namespace: &str, label: &str) -> anyhow::Result<String> {
    let pods = ["get", "pods", "-n", namespace, "-l", label, "-o", "jsonpath={.items[0].metadata.name}"];
    let wait = ["wait", "pod", "-n", namespace, "-l", label, "--for=condition=Ready", "--timeout=120s"];
    kubectl.run(&["wait", "pod", "-n", namespace, "-l", label, "--for=create", "--timeout=30s"])?;
    kubectl.run(&wait).with_context(|| {
        let described = kubectl.run(&["describe", "pod", "-n", namespace, "-l", label]);
        format!("pod {label} in {namespace} is not ready:\n{}", described.unwrap_or_default())
    })?;
    kubectl.run(&pods)
}

/// Runs a file of manifests that a reader could paste.
///
/// # Errors
/// When the file cannot be read or is refused.
pub fn apply_file(kubectl: &Kubectl, file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    kubectl.apply(&text)
}

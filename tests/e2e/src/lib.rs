//! A real cluster with Ingraft, a Collector and images, shared by the end-to-end tests.

mod example;
mod telemetry;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

pub use example::Example;
use ingraft_testkit::images::MakeImage;
use ingraft_testkit::ingraft::{NAMESPACE, command_line, install_ingraft, prepare_cluster};
use ingraft_testkit::prerequisites::run_as_root;
use ingraft_testkit::{Cache, Cluster, Creator, Existing, Kubectl, Kubernetes, Node, Progress};
use serde_json::{Value, json};
pub use telemetry::{Shown, expect_resource, node_of};

/// The name of the cluster of the tests; the demo's is another.
const CLUSTER: &str = "ingraft-e2e";

/// The namespaces of the checks, but for the operator's own.
const NAMESPACES: &[&str] = &[
    "application",
    "crash",
    "harm",
    "harm-unknowing",
    "heal",
    "opentelemetry",
    "restricted-apache-httpd",
    "restricted-dotnet",
    "restricted-go",
    "restricted-java",
    "restricted-nginx",
    "restricted-nodejs",
    "settings-java",
    "settings-nodejs",
    "settings-python",
    "strict",
    "trace",
    "trace-collector",
];

/// How long the operator may take to learn from a pod that has started.
const LEARNING_LIMIT: Duration = Duration::from_secs(30);

/// What is off unless somebody asks for it; also `--standby` where Kubernetes has it.
const ARGUMENTS: &[&str] = &["--heal", "--arg=--enable-go-instrumentation=true"];

/// A cluster with Ingraft, for one run.
#[derive(Debug)]
pub struct Run {
    /// The cluster.
    pub cluster: Cluster,
}

impl Run {
    /// Starts a node, or uses the cluster that `INGRAFT_KUBECONFIG` names. `None` if tests with a node are left out.
    ///
    /// # Errors
    /// When the cluster cannot be started, or has objects of others that are in the way.
    ///
    /// # Panics
    /// Without root, which a node needs.
    pub fn start() -> anyhow::Result<Option<Self>> {
        if !Existing::is_named() && !run_as_root("the end-to-end tests") {
            return Ok(None);
        }
        let progress = Progress::stderr();
        // What an interrupted run left must not decide about this one.
        if let Some(existing) = Existing::named()? {
            Creator::TESTS.remove(existing.kubectl(), progress)?;
        } else {
            Node::down(CLUSTER, progress)?;
        }
        let kubernetes = Kubernetes::chosen()?;
        let cluster = prepare_cluster(CLUSTER, kubernetes, Creator::TESTS, NAMESPACES, progress)?;
        install(&cluster)?;
        let proven =
            ["get", "configmap", "ingraft-facts", "-n", NAMESPACE, "-o", "jsonpath={.data.nodes\\.json}"];
        wait_for_facts("that variables arrive from the files of probes", || {
            Ok(cluster.kubectl().run(&proven).is_ok_and(|nodes| nodes.contains("\"proven\":true")))
        })?;
        Ok(Some(Self { cluster }))
    }

    /// Removes the node, or what the run created in the cluster.
    ///
    /// # Errors
    /// When something stays behind.
    pub fn end(self) -> anyhow::Result<()> {
        let progress = Progress::stderr();
        match &self.cluster {
            Cluster::Node(_) => Node::down(CLUSTER, progress).map(drop),
            Cluster::Existing(existing) => Creator::TESTS.remove(existing.kubectl(), progress),
        }
    }
}

/// Installs Ingraft with all that the checks need.
///
/// # Errors
/// When the operator does not become ready.
pub fn install(cluster: &Cluster) -> anyhow::Result<()> {
    install_ingraft(cluster, Creator::TESTS, &arguments(cluster.kubectl())?, Progress::stderr())
}

/// Removes the operator, as the documentation has it. Definitions and Instrumentations stay.
///
/// # Errors
/// When something stays behind.
pub fn uninstall(cluster: &Cluster) -> anyhow::Result<()> {
    let kubectl = cluster.kubectl();
    let mut words = vec!["manifests", "operator", "--image", "any"];
    words.extend(arguments(kubectl)?);
    kubectl.run_with_input(&["delete", "--ignore-not-found", "-f", "-"], &command_line(&words)?)?;
    kubectl.run(&["delete", "plans.ingraft.dev", "ingraft", "--ignore-not-found"]).map(drop)
}

fn arguments(kubectl: &Kubectl) -> anyhow::Result<Vec<&'static str>> {
    let standby = kubectl.has_mutating_policies()?.then_some("--standby");
    Ok(ARGUMENTS.iter().copied().chain(standby).collect())
}

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Makes and loads the images that a language needs.
///
/// # Errors
/// When one cannot be made or loaded.
pub fn load(cluster: &Cluster, images: &[MakeImage]) -> anyhow::Result<()> {
    let cache = Cache::locate()?;
    images.iter().try_for_each(|make| cluster.load_image(&make(&cache, Progress::stderr())?))
}

/// A pod that asks for a language and ends fast, with one container.
pub fn asking_pod(
    namespace: &str,
    name: &str,
    language: &str,
    instrumentation: &str,
    container: &Value,
) -> Value {
    let key = format!("instrumentation.opentelemetry.io/inject-{language}");
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "annotations": {key: format!("opentelemetry/{instrumentation}")},
        },
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
    })
}

/// Waits until a pod is ready.
///
/// # Errors
/// When it does not become ready; the error tells the pod's state and Events.
pub fn wait_ready(kubectl: &Kubectl, namespace: &str, pod: &str) -> anyhow::Result<()> {
    let wait = ["wait", "pod", pod, "-n", namespace, "--for=condition=Ready", "--timeout=90s"];
    let describe = || kubectl.run(&["describe", "pod", pod, "-n", namespace]).unwrap_or_default();
    kubectl.run(&wait).with_context(describe).map(drop)
}

/// The init containers that a pod would have, were it created now, as kubectl prints their names.
///
/// # Errors
/// When the API server refuses it.
pub fn would_get(kubectl: &Kubectl, pod: &Value) -> anyhow::Result<String> {
    let names = "jsonpath={.spec.initContainers[*].name}";
    kubectl.run_with_input(&["create", "--dry-run=server", "-o", names, "-f", "-"], &pod.to_string())
}

/// Waits until the operator has learnt this from pods that have started.
///
/// # Errors
/// When it does not in time.
pub fn wait_for_facts(what: &str, learnt: impl Fn() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let start = Instant::now();
    while !learnt()? {
        ensure!(start.elapsed() < LEARNING_LIMIT, "the operator has not learnt {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// Waits until an Event with this reason regards an object, such as `Deployment/shop`.
///
/// # Errors
/// When none comes in time.
pub fn wait_for_event(
    kubectl: &Kubectl,
    namespace: &str,
    reason: &str,
    regarding: &str,
) -> anyhow::Result<()> {
    let (kind, name) = regarding.split_once('/').unwrap_or((regarding, ""));
    let selector = format!("reason={reason},regarding.kind={kind},regarding.name={name}");
    kubectl.run(&[
        "wait",
        "events.events.k8s.io",
        "-n",
        namespace,
        "--for=create",
        "--field-selector",
        &selector,
        "--timeout=30s",
    ])?;
    Ok(())
}

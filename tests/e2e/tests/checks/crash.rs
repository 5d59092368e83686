//! Applications that crash once they are injected, and others that crash whatever is injected: both are told, and where
//! healing is allowed, none is blamed without proof.
//!
//! Played by shell scripts: those of the agent's kind fail only if the variable is there that injection sets, and the others
//! only if a database is down, which the ones that run do not notice. Real are the kills for memory, the commands and
//! programs that are missing, and the images that cannot be pulled.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use ingraft_e2e_tests::load;
use ingraft_testkit::{Cluster, Kubectl, images};
use serde_json::{Value, json};

const NAMESPACE: &str = "crash";
const INJECT: &str = "instrumentation.opentelemetry.io/inject-sdk";
const INJECT_NODEJS: &str = "instrumentation.opentelemetry.io/inject-nodejs";
/// What the agent's kind of crash looks for.
const INJECTED: &str = "[ -n \"$OTEL_EXPORTER_OTLP_ENDPOINT\" ]";
/// What the application's kind of crash looks for.
const DOWN: &str = "[ \"$DATABASE\" != up ]";
/// A pod has crashed again, although the kubelet waits longer each time.
const DECIDED: Duration = Duration::from_mins(9);

/// An application, and how it crashes.
struct Application {
    name: &'static str,
    /// What it does then.
    crash: &'static str,
    /// What the finding has to say.
    code: &'static str,
}

const fn application(name: &'static str, crash: &'static str, code: &'static str) -> Application {
    Application { name, crash, code }
}

/// The same crashes happen for both reasons.
static CRASHES: [Application; 7] = [
    application(
        "option",
        "echo 'Unrecognized option: -javaagnet' >/dev/termination-log; exit 1",
        "option-unknown",
    ),
    application("node", "exit 9", "option-not-allowed"),
    application(
        "module",
        "echo \"Error: Cannot find module 'express'\" >/dev/termination-log; exit 1",
        "module-missing",
    ),
    application("memory", "exec tail /dev/zero", "out-of-memory"),
    application("loader", "exec /bin/missing", "loader"),
    application("late", "sleep 8; exit 3", "unknown"),
    application("unknown", "exit 1", "unknown"),
];

/// Every crash is told, with its cause.
pub fn check(cluster: &Cluster) -> anyhow::Result<()> {
    load(cluster, &[images::busybox])?;
    let kubectl = cluster.kubectl();
    tell(kubectl)?;
    kubectl.run(&["delete", "deployment", "--all", "-n", NAMESPACE]).map(drop)
}

/// Control starts show who is to blame: that takes as long as pods have to live to show it.
pub fn control(cluster: &Cluster) -> anyhow::Result<()> {
    load(cluster, &[images::busybox])?;
    let kubectl = cluster.kubectl();
    kubectl.run(&["annotate", "namespace", NAMESPACE, "--overwrite", "ingraft.dev/heal=missed"])?;
    tell(kubectl)?;
    for (name, condition, one) in all() {
        if condition == INJECTED {
            wait_for_annotation(kubectl, &name, "blocked", one.code)?;
        } else {
            wait_for_annotation(kubectl, &name, "control", "not-ours")?;
        }
    }
    wait_for_annotation(kubectl, "agent-image", "blocked", "image-pull")?;
    // New pods pass untouched, and run.
    for name in all().filter(|(_, condition, _)| *condition == INJECTED).map(|(name, ..)| name) {
        let rollout = ["rollout", "status", "-n", NAMESPACE, &format!("deployment/{name}"), "--timeout=300s"];
        kubectl.run(&rollout).with_context(|| state(kubectl, &name))?;
    }
    for name in CRASHES.iter().map(|one| format!("own-{}", one.name)) {
        let blocked = annotation(kubectl, &name, "blocked")?;
        ensure!(blocked.is_empty(), "{name} is blamed without proof: {blocked}");
    }
    kubectl.run(&["delete", "deployment", "--all", "-n", NAMESPACE]).map(drop)
}

/// The applications: a name, when it crashes, and how.
fn all() -> impl Iterator<Item = (String, &'static str, &'static Application)> {
    CRASHES.iter().flat_map(|one| {
        [(format!("agent-{}", one.name), INJECTED, one), (format!("own-{}", one.name), DOWN, one)]
    })
}

/// Lets all applications run, and then crash once they are injected. Each is told with its cause.
fn tell(kubectl: &Kubectl) -> anyhow::Result<()> {
    let spec = json!({
        "exporter": {"endpoint": "http://otel-collector.opentelemetry.svc.cluster.local:4318"},
        "nodejs": {"image": "localhost:1/missing:1"},
    });
    let instrumentation = json!({
        "apiVersion": "opentelemetry.io/v1alpha1", "kind": "Instrumentation",
        "metadata": {"name": "base", "namespace": NAMESPACE}, "spec": spec,
    });
    kubectl.apply(&instrumentation.to_string())?;
    set_database(kubectl, "up")?;
    for (name, condition, one) in all() {
        kubectl.apply(&deployment(&name, condition, one.crash, &json!({})).to_string())?;
    }
    kubectl.apply(&deployment("agent-image", "false", "exit 1", &json!({})).to_string())?;
    let available =
        ["wait", "deployment", "--all", "-n", NAMESPACE, "--for=condition=Available", "--timeout=180s"];
    kubectl.run(&available)?;
    set_database(kubectl, "down")?;
    for (name, condition, one) in all() {
        kubectl.apply(&deployment(&name, condition, one.crash, &json!({INJECT: "base"})).to_string())?;
    }
    let asks = json!({INJECT_NODEJS: "base"});
    kubectl.apply(&deployment("agent-image", "false", "exit 1", &asks).to_string())?;
    for name in all().map(|(name, ..)| name).chain(["agent-image".to_owned()]) {
        let fields = format!("--field-selector=reason=CrashAfterInjection,regarding.name={name}");
        kubectl
            .run(&[
                "wait",
                "events.events.k8s.io",
                "-n",
                NAMESPACE,
                "--for=create",
                &fields,
                "--timeout=150s",
            ])
            .with_context(|| state(kubectl, &name))?;
    }
    Ok(())
}

/// What containers find that start from now on.
fn set_database(kubectl: &Kubectl, state: &str) -> anyhow::Result<()> {
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "database", "namespace": NAMESPACE},
        "data": {"state": state},
    });
    kubectl.apply(&map.to_string()).map(drop)
}

/// A Deployment of two pods that crash under a condition; a new template gets as many at once beside them.
fn deployment(name: &str, condition: &str, crash: &str, annotations: &Value) -> Value {
    let script = format!("if {condition}; then {crash}; fi; exec sleep 3600");
    let database = json!({"configMapKeyRef": {"name": "database", "key": "state"}});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "replicas": 2,
            // Without a readiness probe, whoever has not crashed yet would replace one that runs.
            "minReadySeconds": 20,
            "strategy": {"rollingUpdate": {"maxSurge": 2, "maxUnavailable": 0}},
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}, "annotations": annotations},
                "spec": {
                    "terminationGracePeriodSeconds": 1,
                    "containers": [{
                        "name": "app", "image": images::BUSYBOX, "command": ["sh", "-c", script],
                        "env": [{"name": "DATABASE", "valueFrom": database}],
                        "resources": {"limits": {"memory": "24Mi"}},
                    }],
                },
            },
        },
    })
}

/// An annotation of ours on a Deployment; empty where there is none.
fn annotation(kubectl: &Kubectl, name: &str, key: &str) -> anyhow::Result<String> {
    let value = format!("jsonpath={{.metadata.annotations.ingraft\\.dev/{key}}}");
    kubectl.run(&["get", "deployment", name, "-n", NAMESPACE, "-o", &value])
}

/// Waits until the leader has decided. A wrong decision is not waited for.
fn wait_for_annotation(kubectl: &Kubectl, name: &str, key: &str, expected: &str) -> anyhow::Result<()> {
    let start = Instant::now();
    loop {
        // Each read once: a decision may be made between two readings.
        for other in ["blocked", "control"] {
            let value = annotation(kubectl, name, other)?;
            match value.split_once('=') {
                Some((_, told)) if other == key && told == expected => return Ok(()),
                Some(_) => {
                    bail!(
                        "{name} was to get {expected} in {key}, and has {value} in {other}\n{}",
                        state(kubectl, name)
                    )
                }
                None => {}
            }
        }
        ensure!(start.elapsed() < DECIDED, "nothing was decided about {name}\n{}", state(kubectl, name));
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// How a Deployment and its pods fare, for errors.
fn state(kubectl: &Kubectl, name: &str) -> String {
    let described = ["deployment", "pod"].map(|kind| {
        let selector = format!("app={name}");
        let describe = match kind {
            "deployment" => vec!["describe", kind, name, "-n", NAMESPACE],
            _ => vec!["describe", kind, "-n", NAMESPACE, "-l", &selector],
        };
        kubectl.run(&describe).unwrap_or_default()
    });
    described.concat()
}

//! The page's mistake of order, healed while the application is in use: first the workload, then the Instrumentation.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use ingraft_testkit::{Cluster, Kubectl, images};
use serde_json::{Value, json};

const NAMESPACE: &str = "heal";
/// A request begins this often: 50 a second.
const PERIOD: Duration = Duration::from_millis(20);
/// So many ask at the same time, so that a slow answer keeps nobody else waiting.
const CLIENTS: u32 = 4;

pub fn check(cluster: &Cluster) -> anyhow::Result<()> {
    let kubectl = cluster.kubectl();
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "annotations": {"ingraft.dev/heal": "missed"}},
    });
    kubectl.apply(&namespace.to_string())?;
    kubectl.apply(&web().to_string())?;
    kubectl.apply(&service().to_string())?;
    kubectl.run(&["rollout", "status", "deployment/web", "-n", NAMESPACE, "--timeout=120s"])?;
    ensure!(injected(kubectl)? == [false, false], "there is no Instrumentation yet");

    let proxy = Proxy::start(kubectl)?;
    let is_over = AtomicBool::new(false);
    let (answers, took) = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (proxy, is_over) = (&proxy, &is_over);
                scope.spawn(move || ask(proxy, PERIOD * client, is_over))
            })
            .collect();
        let start = Instant::now();
        let healed = heal(kubectl);
        is_over.store(true, Ordering::Relaxed);
        let answers =
            clients.into_iter().map(|client| client.join().unwrap_or_else(|_| bail!("a client panicked")));
        let answers: u32 = answers.sum::<anyhow::Result<u32>>()?;
        healed.map(|()| (answers, start.elapsed()))
    })?;
    let rate = f64::from(answers) / took.as_secs_f64();
    eprintln!("  healed in {:.1} s, {answers} answers, {rate:.0} a second, no error", took.as_secs_f64());
    kubectl.run(&["delete", "namespace", NAMESPACE, "--wait=false"]).map(drop)
}

/// Applies the Instrumentation, and waits until the pods are replaced by injected ones.
fn heal(kubectl: &Kubectl) -> anyhow::Result<()> {
    let instrumentation = json!({
        "apiVersion": "opentelemetry.io/v1alpha1", "kind": "Instrumentation",
        "metadata": {"name": "base", "namespace": NAMESPACE},
        "spec": {"exporter": {"endpoint": "http://otel-collector.opentelemetry.svc.cluster.local:4318"}},
    });
    kubectl.apply(&instrumentation.to_string())?;
    let start = Instant::now();
    while injected(kubectl)? != [true, true] {
        ensure!(start.elapsed() < Duration::from_mins(3), "it is not healed: {}", told(kubectl)?);
        std::thread::sleep(Duration::from_millis(500));
    }
    kubectl.run(&["rollout", "status", "deployment/web", "-n", NAMESPACE, "--timeout=120s"])?;
    let told = told(kubectl)?;
    ensure!(told.contains(" Healed ") && !told.contains("NotHealed"), "{told}");
    Ok(())
}

fn told(kubectl: &Kubectl) -> anyhow::Result<String> {
    kubectl.run(&["get", "events", "-n", NAMESPACE, "--field-selector=involvedObject.name=web"])
}

/// Of each pod that is there to stay, whether it is injected.
fn injected(kubectl: &Kubectl) -> anyhow::Result<Vec<bool>> {
    let pods = kubectl.json(&["get", "pods", "-n", NAMESPACE, "-l", "app=web", "-o", "json"])?;
    let all = pods.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    let stays = all.iter().filter(|pod| pod.pointer("/metadata/deletionTimestamp").is_none());
    Ok(stays.map(|pod| pod.pointer("/metadata/annotations/ingraft.dev~1injected").is_some()).collect())
}

/// Two replicas that come and go without an error: ready when they answer, and answering until everybody knows that they go.
fn web() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": NAMESPACE},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {
                    "labels": {"app": "web"},
                    "annotations": {"instrumentation.opentelemetry.io/inject-python": "base"},
                },
                "spec": {"containers": [{
                    "name": "web", "image": images::FLASK_APP, "ports": [{"containerPort": 8080}],
                    "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
                    "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
                }]},
            },
        },
    })
}

fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": NAMESPACE},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 8080}]},
    })
}

/// Asks again and again. Returns how often; any answer but a good one is an error.
fn ask(proxy: &Proxy, offset: Duration, is_over: &AtomicBool) -> anyhow::Result<u32> {
    let (start, mut answers) = (Instant::now() + offset, 0);
    while !is_over.load(Ordering::Relaxed) {
        let due = PERIOD * CLIENTS * answers;
        std::thread::sleep((start + due).saturating_duration_since(Instant::now()));
        proxy.get().with_context(|| format!("after {answers} answers"))?;
        answers += 1;
    }
    Ok(answers)
}

/// A way to the Service through the API server, which takes ready pods only.
struct Proxy {
    process: Child,
    address: String,
}

impl Proxy {
    fn start(kubectl: &Kubectl) -> anyhow::Result<Self> {
        let mut command = kubectl.command(&["proxy", "--port=0"]);
        let mut process = command.stdout(Stdio::piped()).spawn().context("start kubectl proxy")?;
        // "Starting to serve on 127.0.0.1:40001"
        let mut line = String::new();
        BufReader::new(process.stdout.take().context("no standard output")?).read_line(&mut line)?;
        let address = line.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        Ok(Self { process, address })
    }

    fn get(&self) -> anyhow::Result<()> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let path = format!("/api/v1/namespaces/{NAMESPACE}/services/web:8080/proxy/");
        let (host, mut answer) = (&self.address, String::new());
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
        stream.read_to_string(&mut answer)?;
        ensure!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        Ok(())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

//! `cargo xtask load`: what the webhook costs, measured on this machine against a real API server.
//!
//! A command, not a test: figures depend on the machine. Trust CPU per review first, then memory, then the median at
//! one connection. All traffic stays on the loopback interface, and every loop ends by its count.

mod do_nothing;
mod kills;
mod pods;
mod standby;
mod workloads;

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::Args;
use do_nothing::DoNothing;
use ingraft_api::Instrumentation;
use ingraft_testkit::{Background, ControlPlane, Kubectl, Kubernetes, Progress, Tools, free_ports, programs};
use ureq::Agent;
use ureq::tls::TlsConfig;

/// What to measure.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// Reviews per measurement
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    requests: u32,
    /// Namespaces, each with a Deployment, that exist before the operator starts
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=20_000))]
    namespaces: u32,
    /// Workloads, each with two pods, that exist while pods are changed 200 times a second for a minute
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=20_000))]
    workloads: u32,
    /// Kill the operator so many times, every ten seconds, two of which it is away, while 1,000 pods are created: 30 take five
    /// minutes
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1000))]
    kills: u32,
    /// Measure what standby costs, and create this many Deployments while no replica runs (200 is usual)
    #[arg(long, default_value_t = 0, conflicts_with = "kills", value_parser = clap::value_parser!(u32).range(0..=1000))]
    standby: u32,
    /// Another webhook on this machine that gets the same reviews in turns, such as
    /// https://127.0.0.1:9444/mutate-v1-pod
    #[arg(long, value_name = "URL", value_parser = loopback_url)]
    peer_url: Option<String>,
    /// The process of the other webhook, for its CPU time and memory
    #[arg(long, value_name = "PID", requires = "peer_url")]
    peer_pid: Option<u32>,
}

/// <https://kubernetes.io/docs/reference/instrumentation/metrics/>
const WEBHOOK_DURATION: &str = "apiserver_admission_webhook_admission_duration_seconds";

fn loopback_url(url: &str) -> Result<String, String> {
    let local = ["https://127.0.0.1:", "https://localhost:", "https://[::1]:"];
    let is_local = local.iter().any(|start| url.starts_with(start));
    if is_local {
        Ok(url.to_owned())
    } else {
        Err("it must be on this machine: https://127.0.0.1:PORT/path".to_owned())
    }
}

/// A webhook that is measured.
struct Subject {
    name: &'static str,
    url: String,
    process: Option<u32>,
}

/// Starts everything, measures, and prints a table.
pub fn run(args: &LoadArgs, progress: Progress) -> anyhow::Result<()> {
    let program = programs::release("ingraft-operator", "ingraft-operator", progress)?;
    let tools = Tools::prepare(Kubernetes::chosen()?, progress)?;
    let plane = progress.step("starting the API server", || ControlPlane::start(&tools))?;
    let kubectl = plane.kubectl();
    progress.step("creating objects", || create_objects(kubectl, args.namespaces))?;

    let ports: Ports = free_ports()?;
    let (operator, start_to_ready) = start_operator(&program, &plane, ports, &[])?;
    let own = Subject {
        name: "ingraft",
        url: format!("https://127.0.0.1:{}/mutate-v1-pod", ports[0]),
        process: Some(operator.id()),
    };
    let review = review();
    println!("review                        {} bytes", review.len());
    println!("start to ready                {:.1} ms", milliseconds(start_to_ready));
    println!("memory after start            {}", resident(operator.id())?);
    let first = Instant::now();
    post(&agent(), &own.url, &review)?;
    println!("first review, with handshake  {:.1} ms", milliseconds(first.elapsed()));

    let nothing = DoNothing::start(&plane, progress)?;
    let floor = Subject { name: "nothing", url: nothing.url(), process: Some(nothing.id()) };
    let peer = args.peer_url.as_ref();
    let peer = peer.map(|url| Subject { name: "peer", url: url.clone(), process: args.peer_pid });
    let subjects: Vec<&Subject> = [&own, &floor].into_iter().chain(&peer).collect();
    println!("\nwebhook   connections   reviews/s   p50 ms   p99 ms   CPU ms per 1,000 reviews");
    for connections in [1, 8] {
        for subject in &subjects {
            measure(subject, &review, args.requests, connections)?;
        }
    }
    for subject in
        subjects.iter().filter_map(|subject| subject.process.map(|process| (subject.name, process)))
    {
        println!("memory of {:<20}{}", subject.0, resident(subject.1)?);
    }
    let creates = 300;
    let [own_time, floor_time] = create_pods(kubectl, creates)?;
    println!("\nper create, as the API server has it, over {creates} injected creates");
    println!("  ingraft                     {own_time:.2} ms");
    println!("  a webhook that does nothing {floor_time:.2} ms");
    println!("memory after them             {}", resident(operator.id())?);
    if args.workloads > 0 {
        progress.step("creating workloads, and changing pods for a minute", || {
            workloads::run(kubectl, operator.id(), args.workloads)
        })?;
    }
    if args.kills > 0 {
        progress.step("killing the operator while pods are created", || {
            kills::run(&plane, &program, operator, ports, args.kills)
        })?;
    } else if args.standby > 0 {
        kubectl.run(&["delete", "mutatingwebhookconfiguration", do_nothing::CONFIGURATION])?;
        let deployments = usize::try_from(args.standby)?;
        progress.step("creating pods while no replica runs", || {
            standby::run(&plane, &program, operator, ports, deployments)
        })?;
    }
    Ok(())
}

fn create_objects(kubectl: &Kubectl, namespaces: u32) -> anyhow::Result<()> {
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    kubectl.apply(&serde_saphyr::to_string_with_options(&Instrumentation::crd(), options)?)?;
    kubectl.run(&[
        "wait",
        "--for=condition=Established",
        "crd/instrumentations.opentelemetry.io",
        "--timeout=30s",
    ])?;
    kubectl.apply(BASE)?;
    // One kubectl sends 50 requests a second, so ten run at once.
    let numbers: Vec<u32> = (0..namespaces).collect();
    for some in numbers.chunks(2000) {
        std::thread::scope(|scope| {
            let create = |some: &[u32]| {
                let one = |number: &u32| NAMESPACE.replace("NAME", &format!("load-{number}"));
                let manifests: String = some.iter().map(one).collect();
                kubectl.run_with_input(&["create", "-f", "-"], &manifests)
            };
            let all: Vec<_> = some.chunks(200).map(|some| scope.spawn(move || create(some))).collect();
            all.into_iter().try_for_each(|one| match one.join() {
                Ok(created) => created.map(drop),
                Err(_) => bail!("a worker panicked"),
            })
        })?;
    }
    Ok(())
}

const BASE: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: opentelemetry-operator-system}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata: {name: base, namespace: shop}
spec:
  exporter: {endpoint: 'http://gateway.obs:4318'}
  propagators: [tracecontext, baggage]
  sampler: {type: parentbased_traceidratio, argument: '0.5'}
  env: [{name: TEAM, value: payments}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout, namespace: shop}
spec:
  replicas: 0
  selector: {matchLabels: {app: checkout}}
  template:
    metadata: {labels: {app: checkout}}
    spec: {containers: [{name: api, image: 'registry.example.com/api:1'}]}
";

const NAMESPACE: &str = "---
apiVersion: v1
kind: Namespace
metadata: {name: NAME}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: idle, namespace: NAME}
spec:
  replicas: 0
  selector: {matchLabels: {app: idle}}
  template:
    metadata: {labels: {app: idle}}
    spec: {containers: [{name: idle, image: idle}]}
";

/// The ports of an operator: of the webhook server, of health and of metrics.
type Ports = [u16; 3];

/// Starts an operator, and answers how long that took until it was ready.
fn start_operator(
    program: &Path,
    plane: &ControlPlane,
    ports: Ports,
    arguments: &[&str],
) -> anyhow::Result<(Background, Duration)> {
    let [webhook, health, metrics] = ports;
    let mut command = Command::new(program);
    // One started after another is the same container, started anew.
    command
        .env_clear()
        .env("KUBECONFIG", plane.kubeconfig())
        .env("INGRAFT_POD", "load")
        .args(arguments)
        .args([
            format!("--webhook-bind=127.0.0.1:{webhook}"),
            format!("--webhook-url=https://127.0.0.1:{webhook}"),
            format!("--health-bind=127.0.0.1:{health}"),
            format!("--metrics-bind=127.0.0.1:{metrics}"),
        ]);
    let logs = plane.logs();
    let start = Instant::now();
    let operator = Background::start("ingraft-operator", command, logs)?;
    let ready = format!("http://127.0.0.1:{health}/readyz");
    while ureq::get(&ready).call().is_err() {
        if start.elapsed() > Duration::from_secs(30) {
            bail!("the operator is not ready:\n{}", operator.log()?);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok((operator, start.elapsed()))
}

fn agent() -> Agent {
    // Who answers is known; what is measured is how fast.
    let tls = TlsConfig::builder().disable_verification(true).build();
    Agent::config_builder().tls_config(tls).build().into()
}

fn post(agent: &Agent, url: &str, review: &str) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let mut answer = agent.post(url).header("Content-Type", "application/json").send(review)?;
    let body = answer.body_mut().read_to_vec()?;
    ensure!(!body.is_empty(), "{url} answered nothing");
    Ok(start.elapsed())
}

fn measure(subject: &Subject, review: &str, requests: u32, connections: u32) -> anyhow::Result<()> {
    let times = Mutex::new(Vec::new());
    let cpu_before = subject.process.map(cpu_time).transpose()?;
    let start = Instant::now();
    std::thread::scope(|scope| {
        let worker = || -> anyhow::Result<()> {
            let agent = agent();
            let mut own = Vec::new();
            for _ in 0..requests / connections {
                own.push(post(&agent, &subject.url, review)?);
            }
            times.lock().unwrap_or_else(std::sync::PoisonError::into_inner).append(&mut own);
            Ok(())
        };
        let workers: Vec<_> = (0..connections).map(|_| scope.spawn(worker)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|_| bail!("a worker panicked")))
    })?;
    let elapsed = start.elapsed();
    let mut times = times.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    times.sort_unstable();
    let done = f64::from(u32::try_from(times.len())?);
    let at =
        |percent: usize| milliseconds(times.get(times.len() * percent / 100).copied().unwrap_or_default());
    let cpu = match (subject.process, cpu_before) {
        (Some(process), Some(before)) => {
            format!("{:.0}", milliseconds(cpu_time(process)?.saturating_sub(before)) / done * 1000.0)
        }
        _ => "unknown".to_owned(),
    };
    let rate = done / elapsed.as_secs_f64();
    println!("{:<9} {connections:>11} {rate:>11.0} {:>8.3} {:>8.3}   {cpu}", subject.name, at(50), at(99));
    Ok(())
}

/// Creates pods that are injected, as dry runs. Returns the average time of our webhook and of the one that does
/// nothing, in milliseconds.
fn create_pods(kubectl: &Kubectl, count: u32) -> anyhow::Result<[f64; 2]> {
    let pod = serde_json::from_str::<serde_json::Value>(&review())?;
    let mut pod = pod.pointer("/request/object").context("the review has a pod")?.clone();
    if let Some(metadata) = pod.pointer_mut("/metadata").and_then(|metadata| metadata.as_object_mut()) {
        metadata.remove("managedFields");
        metadata.remove("ownerReferences");
    }
    let list =
        serde_json::json!({"apiVersion": "v1", "kind": "List", "items": vec![pod; usize::try_from(count)?]});
    let webhooks = ["pods.ingraft.dev", do_nothing::NAME];
    let before = webhook_times(kubectl, webhooks)?;
    kubectl.run_with_input(&["create", "--dry-run=server", "-f", "-"], &list.to_string())?;
    let after = webhook_times(kubectl, webhooks)?;
    let mut averages = [0.0; 2];
    for ((average, before), after) in averages.iter_mut().zip(before).zip(after) {
        let calls = after.calls - before.calls;
        ensure!(calls >= f64::from(count), "a webhook was not called for every pod");
        *average = (after.seconds - before.seconds) / calls * 1000.0;
    }
    Ok(averages)
}

/// What webhooks have taken so far, from the API server's own metric.
struct WebhookTime {
    seconds: f64,
    calls: f64,
}

fn webhook_times(kubectl: &Kubectl, webhooks: [&str; 2]) -> anyhow::Result<[WebhookTime; 2]> {
    let metrics = kubectl.run(&["get", "--raw", "/metrics"])?;
    let sum = |webhook: &str, suffix: &str| {
        sum(&metrics, &format!("{WEBHOOK_DURATION}_{suffix}"), &[&format!("name=\"{webhook}\"")])
    };
    Ok(webhooks.map(|webhook| WebhookTime { seconds: sum(webhook, "sum"), calls: sum(webhook, "count") }))
}

/// The sum of a metric over all its lines with these labels.
fn sum(metrics: &str, name: &str, labels: &[&str]) -> f64 {
    let lines =
        metrics.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{')));
    let lines = lines.filter(|line| labels.iter().all(|label| line.contains(label)));
    lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// CPU time of a process so far, from `/proc/PID/stat`, whose unit is 10 ms on Linux.
fn cpu_time(process: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let fields: Vec<&str> =
        stat.rsplit_once(')').context("odd /proc/PID/stat")?.1.split_whitespace().collect();
    let ticks =
        |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
    Ok(Duration::from_millis((ticks(11) + ticks(12)) * 10))
}

fn resident(process: u32) -> anyhow::Result<String> {
    Ok(format!("{:.1} MiB", resident_kibibytes(process)? / 1024.0))
}

fn resident_kibibytes(process: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// The review of a typical pod, as a ReplicaSet's controller causes it.
fn review() -> String {
    let pod = include_str!("load/pod.json");
    format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"705ab4f5-6393-11e8-b7cc-42010a800002","kind":{{"group":"","version":"v1","kind":"Pod"}},"resource":{{"group":"","version":"v1","resource":"pods"}},"namespace":"shop","operation":"CREATE","userInfo":{{"username":"system:serviceaccount:kube-system:replicaset-controller"}},"object":{},"oldObject":null,"dryRun":true,"options":{{"kind":"CreateOptions","apiVersion":"meta.k8s.io/v1"}}}}}}"#,
        pod.trim()
    )
}

//! What many workloads and pods cost the leader: memory, writes of status, and how late a finding is told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use ingraft_testkit::Kubectl;
use serde_json::{Value, json};

use super::pods::at;
use super::{cpu_time, milliseconds, resident_kibibytes, sum};

/// One kubectl sends 50 requests a second, and reads before each change: so many make 200 changes a second.
const WRITERS: usize = 8;
/// Each makes so many changes, which takes most of a minute.
const CHANGES: usize = 1000;
const KUBECTL_AT_ONCE: usize = 10;
const LISTED: usize = 250;

/// Creates workloads that request injection, each with two pods, and changes pods for a minute.
pub(super) fn run(kubectl: &Kubectl, leader: u32, workloads: u32) -> anyhow::Result<()> {
    let sets: Vec<Value> =
        (0..workloads).map(|index| stateful_set(&format!("load-{index}"), Place::Template)).collect();
    create(kubectl, &sets)?;
    // Without the uid of what owns them, pods would be collected as garbage.
    let listed = kubectl.json(&["get", "statefulsets", "-n", "shop", "-o", "json"])?;
    let of_set = |set: &Value| (0..2).map(|index| pod(set, index)).collect::<Vec<_>>();
    let pods: Vec<Value> =
        listed.get("items").and_then(Value::as_array).into_iter().flatten().flat_map(of_set).collect();
    create(kubectl, &pods)?;
    println!("\n{} workloads, {} pods", sets.len(), pods.len());
    // What was created is told and counted.
    std::thread::sleep(Duration::from_secs(15));
    println!("memory of the leader          {:.1} MiB", mebibytes(leader)?);
    let status = kubectl.json(&["get", "otelinst", "base", "-n", "shop", "-o", "json"])?;
    println!("status                        {}", at(&status, "/status/workloads"));

    let (cpu, writes, start) = (cpu_time(leader)?, status_writes(kubectl)?, Instant::now());
    let is_over = AtomicBool::new(false);
    let names: Vec<String> =
        pods.iter().filter_map(|pod| at(pod, "/metadata/name").as_str()).map(str::to_owned).collect();
    let change = |writer: usize| {
        let mut words = vec!["label", "pods", "-n", "shop", "--overwrite"];
        words.extend(
            names.iter().cycle().skip(writer * CHANGES).take(CHANGES.min(names.len())).map(String::as_str),
        );
        let label = format!("round={writer}");
        words.push(&label);
        kubectl.run(&words).map(drop)
    };
    let (most, late) = std::thread::scope(|scope| {
        let most = scope.spawn(|| {
            let mut most = 0.0_f64;
            while !is_over.load(Ordering::Relaxed) {
                most = most.max(mebibytes(leader)?);
                std::thread::sleep(Duration::from_millis(100));
            }
            anyhow::Ok(most)
        });
        let late = scope.spawn(|| {
            std::thread::sleep(Duration::from_secs(10));
            (0..5).map(|index| lateness(kubectl, index)).collect::<anyhow::Result<Vec<Duration>>>()
        });
        let change = &change;
        let is_over = &is_over;
        let labelling: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(move || change(writer))).collect();
        let changed = labelling
            .into_iter()
            .try_for_each(|writer| writer.join().unwrap_or_else(|_| bail!("a writer panicked")));
        is_over.store(true, Ordering::Relaxed);
        changed?;
        let most = most.join().unwrap_or_else(|_| bail!("a thread panicked"))?;
        let late = late.join().unwrap_or_else(|_| bail!("a thread panicked"))?;
        anyhow::Ok((most, late))
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let written = status_writes(kubectl)? - writes;
    println!("changes                       {} in {seconds:.0} s", WRITERS * CHANGES.min(pods.len()));
    println!("most memory of the leader     {most:.1} MiB");
    println!(
        "its CPU time                  {:.1} % of one core",
        milliseconds(cpu_time(leader)?.saturating_sub(cpu)) / seconds / 10.0
    );
    println!("writes of status              {written} in {seconds:.0} s");
    let late: Vec<String> = late.iter().map(|late| format!("{:.1}", late.as_secs_f64())).collect();
    println!("findings told after           {} s", late.join(", "));
    Ok(())
}

fn mebibytes(process: u32) -> anyhow::Result<f64> {
    Ok(resident_kibibytes(process)? / 1024.0)
}

/// How long after a mistake is made its Event is there.
fn lateness(kubectl: &Kubectl, index: usize) -> anyhow::Result<Duration> {
    let name = format!("mistake-{index}");
    let set = stateful_set(&name, Place::Workload);
    kubectl.run_with_input(&["create", "-f", "-"], &set.to_string())?;
    let start = Instant::now();
    let fields = format!("--field-selector=reason=AnnotationMisplaced,involvedObject.name={name}");
    while kubectl.run(&["get", "events", "-n", "shop", "-o", "name", &fields])?.trim().is_empty() {
        ensure!(start.elapsed() < Duration::from_mins(1), "no Event tells of {name}");
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(start.elapsed())
}

/// How often the status of an Instrumentation was written so far, from the API server's own metric.
fn status_writes(kubectl: &Kubectl) -> anyhow::Result<f64> {
    let metrics = kubectl.run(&["get", "--raw", "/metrics"])?;
    let labels = ["resource=\"instrumentations\"", "subresource=\"status\""];
    Ok(sum(&metrics, "apiserver_request_total", &labels))
}

/// Where the annotation is.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Workload,
    Template,
}

/// A workload without pods of its own: its controller would not keep up.
fn stateful_set(name: &str, place: Place) -> Value {
    let annotations = |here| {
        let asks = json!({"instrumentation.opentelemetry.io/inject-java": "base"});
        if here == place { asks } else { Value::Null }
    };
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": name, "namespace": "shop", "annotations": annotations(Place::Workload)},
        "spec": {
            "replicas": 0, "serviceName": "none", "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}, "annotations": annotations(Place::Template)},
                "spec": {"containers": [{
                    "name": "api", "image": "registry.example.com/api:1",
                    "env": [{"name": "TEAM", "value": "payments"}, {"name": "LOG_LEVEL", "value": "info"}],
                    "ports": [{"containerPort": 8080}],
                    "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}},
                }]},
            },
        },
    })
}

/// A pod that belongs to a workload, which does not control it.
fn pod(set: &Value, index: u32) -> Value {
    let name = at(set, "/metadata/name").as_str().unwrap_or_default();
    let owner = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "name": name, "uid": at(set, "/metadata/uid"),
    });
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": format!("{name}-{index}"), "namespace": "shop",
            "annotations": at(set, "/spec/template/metadata/annotations"), "ownerReferences": [owner],
        },
        "spec": at(set, "/spec/template/spec"),
    })
}

fn create(kubectl: &Kubectl, objects: &[Value]) -> anyhow::Result<()> {
    for some in objects.chunks(LISTED * KUBECTL_AT_ONCE) {
        std::thread::scope(|scope| {
            let create = |some: &[Value]| {
                let list = json!({"apiVersion": "v1", "kind": "List", "items": some});
                kubectl.run_with_input(&["create", "-f", "-"], &list.to_string())
            };
            let all: Vec<_> = some.chunks(LISTED).map(|some| scope.spawn(move || create(some))).collect();
            all.into_iter().try_for_each(|one| match one.join() {
                Ok(created) => created.map(drop),
                Err(_) => bail!("a worker panicked"),
            })
        })?;
    }
    Ok(())
}

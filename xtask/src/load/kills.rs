//! Whether every pod is injected or told as missed while the operator is killed again and again.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use ingraft_testkit::{Background, ControlPlane, Kubectl};
use serde_json::{Value, json};

use super::pods::{injected, pods, told};
use super::{Ports, start_operator};

/// So many pods are created meanwhile, each of a Deployment of its own.
const PODS: usize = 1000;
/// The operator runs for this long each time.
const UP: Duration = Duration::from_secs(8);
/// It is away for this long each time.
const DOWN: Duration = Duration::from_secs(2);
/// Until everything was read and told.
const TOLD: Duration = Duration::from_mins(2);

/// Kills `operator` so many times while pods are created, and counts afterwards.
pub(super) fn run(
    plane: &ControlPlane,
    program: &Path,
    operator: Background,
    ports: Ports,
    kills: u32,
) -> anyhow::Result<()> {
    let kubectl = plane.kubectl();
    let (mut operator, is_over) = (Some(operator), AtomicBool::new(false));
    let pause = (UP + DOWN) * kills / u32::try_from(PODS)?;
    std::thread::scope(|scope| {
        let creating = scope.spawn(|| create(kubectl, pause, &is_over));
        let killing = (0..kills).try_for_each(|_| {
            std::thread::sleep(UP);
            // A process that is dropped is killed: it gives back no Lease, and ends no connection.
            drop(operator.take());
            std::thread::sleep(DOWN);
            operator = Some(start_operator(program, plane, ports, &[])?.0);
            anyhow::Ok(())
        });
        is_over.store(killing.is_err(), Ordering::Relaxed);
        creating.join().unwrap_or_else(|_| bail!("a worker panicked"))?;
        killing
    })?;
    let start = Instant::now();
    loop {
        let pods = pods(kubectl, "killed-")?;
        let injected = pods.iter().filter(|pod| injected(pod).is_some()).count();
        let status = kubectl.json(&["get", "otelinst", "base", "-n", "shop", "-o", "json"])?;
        let count = |name: &str| status.pointer(&format!("/status/workloads/{name}")).and_then(Value::as_u64);
        let (counted, missed) = (count("injected").unwrap_or(0), count("missed").unwrap_or(0));
        let told = told(kubectl)?;
        let is_told = pods.len() == PODS && told == PODS - injected && missed == u64::try_from(told)?;
        if is_told || start.elapsed() > TOLD {
            println!("\n{kills} kills, {} pods of {PODS}", pods.len());
            println!("injected                      {injected} (the status says {counted})");
            println!("told as missed                {told} (the status says {missed})");
            println!("neither                       {}", pods.len() - injected - told);
            println!("all told after                {:.1} s", start.elapsed().as_secs_f64());
            ensure!(is_told, "not every pod was injected or told");
            return Ok(());
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// Creates Deployments one after the other, or until it is over.
fn create(kubectl: &Kubectl, pause: Duration, is_over: &AtomicBool) -> anyhow::Result<()> {
    let start = Instant::now();
    for (index, due) in (0..PODS).zip(1..) {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        kubectl.run_with_input(&["create", "-f", "-"], &deployment(index).to_string())?;
        std::thread::sleep((pause * due).saturating_sub(start.elapsed()));
    }
    Ok(())
}

fn deployment(index: usize) -> Value {
    let name = format!("killed-{index}");
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {
                    "labels": {"app": name},
                    "annotations": {"instrumentation.opentelemetry.io/inject-java": "base"},
                },
                "spec": {"containers": [{"name": "api", "image": "registry.example.com/api:1"}]},
            },
        },
    })
}

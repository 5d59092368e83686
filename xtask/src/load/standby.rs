//! What policies cost that inject while no replica runs, and what becomes of pods that are created meanwhile.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use ingraft_testkit::ingraft::command_line;
use ingraft_testkit::{Background, ControlPlane, Kubectl};
use serde_json::{Value, json};

use super::pods::{at, injected, pods, told};
use super::{Ports, start_operator, sum};

/// Creates in each measurement.
const CREATES: u16 = 300;
/// So many Instrumentations make a large plan, each with an endpoint and an attribute of its own. With variables of its own too it would
/// be too large.
const INSTRUMENTATIONS: usize = 200;
const LANGUAGES: [&str; 5] = ["python", "java", "nodejs", "dotnet", "sdk"];
const NAMESPACE: &str = "opentelemetry-operator-system";
const PREFIX: &str = "instrumentation.opentelemetry.io/";
/// However long something may take before this gives up.
const LIMIT: Duration = Duration::from_mins(2);
/// What was missed is told within this, from readiness.
const TOLD: Duration = Duration::from_secs(10);

/// Measures creates, creates so many Deployments while nobody runs, and compares their pods with what the operator would have
/// made of them.
pub(super) fn run(
    plane: &ControlPlane,
    program: &Path,
    operator: Background,
    ports: Ports,
    deployments: usize,
) -> anyhow::Result<()> {
    let kubectl = plane.kubectl();
    println!("\nper create of an injected pod, as the API server has it, over {CREATES} creates");
    println!("  the webhook alone           {}", create(kubectl)?);
    drop(operator);
    println!("  a webhook that is away      {}", create(kubectl)?);
    install(kubectl)?;
    let stand_in = StandIn::create(kubectl)?;

    for instrumentations in [1, INSTRUMENTATIONS] {
        add_instrumentations(kubectl, instrumentations)?;
        let start = Instant::now();
        let operator = start_operator(program, plane, ports, &["--standby"])?.0;
        let bytes = wait_for("the plan", || {
            let plan = kubectl.json(&["get", "plan", "ingraft", "-o", "json"]).ok()?;
            let planned = plan.pointer("/spec/instrumentations")?.as_object()?.len();
            (planned >= instrumentations)
                .then(|| plan.pointer("/spec").map_or(0, |spec| spec.to_string().len()))
        })?;
        let published = start.elapsed();
        println!("\n{instrumentations} Instrumentations: a plan of {} KiB", bytes / 1024);
        println!("  published after the start   {:.1} s", published.as_secs_f64());
        stand_in.set_ready(kubectl, true)?;
        println!("  webhook, policies silent    {}", create(kubectl)?);
        drop(operator);
        stand_in.set_ready(kubectl, false)?;
        println!("  policies alone              {}", create(kubectl)?);
    }

    println!("\n{deployments} Deployments while no replica runs");
    let list = self::deployments(deployments)?;
    kubectl.run_with_input(
        &["create", "-f", "-"],
        &json!({"apiVersion": "v1", "kind": "List", "items": list}).to_string(),
    )?;
    let pods =
        wait_for("the pods", || pods(kubectl, "standby-").ok().filter(|pods| pods.len() == deployments))?;
    let (_operator, _) = start_operator(program, plane, ports, &["--standby"])?;
    let start = Instant::now();
    let missed = pods.iter().filter(|pod| injected(pod).is_none()).count();
    wait_for("that what was missed is told", || (told(kubectl).ok()? >= missed).then_some(()))?;
    let took = start.elapsed();
    stand_in.set_ready(kubectl, true)?;
    let mut different = Vec::new();
    for (index, deployment) in list.iter().enumerate() {
        let name = at(deployment, "/metadata/name");
        let pod = pods.iter().find(|pod| at(pod, "/metadata/labels/app") == name);
        let pod = pod.with_context(|| format!("no pod of {name}"))?;
        if injected(pod).is_none() {
            continue;
        }
        let anew = by_operator(kubectl, deployment, pod)?;
        ensure!(!injected(&anew).unwrap_or_default().contains("policy"), "the policies are not silent yet");
        if comparable(&anew) != comparable(pod) {
            different.push(index);
        }
    }
    let equal = pods.len() - missed - different.len();
    println!("  as the operator has them    {equal}");
    println!("  left alone, and told        {missed}, {:.1} s after a replica was ready", took.as_secs_f64());
    println!("  different                   {}", different.len());
    ensure!(different.is_empty(), "the pods of these Deployments differ: {different:?}");
    ensure!(equal * 10 >= deployments * 9, "fewer than 90 % are as the operator has them");
    ensure!(took < TOLD, "what was missed was told late");
    Ok(())
}

/// Applies what a user would.
fn install(kubectl: &Kubectl) -> anyhow::Result<()> {
    let printed = command_line(&["manifests", "all", "--standby", "--image", "none"])?;
    // The operator registers itself, with a URL; hints are not measured here.
    let rest = kubectl.apply_definitions(&printed)?;
    let is_left_out = |document: &&str| {
        ["kind: MutatingWebhookConfiguration", "kind: ValidatingAdmissionPolicy"]
            .iter()
            .any(|kind| document.contains(kind))
    };
    let rest: Vec<&str> = rest.into_iter().filter(|document| !is_left_out(document)).collect();
    kubectl.apply(&rest.join("---\n")).map(drop)
}

/// A pod of the operator's Deployment, which no node runs: as ready as its status says.
struct StandIn {
    name: String,
}

impl StandIn {
    fn create(kubectl: &Kubectl) -> anyhow::Result<Self> {
        let of_operator = ["-n", NAMESPACE, "-l", "app.kubernetes.io/instance=ingraft"];
        let name = wait_for("a pod of the operator's Deployment", || {
            let words =
                [&["get", "pods", "-o", "jsonpath={.items[0].metadata.name}"], of_operator.as_slice()];
            kubectl.run(&words.concat()).ok().filter(|name| !name.is_empty())
        })?;
        Ok(Self { name })
    }

    /// Also waits until the PodDisruptionBudget counts it, or no longer.
    fn set_ready(&self, kubectl: &Kubectl, is_ready: bool) -> anyhow::Result<()> {
        let status = if is_ready { "True" } else { "False" };
        let patch = json!({"status": {"conditions": [{"type": "Ready", "status": status}]}}).to_string();
        kubectl.run(&["patch", "pod", &self.name, "-n", NAMESPACE, "--subresource=status", "-p", &patch])?;
        let healthy = u64::from(is_ready);
        wait_for("the budget counts", || {
            let budget =
                kubectl.json(&["get", "pdb", "ingraft-operator", "-n", NAMESPACE, "-o", "json"]).ok()?;
            (budget.pointer("/status/currentHealthy")? == healthy).then_some(())
        })
    }
}

fn add_instrumentations(kubectl: &Kubectl, count: usize) -> anyhow::Result<()> {
    let one = |number: usize| {
        json!({
            "apiVersion": "opentelemetry.io/v1alpha1", "kind": "Instrumentation",
            "metadata": {"name": format!("other-{number}"), "namespace": "default"},
            "spec": {
                "exporter": {"endpoint": format!("http://gateway-{number}.obs:4318")},
                "resource": {"resourceAttributes": {"team": format!("team-{number}")}},
                "propagators": ["tracecontext", "baggage"],
                "sampler": {"type": "parentbased_traceidratio", "argument": "0.25"},
            },
        })
    };
    let items: Vec<Value> = (1..count).map(one).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    if !items.is_empty() {
        kubectl.run_with_input(&["create", "-f", "-"], &list.to_string())?;
    }
    Ok(())
}

/// What creates cost, as dry runs.
fn create(kubectl: &Kubectl) -> anyhow::Result<String> {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "generateName": "measured-", "namespace": "shop",
            "annotations": {format!("{PREFIX}inject-java"): "base"},
        },
        "spec": at(&deployment(0, &json!({}), "java"), "/spec/template/spec"),
    });
    let list =
        json!({"apiVersion": "v1", "kind": "List", "items": vec![pod; usize::from(CREATES)]}).to_string();
    let words = ["create", "--dry-run=server", "-f", "-"];
    // What is compiled and connected the first time is not measured.
    kubectl.run_with_input(&words, &list)?;
    let before = Times::read(kubectl)?;
    kubectl.run_with_input(&words, &list)?;
    let after = Times::read(kubectl)?;
    let calls = after.calls - before.calls;
    ensure!(calls >= f64::from(CREATES), "not every create was counted");
    let [all, policies] =
        [after.all - before.all, after.policies - before.policies].map(|seconds| seconds / calls * 1000.0);
    Ok(format!("{all:.2} ms, of which policies {policies:.2} ms"))
}

/// What creates and policies have taken so far, in seconds (<https://kubernetes.io/docs/reference/instrumentation/metrics/>).
struct Times {
    all: f64,
    calls: f64,
    policies: f64,
}

impl Times {
    fn read(kubectl: &Kubectl) -> anyhow::Result<Self> {
        let metrics = kubectl.run(&["get", "--raw", "/metrics"])?;
        let sum = |name: &str, labels: &[&str]| sum(&metrics, name, labels);
        let pods = ["resource=\"pods\"", "verb=\"POST\"", "dry_run=\"All\"", "subresource=\"\""];
        Ok(Self {
            all: sum("apiserver_request_duration_seconds_sum", &pods),
            calls: sum("apiserver_request_duration_seconds_count", &pods),
            policies: sum(
                "apiserver_mutating_admission_policy_check_duration_seconds_sum",
                &["ingraft-standby"],
            ),
        })
    }
}

/// Applications as they are: each has something of its own, and one in ten something that only the operator can join.
fn deployments(count: usize) -> anyhow::Result<Vec<Value>> {
    let all: Vec<Value> = serde_json::from_str(include_str!("applications.json"))?;
    let one = |(number, own): (usize, &Value)| {
        // One further in each round, so that each application requests each language.
        let language = LANGUAGES.get((number + number / all.len()) % LANGUAGES.len())?;
        Some(deployment(number, own, language))
    };
    Ok(all.iter().cycle().take(count).enumerate().filter_map(one).collect())
}

fn deployment(number: usize, own: &Value, language: &str) -> Value {
    let name = format!("standby-{number}");
    let value = if number.is_multiple_of(3) { "true" } else { "base" };
    let merged = |mut base: Value, key: &str| {
        json_patch::merge(&mut base, own.get(key).unwrap_or(&json!({})));
        base
    };
    let container = json!({
        "name": "api", "image": format!("registry.example.com/shop/api:1.{number}"),
        "ports": [{"containerPort": 8080}],
        "env": [{"name": "LOG_LEVEL", "value": "info"}],
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}},
    });
    let others = own.get("others").and_then(Value::as_array).into_iter().flatten();
    let containers: Vec<Value> =
        std::iter::once(merged(container, "container")).chain(others.cloned()).collect();
    let labels = json!({"app": name, "app.kubernetes.io/name": "shop", "team": "payments"});
    let annotations = json!({format!("{PREFIX}inject-{language}"): value});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": merged(labels, "labels"), "annotations": merged(annotations, "annotations")},
                "spec": merged(json!({"containers": containers}), "spec"),
            },
        },
    })
}

/// The same pod, created anew where the operator answers.
fn by_operator(kubectl: &Kubectl, deployment: &Value, pod: &Value) -> anyhow::Result<Value> {
    let own = |key: &str| at(pod, &format!("/metadata/{key}"));
    let metadata = json!({
        "annotations": at(deployment, "/spec/template/metadata/annotations"), "labels": own("labels"),
        "ownerReferences": own("ownerReferences"), "generateName": own("generateName"), "namespace": own("namespace"),
    });
    let new = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": at(deployment, "/spec/template/spec"),
    });
    let words = ["create", "--dry-run=server", "-o", "json", "-f", "-"];
    Ok(serde_json::from_str(&kubectl.run_with_input(&words, &new.to_string())?)?)
}

/// All but who did it, and what is new each time.
fn comparable(pod: &Value) -> String {
    let (annotations, spec) = (at(pod, "/metadata/annotations"), at(pod, "/spec"));
    let text = json!([annotations, spec]).to_string().replace(r#"\"by\":\"policy\","#, "");
    let mut parts = text.split("kube-api-access-");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "token" + part.get(5..).unwrap_or_default())
}

fn wait_for<T>(what: &str, look: impl Fn() -> Option<T>) -> anyhow::Result<T> {
    let start = Instant::now();
    loop {
        if let Some(seen) = look() {
            return Ok(seen);
        }
        ensure!(start.elapsed() < LIMIT, "{what}: not after {} s", LIMIT.as_secs());
        std::thread::sleep(Duration::from_millis(100));
    }
}

//! Applications are injected and send spans with no replica of ours alive, and in a cluster without an operator.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use ingraft_e2e_tests::{Example, install, load, repository, uninstall};
use ingraft_testkit::ingraft::{NAMESPACE, command_line, ready_pod, request, wait_for_span};
use ingraft_testkit::{Cluster, Kubectl, images};

/// How many applications of each example start while nobody runs. What .NET there is, the real agent does not support.
const APPLICATIONS: [(&str, &str, usize); 3] =
    [("python", "py-otel-server", 5), ("nodejs", "nodejs-server", 3), ("java", "java-server", 2)];
/// The leader publishes, and the disruption controller counts.
const LIMIT: Duration = Duration::from_mins(1);

pub fn check(cluster: &Cluster) -> anyhow::Result<()> {
    if !cluster.kubectl().has_mutating_policies()? {
        eprintln!("  left out: this version of Kubernetes serves no mutating policies by default");
        return Ok(());
    }
    load(cluster, &[images::node_app, images::node_agent, images::java_app, images::java_agent])?;
    let gone = with_all_replicas_gone(cluster);
    uninstall(cluster)?;
    let compiled = without_an_operator(cluster.kubectl());
    // Whatever has failed, the checks after this one need an operator.
    install(cluster)?;
    gone.and(compiled)
}

fn with_all_replicas_gone(cluster: &Cluster) -> anyhow::Result<()> {
    let kubectl = cluster.kubectl();
    for (example, ..) in APPLICATIONS {
        let example = Example::read(example)?;
        kubectl.apply(example.instrumentation())?;
    }
    wait(
        kubectl,
        "the plan has all three",
        &["get", "plan", "ingraft", "-o", "jsonpath={.spec.instrumentations}"],
        |plan| {
            ["my-instrumentation", "nodejs-instrumentation", "java-instrumentation"]
                .iter()
                .all(|name| plan.contains(&format!("\"opentelemetry/{name}\"")))
        },
    )?;
    kubectl.run(&["scale", "deployment/ingraft-operator", "-n", NAMESPACE, "--replicas=0"])?;
    // Pods are there until their processes have ended: until then they answer whoever is connected.
    let ours = "app.kubernetes.io/instance=ingraft";
    kubectl.run(&["wait", "--for=delete", "pods", "-n", NAMESPACE, "-l", ours, "--timeout=60s"])?;
    let healthy =
        ["get", "pdb", "ingraft-operator", "-n", NAMESPACE, "-o", "jsonpath={.status.currentHealthy}"];
    wait(kubectl, "nobody is ready", &healthy, |count| count == "0")?;
    wait_for_policy(kubectl)?;

    let mut applications = Vec::new();
    for (example, name, count) in APPLICATIONS {
        for number in 0..count {
            let own = format!("{name}-standby-{number}");
            applications.push((Example::read(example)?.replace(name, &own), own));
        }
    }
    applications.iter().try_for_each(|(example, _)| kubectl.apply(example.text()).map(drop))?;
    for (example, name) in &applications {
        // Whoever was not injected sends nothing, and that is to be told first.
        is_by_policy(kubectl, &ready_pod(kubectl, "application", &format!("app={name}"))?)?;
        example.sends_spans(cluster, name).with_context(|| name.clone())?;
    }
    let names: Vec<&str> = applications.iter().map(|(_, name)| name.as_str()).collect();
    let mut delete = vec!["delete", "deployment", "-n", "application", "--wait=false"];
    delete.extend(names);
    kubectl.run(&delete).map(drop)
}

/// What `ingraft compile` prints is all that there is.
fn without_an_operator(kubectl: &Kubectl) -> anyhow::Result<()> {
    let file = repository("examples/python.yaml");
    let compiled = command_line(&["compile", "-f", file.to_str().context("a path")?])?;
    let rest = kubectl.apply_definitions(&compiled)?.join("---\n");
    kubectl.apply(&rest)?;
    wait_for_policy(kubectl)?;
    let name = "py-compiled";
    let example = Example::read("python")?.replace("py-otel-server", name);
    kubectl.apply(example.application())?;
    let pod = ready_pod(kubectl, "application", &format!("app={name}"))?;
    request(kubectl, "application", &pod, 8080, "/")?;
    let sent = wait_for_span(kubectl, |span| span.service() == name && span.kind == 2).map(drop);
    let by_policy = is_by_policy(kubectl, &pod);
    kubectl.run_with_input(&["delete", "--ignore-not-found", "-f", "-"], &rest)?;
    kubectl.run(&["delete", "deployment", name, "-n", "application", "--wait=false"])?;
    sent.and(by_policy)
}

/// Waits until the API server injects by itself.
fn wait_for_policy(kubectl: &Kubectl) -> anyhow::Result<()> {
    let ask = [
        "run",
        "policy-test",
        "-n",
        "application",
        // One without a tag would always be pulled.
        "--image=none:1",
        "--dry-run=server",
        "-o",
        "jsonpath={.metadata.annotations}",
        "--annotations=instrumentation.opentelemetry.io/inject-python=opentelemetry/my-instrumentation",
    ];
    wait(kubectl, "the API server injects", &ask, |annotations| annotations.contains("policy"))
}

fn is_by_policy(kubectl: &Kubectl, pod: &str) -> anyhow::Result<()> {
    let annotations = "jsonpath={.metadata.annotations.ingraft\\.dev/injected}";
    let injected = kubectl.run(&["get", "pod", pod, "-n", "application", "-o", annotations])?;
    if injected.contains(r#""by":"policy""#) {
        return Ok(());
    }
    // The plan says what is left alone, and the pod what the policy saw.
    let plan = kubectl.run(&["get", "plan", "ingraft", "-o", "json"]).unwrap_or_default();
    let seen = kubectl.run(&["get", "pod", pod, "-n", "application", "-o", "yaml"])?;
    bail!("{pod} is not injected by the policy: {injected}\n{seen}\n{plan}")
}

/// Waits until what kubectl prints is as wanted.
fn wait(kubectl: &Kubectl, what: &str, words: &[&str], wanted: impl Fn(&str) -> bool) -> anyhow::Result<()> {
    let start = Instant::now();
    loop {
        let seen = kubectl.run(words).unwrap_or_default();
        if wanted(seen.trim()) {
            return Ok(());
        }
        ensure!(start.elapsed() < LIMIT, "{what}: not after {} s: {seen}", LIMIT.as_secs());
        std::thread::sleep(Duration::from_millis(200));
    }
}

//! The probe in images of all kinds and under the strictest rules, and when it does not get to its end.

use anyhow::{Context as _, ensure};
use ingraft_e2e_tests::{Example, asking_pod, load, wait_for_event, wait_for_facts, wait_ready, would_get};
use ingraft_testkit::ingraft::{request, wait_for_span};
use ingraft_testkit::{Cluster, Kubectl, images};
use serde_json::{Map, Value, json};

/// A namespace as strict as Kubernetes has them.
const NAMESPACE: &str = "strict";

/// What the Pod Security Standard *restricted* asks for, and a root file system that nobody may write to.
fn security_context() -> Value {
    json!({
        "runAsNonRoot": true,
        "runAsUser": 12345,
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    })
}

pub fn check(cluster: &Cluster) -> anyhow::Result<()> {
    load(cluster, &[images::busybox, images::go_app, images::java_app, images::java_agent])?;
    let kubectl = cluster.kubectl();
    kubectl.apply(Example::read("java")?.text())?;
    kubectl.apply(Example::read("python")?.text())?;
    let namespace = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
    });
    kubectl.apply(&namespace.to_string())?;
    for (name, variable, value) in [OWN_PYTHON, OWN_JAVA] {
        let settings = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "data": {variable: value},
        });
        kubectl.apply(&settings.to_string())?;
    }
    values_of_any_kind_survive(kubectl).context("values of any kind")?;
    runs_where_there_is_nothing_else(kubectl).context("an image with one static program")?;
    runs_where_there_is_only_busybox(kubectl).context("busybox")?;
    another_agent_is_left_alone(kubectl).context("another agent")?;
    a_killed_probe_costs_the_agent_only(kubectl).context("a killed probe")?;
    a_full_volume_costs_the_agent_only(kubectl).context("a full volume")?;
    finds_the_language(kubectl).context("a language that nobody named")
}

/// Settings that only the start of a container shows: the name of a ConfigMap, a variable and its value.
const OWN_PYTHON: (&str, &str, &str) = ("own-python", "PYTHONPATH", "/settings/own");
const OWN_JAVA: (&str, &str, &str) =
    ("own-java", "JAVA_TOOL_OPTIONS", "-javaagent:/opt/dd-java-agent.jar -Xmx64m");

/// A pod that asks for a language, with a container of these fields.
fn pod(name: &str, language: &str, instrumentation: &str, fields: Value) -> Value {
    let mut container = Map::from_iter([("name".to_owned(), "app".into())]);
    container.insert("securityContext".to_owned(), security_context());
    if let Value::Object(fields) = fields {
        container.extend(fields);
    }
    asking_pod(NAMESPACE, name, language, instrumentation, &container.into())
}

fn start(kubectl: &Kubectl, pod: &Value) -> anyhow::Result<String> {
    kubectl.run_with_input(&["create", "-f", "-"], &pod.to_string())?;
    let name = pod.pointer("/metadata/name").and_then(Value::as_str).context("a pod has a name")?;
    wait_ready(kubectl, NAMESPACE, name)?;
    Ok(name.to_owned())
}

/// The value of a variable in the application's process.
fn variable(kubectl: &Kubectl, pod: &str, name: &str) -> anyhow::Result<Option<String>> {
    let environment = kubectl.run(&["exec", "-n", NAMESPACE, pod, "--", "cat", "/proc/1/environ"])?;
    let prefix = format!("{name}=");
    Ok(environment.split('\0').find_map(|variable| variable.strip_prefix(&prefix)).map(str::to_owned))
}

/// What the probe said at its end.
fn report(kubectl: &Kubectl, pod: &str) -> anyhow::Result<String> {
    let message =
        "jsonpath={.status.initContainerStatuses[?(@.name=='ingraft-probe-0')].state.terminated.message}";
    kubectl.run(&["get", "pod", pod, "-n", NAMESPACE, "-o", message])
}

/// Debian, its root file system read-only, as a user of no name: what the kubelet's file can hold is joined, what it
/// cannot hold stays as it was, and people are told.
fn values_of_any_kind_survive(kubectl: &Kubectl) -> anyhow::Result<()> {
    let options = "-Da=\"b c\"\n-Dd=\\$(E) $HOME";
    let long = format!("http://collector:4318/{}", "x".repeat(64 * 1024));
    let settings = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "odd", "namespace": NAMESPACE},
        "data": {
            "JAVA_TOOL_OPTIONS": options,
            "OTEL_SERVICE_NAME": "it's ours",
            "OTEL_EXPORTER_OTLP_ENDPOINT": long,
            "OTEL_RESOURCE_ATTRIBUTES": "team=o'neill,service.namespace=mine",
        },
    });
    kubectl.run_with_input(&["create", "-f", "-"], &settings.to_string())?;
    let container = json!({
        "image": images::JAVA_APP,
        "envFrom": [{"configMapRef": {"name": "odd"}}],
        // Not the application: it would refuse such options.
        "command": ["sleep", "3600"],
    });
    let pod = start(kubectl, &pod("odd-values", "java", "java-instrumentation", container))?;
    let of = |name| variable(kubectl, &pod, name);
    let java = of("JAVA_TOOL_OPTIONS")?.unwrap_or_default();
    let said = report(kubectl, &pod)?;
    ensure!(java.starts_with(&format!("{options} -javaagent:")), "{java}; the probe said {said:?}");
    ensure!(of("OTEL_SERVICE_NAME")?.as_deref() == Some("it's ours"), "the name with a quote is lost");
    ensure!(of("OTEL_EXPORTER_OTLP_ENDPOINT")? == Some(long), "the long line is lost");
    let attributes = of("OTEL_RESOURCE_ATTRIBUTES")?.unwrap_or_default();
    // An SDK decodes what is percent-encoded.
    ensure!(attributes.starts_with("team=o%27neill,service.namespace=mine,"), "{attributes}");
    ensure!(attributes.contains(",k8s.pod.name=odd-values,"), "{attributes}");
    ensure!(!attributes.contains("service.namespace=strict"), "a key stands twice: {attributes}");
    wait_for_event(kubectl, NAMESPACE, "VariableNotJoined", "Pod/odd-values")
}

/// Neither a shell nor a C library nor a folder for temporary files.
fn runs_where_there_is_nothing_else(kubectl: &Kubectl) -> anyhow::Result<()> {
    let pod =
        start(kubectl, &pod("scratch", "java", "java-instrumentation", json!({"image": images::GO_APP})))?;
    let report = report(kubectl, &pod)?;
    ensure!(report.contains(r#""stood_down":{"java":"absent"}"#), "{report}");
    ensure!(report.contains(r#""libc":"none""#), "{report}");
    wait_for_event(kubectl, NAMESPACE, "AgentStoodDown", "Pod/scratch")
}

/// The agent of Python holds native code, for a C library that is not there. Where a value in the pod's own list loads
/// it, only the next pod can be spared.
fn runs_where_there_is_only_busybox(kubectl: &Kubectl) -> anyhow::Result<()> {
    let busybox = |name: &str, env: Value, env_from: Value| {
        let container = json!({
            "image": images::BUSYBOX,
            "command": ["sleep", "3600"],
            "env": env,
            "envFrom": env_from,
        });
        pod(name, "python", "my-instrumentation", container)
    };
    let own = json!([{"name": "PYTHONPATH", "value": "/own"}]);
    let listed = start(kubectl, &busybox("listed", own, json!([])))?;
    let python = variable(kubectl, &listed, "PYTHONPATH")?.unwrap_or_default();
    ensure!(python.split(':').any(|folder| folder == "/own"), "the user's value is lost: {python}");
    wait_for_event(kubectl, NAMESPACE, "AgentUnsuitable", "Pod/listed")?;

    let from = json!([{"configMapRef": {"name": OWN_PYTHON.0}}]);
    let from = start(kubectl, &busybox("busybox", json!([]), from))?;
    let python = variable(kubectl, &from, "PYTHONPATH")?;
    ensure!(python.as_deref() == Some(OWN_PYTHON.2), "the agent is not to be loaded: {python:?}");
    wait_for_event(kubectl, NAMESPACE, "AgentStoodDown", "Pod/busybox")
}

fn another_agent_is_left_alone(kubectl: &Kubectl) -> anyhow::Result<()> {
    let container = json!({
        "image": images::JAVA_APP,
        "command": ["sleep", "3600"],
        "envFrom": [{"configMapRef": {"name": OWN_JAVA.0}}],
    });
    let pod = start(kubectl, &pod("other-agent", "java", "java-instrumentation", container))?;
    let java = variable(kubectl, &pod, "JAVA_TOOL_OPTIONS")?;
    ensure!(java.as_deref() == Some(OWN_JAVA.2), "{java:?}");
    wait_for_event(kubectl, NAMESPACE, "AgentStoodDown", "Pod/other-agent")
}

/// The first pod is looked at, the next one is injected.
fn finds_the_language(kubectl: &Kubectl) -> anyhow::Result<()> {
    let asking = |name: &str| {
        let mut pod = pod(name, "python", "my-instrumentation", json!({"image": images::FLASK_APP}));
        if let Some(metadata) = pod.get_mut("metadata").and_then(Value::as_object_mut) {
            let asks = json!({"ingraft.dev/inject": "opentelemetry/my-instrumentation"});
            metadata.insert("annotations".to_owned(), asks);
        }
        pod
    };
    // In a namespace that knows nothing of this image yet.
    ensure!(!is_known(kubectl, &asking("asks"))?, "nobody has told what is in this image");
    let first = start(kubectl, &asking("first"))?;
    wait_for_event(kubectl, NAMESPACE, "LanguageUnknown", "Pod/first")?;
    let report = report(kubectl, &first)?;
    ensure!(report.contains(r#""python":"3.11"#), "{report}");
    wait_for_facts("what is in the image", || is_known(kubectl, &asking("asks")))
        .context("the language is not learnt")?;
    let second = start(kubectl, &asking("second"))?;
    request(kubectl, NAMESPACE, &second, 8080, "/")?;
    wait_for_span(kubectl, |span| span.service() == "second" && span.kind == 2)?;
    Ok(())
}

/// Whether a pod would get the agent of Python, were it created now.
fn is_known(kubectl: &Kubectl, pod: &Value) -> anyhow::Result<bool> {
    Ok(would_get(kubectl, pod)?.contains("opentelemetry-auto-instrumentation-python"))
}

/// An injected pod with a setting of its own, whose probe runs a script instead; `"$@"` is the probe.
fn with_script(kubectl: &Kubectl, name: &str, script: &str) -> anyhow::Result<Value> {
    let container = json!({
        "image": images::FLASK_APP,
        "envFrom": [{"configMapRef": {"name": OWN_PYTHON.0}}],
    });
    let pod = pod(name, "python", "my-instrumentation", container);
    let dry_run = ["create", "--dry-run=server", "-o", "json", "-f", "-"];
    let mut pod: Value = serde_json::from_str(&kubectl.run_with_input(&dry_run, &pod.to_string())?)?;
    let containers = pod.pointer_mut("/spec/initContainers").and_then(Value::as_array_mut);
    let named = |container: &&mut Value| container.get("name").is_some_and(|name| name == "ingraft-probe-0");
    let probe = containers.into_iter().flatten().find(named).context("there is no probe")?;
    let command = probe.get_mut("command").and_then(Value::as_array_mut).context("it has no command")?;
    command.splice(0..0, ["sh", "-c", script, "sh"].map(Value::from));
    Ok(pod)
}

fn expect_own_settings_only(kubectl: &Kubectl, pod: &str) -> anyhow::Result<()> {
    let python = variable(kubectl, pod, "PYTHONPATH")?;
    ensure!(python.as_deref() == Some(OWN_PYTHON.2), "not the user's: {python:?}");
    Ok(())
}

/// Killed before it wrote anything; when it is started again, it ends without doing so.
fn a_killed_probe_costs_the_agent_only(kubectl: &Kubectl) -> anyhow::Result<()> {
    let script = "test -e /ingraft-env/killed && exit 0; touch /ingraft-env/killed; exit 137";
    let pod = start(kubectl, &with_script(kubectl, "killed", script)?)?;
    let restarts = "jsonpath={.status.initContainerStatuses[?(@.name=='ingraft-probe-0')].restartCount}";
    let restarts = kubectl.run(&["get", "pod", &pod, "-n", NAMESPACE, "-o", restarts])?;
    ensure!(restarts == "1", "it was started again {restarts} times");
    expect_own_settings_only(kubectl, &pod)
}

fn a_full_volume_costs_the_agent_only(kubectl: &Kubectl) -> anyhow::Result<()> {
    let script = "cat /dev/zero >/ingraft-env/zeros; exec \"$@\"";
    let pod = start(kubectl, &with_script(kubectl, "full", script)?)?;
    let report = report(kubectl, &pod)?;
    ensure!(report.contains(r#""error":"write: "#), "{report}");
    expect_own_settings_only(kubectl, &pod)
}

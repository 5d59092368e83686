//! Hints of the API server itself: what they say, the core says, and when they speak.

use std::collections::{BTreeMap, BTreeSet};

use ingraft_api::annotations::{Ask, effective};
use ingraft_api::{Instrumentation, Language};
use ingraft_core::{Finding, Namespace, Settings, Snapshot, Workload, policies, review, unused_annotations};
use ingraft_testkit::ingraft::NAMESPACE;
use serde_json::{Value, json};

use crate::cluster::{Cluster, INJECT_PYTHON, NAME, deployment, exclusive, instrumentation, namespace, pod};
use crate::golden::golden_cases;
use crate::readers::{completed, create_namespaces};
use crate::wait::until;

/// Has the API server hint whether there is an operator or not.
fn hint(cluster: &Cluster) {
    let hints = cluster.ingraft(&["manifests", "hints"]).stdout;
    cluster.kubectl().apply(&String::from_utf8(hints).unwrap()).unwrap();
    wait_for_hints(cluster);
}

fn wait_for_hints(cluster: &Cluster) {
    let objects = [mistaken(), instrumentation("default", "hinted", &json!({}))];
    let hints = || objects.each_ref().map(|object| said(cluster, object).1.len());
    until("the API server knows the policies", hints, |hints| hints.iter().all(|hints| *hints > 0));
}

/// An object with a mistake.
fn mistaken() -> Value {
    pod("default", "hinted", &json!({"instrumentation.opentelemetry.io/color": "red"}))
}

/// An object as the API server would store it, and the hints about it as code and text.
fn said(cluster: &Cluster, object: &Value) -> (Result<Value, Value>, BTreeMap<String, String>) {
    let (accepted, warnings) = cluster.check(object);
    let hints = warnings.lines().filter_map(|line| {
        let (before, hint) = line.split_once("accepted-anyway': ")?;
        assert!(before.contains("ValidatingAdmissionPolicy 'ingraft-hints"), "{line}");
        let (code, text) = hint.split_once(": ").unwrap_or((hint, ""));
        Some((code.to_owned(), text.replace("\\\"", "\"")))
    });
    (accepted, hints.collect())
}

/// The findings for which there are hints.
fn codes() -> BTreeSet<String> {
    let texts = policies::hints(None).map(|document| document["spec"]["validations"].clone());
    let validations = texts.iter().filter_map(Value::as_array).flatten();
    let messages = validations.filter_map(|validation| validation["message"].as_str());
    messages.map(|message| message.split(':').next().unwrap().to_owned()).collect()
}

/// What the core says about an object in a namespace with these annotations, once every Instrumentation that is named
/// exists, if it can.
fn decided(object: &Value, annotations: &BTreeMap<String, String>) -> BTreeSet<String> {
    let settings = Settings::default();
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
    let findings = if object["kind"] == "Instrumentation" {
        // One that cannot be read has another finding.
        let one = serde_json::from_value::<Instrumentation>(object.clone());
        one.map(|one| review(&one, &Snapshot::default(), &settings)).unwrap_or_default()
    } else if let Some(workload) = Workload::of(object) {
        let snapshot = with_all_instrumentations(&workload, namespace, annotations);
        workload.inject(namespace, &snapshot, &settings).findings
    } else {
        unused_annotations(object, &Snapshot::default(), &Settings::default())
    };
    let codes = codes();
    findings.iter().map(Finding::code).filter(|code| codes.contains(*code)).map(str::to_owned).collect()
}

fn with_all_instrumentations(
    workload: &Workload<'_>,
    namespace: &str,
    annotations: &BTreeMap<String, String>,
) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let known = Namespace::new(annotations.clone());
    snapshot.namespaces.insert(String::new(), namespace.to_owned(), known);
    let exporter = json!({"exporter": {"endpoint": "http://collector.obs:4318"}});
    let mut add = |namespace: &str, name: &str| {
        let object = instrumentation(namespace, name, &exporter);
        let object = serde_json::from_value(object).unwrap();
        snapshot.instrumentations.insert(namespace.to_owned(), name.to_owned(), object);
    };
    let mut is_sole = false;
    for key in Language::ALL.map(Language::inject_key) {
        let own = workload.template.pointer("/metadata/annotations").and_then(|all| all[key].as_str());
        let outer = annotations.get(key).map_or("", String::as_str);
        match Ask::parse(effective(own.unwrap_or_default(), outer)) {
            Ask::No => {}
            Ask::Sole => is_sole = true,
            Ask::Named { namespace: named, name } => {
                let is_name = |name: &str| {
                    name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.')
                };
                if is_name(name) && is_name(named.unwrap_or_default()) && name != "yes" {
                    add(named.unwrap_or(namespace), name);
                }
            }
        }
    }
    if is_sole && snapshot.instrumentations.in_namespace(namespace).next().is_none() {
        let object = serde_json::from_value(instrumentation(namespace, "base", &exporter)).unwrap();
        snapshot.instrumentations.insert(namespace.to_owned(), "base".to_owned(), object);
    }
    snapshot
}

/// Objects with one mistake each, of every finding that has a hint.
fn mistakes() -> Vec<(&'static str, Value)> {
    let ask = |key: &str, value: &str| json!({format!("instrumentation.opentelemetry.io/{key}"): value});
    let asks = |annotations: Value| deployment("default", "mistaken", &annotations);
    let on = |pointer: &str, value: Value, mut object: Value| {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        object.pointer_mut(parent).unwrap()[key] = value;
        object
    };
    let right = || asks(json!({INJECT_PYTHON: "true"}));
    let pod_spec = "/spec/template/spec";
    let container = "/spec/template/spec/containers/0";
    let named = |key: &str, names: &str| json!({key: "true", "instrumentation.opentelemetry.io/container-names": names});
    let dotnet = |name: &str, value: &str| {
        let env = json!([{"name": name, "value": value}]);
        on(&format!("{container}/env"), env, asks(ask("inject-dotnet", "true")))
    };
    let httpd = "instrumentation.opentelemetry.io/inject-apache-httpd";
    let two = json!([{"name": "app", "image": "a"}, {"name": "web", "image": "a"}]);
    let init = json!([{"name": "init", "image": "a"}]);
    let grpc = json!([{"name": "OTEL_EXPORTER_OTLP_PROTOCOL", "value": "grpc"}]);
    let exports = |exporter: Value| instrumentation("default", "mistaken", &json!({"exporter": exporter}));
    let good = "http://collector.obs:4318";
    vec![
        ("AnnotationUnknown", asks(ask("inject-pyhton", "true"))),
        ("AnnotationUnknown", asks(ask("something", "true"))),
        ("AnnotationUnknown", asks(json!({"instrumentation.opentelementry.io/inject-java": "true"}))),
        ("AnnotationMisplaced", on("/metadata/annotations", ask("inject-java", "true"), asks(json!({})))),
        ("AnnotationMisplaced", on("/metadata/annotations", ask("inject-jav", "true"), asks(json!({})))),
        ("AnnotationIsLabel", on("/metadata/labels", ask("inject-java", "true"), asks(json!({})))),
        ("AnnotationIsLabel", on("/spec/template/metadata/labels/inject-java", json!("true"), right())),
        ("RequireMisplaced", asks(json!({"ingraft.dev/require": "true"}))),
        ("HealMisplaced", asks(json!({"ingraft.dev/heal": "missed"}))),
        ("HealUnknown", on("/metadata/annotations", json!({"ingraft.dev/heal": "yes"}), right())),
        ("HealUnknown", namespace("mistaken", &json!({"ingraft.dev/heal": "yes"}))),
        ("RequireMisplaced", on("/metadata/labels", json!({"ingraft.dev/require": "true"}), right())),
        ("SidecarNotServed", asks(json!({"sidecar.opentelemetry.io/inject": "true"}))),
        ("InstrumentationNotFound", asks(json!({INJECT_PYTHON: "yes"}))),
        ("InstrumentationNotFound", asks(json!({INJECT_PYTHON: "True "}))),
        ("InstrumentationNotFound", asks(json!({INJECT_PYTHON: "a/b/c"}))),
        (
            "ContainersUnnamed",
            asks(json!({INJECT_PYTHON: "true", "instrumentation.opentelemetry.io/inject-java": "true"})),
        ),
        ("ContainerNotFound", asks(named(INJECT_PYTHON, "app,wbe"))),
        ("NoContainer", on(&format!("{container}/name"), json!("istio-proxy"), right())),
        (
            "WindowsPod",
            on(&format!("{pod_spec}/nodeSelector"), json!({"kubernetes.io/os": "windows"}), right()),
        ),
        (
            "PlatformUnknown",
            asks(json!({
                INJECT_PYTHON: "true", "instrumentation.opentelemetry.io/otel-python-platform": "alpine",
            })),
        ),
        ("ProtocolUnsupported", on(&format!("{container}/env"), grpc, right())),
        ("OtherAgent", dotnet("OTEL_DOTNET_AUTO_HOME", "/opt/agent")),
        ("OtherProfiler", dotnet("CORECLR_PROFILER", "{846F5F1C-F9AE-4B07-969E-05C26BC060D8}")),
        ("FirstContainerOnly", on(&format!("{pod_spec}/containers"), two, asks(named(httpd, "app,web")))),
        (
            "InitContainerUnsupported",
            on(&format!("{pod_spec}/initContainers"), init, asks(named(httpd, "app,init"))),
        ),
        ("EndpointMissing", exports(json!({}))),
        ("EndpointNotAUrl", exports(json!({"endpoint": "collector.obs:4318"}))),
        ("EndpointIsLocal", exports(json!({"endpoint": "http://localhost:4318"}))),
        ("EndpointPortNotForAll", exports(json!({"endpoint": "http://collector.obs:4317"}))),
        ("EndpointWithoutNamespace", exports(json!({"endpoint": "http://collector:4318"}))),
        ("TlsUnset", exports(json!({"endpoint": "https://collector.obs.svc:4318"}))),
        ("TlsHalfAPair", exports(json!({"endpoint": "https://otlp.example.com", "tls": {"cert_file": "a"}}))),
        ("TlsWithoutHttps", exports(json!({"endpoint": good, "tls": {"cert_file": "a", "key_file": "b"}}))),
        (
            "SamplerTypeMissing",
            instrumentation(
                "default",
                "mistaken",
                &json!({"exporter": {"endpoint": good}, "sampler": {"argument": "0.5"}}),
            ),
        ),
    ]
}

/// What serves Argo Rollouts, as far as it matters here.
fn rollouts() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "rollouts.argoproj.io"},
        "spec": {
            "group": "argoproj.io", "scope": "Namespaced", "names": {"kind": "Rollout", "plural": "rollouts"},
            "versions": [{
                "name": "v1alpha1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    })
}

/// A Rollout that asks above its template, which may be that of a Deployment.
fn rollout(spec: &Value) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {"name": "mistaken", "namespace": "default", "annotations": {INJECT_PYTHON: "true"}},
        "spec": spec,
    })
}

#[test]
fn each_mistake_is_told_without_an_operator() {
    let cluster = exclusive();
    hint(&cluster);
    let mut told = BTreeSet::new();
    for (code, object) in mistakes() {
        let printed = cluster.apply(std::slice::from_ref(&object));
        let hint = format!(
            "binding '{}accepted-anyway': {code}: ",
            if object["kind"] == "Instrumentation" { "instrumentation-" } else { "" }
        );
        let all = printed.matches("Warning: ").count();
        assert_eq!(printed.matches(&hint).count(), all, "nothing else: {printed}");
        assert!(all > 0, "{code}: {printed}");
        told.insert(code.to_owned());
    }
    assert_eq!(told, codes(), "every hint is shown");
    let of_namespace =
        namespace("hinted-namespace", &json!({"instrumentation.opentelemetry.io/inject-pyhton": "true"}));
    let printed = cluster.apply(&[of_namespace]);
    assert!(printed.contains("write instrumentation.opentelemetry.io/inject-python"), "{printed}");
    let right = deployment("default", "right", &json!({INJECT_PYTHON: "shop/base"}));
    assert_eq!(cluster.apply(&[right]), "");
}

#[test]
fn what_hints_say_the_core_says() {
    let cluster = exclusive();
    cluster.apply(&[rollouts()]);
    cluster.kubectl().run(&["wait", "--for=condition=Established", "crd/rollouts.argoproj.io"]).unwrap();
    hint(&cluster);
    let cases = golden_cases("-hinted");
    create_namespaces(&cluster, &cases);
    let mut compared: BTreeMap<&str, usize> = BTreeMap::new();
    let mut compare = |about: &'static str, object: &Value, annotations: &BTreeMap<String, String>| {
        let (accepted, said) = said(&cluster, object);
        let (Ok(accepted), said) = (accepted, said.into_keys().collect::<BTreeSet<_>>()) else { return };
        *compared.entry(if said.is_empty() { "silent" } else { about }).or_default() += 1;
        assert_eq!(said, decided(&accepted, annotations), "hints, and the core, about {object}");
    };
    for (code, mut object) in mistakes() {
        object["metadata"]["name"] = "compared".into();
        compare(code, &object, &BTreeMap::new());
    }
    let own = json!({"template": pod("default", "template", &json!({}))});
    let referred = json!({"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}});
    compare("Rollout", &rollout(&own), &BTreeMap::new());
    compare("Rollout without a template", &rollout(&referred), &BTreeMap::new());
    for case in &cases {
        for object in case.objects.iter().map(completed) {
            let is_hinted = object["kind"] == "Instrumentation" || Workload::of(&object).is_some();
            let home = case.namespaces.get(object["metadata"]["namespace"].as_str().unwrap_or_default());
            if let Some(home) = home.filter(|_| is_hinted) {
                let annotations = serde_json::from_value(home["annotations"].clone()).unwrap_or_default();
                compare("golden cases", &object, &annotations);
            }
        }
    }
    cluster.kubectl().run(&["delete", "crd", "rollouts.argoproj.io"]).unwrap();
    assert!(codes().iter().all(|code| compared.contains_key(code.as_str())), "{compared:?}");
    assert!(compared.contains_key("Rollout") && !compared.contains_key("Rollout without a template"));
    assert!(compared["silent"] > 500 && compared["golden cases"] > 50, "{compared:?}");
}

#[test]
fn they_speak_while_no_replica_is_ready_or_none_is_reached() {
    let cluster = exclusive();
    let speak = || !said(&cluster, &mistaken()).1.is_empty();
    let kubectl = |arguments: &[&str]| cluster.kubectl().run(arguments).unwrap();
    let budget = ["pdb", NAME, "-n", NAMESPACE];

    cluster.set_replicas_ready(false);
    cluster.kubectl().apply(cluster.hint_bindings()).unwrap();
    wait_for_hints(&cluster);
    cluster.set_replicas_ready(true);
    until("a replica is ready", speak, |speak| !speak);
    kubectl(&[&["annotate"], &budget[..], &["ingraft.dev/admission-path=broken"]].concat());
    until("the leader has found the path broken", speak, |speak| *speak);
    kubectl(&[&["annotate"], &budget[..], &["ingraft.dev/admission-path-"]].concat());
    until("the path works", speak, |speak| !speak);
    cluster.set_replicas_ready(false);
    until("no replica is ready", speak, |speak| *speak);
    kubectl(&[&["delete"], &budget[..]].concat());
    until("Ingraft is gone", speak, |speak| !speak);
}

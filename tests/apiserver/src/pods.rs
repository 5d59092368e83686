//! The API server accepts every pod that we produce from a pod that it accepts (design.md, promise 2).

mod golden;

use std::collections::{BTreeMap, BTreeSet};

use ingraft_cluster::manifests;
use serde_json::{Map, Value, json};

use crate::cluster::{Cluster, INJECT_PYTHON, instrumentation, is_injected, shared};
use crate::corpus::{self, RESOURCES, SECURITY, TARGETS, base};

/// The prefix of the annotations that ask.
const PREFIX: &str = "instrumentation.opentelemetry.io/";

/// A pod that asks for injection, and what it is about.
struct Case {
    what: String,
    pod: Value,
}

/// What became of some pods.
struct Tally {
    pods: usize,
    valid: usize,
    injected: usize,
    /// Those that only injection made invalid, and why.
    refused: Vec<String>,
    /// Those that were invalid before.
    invalid: Vec<String>,
}

impl Case {
    /// The same pod, with nothing that asks.
    fn original(&self) -> Value {
        let mut pod = self.pod.clone();
        if let Some(annotations) = pod["metadata"]["annotations"].as_object_mut() {
            annotations.retain(|key, _| !key.starts_with(PREFIX));
        }
        pod
    }
}

/// Has the API server admit pods, first as they were, then those that it accepts as they ask for injection.
fn admit(cluster: &Cluster, cases: &[Case]) -> Tally {
    let originals: Vec<Value> = cases.iter().map(Case::original).collect();
    let (mut valid, mut invalid) = (Vec::new(), Vec::new());
    for (case, result) in cases.iter().zip(cluster.try_all(&originals)) {
        match result {
            Ok(_) => valid.push(case),
            Err(_) => invalid.push(case.what.clone()),
        }
    }
    let asking: Vec<Value> = valid.iter().map(|case| case.pod.clone()).collect();
    let answers = cluster.try_all(&asking);
    let refusal = |(case, answer): (&&Case, &Result<Value, String>)| {
        answer.as_ref().err().map(|error| format!("{}: {error}", case.what))
    };
    Tally {
        pods: cases.len(),
        valid: valid.len(),
        injected: answers.iter().filter(|answer| answer.as_ref().is_ok_and(is_injected)).count(),
        refused: valid.iter().zip(&answers).filter_map(refusal).collect(),
        invalid,
    }
}

impl Tally {
    /// Fails if too few pods were tried, or others than the known ones were refused only because of us. Those of
    /// which none is refused any more have to be taken from the list.
    fn check(&self, least: usize, known: &[&str]) {
        let Self { pods, valid, injected, refused, .. } = self;
        eprintln!("{pods} pods, {valid} valid, {injected} injected, {} refused then", refused.len());
        assert!(*injected >= least, "too few were tried: {injected} of {valid} valid ones");
        let is_known = |what: &String| known.iter().any(|known| what.contains(known));
        let new: Vec<&String> = refused.iter().filter(|what| !is_known(what)).collect();
        assert!(new.is_empty(), "{} refused: {new:#?}", new.len());
        let gone: Vec<&&str> =
            known.iter().filter(|known| !refused.iter().any(|what| what.contains(**known))).collect();
        assert!(gone.is_empty(), "no longer refused: {gone:?}");
    }
}

/// Creates a namespace, with Pod Security *restricted* or without any.
fn namespaces(cluster: &Cluster, names: &BTreeMap<String, (bool, Value)>) {
    let objects: Vec<Value> = names
        .iter()
        .map(|(name, (restricted, annotations))| {
            let mut namespace = crate::cluster::namespace(name, annotations);
            if *restricted {
                namespace["metadata"]["labels"] = json!({"pod-security.kubernetes.io/enforce": "restricted"});
            }
            namespace
        })
        .collect();
    cluster.apply(&objects);
    cluster.wait_service_accounts(&names.keys().map(String::as_str).collect::<Vec<_>>());
}

fn two_namespaces(cluster: &Cluster, name: &str) -> [String; 2] {
    let both = [format!("{name}-plain"), format!("{name}-restricted")];
    let entry = |(index, name): (usize, &String)| (name.clone(), (index == 1, json!({})));
    namespaces(cluster, &both.iter().enumerate().map(entry).collect());
    both
}

fn annotate(pod: &mut Value, key: &str, value: &str) {
    pod["metadata"]["annotations"][key] = value.into();
}

#[test]
fn every_generated_pod_stays_valid() {
    let Some((cluster, _)) = shared() else { return };
    let both = two_namespaces(cluster, "generated");
    cluster
        .apply(&[instrumentation(&both[0], "plain", &json!({})), instrumentation(&both[0], "rich", &rich())]);
    cluster.wait_seen();
    let all = corpus::changes();
    let single = all.iter().map(|(_, change)| vec![*change]);
    // A fifth of the pairs, each change in several.
    let pairs = all.iter().enumerate().flat_map(|(index, (axis, change))| {
        let others =
            all.iter().enumerate().skip(index + 1).filter(move |(other, _)| (index * 3 + other) % 5 == 0);
        others.filter(move |(_, (other, _))| other != axis).map(move |(_, (_, other))| vec![*change, *other])
    });
    let changed: Vec<(String, Value)> = std::iter::once(Vec::new())
        .chain(single)
        .chain(pairs)
        .map(|changes| {
            let mut pod = base();
            for (_, change) in &changes {
                change(&mut pod);
            }
            let names: Vec<&str> = changes.iter().map(|(name, _)| *name).collect();
            (names.join(" + "), pod)
        })
        .collect();
    let mut cases = Vec::new();
    for (index, (what, pod)) in changed.iter().enumerate() {
        // Every change by itself in all ways, pairs in one of them each.
        let ways = if what.contains(" + ") { index % 4..index % 4 + 1 } else { 0..4 };
        cases.extend(ways.map(|way| asking(what, pod, &both[way % 2], &both[0], way < 2)));
    }
    let tally = admit(cluster, &cases);
    // A change that makes every pod invalid tests nothing.
    let useless: Vec<&String> =
        tally.invalid.iter().filter(|what| what.starts_with(&both[0]) && !what.contains(" + ")).collect();
    assert!(useless.is_empty(), "invalid by itself: {useless:#?}");
    tally.check(400, &[]);
}

/// A pod that asks for Python alone, or for all that there is.
fn asking(what: &str, pod: &Value, namespace: &str, instrumentations: &str, all: bool) -> Case {
    let mut pod = pod.clone();
    pod["metadata"]["namespace"] = namespace.into();
    let mut annotate = |key: &str, value: &str| {
        let annotations = pod["metadata"]["annotations"].as_object_mut().unwrap();
        annotations.entry(key).or_insert(value.into());
    };
    if all {
        annotate(INJECT_PYTHON, &format!("{instrumentations}/rich"));
        annotate(&format!("{PREFIX}inject-sdk"), &format!("{instrumentations}/plain"));
        annotate(&format!("{PREFIX}container-names"), "app,helper");
    } else {
        annotate(INJECT_PYTHON, &format!("{instrumentations}/plain"));
    }
    Case { what: format!("{namespace}{}: {what}", if all { ", all" } else { "" }), pod }
}

/// An Instrumentation that uses nearly every field that Python has.
fn rich() -> Value {
    json!({
        "exporter": {
            "endpoint": "https://collector:4318",
            "tls": {"secretName": "tls", "configMapName": "ca", "ca_file": "ca.crt", "cert_file": "tls.crt", "key_file": "tls.key"},
        },
        "resource": {"addK8sUIDAttributes": true, "resourceAttributes": {"deployment.environment.name": "production"}},
        "propagators": ["tracecontext", "baggage", "b3"],
        "sampler": {"type": "parentbased_traceidratio", "argument": "0.25"},
        "defaults": {"useLabelsForResourceAttributes": true},
        "env": [
            {"name": "OTEL_BSP_SCHEDULE_DELAY", "value": "500"},
            {"name": "POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
        ],
        "imagePullPolicy": "IfNotPresent",
        "initContainerSecurityContext": {"runAsUser": 4711, "readOnlyRootFilesystem": true},
        "python": {
            "image": "example.com/agent:1",
            "env": [{"name": "PYTHONPATH", "value": "/from/instrumentation"}],
            "volumeLimitSize": "1Gi",
            "resourceRequirements": {"limits": {"cpu": "2", "memory": "4Gi"}, "requests": {"cpu": "1", "memory": "2Gi"}},
        },
    })
}

#[test]
fn odd_instrumentations_make_no_pod_invalid() {
    let Some((cluster, _)) = shared() else { return };
    let both = two_namespaces(cluster, "odd-instrumentations");
    let text = include_str!("../instrumentations.yaml");
    let [sound, breaking] = specs(text).try_into().unwrap();
    let objects: Vec<Value> =
        sound.iter().chain(&breaking).map(|(name, spec)| instrumentation(&both[0], name, spec)).collect();
    let (stored, said) = cluster.create(false, &objects);
    let stored: BTreeSet<&str> = stored.iter().filter_map(|one| one["metadata"]["name"].as_str()).collect();
    assert!(stored.len() * 3 > objects.len() * 2, "{said}");
    cluster.wait_seen();

    // One of each kind that decides how an Instrumentation is used.
    let changes = SECURITY[..2].iter().chain(&TARGETS[..1]).chain(&RESOURCES[..1]).chain(&RESOURCES[8..9]);
    let mut pods = vec![(String::from("base"), base())];
    pods.extend(changes.map(|(what, change)| {
        let mut pod = base();
        change(&mut pod);
        ((*what).to_owned(), pod)
    }));
    let mut cases = Vec::new();
    for name in &stored {
        // What is particular to *restricted* does not depend on more.
        for (namespace, (what, pod)) in pods.iter().map(|pod| (&both[0], pod)).chain([(&both[1], &pods[0])]) {
            let mut pod = pod.clone();
            pod["metadata"]["namespace"] = namespace.as_str().into();
            annotate(&mut pod, INJECT_PYTHON, &format!("{}/{name}", both[0]));
            cases.push(Case { what: format!("{namespace}, {name}: {what}"), pod });
        }
    }
    let tally = admit(cluster, &cases);
    let known: Vec<String> = breaking.keys().map(|name| format!(", {name}: ")).collect();
    tally.check(100, &known.iter().map(String::as_str).collect::<Vec<_>>());
}

/// The documents of a file of specs by name.
fn specs(text: &str) -> Vec<Map<String, Value>> {
    let documents = manifests::read("instrumentations.yaml", text).unwrap();
    documents.into_iter().map(|document| document.value.as_object().unwrap().clone()).collect()
}

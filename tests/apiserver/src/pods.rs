//! The API server accepts every pod that we produce from a pod that it accepts (docs/reference/principles.md 1).

mod golden;
mod standby;

use std::collections::{BTreeMap, BTreeSet};

use ingraft_cluster::documents;
use serde_json::{Map, Value, json};

use crate::cluster::{Cluster, instrumentation, is_injected, shared};
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
    // Most originals are those of several cases.
    let mut originals: BTreeMap<String, Value> = BTreeMap::new();
    for original in cases.iter().map(Case::original) {
        originals.entry(original.to_string()).or_insert(original);
    }
    let tried = cluster.try_all(&originals.values().cloned().collect::<Vec<_>>());
    let accepted: BTreeSet<&String> = originals
        .keys()
        .zip(&tried)
        .filter(|(_, result)| result.is_ok())
        .map(|(original, _)| original)
        .collect();
    let (valid, invalid): (Vec<&Case>, Vec<&Case>) =
        cases.iter().partition(|case| accepted.contains(&case.original().to_string()));
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
        invalid: invalid.iter().map(|case| case.what.clone()).collect(),
    }
}

impl Tally {
    /// Fails if too few pods were injected, or some were refused only because of us.
    fn check(&self, least: usize) {
        let Self { pods, valid, injected, refused, .. } = self;
        eprintln!("{pods} pods, {valid} valid, {injected} injected, {} refused then", refused.len());
        assert!(refused.is_empty(), "{} refused: {refused:#?}", refused.len());
        assert!(*injected >= least, "too few were tried: {injected} of {valid} valid ones");
    }
}

/// Creates namespaces, each with a level of Pod Security, if one is named, and annotations.
fn namespaces(cluster: &Cluster, names: &BTreeMap<String, (Option<String>, Value)>) {
    let objects: Vec<Value> = names
        .iter()
        .map(|(name, (level, annotations))| {
            let mut namespace = crate::cluster::namespace(name, annotations);
            if let Some(level) = level {
                namespace["metadata"]["labels"] = json!({"pod-security.kubernetes.io/enforce": level});
            }
            namespace
        })
        .collect();
    cluster.apply(&objects);
    cluster.wait_service_accounts(&names.keys().map(String::as_str).collect::<Vec<_>>());
}

/// A namespace without Pod Security, and one for each level.
fn levels(cluster: &Cluster, name: &str) -> [String; 3] {
    let all = [None, Some("restricted"), Some("baseline")];
    let named = all.map(|level| (format!("{name}-{}", level.unwrap_or("plain")), level.map(str::to_owned)));
    let entry = |(name, level): &(String, Option<String>)| (name.clone(), (level.clone(), json!({})));
    namespaces(cluster, &named.iter().map(entry).collect());
    named.map(|(name, _)| name)
}

fn annotate(pod: &mut Value, key: &str, value: &str) {
    pod["metadata"]["annotations"][key] = value.into();
}

/// The languages, with their blocks in an Instrumentation.
const LANGUAGES: [(&str, &str); 8] = [
    ("java", "java"),
    ("nodejs", "nodejs"),
    ("python", "python"),
    ("dotnet", "dotnet"),
    ("go", "go"),
    ("apache-httpd", "apacheHttpd"),
    ("nginx", "nginx"),
    ("sdk", ""),
];

/// Ways to ask: each language by itself, and all together.
const WAYS: usize = LANGUAGES.len() + 1;

#[test]
fn every_generated_pod_stays_valid() {
    let (cluster, _) = shared();
    let levels = levels(cluster, "generated");
    cluster.apply(&[
        instrumentation(&levels[0], "plain", &json!({})),
        instrumentation(&levels[0], "rich", &rich()),
    ]);
    cluster.wait_seen();
    let changed = generated();
    let mut cases = Vec::new();
    for (index, (what, pod)) in changed.iter().enumerate() {
        // Every change by itself in all ways and two namespaces, pairs in one of them each.
        let all = WAYS * 2;
        let chosen = if what.contains(" + ") { index % all..index % all + 1 } else { 0..all };
        cases.extend(chosen.map(|way| asking(what, pod, &levels[way % 2], &levels[0], way / 2)));
    }
    let tally = admit(cluster, &cases);
    // A change that makes every pod invalid tests nothing.
    let useless: Vec<&String> =
        tally.invalid.iter().filter(|what| what.starts_with(&levels[0]) && !what.contains(" + ")).collect();
    assert!(useless.is_empty(), "invalid by itself: {useless:#?}");
    tally.check(1000);
}

/// Pods of every kind, with what is particular to each.
fn generated() -> Vec<(String, Value)> {
    let all = corpus::changes();
    let single = all.iter().map(|(_, change)| vec![*change]);
    // A fifth of the pairs, each change in several.
    let pairs = all.iter().enumerate().flat_map(|(index, (axis, change))| {
        let others =
            all.iter().enumerate().skip(index + 1).filter(move |(other, _)| (index * 3 + other) % 5 == 0);
        others.filter(move |(_, (other, _))| other != axis).map(move |(_, (_, other))| vec![*change, *other])
    });
    std::iter::once(Vec::new())
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
        .collect()
}

/// A pod that asks for one language, or for all that there are.
fn asking(what: &str, pod: &Value, namespace: &str, instrumentations: &str, way: usize) -> Case {
    let mut pod = pod.clone();
    pod["metadata"]["namespace"] = namespace.into();
    let mut annotate = |key: &str, value: &str| {
        let annotations = pod["metadata"]["annotations"].as_object_mut().unwrap();
        annotations.entry(format!("{PREFIX}{key}")).or_insert(value.into());
    };
    annotate("otel-go-auto-target-exe", "/app");
    let chosen = LANGUAGES.get(way);
    for (language, _) in chosen.map_or(&LANGUAGES[..], std::slice::from_ref) {
        // Each Instrumentation for half of the languages by itself.
        let name = if chosen.is_none() || way.is_multiple_of(2) { "rich" } else { "plain" };
        annotate(&format!("inject-{language}"), &format!("{instrumentations}/{name}"));
    }
    if chosen.is_none() {
        annotate("container-names", "app,helper");
    }
    let asked = chosen.map_or("all", |(language, _)| *language);
    Case { what: format!("{namespace}, {asked}: {what}"), pod }
}

/// An Instrumentation that uses nearly every field that there is.
fn rich() -> Value {
    let mut spec = json!({
        "exporter": {
            "endpoint": "https://collector:4317",
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
        "java": {"extensions": [{"image": "example.com/extension:1", "dir": "/extensions"}]},
        "python": {"env": [{"name": "PYTHONPATH", "value": "/from/instrumentation"}]},
        "go": {"securityContext": {"runAsUser": 0, "capabilities": {"add": ["SYS_PTRACE"]}}},
        "apacheHttpd": {
            "version": "2.2", "configPath": "/etc/apache2/", "attrs": [{"name": "ApacheModuleTraceAsError", "value": "OFF"}],
        },
        "nginx": {"configFile": "/etc/nginx/main.conf", "attrs": [{"name": "NginxModuleTraceAsError", "value": "OFF"}]},
    });
    for (language, block) in LANGUAGES.iter().filter(|(_, block)| !block.is_empty()) {
        let resources = if *language == "java" { "resources" } else { "resourceRequirements" };
        let block = &mut spec[*block];
        block["image"] = "example.com/agent:1".into();
        block["volumeLimitSize"] = "1Gi".into();
        block[resources] =
            json!({"limits": {"cpu": "2", "memory": "4Gi"}, "requests": {"cpu": "1", "memory": "2Gi"}});
    }
    spec
}

#[test]
fn odd_instrumentations_make_no_pod_invalid() {
    let (cluster, _) = shared();
    let levels = levels(cluster, "odd-instrumentations");
    let specs = instrumentation_specs();
    let objects: Vec<Value> =
        specs.iter().map(|(name, spec)| instrumentation(&levels[0], name, spec)).collect();
    let (stored, said) = cluster.create(false, &objects);
    let stored: BTreeSet<&str> = stored.iter().filter_map(|one| one["metadata"]["name"].as_str()).collect();
    assert!(stored.len() * 3 > objects.len() * 2, "{said}");
    cluster.wait_seen();

    // One of each kind that decides how an Instrumentation is used.
    let changes = SECURITY[..2].iter().chain(&TARGETS[..1]).chain(&RESOURCES[..1]).chain(&RESOURCES[8..9]);
    let mut pods = vec![(String::from("base"), base())];
    pods.extend(changes.chain([&corpus::A_VOLUME_WITH_FILES]).map(|(what, change)| {
        let mut pod = base();
        change(&mut pod);
        ((*what).to_owned(), pod)
    }));
    let mut cases = Vec::new();
    for (name, spec) in specs.iter().filter(|(name, _)| stored.contains(name.as_str())) {
        // What is particular to Pod Security does not depend on more.
        let plain = pods.iter().map(|pod| (&levels[0], pod));
        for (namespace, (what, pod)) in plain.chain(levels[1..].iter().map(|level| (level, &pods[0]))) {
            for language in languages_of(spec) {
                let mut pod = pod.clone();
                pod["metadata"]["namespace"] = namespace.as_str().into();
                annotate(&mut pod, &format!("{PREFIX}otel-go-auto-target-exe"), "/app");
                annotate(&mut pod, &format!("{PREFIX}inject-{language}"), &format!("{}/{name}", levels[0]));
                cases.push(Case { what: format!("{namespace}, {name}, {language}: {what}"), pod });
            }
        }
    }
    admit(cluster, &cases).check(500);
}

/// The languages whose blocks a spec has; without any, one of each way to inject.
fn languages_of(spec: &Value) -> Vec<&'static str> {
    let has = |block: &str| spec.get(block).is_some();
    let own: Vec<&str> =
        LANGUAGES.iter().filter(|(_, block)| has(block)).map(|(language, _)| *language).collect();
    if own.is_empty() { vec!["python", "go", "nginx"] } else { own }
}

/// Specs of Instrumentations that have odd values, by name.
pub(crate) fn instrumentation_specs() -> Map<String, Value> {
    let text = include_str!("../instrumentations.yaml");
    let documents = documents::read("instrumentations.yaml", text).unwrap();
    documents[0].value.as_object().unwrap().clone()
}

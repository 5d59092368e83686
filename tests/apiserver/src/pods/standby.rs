//! What the API server injects by itself is what the operator would inject, or nothing.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::golden::Golden;
use super::{LANGUAGES, annotate, asking, generated, instrumentation, levels, namespaces};
use crate::cluster::{Cluster, exclusive, is_injected};
use crate::golden::golden_cases;
use crate::standby::{Installed, is_served};
use crate::wait::until_some;

/// The languages that can be planned.
const PLANNED: [&str; 5] = ["java", "nodejs", "python", "dotnet", "sdk"];
/// So many pods are tried with one plan.
const GROUP: usize = 100;
/// At least this share, in percent, of the pods of each language without a conflicting variable is injected.
const LEAST: usize = 80;
const INJECTED: &str = "ingraft.dev/injected";

/// How the pods of a language fared: as the operator would have them, or left alone.
#[derive(Debug, Default)]
struct Count {
    equal: usize,
    /// A container has a variable that may be in the way.
    conflicting: usize,
    alone: Vec<String>,
}

#[test]
fn the_api_server_injects_what_the_operator_would_inject_or_nothing() {
    let cluster = exclusive();
    if !is_served(&cluster) {
        return;
    }
    let mut golden = Golden::default();
    for case in golden_cases("") {
        golden.add(case, false);
    }
    namespaces(&cluster, &golden.namespaces);
    let levels = levels(&cluster, "standby");
    cluster.apply(&bounds(&levels[2]));
    let plans =
        [instrumentation(&levels[0], "plain", &json!({})), instrumentation(&levels[0], "rich", &rich())];
    let mut cases = golden.cases;
    for (index, (what, pod)) in generated().iter().enumerate() {
        let language = PLANNED[index % PLANNED.len()];
        let way = LANGUAGES.iter().position(|(name, _)| *name == language).unwrap();
        let mut case = asking(what, pod, &levels[index % 3], &levels[0], way);
        let name = if index % 4 == 0 { "plain" } else { "rich" };
        annotate(
            &mut case.pod,
            &format!("{}inject-{language}", super::PREFIX),
            &format!("{}/{name}", levels[0]),
        );
        cases.push(case);
    }
    let instrumentations: Vec<Value> = golden.instrumentations.into_iter().chain(plans).collect();
    let (stored, _) = cluster.create(false, &instrumentations);

    let mut operator = cluster.operator_with("standby", &["--env-probe=never"]);
    operator.wait_ready();
    cluster.wait_seen();
    let pods: Vec<Value> = cases.iter().map(|case| case.pod.clone()).collect();
    let by_operator = cluster.try_all(&pods);
    drop(operator);
    cluster.unregister().unwrap();

    // The larger a plan, the longer each pod takes.
    let mut installed = None;
    let mut by_policy = Vec::new();
    for (number, group) in pods.chunks(GROUP).enumerate() {
        let text = serde_json::to_string(group).unwrap();
        let is_meant = |one: &&Value| {
            let namespace = one["metadata"]["namespace"].as_str().unwrap();
            text.contains(&format!("\"{namespace}\"")) || text.contains(&format!("\"{namespace}/"))
        };
        let meant: Vec<Value> = stored.iter().filter(is_meant).cloned().collect();
        installed = Some(install(&cluster, &meant, &format!("group-{number}"), installed.take()));
        by_policy.extend(cluster.try_all(group));
    }
    let mut counts: BTreeMap<&str, Count> = BTreeMap::new();
    let mut different = Vec::new();
    for ((case, operator), policy) in cases.iter().zip(&by_operator).zip(&by_policy) {
        let (Ok(operator), Ok(policy)) = (operator, policy) else {
            if operator.is_ok() {
                different.push(format!("{}: refused: {policy:?}", case.what));
            }
            continue;
        };
        let Some(language) = language_of(operator) else {
            if is_by_policy(policy) {
                different.push(format!("{}: the operator does otherwise: {policy}", case.what));
            }
            continue;
        };
        let count = counts.entry(language).or_default();
        if !is_by_policy(policy) && has_conflict(&case.pod) {
            count.conflicting += 1;
        } else if !is_by_policy(policy) {
            count.alone.push(case.what.clone());
        } else if compared(operator) == compared(policy) {
            count.equal += 1;
        } else {
            different.push(format!("{}:\n  {}\n  {}", case.what, compared(operator), compared(policy)));
        }
    }
    let mut few = Vec::new();
    for (language, Count { equal, conflicting, alone }) in &counts {
        let share = 100 * equal / (equal + alone.len()).max(1);
        let of = "of those without a conflicting variable";
        let line = format!(
            "{language}: {equal} as the operator has them, {share} % {of}; {} others and {conflicting} with one are left alone",
            alone.len()
        );
        eprintln!("{line}");
        if share < LEAST {
            few.push(line);
        }
    }
    if let Some(file) = std::env::var_os("INGRAFT_STANDBY_REPORT") {
        std::fs::write(file, format!("{counts:#?}\n{}", different.join("\n"))).unwrap();
    }
    let shown: Vec<&String> = different.iter().take(5).collect();
    assert!(different.is_empty(), "{} differ: {shown:#?}", different.len());
    assert!(
        counts.len() == PLANNED.len() && few.is_empty(),
        "too few are injected: {few:?} of {:?}",
        counts.keys()
    );
}

/// The one language of a pod that the operator has injected, if it can be planned.
fn language_of(pod: &Value) -> Option<&'static str> {
    let injected: Value = serde_json::from_str(pod["metadata"]["annotations"][INJECTED].as_str()?).ok()?;
    let languages: Vec<&String> = injected.as_object()?.keys().collect();
    let [language] = languages.as_slice() else { return None };
    PLANNED.into_iter().find(|planned| planned == language)
}

fn is_by_policy(pod: &Value) -> bool {
    let injected = pod["metadata"]["annotations"][INJECTED].as_str();
    injected.is_some_and(|text| text.contains(r#""by":"policy""#))
}

/// Whether a container has variables that Ingraft has too, or that refer to others, or some from elsewhere.
fn has_conflict(pod: &Value) -> bool {
    let ours = ["JAVA_TOOL_OPTIONS", "NODE_OPTIONS", "PYTHONPATH", "DOTNET_", "CORECLR_", "OTEL_"];
    let is_ours = |variable: &Value| {
        let name = variable["name"].as_str().unwrap_or_default();
        ours.iter().any(|ours| name.starts_with(ours))
            || variable["value"].as_str().is_some_and(|value| value.contains("$("))
    };
    pod["spec"]["containers"].as_array().into_iter().flatten().any(|container| {
        container.get("envFrom").is_some() || container["env"].as_array().into_iter().flatten().any(is_ours)
    })
}

/// What is compared of a pod: all but what is new each time, and who did it.
fn compared(pod: &Value) -> String {
    let mut text = json!([pod["metadata"]["annotations"], pod["spec"]]).to_string();
    text = text.replace(r#"\"by\":\"policy\","#, "");
    while let Some(at) = text.find("kube-api-access-") {
        text.replace_range(at..at + "kube-api-access-".len() + 5, "token");
    }
    text
}

/// Compiles Instrumentations and one more, and waits until the API server goes by that.
fn install<'a>(
    cluster: &'a Cluster,
    instrumentations: &[Value],
    last: &str,
    earlier: Option<Installed<'a>>,
) -> Installed<'a> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("instrumentations.json");
    let mut items = instrumentations.to_vec();
    items.push(instrumentation("last", last, &json!({})));
    std::fs::write(&file, json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()).unwrap();
    let output = cluster.ingraft(&["compile", "-f", file.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let installed = match earlier {
        None => Installed::apply(cluster, &text),
        Some(installed) => {
            let plan = text.split("---\n").find(|document| document.contains("\nkind: Plan\n"));
            cluster.kubectl().apply(plan.unwrap()).unwrap();
            installed
        }
    };
    let sdk = json!({"instrumentation.opentelemetry.io/inject-sdk": format!("last/{last}")});
    let pod = crate::cluster::pod("standby-plain", "first", &sdk);
    until_some("the plan is known", || {
        let (accepted, _) = cluster.create(true, std::slice::from_ref(&pod));
        accepted.first().is_some_and(is_injected).then_some(())
    });
    installed
}

/// What a namespace may demand of resources, and sums that no test reaches.
fn bounds(namespace: &str) -> [Value; 2] {
    let metadata = json!({"name": "bounds", "namespace": namespace});
    let bounds = json!({
        "type": "Container", "max": {"cpu": "8", "memory": "16Gi"},
        "default": {"cpu": "1", "memory": "1Gi"}, "defaultRequest": {"cpu": "100m", "memory": "128Mi"},
    });
    let sums =
        json!({"requests.cpu": "1k", "requests.memory": "1Ti", "limits.cpu": "1k", "limits.memory": "1Ti"});
    [
        json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": metadata, "spec": {"limits": [bounds]}}),
        json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": sums}}),
    ]
}

/// An Instrumentation that uses every field that can be planned.
fn rich() -> Value {
    json!({
        "exporter": {
            "endpoint": "https://collector.observability:4317",
            "tls": {"secretName": "tls", "configMapName": "ca", "ca_file": "ca.crt", "cert_file": "tls.crt", "key_file": "tls.key"},
        },
        "resource": {"resourceAttributes": {"deployment.environment.name": "a b", "team": "shop"}},
        "propagators": ["tracecontext", "baggage", "b3"],
        "sampler": {"type": "parentbased_traceidratio", "argument": "0.25"},
        "defaults": {"useLabelsForResourceAttributes": true},
        "env": [
            {"name": "OTEL_BSP_SCHEDULE_DELAY", "value": "500"},
            {"name": "POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
            {"name": "ADDRESS", "value": "$(OTEL_NODE_IP):4317"},
        ],
        "imagePullPolicy": "IfNotPresent",
        "java": {
            "image": "example.com/agent:1",
            "extensions": [{"image": "example.com/extension:1", "dir": "/extensions"}],
            "resources": {"limits": {"cpu": "2", "memory": "4Gi"}},
        },
        "python": {"env": [{"name": "PYTHONPATH", "value": "/from/instrumentation"}], "volumeLimitSize": "1Gi"},
        "nodejs": {"resourceRequirements": {"requests": {"cpu": "10m", "memory": "32Mi"}}},
    })
}

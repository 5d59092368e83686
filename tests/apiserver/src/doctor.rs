//! `ingraft doctor` on a real API server: what is planted is found, and nothing else; what can be corrected is.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::{Value, json};

use crate::cluster::{
    Cluster, INJECT_PYTHON, deployment, exclusive, instrumentation, is_injected, namespace,
};
use crate::wait::until;

const NAMESPACES: usize = 50;
/// In each namespace.
const WORKLOADS: usize = 10;

/// What is found in all of the cluster, but for what other tests have left in namespaces of theirs.
fn everywhere(cluster: &Cluster) -> BTreeSet<String> {
    let is_namespaced = |line: &String| line.contains('/') || line.contains(" Namespace ");
    let is_of_others =
        |line: &String| is_namespaced(line) && !line.contains(" team-") && !line.contains("-system/");
    found(cluster, &["-A"]).into_iter().filter(|line| !is_of_others(line)).collect()
}

/// What is found: code and object of each.
fn found(cluster: &Cluster, arguments: &[&str]) -> BTreeSet<String> {
    let output = cluster.ingraft(&[&["doctor", "-o", "json"], arguments].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(output.status.code(), Some(i32::from(!findings.is_empty())), "{report}");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let line = |finding: &Value| {
        let subject = &finding["subject"];
        let parts = ["namespace", "name"].map(|part| text(&subject[part]));
        let path = parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join("/");
        format!("{} {} {path}", text(&finding["code"]), text(&subject["kind"]))
    };
    findings.iter().map(line).collect()
}

fn set<const N: usize>(lines: [&str; N]) -> BTreeSet<String> {
    lines.map(str::to_owned).into()
}

#[test]
fn what_is_planted_among_many_is_found_and_corrected_and_nothing_else_is_told() {
    let cluster = exclusive();
    let name = |number: usize| format!("team-{number}");
    let namespaces: Vec<Value> = (0..NAMESPACES)
        .map(|number| {
            let misspelt = json!({"instrumentation.opentelemetry.io/inject-phyton": "false"});
            namespace(&name(number), &if number == 8 { misspelt } else { json!({}) })
        })
        .collect();
    cluster.apply(&namespaces);
    let names: Vec<String> = (0..NAMESPACES).map(name).collect();
    cluster.wait_service_accounts(&names.iter().map(String::as_str).collect::<Vec<_>>());
    // Before there is an operator.
    cluster.apply(&[deployment("team-7", "web-0", &json!({INJECT_PYTHON: "true"}))]);
    assert!(!is_injected(&cluster.pod_of("team-7", "web-0")));

    let mut operator = cluster.operator("doctor");
    operator.wait_ready();
    cluster.set_replicas_ready(true);
    let mut objects = Vec::new();
    for number in 0..NAMESPACES {
        let endpoint = match number {
            5 => "http://localhost:4318",
            6 => "http://gateway.example.com:4317",
            _ => "http://gateway.example.com:4318",
        };
        objects.push(instrumentation(&name(number), "base", &json!({"exporter": {"endpoint": endpoint}})));
    }
    cluster.apply(&objects);
    // As Helm does, if a chart has the Instrumentation without its usual labels.
    let patch = json!({"spec": {"exporter": {"endpoint": "http://gateway.example.com:4317"}}}).to_string();
    let of_helm =
        ["patch", "otelinst", "base", "-n", "team-11", "--field-manager=helm", "--type=merge", "-p", &patch];
    cluster.kubectl().run(&of_helm).unwrap();
    cluster.wait_seen();
    objects.clear();
    for number in 0..NAMESPACES * WORKLOADS {
        let (space, own) = (number / WORKLOADS, format!("web-{}", number % WORKLOADS));
        let annotations = match (space, number % WORKLOADS) {
            (7, 0) => continue,
            (2, 1) => json!({"instrumentation.opentelemetry.io/inject-pyhton": "true"}),
            (3, 2) => json!({INJECT_PYTHON: "bsae"}),
            (4, 3) => {
                json!({INJECT_PYTHON: "true", "instrumentation.opentelemetry.io/container-names": "ap"})
            }
            (1 | 9 | 10, 0) => json!({}),
            // It stays as it is, and keeps nothing else from being corrected.
            (13, 0) => json!({"instrumentation.opentelemetry.io/inject-go": "true"}),
            _ => json!({INJECT_PYTHON: "true"}),
        };
        let mut object = deployment(&name(space), &own, &annotations);
        match (space, number % WORKLOADS) {
            (1, 0) => object["metadata"]["annotations"] = json!({INJECT_PYTHON: "true"}),
            (9, 0) => object["spec"]["template"]["metadata"]["labels"][INJECT_PYTHON] = "true".into(),
            (10, 0) => {
                object["metadata"]["annotations"] = json!({INJECT_PYTHON: "true"});
                object["metadata"]["labels"] = json!({"app.kubernetes.io/managed-by": "Helm"});
            }
            _ => {}
        }
        objects.push(object);
    }
    // What switches traces off is in no workload.
    let data = json!({"OTEL_SDK_DISABLED": "true"});
    let metadata = json!({"namespace": "team-14", "name": "shared"});
    objects.push(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}));
    let mut switched_off = deployment("team-14", "off", &json!({INJECT_PYTHON: "true"}));
    let container = &mut switched_off["spec"]["template"]["spec"]["containers"][0];
    container["envFrom"] = json!([{"configMapRef": {"name": "shared"}}]);
    objects.push(switched_off);
    // What it says cannot be changed any more.
    let misspelt = json!({"instrumentation.opentelemetry.io/inject-pyton": "true"});
    objects.push(json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"namespace": "team-12", "name": "migrate"},
        "spec": {"template": {
            "metadata": {"annotations": misspelt},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "app", "image": "app:1"}]},
        }},
    }));
    cluster.apply(&objects);
    // Nobody answers it, and it asks about no namespace that there is.
    cluster.apply(&[json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "mesh"},
        "webhooks": [{
            "name": "mesh.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": {"service": {"namespace": "mesh", "name": "injector"}},
            "namespaceSelector": {"matchLabels": {"mesh": "none"}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}],
        }],
    })]);
    let pods = || names.iter().map(|name| cluster.pods(name).len()).sum::<usize>();
    until("all have pods", pods, |pods| *pods >= NAMESPACES * WORKLOADS);

    let start = Instant::now();
    let told = everywhere(&cluster);
    eprintln!(
        "doctor -A of {} workloads took {:.1} s",
        NAMESPACES * WORKLOADS,
        start.elapsed().as_secs_f64()
    );
    let left = [
        "AnnotationMisplaced Deployment team-10/web-0",
        "AnnotationUnknown Job team-12/migrate",
        "EndpointIsLocal Instrumentation team-5/base",
        "EndpointPortIsGrpc Instrumentation team-11/base",
        "LanguageDisabled Deployment team-13/web-0",
        "TracesSwitchedOff Deployment team-14/off",
        "WebhookRefuses MutatingWebhookConfiguration mesh",
    ];
    let planted = set([
        "AnnotationIsLabel Deployment team-9/web-0",
        "AnnotationMisplaced Deployment team-1/web-0",
        "AnnotationUnknown Deployment team-2/web-1",
        "AnnotationUnknown Namespace team-8",
        "ContainerNotFound Deployment team-4/web-3",
        "EndpointPortIsGrpc Instrumentation team-6/base",
        "InstrumentationNotFound Deployment team-3/web-2",
        "NoContainer Deployment team-4/web-3",
        "PodMissed Deployment team-7/web-0",
    ]);
    assert_eq!(told, planted.union(&set(left)).cloned().collect());
    let of_one = found(&cluster, &["-n", "team-2"]);
    assert_eq!(of_one.iter().filter(|line| line.contains("team-")).count(), 1, "{of_one:?}");

    let dry = cluster.ingraft(&["doctor", "-A", "--fix", "--dry-run"]);
    let [diff, said] = [dry.stdout, dry.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(diff.contains("-        instrumentation.opentelemetry.io/inject-pyhton:"), "{diff}\n{said}");
    assert_eq!(everywhere(&cluster), told, "a dry run changes nothing");
    let fixed = cluster.ingraft(&["doctor", "-A", "--fix", "--yes"]);
    let said = String::from_utf8(fixed.stderr).unwrap();
    assert!(said.contains("deployment/web-0 -n team-10 is kept as it is by Helm"), "{said}");
    assert!(said.contains("instrumentation/base -n team-11 is kept as it is by Helm"), "{said}");
    assert!(said.contains("job/migrate -n team-12 "), "{said}");
    let settled = || everywhere(&cluster);
    // Pods of the templates before go when those of the new ones come, which takes a kubelet.
    let is_settled = |told: &BTreeSet<String>| {
        told.iter().filter(|line| !line.starts_with("Pod")).cloned().collect::<BTreeSet<_>>() == set(left)
    };
    until("what can be corrected is", settled, is_settled);
    let moved = || {
        let is_of_web = |pod: &Value| pod["metadata"]["labels"]["app"] == "web-0";
        cluster.pods("team-1").iter().any(|pod| is_of_web(pod) && is_injected(pod))
    };
    until("a new pod is injected", moved, |moved| *moved);
    cluster.kubectl().run(&["delete", "mutatingwebhookconfiguration", "mesh"]).unwrap();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    cluster.kubectl().run(&[&["delete", "namespace", "--wait=false"], &names[..]].concat()).unwrap();
}

#[test]
fn a_cluster_of_the_reference_operator_is_judged_and_one_without_rights_is_named() {
    let cluster = exclusive();
    let labels =
        json!({"app.kubernetes.io/name": "opentelemetry-operator", "control-plane": "controller-manager"});
    let container =
        json!({"name": "manager", "image": "ghcr.io/open-telemetry/opentelemetry-operator:0.158.0"});
    cluster.apply(&[
        namespace("reference", &json!({})),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"namespace": "reference", "name": "opentelemetry-operator-controller-manager", "labels": labels},
            "spec": {
                "replicas": 0, "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        }),
        instrumentation("reference", "base", &json!({"exporter": {"endpoint": "http://gateway.example.com:4318"}})),
        deployment("reference", "web", &json!({INJECT_PYTHON: "other"})),
    ]);
    let kubectl = |arguments: &[&str]| cluster.kubectl().run(arguments).unwrap();
    kubectl(&["delete", "deployment", "ingraft-operator", "-n", "opentelemetry-operator-system"]);
    let told = found(&cluster, &["-n", "reference"]);
    let expected = set([
        "InstrumentationNotFound Deployment reference/web",
        "OperatorNotReady Deployment reference/opentelemetry-operator-controller-manager",
        "OperatorOfOthers Deployment reference/opentelemetry-operator-controller-manager",
        "RegistrationMissing MutatingWebhookConfiguration opentelemetry-operator-mutation",
    ]);
    assert_eq!(told, expected);

    // It looks until nothing is wrong.
    let only = ["doctor", "-n", "reference", "--only=InstrumentationNotFound"];
    assert_eq!(cluster.ingraft(&only).status.code(), Some(1));
    let waited = std::thread::scope(|scope| {
        let waited = scope.spawn(|| cluster.ingraft(&[&only[..], &["--wait=60s"]].concat()));
        let endpoint = json!({"exporter": {"endpoint": "http://gateway.example.com:4318"}});
        cluster.apply(&[instrumentation("reference", "other", &endpoint)]);
        waited.join().unwrap()
    });
    assert_eq!(waited.status.code(), Some(0), "{waited:?}");

    kubectl(&["create", "serviceaccount", "nobody", "-n", "reference"]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), cluster.kubeconfig_of("reference", "nobody")).unwrap();
    let output =
        cluster.ingraft(&["doctor", "-n", "reference", "--kubeconfig", file.path().to_str().unwrap()]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("deployments.apps is forbidden") && said.contains("pods is forbidden"), "{said}");
    assert_eq!(output.status.code(), Some(3), "{said}");
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("Annotations       not seen: it may not be read"), "{told}");
    assert!(told.contains("nothing is wrong in what may be read: looked at 0 workloads"), "{told}");
    let nowhere = cluster.ingraft(&["doctor", "-n", "nowhere"]);
    let said = String::from_utf8(nowhere.stderr).unwrap();
    assert!(said.contains("namespaces \"nowhere\" not found"), "{said}");
    // A cluster in which nothing was ever installed, nor Argo Rollouts.
    kubectl(&["delete", "crd", "instrumentations.opentelemetry.io"]);
    let told = || found(&cluster, &["-n", "reference"]);
    until("what is missing is told", told, |told| {
        told.iter().any(|line| line.starts_with("DefinitionMissing"))
    });
    let said = String::from_utf8(cluster.ingraft(&["doctor", "-n", "reference"]).stderr).unwrap();
    assert!(!said.contains("Argo Rollouts"), "{said}");
    kubectl(&["delete", "deployment", "--all", "-n", "reference"]);
    cluster.install().unwrap();
}

//! Every golden case gives the same changes and findings by `ingraft inject`, by the webhook and by `ingraft explain`:
//! what a file says, what watches bring, and what the API server answers to a question.
//!
//! Objects are stored first, while no operator is registered, so that all three decide about the same workload with the
//! API server's defaults.

mod left_out;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ingraft_core::Workload;
use serde_json::{Value, json};

use crate::cluster::{Cluster, IMAGE, INJECT_PYTHON, deployment, exclusive, instrumentation};
use crate::golden::{GoldenCase, golden_cases};
use crate::operator::Operator;
use crate::requests::bundle;
use left_out::LEFT_OUT;

/// What is said of a template, and not of each pod that is made from it.
const OF_THE_TEMPLATE: [&str; 4] =
    ["AnnotationMisplaced", "AnnotationAlone", "LivenessProbeMayKill", "RequireMisplaced"];
/// All three look for the names of Secrets.
const CHECK_SECRETS: &str = "--check-secrets";

#[test]
fn inject_webhook_and_explain_give_the_same_changes_and_findings() {
    let cluster = exclusive();
    let mut refused = Vec::new();
    let mut groups: BTreeMap<(Vec<String>, String), Vec<Stored>> = BTreeMap::new();
    let cases = golden_cases("");
    create_namespaces(&cluster, &cases);
    for case in cases {
        let args = complete_args(&case.args);
        let stored = Stored::create(&cluster, case, &mut refused);
        groups.entry((args, json!(stored.nodes).to_string())).or_default().push(stored);
    }
    check_refused(&refused);

    let mut compared = 0;
    let mut different = Vec::new();
    for ((args, _), group) in &groups {
        let nodes = group.first().map_or(&[][..], |stored| &stored.nodes);
        let session = Session::start(&cluster, args, nodes);
        for stored in group {
            compared += session.compare(stored, &mut different);
        }
        session.end(nodes);
    }
    eprintln!("{compared} workloads compared");
    assert!(different.is_empty(), "{} of {compared} differ:\n{}", different.len(), different.join("\n"));
    assert!(compared >= 300, "too few were compared: {compared}");
}

#[test]
fn explain_names_what_its_user_may_not_see() {
    let cluster = exclusive();
    cluster.namespace_without_operator("may-not");
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "gateway", "namespace": "may-not"},
        "spec": {"ports": [{"name": "grpc", "port": 4317}, {"name": "http", "port": 4318}]},
    });
    let spec = json!({"exporter": {"endpoint": "http://gateway.may-not:4317"}});
    let asks = deployment("may-not", "web", &json!({INJECT_PYTHON: "base"}));
    cluster.apply(&[service, instrumentation("may-not", "base", &spec), asks]);
    let explain = |user: Option<&str>| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let words = ["explain", "deployment/web", "-n", "may-not", "-o", "json"];
        let output = match user {
            Some(user) => {
                std::fs::write(file.path(), cluster.kubeconfig_of("may-not", user)).unwrap();
                let kubeconfig = ["--kubeconfig", file.path().to_str().unwrap()];
                cluster.ingraft(&[&words[..], &kubeconfig].concat())
            }
            None => cluster.ingraft(&words),
        };
        let said = String::from_utf8(output.stderr).unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).expect(&said);
        answer
    };
    let kubectl = cluster.kubectl();
    kubectl.run(&["create", "serviceaccount", "developer", "-n", "may-not"]).unwrap();
    let rights = ["cronjobs.batch", "services", "configmaps", "instrumentations.opentelemetry.io"];
    let resource = format!("--resource={}", rights.join(","));
    kubectl.run(&["create", "role", "view", "--verb=get,list", &resource, "-n", "may-not"]).unwrap();
    let bind = ["create", "rolebinding", "view", "--role=view", "--serviceaccount=may-not:developer"];
    kubectl.run(&[&bind[..], &["-n", "may-not"]].concat()).unwrap();
    let deployments =
        ["create", "clusterrole", "list-deployments", "--verb=get,list", "--resource=deployments.apps"];
    kubectl.run(&deployments).unwrap();
    let bind = ["create", "clusterrolebinding", "list-deployments", "--clusterrole=list-deployments"];
    kubectl.run(&[&bind[..], &["--serviceaccount=may-not:developer"]].concat()).unwrap();

    let (all, own) = (explain(None), explain(Some("developer")));
    assert_eq!(all["notes"], json!([]), "an administrator sees everything");
    assert_eq!(all["findings"], own["findings"], "what matters is in the namespace");
    assert_eq!(all["patch"], own["patch"]);
    assert!(all["findings"].to_string().contains("EndpointPortCorrected"), "{all}");
    let notes: Vec<&str> = own["notes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let named = ["configmaps", "limitranges", "namespaces", "nodes", "pods", "services"];
    for resource in named.iter().chain(&["runtimeclasses.node.k8s.io", "instrumentations.opentelemetry.io"]) {
        assert!(notes.iter().any(|note| note.starts_with(&format!("{resource} "))), "{resource}: {notes:#?}");
    }
    assert_eq!(notes.len(), 8, "{notes:#?}");
}

pub(crate) fn create_namespaces(cluster: &Cluster, cases: &[GoldenCase]) {
    let all: Vec<(&String, &Value)> = cases.iter().flat_map(|case| &case.namespaces).collect();
    let objects: Vec<Value> = all
        .iter()
        .map(|(name, declared)| {
            let mut metadata = json!({"name": name, "labels": declared["labels"]});
            // Values that are not text are for the command line alone.
            let mut annotations = declared["annotations"].as_object().cloned().unwrap_or_default();
            annotations.retain(|_, value| value.is_string());
            metadata["annotations"] = annotations.into();
            if let Some(level) = metadata.pointer_mut("/labels/pod-security.kubernetes.io~1enforce")
                && level.as_str().is_some_and(|level| !["baseline", "restricted"].contains(&level))
            {
                *level = "privileged".into();
            }
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        })
        .collect();
    cluster.apply(&objects);
    cluster.wait_service_accounts(&all.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>());
}

/// The flags of a case, with what the operator's manifests set otherwise.
fn complete_args(args: &[String]) -> Vec<String> {
    let mut args = args.to_vec();
    for default in ["--enable-nginx-instrumentation=false", "--probe-image="] {
        let flag = default.split_inclusive('=').next().unwrap();
        if !args.iter().any(|arg| arg.starts_with(flag)) {
            args.push(default.to_owned());
        }
    }
    args
}

/// The objects of a case, as the API server has stored them.
struct Stored {
    case: String,
    namespaces: Vec<Value>,
    nodes: Vec<Value>,
    objects: Vec<Value>,
}

impl Stored {
    fn create(cluster: &Cluster, case: GoldenCase, refused: &mut Vec<(String, String, String)>) -> Self {
        let (nodes, others): (Vec<Value>, Vec<Value>) =
            case.objects.into_iter().partition(|object| object["kind"] == "Node");
        let mut objects = Vec::new();
        for object in others.iter().map(completed) {
            let (accepted, said) = cluster.create(false, std::slice::from_ref(&object));
            if accepted.is_empty() {
                refused.push((case.name.clone(), named(&object), said));
            }
            objects.extend(accepted);
        }
        let namespaces = case.namespaces.keys().map(|name| cluster.stored_namespace(name)).collect();
        Self { case: case.name, namespaces, nodes, objects }
    }

    fn workloads(&self) -> impl Iterator<Item = Workload<'_>> {
        self.objects.iter().filter_map(Workload::of)
    }

    /// What `inject` is given. What is in ConfigMaps and Secrets is left for it to look up: only manifests show keys.
    fn manifests(&self) -> Value {
        let described = |object: &&Value| !["ConfigMap", "Secret"].iter().any(|kind| object["kind"] == *kind);
        let objects = self.namespaces.iter().chain(&self.nodes).chain(&self.objects);
        json!({"apiVersion": "v1", "kind": "List", "items": objects.filter(described).collect::<Vec<_>>()})
    }
}

/// `Kind name`.
fn named(object: &Value) -> String {
    let name = object["metadata"]["name"].as_str().or_else(|| object["metadata"]["generateName"].as_str());
    format!("{} {}", object["kind"].as_str().unwrap_or_default(), name.unwrap_or_default())
}

/// An object with what the API server demands and no case is about, such as selectors and the restart policy of Jobs.
pub(crate) fn completed(object: &Value) -> Value {
    let mut object = object.clone();
    let collected = object["kind"] != "Instrumentation";
    if let Some(metadata) = object["metadata"].as_object_mut() {
        // What was pasted from a cluster must not name a version.
        metadata.remove("resourceVersion");
        // An object whose owner or node does not exist would be collected. Instrumentations go when the test has ended.
        if collected {
            metadata.insert("finalizers".to_owned(), json!(["example.com/kept"]));
        }
    }
    let selects = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"];
    let (selected, job) = match object["kind"].as_str() {
        Some(kind) if selects.contains(&kind) => (true, None),
        Some("Job") => (false, Some("/spec/template")),
        Some("CronJob") => (false, Some("/spec/jobTemplate/spec/template")),
        _ => return object,
    };
    if selected && object["spec"].get("selector").is_none() {
        let labels = &mut object["spec"]["template"]["metadata"]["labels"];
        labels["selected"] = "yes".into();
        object["spec"]["selector"] = json!({"matchLabels": {"selected": "yes"}});
    }
    if object["kind"] == "CronJob" && object["spec"].get("schedule").is_none() {
        object["spec"]["schedule"] = "0 0 1 1 *".into();
    }
    if let Some(template) = job.and_then(|pointer| object.pointer_mut(pointer))
        && template["spec"].get("restartPolicy").is_none()
    {
        template["spec"]["restartPolicy"] = "OnFailure".into();
    }
    object
}

/// Fails if an object is refused that is not listed, or listed and accepted.
fn check_refused(refused: &[(String, String, String)]) {
    let listed = |case: &str, object: &str, said: &str| {
        LEFT_OUT
            .iter()
            .any(|(listed, objects, why)| *listed == case && objects.contains(&object) && said.contains(why))
    };
    let new: Vec<String> = refused
        .iter()
        .filter(|(case, object, said)| !listed(case, object, said))
        .map(|(case, object, said)| format!("{case}, {object}: {said}"))
        .collect();
    assert!(new.is_empty(), "refused, but not listed:\n{}", new.concat());
    let refused: BTreeSet<(&str, &str)> =
        refused.iter().map(|(case, object, _)| (case.as_str(), object.as_str())).collect();
    for (case, objects, _) in LEFT_OUT {
        for object in *objects {
            assert!(refused.contains(&(*case, *object)), "{case}, {object} is listed, but accepted");
        }
    }
}

/// An operator with certain flags, in a cluster with certain nodes.
struct Session<'a> {
    cluster: &'a Cluster,
    args: Vec<&'a str>,
    operator: Operator,
    trusted: String,
}

impl<'a> Session<'a> {
    fn start(cluster: &'a Cluster, args: &'a [String], nodes: &[Value]) -> Self {
        for node in nodes {
            cluster.kubectl().run_with_input(&["create", "-f", "-"], &node_with_info(node)).unwrap();
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let image = format!("--image={IMAGE}");
        let words: Vec<String> = args.iter().map(|arg| format!("--arg={arg}")).collect();
        let words: Vec<&str> = ["manifests", "operator", &image, CHECK_SECRETS]
            .into_iter()
            .chain(words.iter().map(String::as_str))
            .collect();
        let manifests = cluster.ingraft(&words).stdout;
        cluster.kubectl().apply(&String::from_utf8(manifests).unwrap()).unwrap();
        let mut operator = cluster.operator_with("readers", &[&args[..], &[CHECK_SECRETS]].concat());
        operator.wait_ready();
        cluster.wait_seen();
        let trusted = bundle(cluster);
        Self { cluster, args, operator, trusted }
    }

    fn end(self, nodes: &[Value]) {
        for node in nodes {
            let name = node["metadata"]["name"].as_str().unwrap();
            self.cluster.kubectl().run(&["delete", "node", name]).unwrap();
        }
        drop(self.operator);
        self.cluster.unregister().unwrap();
    }

    /// Compares what is said of each workload of a case. Returns how many there are.
    fn compare(&self, stored: &Stored, different: &mut Vec<String>) -> usize {
        let injected = self.inject(stored);
        let explained: Vec<(Workload<'_>, Answer)> = std::thread::scope(|scope| {
            let explain = |workload| scope.spawn(move || (workload, self.explain(workload)));
            let all: Vec<Workload<'_>> = stored.workloads().collect();
            // A few at a time: each is a process.
            all.chunks(4)
                .flat_map(|some| {
                    let started: Vec<_> = some.iter().map(|workload| explain(*workload)).collect();
                    started.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
                })
                .collect()
        });
        for (index, (workload, explained)) in explained.iter().enumerate() {
            let what = format!("{}, {} {}", stored.case, workload.kind, workload.name);
            let key =
                (workload.kind.to_owned(), workload.namespace.unwrap().to_owned(), workload.name.to_owned());
            let injected = injected.get(&key).cloned().unwrap_or_default();
            // Only a cluster shows which Services it lacks.
            let mut explained_as_file = explained.clone();
            explained_as_file.findings.retain(|finding| finding.code != "EndpointServiceMissing");
            if injected != explained_as_file {
                different.push(format!("{what}\n  inject:  {injected:?}\n  explain: {explained:?}"));
            }
            let reviewed = self.review(*workload, &format!("{}-{index}-", stored.case));
            let explained = explained.for_the_pod(workload.pointer);
            if reviewed != explained {
                different.push(format!("{what}\n  webhook: {reviewed:?}\n  explain: {explained:?}"));
            }
        }
        explained.len()
    }

    /// What `ingraft inject` says of each workload of a case.
    fn inject(&self, stored: &Stored) -> BTreeMap<(String, String, String), Answer> {
        let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
        std::fs::write(file.path(), stored.manifests().to_string()).unwrap();
        let words = ["inject", file.path().to_str().unwrap(), "-o", "patch", CHECK_SECRETS];
        let output = self.cluster.ingraft(&[&words[..], &self.args].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        let patches: Vec<Value> = serde_json::from_slice(&output.stdout).expect(&said);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut answers: BTreeMap<(String, String, String), Answer> = BTreeMap::new();
        for patch in patches {
            let key = (text(&patch["kind"]), text(&patch["namespace"]), text(&patch["name"]));
            answers.entry(key).or_default().patch = patch["patch"].as_array().unwrap().clone();
        }
        let by_place: BTreeMap<String, (String, String, String)> = stored
            .workloads()
            .map(|workload| {
                let (kind, name) = (workload.kind.to_owned(), workload.name.to_owned());
                let namespace = workload.namespace.unwrap().to_owned();
                (format!("({}/{name} in namespace {namespace}", kind.to_lowercase()), (kind, namespace, name))
            })
            .collect();
        for (place, finding) in findings(&said) {
            // What is said of an Instrumentation is nothing about a workload.
            if let Some(key) = by_place.get(&place) {
                answers.entry(key.clone()).or_default().findings.push(finding);
            }
        }
        for answer in answers.values_mut() {
            answer.findings.sort();
        }
        answers
    }

    /// What `ingraft explain` says of a workload.
    fn explain(&self, workload: Workload<'_>) -> Answer {
        let target = format!("{}/{}", workload.kind, workload.name);
        let output =
            self.cluster.ingraft(&["explain", &target, "-n", workload.namespace.unwrap(), "-o", "json"]);
        let said = String::from_utf8(output.stderr).unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).expect(&said);
        assert_eq!(answer["notes"], json!([]), "an administrator sees everything");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let finding = |finding: &Value| Finding {
            severity: text(&finding["severity"]),
            code: text(&finding["code"]),
            message: text(&finding["message"]),
        };
        let mut findings: Vec<Finding> = answer["findings"].as_array().unwrap().iter().map(finding).collect();
        findings.sort();
        let is_error = findings.iter().any(|finding| finding.severity == "error");
        assert_eq!(output.status.code(), Some(i32::from(is_error)), "{target}: {said}");
        Answer { patch: answer["patch"].as_array().unwrap().clone(), findings }
    }

    /// What the webhook does with a pod that a workload would make. `name` is what the pod's name begins with, unless it
    /// is stored already.
    fn review(&self, workload: Workload<'_>, name: &str) -> Answer {
        let namespace = workload.namespace.unwrap();
        let mut pod = workload.template.clone();
        if !workload.pointer.is_empty() {
            pod["metadata"]["generateName"] = name.into();
            let owner = &workload.document;
            pod["metadata"]["ownerReferences"] = json!([{
                "apiVersion": owner["apiVersion"], "kind": workload.kind, "name": workload.name,
                "uid": owner["metadata"]["uid"],
            }]);
        }
        let review = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {"uid": "u", "namespace": namespace, "operation": "CREATE", "dryRun": true, "object": pod},
        });
        let log = self.operator.log().unwrap().len();
        let answer =
            self.operator.post("/mutate-v1-pod", &self.trusted, review.to_string().as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        let answer: Value = serde_json::from_str(&answer.body).unwrap();
        let patch = answer["response"]["patch"].as_str().map(|patch| STANDARD.decode(patch).unwrap());
        let patch = patch.map(|patch| serde_json::from_slice(&patch).unwrap()).unwrap_or_default();
        let pod = pod["metadata"]["name"].as_str().unwrap_or(name).to_owned();
        let log = self.operator.log().unwrap().split_off(log);
        let logged = log.lines().filter_map(|line| logged(line, namespace, &pod));
        let mut findings: Vec<Finding> =
            logged.filter(|finding| !OF_THE_TEMPLATE.contains(&finding.code.as_str())).collect();
        findings.sort();
        Answer { patch, findings }
    }
}

/// A node as the API server wants it.
fn node_with_info(node: &Value) -> String {
    let mut node = node.clone();
    let info = node["status"]["nodeInfo"].as_object_mut().unwrap();
    for key in [
        "bootID",
        "containerRuntimeVersion",
        "kernelVersion",
        "kubeProxyVersion",
        "machineID",
        "operatingSystem",
        "osImage",
        "systemUUID",
    ] {
        info.entry(key).or_insert_with(|| "".into());
    }
    node.to_string()
}

/// What is decided about a workload.
#[derive(Debug, Clone, Default, PartialEq)]
struct Answer {
    patch: Vec<Value>,
    findings: Vec<Finding>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    severity: String,
    code: String,
    message: String,
}

impl Answer {
    /// What is left of it for the webhook, which sees the pod and not the workload around it.
    fn for_the_pod(&self, pointer: &str) -> Self {
        let mut this = self.clone();
        for edit in &mut this.patch {
            let path =
                edit["path"].as_str().unwrap().strip_prefix(pointer).expect("it is below the template");
            edit["path"] = path.to_owned().into();
        }
        this.findings.retain(|finding| !OF_THE_TEMPLATE.contains(&finding.code.as_str()));
        this
    }
}

/// The findings that the command line prints, each with the object that it names.
fn findings(said: &str) -> Vec<(String, Finding)> {
    let mut found = Vec::new();
    let mut last = None;
    for line in said.lines() {
        if let Some(place) = line.strip_prefix("  --> ") {
            let place = place.split_once(" (").map_or("", |(_, place)| place);
            let place = place.trim_end_matches(')').split(", by ").next().unwrap();
            found.extend(last.take().map(|finding| (format!("({place}"), finding)));
        } else if let Some((severity, rest)) = line.split_once('[')
            && let Some((code, message)) = rest.split_once("]: ")
            && ["info", "warning", "error"].contains(&severity)
        {
            let (severity, code, message) = (severity.to_owned(), code.to_owned(), message.to_owned());
            last = Some(Finding { severity, code, message });
        }
    }
    found
}

/// The finding about a pod in a line of the operator's log, if there is one.
fn logged(line: &str, namespace: &str, pod: &str) -> Option<Finding> {
    let entry: Value = serde_json::from_str(line).ok()?;
    let field = |name: &str| entry.get(name).or_else(|| entry["fields"].get(name)).and_then(Value::as_str);
    let is_of_the_review = field("dry_run").is_some() || entry.get("dry_run").is_some();
    if field("k8s.namespace.name") != Some(namespace)
        || field("k8s.pod.name") != Some(pod)
        || !is_of_the_review
    {
        return None;
    }
    let severity = match field("level")? {
        "INFO" => "info",
        "WARN" => "warning",
        _ => "error",
    };
    let (code, message) = (field("code")?.to_owned(), field("message")?.to_owned());
    Some(Finding { severity: severity.to_owned(), code, message })
}

//! While no replica runs, the API server injects pods by what the leader has left it.

use ingraft_core::workload::template_hash;
use serde_json::{Value, json};

use crate::cluster::{Cluster, IMAGE, deployment, exclusive, instrumentation, is_injected, pod};
use crate::wait::{until, until_some};

const SDK: &str = "instrumentation.opentelemetry.io/inject-sdk";
const MARK: &str = "ingraft.dev/standby";

/// Whether the API server has mutating policies.
pub(crate) fn is_served(cluster: &Cluster) -> bool {
    let is_served = cluster.kubectl().has_mutating_policies().unwrap();
    if !is_served {
        eprintln!("left out: this version of Kubernetes serves no mutating policies by default");
    }
    is_served
}

/// Policies and a plan in a cluster; they go when it is dropped.
pub(crate) struct Installed<'a>(&'a Cluster);

impl<'a> Installed<'a> {
    /// Applies documents, definitions first.
    pub(crate) fn apply(cluster: &'a Cluster, text: &str) -> Self {
        let installed = Self(cluster);
        let rest = cluster.kubectl().apply_definitions(text).unwrap();
        // What binds hints would speak beside the operator.
        let rest: Vec<&str> =
            rest.into_iter().filter(|document| !document.contains("accepted-anyway")).collect();
        cluster.kubectl().apply(&rest.join("---\n")).unwrap();
        installed
    }
}

impl Drop for Installed<'_> {
    fn drop(&mut self) {
        let kinds = "mutatingadmissionpolicybinding,mutatingadmissionpolicy,plans.ingraft.dev";
        let removed = self.0.kubectl().run(&["delete", kinds, "--all"]);
        if !std::thread::panicking() {
            removed.unwrap();
        }
    }
}

fn tried(cluster: &Cluster, annotations: &Value) -> Value {
    let (mut pods, said) = cluster.create(true, &[pod("left", "tried", annotations)]);
    pods.pop().unwrap_or_else(|| panic!("refused: {said}"))
}

#[test]
fn pods_are_injected_by_what_a_leader_has_left() {
    let cluster = exclusive();
    if !is_served(&cluster) {
        return;
    }
    let output = cluster.ingraft(&["manifests", "all", "--image", IMAGE, "--standby"]);
    let _installed = Installed::apply(&cluster, &String::from_utf8(output.stdout).unwrap());
    cluster.set_replicas_ready(false);
    let mut operator = cluster.operator_with("planner", &["--standby"]);
    operator.wait_ready();
    cluster.namespace("left", &json!({}));
    cluster.apply(&[instrumentation(
        "left",
        "base",
        &json!({"exporter": {"endpoint": "http://c.obs:4318"}}),
    )]);
    // What is not planned is told where somebody requests it.
    cluster.namespace("hidden", &json!({}));
    let headers = json!({"env": [{"name": "OTEL_EXPORTER_OTLP_HEADERS", "value": "authorization=secret"}]});
    cluster.apply(&[
        instrumentation("hidden", "headers", &headers),
        deployment("hidden", "asking", &json!({SDK: "headers"})),
    ]);
    // As a leader has it that has seen injected pods crash and others run.
    cluster.apply(&[deployment("left", "blocked", &json!({SDK: "base"}))]);
    let get = ["get", "deployment/blocked", "-n", "left", "-o", "json"];
    let hash = template_hash(&cluster.kubectl().json(&get).unwrap()["spec"]["template"]);
    let block = format!("ingraft.dev/blocked={hash}=loader");
    cluster.kubectl().run(&["annotate", "deployment/blocked", "-n", "left", &block]).unwrap();
    let plan = || {
        let plan = cluster.kubectl().json(&["get", "plan", "ingraft", "-o", "json"]).ok()?;
        // Other tests leave blocked workloads too.
        let skipped = plan["spec"]["skippedWorkloads"].as_array()?;
        let is_whole = plan.pointer("/spec/instrumentations/left~1base/python").is_some()
            && skipped.contains(&json!("left/Deployment/blocked"));
        is_whole.then_some(plan)
    };
    let plan = until_some("the plan is published", plan);
    let budget = ["get", "pdb", "ingraft-operator", "-n", "opentelemetry-operator-system", "-o", "json"];
    let token = || {
        cluster.kubectl().json(&budget).unwrap()["metadata"]["annotations"]["ingraft.dev/standby-token"]
            .clone()
    };
    until("the budget has the plan's token", token, |token| *token == plan["spec"]["token"]);
    let by = |pod: &Value| pod["metadata"]["annotations"]["ingraft.dev/injected"].as_str().map(str::to_owned);
    let by_policy = |pod: &Value| by(pod).is_some_and(|text| text.contains(r#""by":"policy""#));
    let told = until("it is told", || cluster.events("hidden", "NotPlanned"), |events| !events.is_empty());
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["involvedObject"]["kind"], "Instrumentation");
    assert!(told[0]["message"].as_str().is_some_and(|note| note.contains("credentials")), "{told:?}");
    // Its pods stay Pending here, so the policies work beside it. Whichever comes first, nothing is added a second time.
    let both = tried(&cluster, &json!({SDK: "base"}));
    assert!(is_injected(&both), "{both}");
    drop(operator);
    cluster.unregister().unwrap();

    let alone = until("the API server injects", || tried(&cluster, &json!({SDK: "true"})), by_policy);
    assert_eq!(alone["spec"]["containers"][0]["env"], both["spec"]["containers"][0]["env"]);
    assert_eq!(alone["metadata"]["annotations"].get(MARK), None, "the mark is gone");
    assert!(!is_injected(&tried(&cluster, &json!({}))));
    assert!(!is_injected(&tried(&cluster, &json!({SDK: "other"}))), "there is no such Instrumentation");
    cluster.apply(&[deployment("left", "made", &json!({SDK: "base"}))]);
    assert!(by_policy(&cluster.pod_of("left", "made")));
    let of_blocked =
        |pod: &Value| pod["metadata"]["name"].as_str().is_some_and(|name| name.starts_with("blocked-"));
    // The first one may have come before it was blocked.
    let pods = || cluster.pods("left").into_iter().filter(of_blocked).collect::<Vec<_>>();
    let before = pods();
    let is_new = |pod: &Value| !before.iter().any(|one| one["metadata"]["uid"] == pod["metadata"]["uid"]);
    cluster.kubectl().run(&["scale", "deployment/blocked", "-n", "left", "--replicas=2"]).unwrap();
    let another = || pods().into_iter().find(is_new);
    let another = until_some("another pod of what is blocked", another);
    assert!(!by_policy(&another), "{another}");

    // What is restored first shows each time that a change, and not the one before it, has an effect.
    let whole = || {
        let patch = json!([{"op": "replace", "path": "/spec", "value": plan["spec"]}]).to_string();
        cluster.kubectl().run(&["patch", "plan", "ingraft", "--type=json", "-p", &patch]).unwrap();
        until("the plan is whole", || tried(&cluster, &json!({SDK: "base"})), by_policy);
    };
    let patch = |spec: &Value| {
        whole();
        let patch = json!({"spec": spec}).to_string();
        cluster.kubectl().run(&["patch", "plan", "ingraft", "--type=merge", "-p", &patch]).unwrap();
    };
    let image = alone["spec"]["containers"][0]["image"].as_str().unwrap();
    let repository = format!("left/{}", image.split(':').next().unwrap());
    let mut of_workload = pod("left", "tried", &json!({SDK: "base", MARK: "anything"}));
    let made = cluster.pod_of("left", "made");
    of_workload["metadata"]["labels"] = made["metadata"]["labels"].clone();
    of_workload["metadata"]["ownerReferences"] = made["metadata"]["ownerReferences"].clone();
    for (what, spec) in [
        ("a paused plan is none", json!({"paused": true})),
        ("the mark says something else", json!({"token": "other"})),
        ("the workload is left alone", json!({"skippedWorkloads": ["left/Deployment/made"]})),
        ("the image is left alone", json!({"skippedImages": [repository]})),
        ("the namespace is left alone", json!({"skippedNamespaces": ["left"]})),
        ("there is no telemetry", json!({"telemetry": null})),
        ("there are no agents", json!({"agents": null})),
        ("there are no Instrumentations", json!({"instrumentations": null})),
    ] {
        patch(&spec);
        until(
            what,
            || cluster.create(true, std::slice::from_ref(&of_workload)),
            |(pods, _)| pods.first().is_some_and(|pod| !is_injected(pod)),
        );
    }

    // A name that no variable may have passes every decoder: only the trial by the leader keeps it out of the plan.
    let telemetry = plan["spec"]["telemetry"].as_object().unwrap().keys().next().unwrap();
    patch(&json!({"telemetry": {telemetry: {"env": [{"name": "not a name=", "value": "x"}]}}}));
    let refused = || cluster.create(true, &[pod("left", "tried", &json!({SDK: "base"}))]);
    until("it is refused", refused, |(pods, said)| pods.is_empty() && said.contains("not a name="));

    // Pods need no mark where a plan demands none.
    patch(&json!({"token": ""}));
    cluster.kubectl().run(&["delete", "mutatingadmissionpolicybinding", "ingraft-standby-switch"]).unwrap();
    until("pods need no mark", || tried(&cluster, &json!({SDK: "base"})), by_policy);
}

//! Workloads that are restarted so that their pods get what they request.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ingraft_testkit::ingraft::NAMESPACE;
use serde_json::{Value, json};

use crate::cluster::{
    Cluster, IMAGE, INJECT_PYTHON, NAME, deployment, exclusive, instrumentation, is_injected,
};
use crate::wait::{until, within};

/// Installs the operator's rights to heal, as `ingraft manifests operator --heal` has them.
pub(crate) fn allow_healing(cluster: &Cluster) {
    let output = cluster.ingraft(&["manifests", "operator", "--image", IMAGE, "--heal"]);
    let manifests = String::from_utf8(output.stdout).unwrap();
    let documents: Vec<&str> =
        manifests.split("---\n").filter(|document| !document.contains("accepted-anyway")).collect();
    cluster.kubectl().apply(&documents.join("---\n")).unwrap();
}

fn spec() -> Value {
    json!({"exporter": {"endpoint": "http://collector.obs:4318"}})
}

fn web(namespace: &str, name: &str) -> Value {
    let mut web = deployment(namespace, name, &json!({INJECT_PYTHON: "base"}));
    web["spec"]["replicas"] = 2.into();
    web
}

/// The Deployments of a namespace.
fn deployments(cluster: &Cluster, namespace: &str) -> Vec<Value> {
    let listed = cluster.kubectl().json(&["get", "deployments", "-n", namespace, "-o", "json"]).unwrap();
    listed["items"].as_array().unwrap().clone()
}

/// Makes pods ready, as a kubelet would, until there is nothing more to do.
fn run_pods(cluster: &Cluster, namespace: &str, is_over: &AtomicBool, seen: impl Fn()) {
    while !is_over.load(Ordering::Relaxed) {
        for pod in cluster.pods(namespace) {
            let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
            if conditions.iter().any(|condition| condition["type"] == "Ready") {
                continue;
            }
            let ready = json!({"type": "Ready", "status": "True"});
            let status = json!({"phase": "Running", "conditions": [ready]});
            let name = pod["metadata"]["name"].as_str().unwrap();
            let patch = json!({"status": status}).to_string();
            // It may be gone by now.
            let _ = cluster.kubectl().run(&[
                "patch",
                "pod",
                name,
                "-n",
                namespace,
                "--subresource=status",
                "--type=strategic",
                "-p",
                &patch,
            ]);
        }
        seen();
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Ends what runs beside a test, also when that fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The Deployments whose rollout is not over.
fn under_way(all: &[Value]) -> usize {
    let number = |value: &Value| value.as_i64().unwrap_or(0);
    let is_over = |one: &&Value| {
        let status = &one["status"];
        number(&status["observedGeneration"]) == number(&one["metadata"]["generation"])
            && number(&status["updatedReplicas"]) == 2
            && number(&status["replicas"]) == 2
            && number(&status["availableReplicas"]) == 2
    };
    all.len() - all.iter().filter(is_over).count()
}

fn healed(one: &Value) -> &str {
    one["metadata"]["annotations"]["ingraft.dev/healed"].as_str().unwrap_or_default()
}

/// The page's order mistake, made five times: first the workloads, then the Instrumentation.
#[test]
fn missed_workloads_are_restarted_once_and_never_too_many_at_once() {
    let cluster = exclusive();
    allow_healing(&cluster);
    let mut operator = cluster.operator_with("healing", &["--heal=off", "--heal-at-once=2"]);
    operator.wait_ready();
    cluster.namespace("heals", &json!({"ingraft.dev/heal": "missed"}));
    let names = ["a", "b", "c", "d", "e"];
    cluster.apply(&names.map(|name| web("heals", name)));
    // A budget that allows nothing.
    let budget = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "keep-e", "namespace": "heals"},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "e"}}},
    });
    cluster.apply(&[budget]);
    let (is_over, begun, most) = (AtomicBool::new(false), AtomicBool::new(false), AtomicUsize::new(0));
    let (cluster, is_over, begun, most) = (&*cluster, &is_over, &begun, &most);
    let looks = move || {
        if begun.load(Ordering::Relaxed) {
            most.fetch_max(under_way(&deployments(cluster, "heals")), Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        let _stop = Stop(is_over);
        scope.spawn(move || run_pods(cluster, "heals", is_over, looks));
        until("all have come up", || under_way(&deployments(cluster, "heals")), |count| *count == 0);
        begun.store(true, Ordering::Relaxed);
        cluster.apply(&[instrumentation("heals", "base", &spec())]);
        let all_healed = || {
            let all = deployments(cluster, "heals");
            let healed: BTreeSet<&str> = all
                .iter()
                .filter(|one| !healed(one).is_empty())
                .filter_map(|one| one["metadata"]["name"].as_str())
                .collect();
            (healed.len() == 4 && under_way(&all) == 0).then(|| assert!(!healed.contains("e")))
        };
        within(Duration::from_mins(4), all_healed).unwrap_or_else(|| {
            panic!(
                "not all are healed: {:?}",
                deployments(cluster, "heals").iter().map(healed).collect::<Vec<_>>()
            )
        });
        let most = most.load(Ordering::Relaxed);
        assert!((1..=2).contains(&most), "{most} at once");
        let pods = cluster.pods("heals");
        assert!(pods.iter().all(|pod| is_injected(pod) == (pod["metadata"]["labels"]["app"] != "e")));
        let told = |reason| move || cluster.events("heals", reason);
        let healed_events = until("Events tell", told("Healed"), |told| told.len() == 4);
        let message = healed_events[0]["message"].as_str().unwrap();
        assert!(message.contains("pods ran without what they request"), "{message}");
        let kept = within(Duration::from_mins(2), || told("NotHealed")().pop())
            .expect("an Event tells of the budget");
        let message = kept["message"].as_str().unwrap();
        assert!(message.contains("PodDisruptionBudget keep-e allows no further disruption"), "{message}");

        // Nothing is restarted again: not by this leader, and not by the next.
        let generations = || {
            let all = deployments(cluster, "heals");
            all.iter().map(|one| one["metadata"]["generation"].clone()).collect::<Vec<_>>()
        };
        let before = generations();
        operator.terminate().unwrap();
        assert!(operator.wait_ended());
        let mut next = cluster.operator_with("next", &["--heal=off", "--heal-at-once=2"]);
        next.wait_ready();
        // Whatever the next leader does, it does it before it is through with a workload that comes later.
        cluster.apply(&[web("heals", "f")]);
        let status = || cluster.instrumentation("heals", "base")["status"]["workloads"].clone();
        until("the next leader has counted", status, |counts| {
            counts["asked"] == 6 && counts["injected"] == 5
        });
        assert_eq!(generations()[..5], before[..]);

        // The budget allows it now.
        cluster.kubectl().run(&["delete", "pdb", "keep-e", "-n", "heals"]).unwrap();
        let last =
            || deployments(cluster, "heals").into_iter().find(|one| one["metadata"]["name"] == "e").unwrap();
        let last_healed = || Some(last()).filter(|last| healed(last).starts_with("missed/"));
        within(Duration::from_mins(4), last_healed).expect("the last one is healed too");
    });
}

/// The operator was away when all of them were created.
#[test]
fn fifty_that_nobody_saw_are_told() {
    let cluster = exclusive();
    cluster.namespace_without_operator("away");
    cluster.apply(&[instrumentation("away", "base", &spec())]);
    let all: Vec<Value> = (0..50).map(|index| web("away", &format!("web-{index}"))).collect();
    cluster.apply(&all);
    until("their pods", || cluster.pods("away").len(), |count| *count == 100);
    let mut operator = cluster.operator("away");
    operator.wait_ready();
    let ready = Instant::now();
    let told = || {
        let missed = cluster.instrumentation("away", "base")["status"]["workloads"]["missed"].clone();
        Some(()).filter(|()| missed == 50)
    };
    within(Duration::from_mins(1), told).expect("all are told as missed");
    eprintln!("50 are told as missed {:.1} s after the operator is ready", ready.elapsed().as_secs_f64());
}

/// Without the rights that `--heal` installs, and without the flag.
#[test]
fn whoever_asks_for_healing_that_is_not_permitted_hears_of_it() {
    let cluster = exclusive();
    let mut operator = cluster.operator("healing");
    operator.wait_ready();
    cluster.namespace("unhealed", &json!({}));
    let mut asks = web("unhealed", "asks");
    asks["metadata"]["annotations"] = json!({"ingraft.dev/heal": "missed"});
    let mut misspelt = web("unhealed", "misspelt");
    misspelt["metadata"]["annotations"] = json!({"ingraft.dev/heal": "yes"});
    let said = cluster.apply(&[asks, misspelt]);
    assert!(said.contains("HealUnknown: ingraft.dev/heal is \"yes\""), "{said}");
    until("its pods are there", || cluster.pods("unhealed").len(), |count| *count == 4);
    cluster.apply(&[instrumentation("unhealed", "base", &spec())]);
    let told = within(Duration::from_mins(2), || cluster.events("unhealed", "NotHealed").pop()).unwrap();
    let message = told["message"].as_str().unwrap();
    assert!(message.contains("apply what ingraft manifests all --heal prints"), "{message}");
    assert_eq!(told["involvedObject"]["name"], "asks");
}

#[test]
fn the_operator_may_change_nothing_but_annotations_of_workloads() {
    let cluster = exclusive();
    allow_healing(&cluster);
    cluster.namespace_without_operator("guarded");
    let template = |name: &str| web("guarded", name)["spec"]["template"].clone();
    let selector = |name: &str| json!({"matchLabels": {"app": name}});
    let stateful = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db", "namespace": "guarded"},
        "spec": {"serviceName": "db", "selector": selector("db"), "template": template("db")},
    });
    let daemon = json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "log", "namespace": "guarded"},
        "spec": {"selector": selector("log"), "template": template("log")},
    });
    cluster.apply(&[web("guarded", "web"), stateful, daemon]);
    // kubectl reads before it patches.
    let reader = format!("--serviceaccount={NAMESPACE}:{NAME}");
    let bind = ["create", "rolebinding", "read", "-n", "guarded", "--clusterrole=view", &reader];
    cluster.kubectl().run(&bind).unwrap();
    let account = format!("--as=system:serviceaccount:{NAMESPACE}:{NAME}");
    let patch = |workload: &str, patch: &Value| {
        let patch = patch.to_string();
        cluster.kubectl().run(&["patch", workload, "-n", "guarded", &account, "--type=merge", "-p", &patch])
    };
    let template = |fields: Value| json!({"spec": {"template": fields}});
    let annotations = |fields: Value| json!({"metadata": {"annotations": fields}});
    let said = |workload: &str, change: &Value| {
        patch(workload, change).err().map(|error| error.to_string()).unwrap_or_default()
    };
    let refused = "ValidatingAdmissionPolicy 'ingraft-heal'";
    // The API server knows a policy a moment after it was applied.
    let scaled = || said("deployment/web", &json!({"spec": {"replicas": 3}}));
    until("the policy holds", scaled, |said| said.contains(refused));
    for workload in ["deployment/web", "statefulset/db", "daemonset/log"] {
        for allowed in [
            annotations(json!({"ingraft.dev/healed": "missed/1"})),
            template(annotations(json!({"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}))),
            template(annotations(json!({"kubectl.kubernetes.io/restartedAt": null}))),
            annotations(json!({"ingraft.dev/healed": null})),
        ] {
            patch(workload, &allowed).unwrap();
        }
        let container = json!({"name": "app", "image": "example.com/other:1"});
        for change in [
            annotations(json!({"team": "shop"})),
            annotations(json!({"kubectl.kubernetes.io/last-applied-configuration": "{}"})),
            template(annotations(json!({INJECT_PYTHON: "false"}))),
            template(json!({"metadata": {"labels": {"other": "label"}}})),
            template(json!({"spec": {"containers": [container]}})),
            template(json!({"spec": {"hostNetwork": true}})),
            json!({"metadata": {"labels": {"team": "shop"}}}),
            json!({"metadata": {"finalizers": ["example.com/keep"]}}),
            json!({"spec": {"minReadySeconds": 5}}),
            json!({"spec": {"revisionHistoryLimit": 3}}),
        ] {
            let said = said(workload, &change);
            assert!(said.contains(refused), "{workload} {change}: {said}");
        }
    }
    // Nobody else is held up.
    cluster.kubectl().run(&["scale", "deployment/web", "-n", "guarded", "--replicas=1"]).unwrap();
    cluster.kubectl().run(&["rollout", "restart", "deployment/web", "-n", "guarded"]).unwrap();
}

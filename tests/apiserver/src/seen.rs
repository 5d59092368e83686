//! What the leader tells of workloads, whoever applied them and whenever: Events, and the status of Instrumentations.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::{Cluster, INJECT_PYTHON, PYTHON, deployment, exclusive, instrumentation, is_injected};
use crate::wait::{until, within};

fn spec(port: u16) -> Value {
    json!({"exporter": {"endpoint": format!("http://collector.obs:{port}")}})
}

/// The counts in the status that are not zero, as `asked 2, injected 1`.
fn counts(cluster: &Cluster, namespace: &str) -> String {
    let status = cluster.instrumentation(namespace, "base")["status"].clone();
    let counts = status["workloads"].as_object().cloned().unwrap_or_default();
    let order = ["asked", "injected", "missed", "outdated", "failed", "refused", "newerImage"];
    let told = order.iter().filter_map(|name| {
        let count = counts.get(*name)?.as_u64().filter(|count| *count > 0)?;
        Some(format!("{name} {count}"))
    });
    told.collect::<Vec<_>>().join(", ")
}

fn wait_counts(cluster: &Cluster, namespace: &str, expected: &str) {
    until(&format!("the status says {expected}"), || counts(cluster, namespace), |counts| counts == expected);
}

/// The Events of a reason, each as `Kind/name: message`.
fn told(cluster: &Cluster, namespace: &str, reason: &str) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let events = cluster.events(namespace, reason);
    let line = |event: &Value| {
        let of = &event["involvedObject"];
        assert!(of["uid"].is_string(), "kubectl describe looks for it: {event}");
        format!("{}/{}: {}", text(&of["kind"]), text(&of["name"]), text(&event["message"]))
    };
    events.iter().map(line).collect()
}

fn wait_told(cluster: &Cluster, namespace: &str, reason: &str) -> Vec<String> {
    let found = || Some(told(cluster, namespace, reason)).filter(|told| !told.is_empty());
    within(Duration::from_mins(2), found).unwrap_or_else(|| panic!("no Event tells of {reason}"))
}

#[test]
fn the_status_says_how_every_workload_fares() {
    let cluster = exclusive();
    let mut operator = cluster.operator("operator");
    operator.wait_ready();
    cluster.namespace("seen", &json!({}));
    // Before the Instrumentation, and with a container that does not exist.
    cluster.apply(&[deployment("seen", "early", &json!({INJECT_PYTHON: "base"}))]);
    assert!(!is_injected(&cluster.pod_of("seen", "early")));
    let nowhere = json!({INJECT_PYTHON: "base", "instrumentation.opentelemetry.io/container-names": "web"});
    cluster.apply(&[instrumentation("seen", "base", &spec(4318)), deployment("seen", "nowhere", &nowhere)]);
    wait_counts(&cluster, "seen", "asked 2, missed 1, refused 1");
    let missed = wait_told(&cluster, "seen", "PodMissed");
    let command = "kubectl rollout restart deployment/early -n seen";
    assert!(
        missed.len() == 1 && missed[0].starts_with("Deployment/early: ") && missed[0].contains(command),
        "{missed:?}"
    );
    let status = cluster.instrumentation("seen", "base")["status"].clone();
    assert_eq!(status["first"]["missed"], json!(["deployment/early -n seen"]));
    assert_eq!(status["observedGeneration"], 1);
    let ready = &status["conditions"][0];
    assert_eq!((&ready["type"], &ready["status"]), (&json!("Ready"), &json!("True")), "{ready}");

    // The command that the Event names.
    let restart: Vec<&str> = command.split(' ').skip(1).collect();
    cluster.kubectl().run(&restart).unwrap();
    let pods = || cluster.pods("seen");
    until("an injected pod", pods, |pods| pods.iter().any(is_injected));
    // No kubelet runs the new pod, so the old one stays.
    let old = cluster
        .pods("seen")
        .into_iter()
        .find(|pod| pod["metadata"]["labels"]["app"] == "early" && !is_injected(pod));
    if let Some(old) = old {
        let name = old["metadata"]["name"].as_str().unwrap();
        cluster.kubectl().run(&["delete", "pod", name, "-n", "seen", "--grace-period=0", "--force"]).unwrap();
        cluster.kubectl().run(&["scale", "deployment", "early", "-n", "seen", "--replicas=0"]).unwrap();
        cluster.kubectl().run(&["scale", "deployment", "early", "-n", "seen", "--replicas=1"]).unwrap();
    }
    wait_counts(&cluster, "seen", "asked 2, injected 1, refused 1");

    let columns = cluster.kubectl().run(&["get", "otelinst", "-n", "seen"]).unwrap();
    assert!(columns.contains("READY") && columns.contains("INJECTED"), "{columns}");
    let described = cluster.kubectl().run(&["describe", "otelinst", "base", "-n", "seen"]).unwrap();
    assert!(described.contains("deployment/early -n seen"), "{described}");

    // The node cannot pull the agent.
    let pod = cluster.pods("seen").into_iter().find(is_injected).unwrap();
    let waiting = json!({"waiting": {"reason": "ErrImagePull", "message": "no route to host"}});
    let state = |state: &Value| json!([{"name": PYTHON, "image": "i", "imageID": "", "ready": false, "restartCount": 0, "state": state}]);
    let pod_name = pod["metadata"]["name"].as_str().unwrap();
    cluster.set_pod_status("seen", pod_name, &json!({"initContainerStatuses": state(&waiting)}));
    wait_counts(&cluster, "seen", "asked 2, failed 1, refused 1");
    let failed = wait_told(&cluster, "seen", "PayloadFailed");
    assert!(
        failed[0].starts_with("Deployment/early: ") && failed[0].contains("ErrImagePull: no route to host"),
        "{failed:?}"
    );
    let ended = json!({"terminated": {"exitCode": 0, "reason": "Completed"}});
    cluster.set_pod_status("seen", pod_name, &json!({"initContainerStatuses": state(&ended)}));
    wait_counts(&cluster, "seen", "asked 2, injected 1, refused 1");

    // What the Instrumentation means has changed.
    cluster.apply(&[instrumentation("seen", "base", &spec(4319))]);
    wait_counts(&cluster, "seen", "asked 2, outdated 1, refused 1");
    let outdated = wait_told(&cluster, "seen", "PodOutdated");
    assert!(outdated[0].contains(command), "{outdated:?}");
    assert_eq!(cluster.instrumentation("seen", "base")["status"]["observedGeneration"], 2);

    // Nothing says where telemetry goes.
    cluster.apply(&[instrumentation("seen", "base", &json!({}))]);
    let ready = || cluster.instrumentation("seen", "base")["status"]["conditions"][0].clone();
    let ready = until("it is not ready", ready, |ready| ready["status"] == "False");
    assert_eq!(ready["reason"], "EndpointMissing");
    assert!(
        wait_told(&cluster, "seen", "EndpointMissing")
            .iter()
            .any(|line| line.starts_with("Instrumentation/base: "))
    );
}

/// With Argo CD and Flux nobody reads what `kubectl apply` prints, and pods that never ask are never reviewed.
#[test]
fn mistakes_made_while_nobody_was_there_are_told_once() {
    let cluster = exclusive();
    cluster.namespace_without_operator("unseen");
    let mut misplaced = deployment("unseen", "misplaced", &json!({}));
    misplaced["metadata"]["annotations"] = json!({INJECT_PYTHON: "true"});
    let mut labelled = deployment("unseen", "labelled", &json!({}));
    labelled["spec"]["template"]["metadata"]["labels"][INJECT_PYTHON] = "true".into();
    cluster.apply(&[misplaced, labelled, deployment("unseen", "other", &json!({"example.com/a": "b"}))]);
    let mut operator = cluster.operator("operator");
    operator.wait_ready();
    let misplaced = wait_told(&cluster, "unseen", "AnnotationMisplaced");
    assert!(misplaced.len() == 1 && misplaced[0].starts_with("Deployment/misplaced: "), "{misplaced:?}");
    assert!(misplaced[0].contains("move it to spec.template.metadata.annotations"), "{misplaced:?}");
    assert!(wait_told(&cluster, "unseen", "AnnotationIsLabel")[0].starts_with("Deployment/labelled: "));

    // A replica that takes over tells the same Event again, not another one.
    operator.terminate().unwrap();
    assert!(operator.wait_ended());
    let mut next = cluster.operator("next");
    next.wait_ready();
    // Other tests may have left hundreds of workloads of which it tells too.
    let count = || cluster.events("unseen", "AnnotationMisplaced")[0]["series"]["count"].as_u64();
    let counted = within(Duration::from_mins(2), || count().filter(|count| *count == 2));
    assert!(counted.is_some(), "{:?}", count());
    assert_eq!(told(&cluster, "unseen", "AnnotationMisplaced").len(), 1);
    let log = next.log().unwrap();
    let is_about_it =
        |line: &&str| line.contains("AnnotationMisplaced") && line.contains("deployment/misplaced");
    assert_eq!(log.lines().filter(is_about_it).count(), 1, "{log}");
}

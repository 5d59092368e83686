//! What `kubectl apply` prints about workloads and namespaces: each mistake of the page, made on purpose.

use serde_json::{Value, json};

use crate::cluster::{Cluster, INJECT_PYTHON, deployment, exclusive, instrumentation, namespace, shared};

/// The warnings about one object, each without the word in front of it.
fn warnings(cluster: &Cluster, object: &Value) -> Vec<String> {
    let said = cluster.apply(std::slice::from_ref(object));
    said.lines().filter_map(|line| line.strip_prefix("Warning: ")).map(str::to_owned).collect()
}

/// A workload of a kind, whose template has these annotations.
fn workload(kind: &str, name: &str, annotations: &Value) -> Value {
    let mut object = deployment("warned", name, annotations);
    let template = object["spec"]["template"].clone();
    object["kind"] = kind.into();
    match kind {
        "StatefulSet" => object["spec"]["serviceName"] = "none".into(),
        "Job" => {
            object["apiVersion"] = "batch/v1".into();
            object["spec"] = json!({"template": template, "suspend": true});
            object["spec"]["template"]["spec"]["restartPolicy"] = "Never".into();
        }
        "CronJob" => {
            object["apiVersion"] = "batch/v1".into();
            object["spec"] = json!({
                "schedule": "0 0 1 1 *", "suspend": true, "jobTemplate": {"spec": {"template": template}},
            });
            object["spec"]["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"] = "Never".into();
        }
        "Pod" => {
            object["apiVersion"] = "v1".into();
            object["metadata"]["annotations"] = annotations.clone();
            object["spec"] = template["spec"].clone();
        }
        _ => {}
    }
    object
}

const KINDS: [&str; 6] = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob"];

#[test]
fn each_mistake_is_told_when_it_is_applied() {
    let (cluster, _) = shared();
    cluster.namespace("warned", &json!({}));
    cluster.namespace("warned-elsewhere", &json!({}));
    let exporter = json!({"exporter": {"endpoint": "http://collector.obs:4318"}});
    cluster.apply(&[
        instrumentation("warned", "base", &exporter),
        instrumentation("warned-elsewhere", "other", &exporter),
    ]);
    cluster.wait_seen();

    let expect = |object: &Value, expected: &str, remedy: &str| {
        let said = warnings(cluster, object);
        let found = said.iter().any(|line| line.contains(expected) && line.contains(remedy));
        assert!(found, "{expected}, {remedy}: {said:#?}\n{object}");
        assert!(said.iter().all(|line| line.chars().count() <= 120), "too long: {said:#?}");
    };
    for kind in KINDS {
        let place = if kind == "CronJob" { "spec.jobTemplate.spec.template" } else { "spec.template" };
        let mut misplaced = workload(kind, "misplaced", &json!({}));
        misplaced["metadata"]["annotations"] = json!({INJECT_PYTHON: "true"});
        expect(&misplaced, "AnnotationMisplaced", &format!("{place}.metadata.annotations"));
        expect(
            &workload(kind, "unknown", &json!({INJECT_PYTHON: "bsae"})),
            "InstrumentationNotFound",
            "base",
        );
    }

    let mut labelled = workload("Deployment", "labelled", &json!({}));
    labelled["spec"]["template"]["metadata"]["labels"][INJECT_PYTHON] = "true".into();
    expect(&labelled, "AnnotationIsLabel", "metadata.annotations");
    let mut labelled = workload("Deployment", "labelled-above", &json!({}));
    labelled["metadata"]["labels"] = json!({INJECT_PYTHON: "true"});
    expect(&labelled, "AnnotationIsLabel", "spec.template.metadata.annotations");

    for (annotations, code, remedy) in [
        (
            json!({"instrumentation.opentelemetry.io/inject-pyton": "true"}),
            "AnnotationUnknown",
            INJECT_PYTHON,
        ),
        (
            json!({"instrumentation.opentelemetry.com/inject-python": "true"}),
            "AnnotationUnknown",
            INJECT_PYTHON,
        ),
        (json!({"inject-python": "true"}), "AnnotationUnknown", INJECT_PYTHON),
        (json!({"ingraft.dev/injct": "true"}), "AnnotationUnknown", "ingraft.dev/inject"),
        (json!({INJECT_PYTHON: "other"}), "InstrumentationNotFound", "warned-elsewhere/other"),
        (json!({INJECT_PYTHON: "warned-elsewhere/base"}), "InstrumentationNotFound", "base"),
        (json!({INJECT_PYTHON: "yes"}), "InstrumentationNotFound", "true"),
        (
            json!({INJECT_PYTHON: "base", "instrumentation.opentelemetry.io/container-names": "web"}),
            "ContainerNotFound",
            "app",
        ),
    ] {
        expect(&workload("Deployment", "mistaken", &annotations), code, remedy);
    }
    let pod = workload("Pod", "mistaken", &json!({"opentelemetry.io/inject-python": "base"}));
    expect(&pod, "AnnotationUnknown", INJECT_PYTHON);
    let misspelt =
        namespace("warned-namespace", &json!({"instrumentation.opentelemetry.io/inject-pyhton": "true"}));
    expect(&misspelt, "AnnotationUnknown", INJECT_PYTHON);
}

#[test]
fn what_is_right_or_somebody_elses_costs_nothing() {
    let cluster = exclusive();
    let mut operator = cluster.operator("not-warned");
    operator.wait_ready();
    cluster.namespace("not-warned", &json!({}));
    cluster.apply(&[instrumentation(
        "not-warned",
        "base",
        &json!({"exporter": {"endpoint": "http://c.obs:4318"}}),
    )]);
    cluster.wait_seen();
    let reviews = || {
        operator
            .metric::<u64>("ingraft_admission_reviews_total", &["webhook=\"workload-warnings\""])
            .unwrap_or(0)
    };
    let mut of_controller = deployment("not-warned", "controlled", &json!({INJECT_PYTHON: "no-such"}));
    of_controller["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "example.com/v1", "kind": "App", "name": "a", "uid": "u", "controller": true}]);
    let others = deployment("not-warned", "others", &json!({"sidecar.istio.io/status": "{}"}));
    let before = reviews();
    for object in [&of_controller, &others] {
        assert_eq!(warnings(&cluster, object), Vec::<String>::new());
    }
    assert_eq!(reviews(), before, "the API server does not even ask");
    let right = deployment("not-warned", "right", &json!({INJECT_PYTHON: "base"}));
    assert_eq!(warnings(&cluster, &right), Vec::<String>::new());
    assert!(reviews() > before);
}

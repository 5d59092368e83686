//! The values of the annotation, as the troubleshooting page lists them, with workloads and their real controllers.

use serde_json::{Value, json};

use crate::cluster::{
    INJECT_PYTHON, PYTHON, deployment, exclusive, instrumentation, is_injected, names, pod, shared,
};
use crate::wait::{until, until_some};

const FOLDER: &str = "/otel-auto-instrumentation-python";

/// What the page's Instrumentation says.
fn page_spec() -> Value {
    json!({
        "exporter": {"endpoint": "http://otel-collector.opentelemetry.svc.cluster.local:4318"},
        "propagators": ["tracecontext", "baggage"],
        "sampler": {"type": "parentbased_traceidratio", "argument": "1"},
    })
}

#[test]
fn true_without_an_instrumentation_names_the_value_that_works() {
    let cluster = exclusive();
    let mut operator = cluster.operator("operator");
    operator.wait_ready();
    cluster.namespace("opentelemetry", &json!({}));
    cluster.namespace("application", &json!({}));
    let collector = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "otel-collector", "namespace": "opentelemetry"},
        "spec": {"ports": [{"port": 4318}], "selector": {"app": "otel-collector"}},
    });
    cluster.apply(&[collector, instrumentation("opentelemetry", "my-instrumentation", &page_spec())]);
    let asks = json!({INJECT_PYTHON: "true"});

    let annotation = format!("--annotations={INJECT_PYTHON}=true");
    let run = ["run", "by-hand", "--image=app", "-n", "application", "--dry-run=server", &annotation];
    let said = || String::from_utf8(cluster.kubectl().output(&run).unwrap().stderr).unwrap();
    // The operator may not have seen the Instrumentation at once.
    let names_it = |said: &String| said.contains("opentelemetry/my-instrumentation");
    let said = until("a warning with the remedy", said, names_it);
    assert!(said.starts_with("Warning: InstrumentationMissing: "), "{said}");
    let by_name = pod("application", "probe", &json!({INJECT_PYTHON: "opentelemetry/my-instrumentation"}));
    until_some("the Instrumentation is known", || {
        cluster.create(true, std::slice::from_ref(&by_name)).0.iter().any(is_injected).then_some(())
    });

    cluster.apply(&[deployment("application", "py-otel-server", &asks)]);
    let pod = cluster.pod_of("application", "py-otel-server");
    assert!(!is_injected(&pod) && pod["spec"].get("initContainers").is_none(), "{pod}");

    let events = until(
        "an Event",
        || cluster.events("application", "InstrumentationMissing"),
        |events| !events.is_empty(),
    );
    let kubectl = cluster.kubectl();
    let get = ["get", "deployment", "py-otel-server", "-n", "application", "-o", "json"];
    let deployment = kubectl.json(&get).unwrap();
    for event in &events {
        let regarding = &event["involvedObject"];
        assert_eq!(regarding["kind"], "Deployment", "{event}");
        assert_eq!(regarding["name"], "py-otel-server", "{event}");
        assert_eq!(
            regarding["uid"], deployment["metadata"]["uid"],
            "kubectl describe looks for the uid: {event}"
        );
        assert_eq!(event["type"], "Warning", "{event}");
        let fix = format!("write {INJECT_PYTHON}: 'opentelemetry/my-instrumentation'");
        assert!(event["message"].as_str().unwrap().contains(&fix), "{event}");
    }
    assert_eq!(events.len(), 1, "one for the Deployment, not one for each pod: {events:?}");
    let described = kubectl.run(&["describe", "deployment", "py-otel-server", "-n", "application"]).unwrap();
    assert!(described.contains("InstrumentationMissing"), "{described}");

    // The fix that the Event names is what helps.
    let patch = json!({"spec": {"template": {"metadata": {"annotations": {INJECT_PYTHON: "opentelemetry/my-instrumentation"}}}}});
    let patch = ["patch", "deployment", "py-otel-server", "-n", "application", "-p", &patch.to_string()];
    kubectl.run(&patch).unwrap();
    until("an injected pod", || cluster.pods("application"), |pods| pods.iter().any(is_injected));

    // The ServiceAccount may do everything, and findings are the only thing that is worse than a notice.
    for line in operator.log().unwrap().lines() {
        let entry: Value = serde_json::from_str(line).expect(line);
        // Other tests may have left workloads of which it tells too.
        let elsewhere =
            entry["k8s.namespace.name"].as_str().is_some_and(|namespace| namespace != "application");
        let fine = elsewhere || entry["level"] == "INFO" || entry["code"] == "InstrumentationMissing";
        assert!(fine || entry["code"] == "InstrumentationNotFound", "{line}");
    }
}

#[test]
fn every_value_of_the_page_means_what_the_page_says() {
    let (cluster, _) = shared();
    cluster.namespace("page-tools", &json!({}));
    cluster.namespace("page", &json!({}));
    cluster.apply(&[
        instrumentation("page-tools", "my-instrumentation", &page_spec()),
        instrumentation("page", "local", &page_spec()),
    ]);
    cluster.wait_seen();
    let table = [
        ("true", Some("page/local")),
        ("local", Some("page/local")),
        ("page-tools/my-instrumentation", Some("page-tools/my-instrumentation")),
        ("my-instrumentation", None),
        ("false", None),
        ("", None),
    ];
    let deployments: Vec<Value> = table
        .iter()
        .enumerate()
        .map(|(index, (value, _))| {
            deployment("page", &format!("case-{index}"), &json!({INJECT_PYTHON: value}))
        })
        .collect();
    cluster.apply(&deployments);
    for (index, (value, from)) in table.into_iter().enumerate() {
        let pod = cluster.pod_of("page", &format!("case-{index}"));
        let Some(from) = from else {
            assert!(!is_injected(&pod) && pod["spec"].get("initContainers").is_none(), "{value:?}: {pod}");
            continue;
        };
        assert_instrumented(&pod, &format!("case-{index}"), from);
    }
}

/// The pod that the page shows.
fn assert_instrumented(pod: &Value, deployment: &str, from: &str) {
    let spec = &pod["spec"];
    assert_eq!(names(&spec["initContainers"]), [PYTHON], "{pod}");
    let payload = &spec["initContainers"][0];
    assert_eq!(payload["command"], json!(["cp", "-r", "/autoinstrumentation/.", FOLDER]), "{pod}");
    assert!(payload["image"].as_str().unwrap().contains("/autoinstrumentation-python:"), "{pod}");
    let mount = json!({"name": PYTHON, "mountPath": FOLDER});
    let app = &spec["containers"][0];
    for container in [payload, app] {
        assert!(container["volumeMounts"].as_array().unwrap().contains(&mount), "{pod}");
    }
    let volume = json!({"name": PYTHON, "emptyDir": {"sizeLimit": "200Mi"}});
    assert!(spec["volumes"].as_array().unwrap().contains(&volume), "{pod}");
    assert_eq!(
        names(&app["env"]),
        [
            "OTEL_NODE_IP",
            "OTEL_POD_IP",
            "PYTHONPATH",
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "OTEL_TRACES_EXPORTER",
            "OTEL_METRICS_EXPORTER",
            "OTEL_LOGS_EXPORTER",
            "OTEL_SERVICE_NAME",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OTEL_RESOURCE_ATTRIBUTES_POD_NAME",
            "OTEL_RESOURCE_ATTRIBUTES_NODE_NAME",
            "OTEL_PROPAGATORS",
            "OTEL_TRACES_SAMPLER",
            "OTEL_TRACES_SAMPLER_ARG",
            "OTEL_RESOURCE_ATTRIBUTES",
        ],
        "{pod}"
    );
    assert_eq!(variable(app, "OTEL_SERVICE_NAME"), deployment, "{pod}");
    let attributes = variable(app, "OTEL_RESOURCE_ATTRIBUTES");
    let replica_set = pod["metadata"]["ownerReferences"][0]["name"].as_str().unwrap();
    let expected = format!(
        "k8s.container.name=app,k8s.deployment.name={deployment},k8s.namespace.name=page,\
         k8s.node.name=$(OTEL_RESOURCE_ATTRIBUTES_NODE_NAME),k8s.pod.name=$(OTEL_RESOURCE_ATTRIBUTES_POD_NAME),\
         k8s.replicaset.name={replica_set},\
         service.instance.id=page.$(OTEL_RESOURCE_ATTRIBUTES_POD_NAME).app,service.namespace=page,service.version=1.2.0"
    );
    assert_eq!(attributes, expected);
    let injected = pod["metadata"]["annotations"]["ingraft.dev/injected"].as_str().unwrap();
    let injected: Value = serde_json::from_str(injected).unwrap();
    assert_eq!(injected["python"]["instrumentation"], from, "{pod}");
}

#[test]
fn pods_of_new_deployments_know_their_deployment_at_once() {
    let (cluster, _) = shared();
    cluster.namespace("burst", &json!({}));
    cluster.apply(&[instrumentation("burst", "only", &page_spec())]);
    cluster.wait_seen();
    let name = |index: usize| format!("burst-{index}");
    let asks = json!({INJECT_PYTHON: "true"});
    let deployments: Vec<Value> = (0..30).map(|index| deployment("burst", &name(index), &asks)).collect();
    cluster.apply(&deployments);
    let pods = until("all pods", || cluster.pods("burst"), |pods| pods.len() == deployments.len());
    for pod in pods {
        let app = &pod["spec"]["containers"][0];
        assert_eq!(variable(app, "OTEL_SERVICE_NAME"), pod["metadata"]["labels"]["app"], "{pod}");
    }
}

#[test]
fn findings_of_dry_runs_and_of_silent_pods_leave_no_event() {
    let (cluster, _) = shared();
    cluster.namespace("dry", &json!({}));
    let asks = json!({INJECT_PYTHON: "dry/nowhere"});
    let (accepted, said) =
        cluster.create(true, &[pod("dry", "dry-run", &asks), pod("dry", "silent", &json!({}))]);
    assert_eq!(accepted.len(), 2, "{said}");
    assert!(said.contains("Warning: InstrumentationNotFound"), "{said}");
    // Events are published one after the other: when a later one is there, an earlier one would be.
    cluster.create(false, &[pod("dry", "real", &asks)]);
    let found = || cluster.events("dry", "InstrumentationNotFound");
    let events = until("the real pod's Event", found, |events| !events.is_empty());
    let regarding: Vec<&Value> = events.iter().map(|event| &event["involvedObject"]["name"]).collect();
    assert_eq!(regarding, ["real"], "{events:?}");
}

/// The value of a container's variable.
fn variable<'a>(container: &'a Value, name: &str) -> &'a str {
    let entries = container["env"].as_array().unwrap();
    entries.iter().find(|entry| entry["name"] == name).unwrap()["value"].as_str().unwrap()
}

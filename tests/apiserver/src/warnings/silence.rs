//! What is right, or somebody else's, is not warned of.

use serde_json::{Value, json};

use super::{KEY, inject, of, warnings, with};
use crate::cluster::{INJECT_PYTHON, deployment, exclusive, instrumentation, namespace};

const SILENCE: Vec<String> = Vec::new();

#[test]
fn what_is_right_or_somebody_elses_costs_nothing() {
    let cluster = exclusive();
    let mut operator = cluster.operator("not-warned");
    operator.wait_ready();
    cluster.namespace("not-warned", &json!({}));
    let spec = json!({"exporter": {"endpoint": "http://c.obs:4318"}});
    assert_eq!(warnings(&cluster, &instrumentation("not-warned", "base", &spec)), SILENCE);
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
        assert_eq!(warnings(&cluster, object), SILENCE);
    }
    assert_eq!(reviews(), before, "the API server does not even ask");

    let image = |language: &str, image: &str| {
        with(
            "not-warned",
            &inject(language, "true"),
            json!({"containers": [{"name": "app", "image": image}]}),
        )
    };
    let probe = |language: &str, probes: Value| {
        let mut app = json!({"name": "app", "image": "example.com/app:1.2.0"});
        super::json_merge(&mut app, probes);
        with("not-warned", &inject(language, "true"), json!({"containers": [app]}))
    };
    let liveness = json!({"httpGet": {"path": "/", "port": 80}});
    let later = json!({"httpGet": {"path": "/", "port": 80}, "initialDelaySeconds": 60});
    let two = json!({
        format!("{KEY}inject-java"): "base", format!("{KEY}java-container-names"): "app",
        INJECT_PYTHON: "not-warned/base", format!("{KEY}python-container-names"): "worker",
    });
    let worker = json!({"containers": [
        {"name": "app", "image": "example.com/app:1.2.0"},
        {"name": "worker", "image": "example.com/worker:1.2.0"},
    ]});
    let right = [
        of("not-warned", &inject("python", "base")),
        of("not-warned", &inject("python", "TRUE")),
        of("not-warned", &inject("python", "False")),
        of("not-warned", &json!({"resource.opentelemetry.io/team": "shop", INJECT_PYTHON: "true"})),
        with("not-warned", &two, worker),
        image("python", "python:3.12"),
        image("python", "example.com/my-java-and-node:1"),
        image("go", "calico/node:v3"),
        image("sdk", "nginx:1.27"),
        probe("python", json!({"livenessProbe": liveness})),
        probe("java", json!({"livenessProbe": later})),
        probe("java", json!({"livenessProbe": liveness, "startupProbe": liveness})),
        namespace("not-warned", &inject("java", "base")),
    ];
    for object in &right {
        let said = warnings(&cluster, object);
        let said: Vec<_> = said.into_iter().filter(|line| !line.starts_with("LanguageDisabled")).collect();
        assert_eq!(said, SILENCE, "{object}");
    }
    assert!(reviews() > before);
}

/// The examples of the OpenTelemetry documentation.
#[test]
fn what_the_documentation_shows_is_not_warned_of() {
    let cluster = exclusive();
    let mut operator = cluster.operator("documented");
    operator.wait_ready();
    cluster.namespace("documented", &json!({}));
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "demo-collector", "namespace": "documented"},
        "spec": {"ports": [{"name": "grpc", "port": 4317}, {"name": "http", "port": 4318}], "selector": {"app": "c"}},
    });
    cluster.apply(&[service]);
    cluster.wait_seen();
    let sampler = json!({"type": "parentbased_traceidratio", "argument": "1"});
    let spec = |more: Value| {
        let mut spec = json!({
            "exporter": {"endpoint": "http://demo-collector:4318"},
            "propagators": ["tracecontext", "baggage"], "sampler": sampler,
        });
        super::json_merge(&mut spec, more);
        spec
    };
    let own = json!([{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://demo-collector:4318"}]);
    let objects = [
        spec(json!({})),
        spec(json!({"exporter": {"endpoint": "http://demo-collector:4317"}, "python": {"env": own}})),
        spec(
            json!({"dotnet": {"env": [{"name": "OTEL_DOTNET_AUTO_TRACES_CONSOLE_EXPORTER_ENABLED", "value": "false"}]}}),
        ),
    ];
    let said = |spec: &Value| warnings(&cluster, &instrumentation("documented", "demo", spec));
    crate::wait::until("the Service is known", || said(&objects[0]), Vec::is_empty);
    for spec in &objects {
        assert_eq!(said(spec), SILENCE, "{spec}");
    }
}

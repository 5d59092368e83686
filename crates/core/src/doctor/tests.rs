use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::finding::Severity;

/// What is told of some objects that are at hand together: code and object of each, but for what is done.
fn told(objects: &[Value], snapshot: &mut Snapshot) -> Vec<String> {
    let found = found(objects, snapshot).into_iter();
    found.map(|found| format!("{} {}", found.finding.code(), found.object.short())).collect()
}

/// What people are to do about it.
fn advised(objects: &[Value]) -> Vec<String> {
    let found = found(objects, &mut Snapshot::default()).into_iter();
    found.filter_map(|found| found.finding.reason.text(Locale::En).help).collect()
}

fn found(objects: &[Value], snapshot: &mut Snapshot) -> Vec<Diagnosis> {
    for object in objects.iter().filter(|object| object["kind"] == "Instrumentation") {
        let name = object["metadata"]["name"].as_str().unwrap();
        let instrumentation = serde_json::from_value(object.clone()).unwrap();
        snapshot.instrumentations.insert("shop".into(), name.into(), instrumentation);
    }
    let (settings, pods) = (Settings::default(), BTreeMap::new());
    let mut resources = Resources::default();
    for object in objects {
        resources.note_requests(object, "shop", snapshot, &settings);
    }
    let scene = Scene { snapshot, settings: &settings, resources: &resources, pods: &pods };
    let found = objects.iter().flat_map(|object| examine(object, "shop", Vec::new(), &scene));
    found.filter(|found| found.finding.severity() > Severity::Info).collect()
}

fn instrumentation(spec: &Value) -> Value {
    json!({
        "apiVersion": "opentelemetry.io/v1alpha1", "kind": "Instrumentation",
        "metadata": {"name": "base", "namespace": "shop"}, "spec": spec,
    })
}

fn pod(annotations: &Value, container: &Value) -> Value {
    let mut container = container.clone();
    container["name"] = "app".into();
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "web", "namespace": "shop", "annotations": annotations},
        "spec": {"containers": [container]},
    })
}

#[test]
fn what_may_be_out_of_sight_is_not_called_missing() {
    let annotations = json!({"instrumentation.opentelemetry.io/inject-java": "platform/base"});
    let pod = pod(&annotations, &json!({}));
    let (settings, pods) = (Settings::default(), BTreeMap::new());
    let told = |view, is_complete| {
        let (mut snapshot, mut resources) = (Snapshot::default(), Resources::default());
        resources.view = view;
        if is_complete {
            snapshot.instrumentations.set_complete();
        }
        let scene = Scene { snapshot: &snapshot, settings: &settings, resources: &resources, pods: &pods };
        let found = examine(&pod, "shop", Vec::new(), &scene);
        found.iter().any(|found| found.finding.code() == "InstrumentationNotFound")
    };
    assert!(told(View::Files, false) && told(View::Part, true));
    assert!(!told(View::Part, false));
}

#[test]
fn a_missing_endpoint_is_told_where_pods_have_none_of_their_own() {
    let java = json!({"instrumentation.opentelemetry.io/inject-java": "true"});
    let httpd = json!({"instrumentation.opentelemetry.io/inject-apache-httpd": "true"});
    let name = "OTEL_EXPORTER_OTLP_ENDPOINT";
    let from = |source: &str, name: &str| json!({"envFrom": [{source: {"name": name}}]});
    let key = json!({"secretKeyRef": {"name": "otlp", "key": "url"}});
    let [own, of_pod] = ["EndpointMissing instrumentation/base"; 2];
    for (annotations, container, expected) in [
        (&java, json!({"env": [{"name": name, "value": "http://otel.obs:4318"}]}), &[][..]),
        (&java, json!({"env": [{"name": name, "valueFrom": key}]}), &[]),
        (&java, from("configMapRef", "otel"), &[]),
        (&java, from("configMapRef", "unknown"), &[own]),
        (&java, from("secretRef", "otel"), &[own]),
        (&java, from("configMapRef", "other"), &[own, of_pod]),
        (&java, json!({}), &[own, of_pod]),
        // Its module reads no variables.
        (&httpd, json!({"env": [{"name": name, "value": "http://otel.obs:4318"}]}), &[own, of_pod]),
    ] {
        let mut snapshot = Snapshot::default();
        let keys = |key: &str| Some([key.to_owned()].into());
        snapshot.config_maps.insert("shop".into(), "otel".into(), keys(name));
        snapshot.config_maps.insert("shop".into(), "other".into(), keys("COLOR"));
        let objects = [instrumentation(&json!({})), pod(annotations, &container)];
        let told = told(&objects, &mut snapshot);
        let told: Vec<_> = told.iter().filter(|told| told.starts_with("Endpoint")).collect();
        assert_eq!(told, expected, "{annotations} {container}");
    }
}

#[test]
fn the_endpoint_of_a_signal_is_used_as_it_is() {
    let java = json!({"instrumentation.opentelemetry.io/inject-java": "true"});
    let traces = |url: &str| json!({"name": "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "value": url});
    let protocol = |name: &str| json!({"name": name, "value": "grpc"});
    let of_traces = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL";
    let logs = json!({"name": "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "value": "http://otel.obs:4318/"});
    for (env, expected) in [
        (json!([traces("http://otel.obs:4318/v1/traces")]), ""),
        (json!([traces("http://otel.obs:4318/otlp/v1/traces")]), ""),
        (json!([traces("http://otel.obs:4318")]), "SignalPathMissing"),
        (json!([traces("http://$(OTEL_NODE_IP):4318")]), "SignalPathMissing"),
        (json!([traces("http://$(OTEL_NODE_IP)")]), ""),
        (json!([logs]), "SignalPathMissing"),
        (json!([traces("http://otel.obs:4317")]), "EndpointPortIsGrpc"),
        (json!([traces("http://otel.obs:4317"), protocol("OTEL_EXPORTER_OTLP_PROTOCOL")]), ""),
        (json!([traces("http://otel.obs:4317"), protocol(of_traces)]), ""),
        (json!([traces("otel.obs:4318/v1/traces")]), "EndpointNotAUrl"),
        (json!([traces("http://localhost:4318/v1/traces")]), "EndpointIsLocal"),
        (json!([traces("http://otl.obs.svc:4318/v1/traces")]), "EndpointServiceMissing"),
    ] {
        let exporter = json!({"endpoint": "https://otlp.example.com"});
        let mut snapshot = Snapshot::default();
        snapshot.services.insert("obs".into(), "otel".into(), vec![4317, 4318]);
        let of_pod = [instrumentation(&json!({"exporter": exporter})), pod(&java, &json!({"env": env}))];
        let at = |object: &str| match expected {
            "" => Vec::new(),
            code => vec![format!("{code} {object}")],
        };
        assert_eq!(told(&of_pod, &mut snapshot), at("pod/web"), "{env}");
        let of_all = [instrumentation(&json!({"exporter": exporter, "env": env})), pod(&java, &json!({}))];
        let mut found = told(&of_all, &mut snapshot);
        found.dedup();
        assert_eq!(found, at("instrumentation/base"), "{env}");
    }
}

#[test]
fn an_endpoint_refers_to_what_is_set_before_it() {
    let java = json!({"instrumentation.opentelemetry.io/inject-java": "true"});
    let url =
        |host: &str| json!({"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": format!("http://{host}:4318")});
    let field = json!({"name": "HOST_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}});
    let from = json!([{"secretRef": {"name": "unknown"}}]);
    for (container, is_told) in [
        (json!({"env": [url("$(HOST_IP)")]}), true),
        (json!({"env": [url("$(HOST_IP)"), field]}), true),
        (json!({"env": [field, url("$(HOST_IP)")]}), false),
        (json!({"env": [url("$(HOST_IP)")], "envFrom": from}), false),
        (json!({"env": [url("$(OTEL_NODE_IP)")]}), false),
        (json!({"env": [url("$(OTEL_SERVICE_HOST)")]}), false),
        (json!({"env": [url("$$(HOST_IP)")]}), false),
    ] {
        let objects = [instrumentation(&json!({})), pod(&java, &container)];
        let found = told(&objects, &mut Snapshot::default());
        let expected = if is_told { &["ReferenceUndefined pod/web"][..] } else { &[] };
        assert_eq!(found, expected, "{container}");
    }
    let of_all = instrumentation(&json!({"exporter": {"endpoint": "http://$(HOST_IP):4318"}}));
    let found = told(&[of_all, pod(&java, &json!({}))], &mut Snapshot::default());
    assert_eq!(found, ["ReferenceUndefined instrumentation/base"]);
}

#[test]
fn a_request_without_a_value_is_told() {
    let key = "instrumentation.opentelemetry.io/inject-java";
    for (value, expected) in [
        (json!(null), &["AnnotationEmpty pod/web"][..]),
        (json!(""), &["AnnotationEmpty pod/web"]),
        (json!("false"), &[]),
    ] {
        let found = told(&[pod(&json!({key: value}), &json!({}))], &mut Snapshot::default());
        assert_eq!(found, expected, "{value}");
    }
}

#[test]
fn only_an_optional_source_is_to_be_made_required() {
    let python = json!({"instrumentation.opentelemetry.io/inject-python": "true"});
    let from = |optional: bool| {
        let key = json!({"configMapKeyRef": {"name": "paths", "key": "path", "optional": optional}});
        json!([{"name": "PYTHONPATH", "valueFrom": key}])
    };
    let exporter = json!({"endpoint": "https://otlp.example.com"});
    let of_all = |env: Value| instrumentation(&json!({"exporter": exporter, "python": {"env": env}}));
    let own = advised(&[of_all(json!([])), pod(&python, &json!({"env": from(true)}))]);
    assert_eq!(own, ["set PYTHONPATH to a literal value, or remove \"optional: true\" from its source"]);
    let of_instrumentation = advised(&[of_all(from(false)), pod(&python, &json!({}))]);
    assert_eq!(of_instrumentation, ["set PYTHONPATH to a literal value"]);
}

/// Where only manifests are looked at, nobody knows how the operator is started.
#[test]
fn of_a_language_that_is_off_nothing_is_said_of_an_operator() {
    let found = found(
        &[pod(&json!({"instrumentation.opentelemetry.io/inject-go": "true"}), &json!({}))],
        &mut Snapshot::default(),
    );
    let text = found[0].finding.reason.text(Locale::En);
    assert_eq!(text.message, "go injection is requested, but not enabled");
    assert_eq!(
        text.help.unwrap(),
        "start the operator, and ingraft doctor on files, with --enable-go-instrumentation=true"
    );
}

#[test]
fn a_pod_with_one_container_is_to_request_one_language() {
    let key = |language: &str| format!("instrumentation.opentelemetry.io/inject-{language}");
    let both = json!({key("java"): "true", key("python"): "true"});
    let all = instrumentation(&json!({"exporter": {"endpoint": "https://otlp.example.com"}}));
    let mut web = pod(&both, &json!({}));
    let one = "the pod has one container: remove all but one of the annotations that request a language";
    assert_eq!(advised(&[all.clone(), web.clone()]), [one; 2]);
    web["spec"]["containers"].as_array_mut().unwrap().push(json!({"name": "worker"}));
    let of_java = &advised(&[all, web])[0];
    assert_eq!(of_java, "write instrumentation.opentelemetry.io/java-container-names: 'app'");
}

#[test]
fn what_is_in_misspelt_metadata_stays_together() {
    let key = "instrumentation.opentelemetry.io/inject-java";
    let told = |metadata: &Value, field: &str, suggestion: &str| {
        let object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"template": metadata},
        });
        let (field, suggestion) =
            (format!("spec.template.{field}"), Some(format!("spec.template.{suggestion}")));
        let pointer = format!("/{}", field.replace('.', "/"));
        let unknown = FieldFinding::FieldUnknown { field, suggestion, known: Vec::new() };
        let flaw = Finding { reason: unknown.into(), subject: Subject::Workload, pointer };
        let (snapshot, settings) = (Snapshot::default(), Settings::default());
        let (resources, pods) = (Resources::default(), BTreeMap::new());
        let scene = Scene { snapshot: &snapshot, settings: &settings, resources: &resources, pods: &pods };
        let found = examine(&object, "shop", vec![flaw], &scene).into_iter();
        found.map(|found| found.finding.code()).collect::<Vec<_>>()
    };
    let annotations = json!({"annotations": {key: "true"}, "labels": {"app": "web"}});
    assert_eq!(told(&json!({"metdata": annotations}), "metdata", "metadata"), ["FieldUnknown"]);
    let misspelt = json!({"metadata": {"anotations": {key: "true"}}});
    assert_eq!(told(&misspelt, "metadata.anotations", "metadata.annotations"), ["FieldUnknown"]);
    // Where there is the other one too, the annotation goes there.
    let both = json!({"metadata": {"anotations": {key: "true"}, "annotations": {"color": "red"}}});
    assert_eq!(told(&both, "metadata.anotations", "metadata.annotations"), ["AnnotationMisplaced"]);
}

//! What looks as if it could be corrected, and is left to people.

use super::*;

/// What is known, beside the Collector of [`snapshot`].
struct World {
    snapshot: Snapshot,
    resources: Resources,
}

impl World {
    /// Instrumentations, Services and workloads, looked at in this way.
    fn of(view: View, objects: &[Value]) -> Self {
        let mut snapshot = snapshot(&instrumentation(&json!({"exporter": {"endpoint": GOOD}})));
        let mut resources = Resources::default();
        resources.view = view;
        for object in objects {
            let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
            if object["kind"] == "Instrumentation" {
                let stored = serde_json::from_value(object.clone()).unwrap();
                snapshot.instrumentations.insert(namespace.into(), name.into(), stored);
            }
            resources.add(object.clone());
        }
        for object in objects {
            resources.note_requests(object, "shop", &snapshot, &Settings::default());
        }
        Self { snapshot, resources }
    }

    /// What an object becomes; something of it has to be told.
    fn corrected(&self, code: &str, object: &Value) -> Value {
        let (settings, pods) = (Settings::default(), BTreeMap::new());
        let Self { snapshot, resources } = self;
        let scene = Scene { snapshot, settings: &settings, resources, pods: &pods };
        let namespace = if object["kind"] == "Namespace" { "" } else { "shop" };
        let found = examine(object, namespace, Vec::new(), &scene);
        let told: Vec<_> = found.iter().filter(|found| found.finding.code() == code).collect();
        assert!(!told.is_empty(), "{code}: {found:?}");
        let mut changed = object.clone();
        for diagnosis in told.into_iter().filter(|told| told.object.kind == object["kind"]) {
            if let Some(Fix::Edits(edits)) = fix(diagnosis, &changed, &scene) {
                apply(&mut changed, &edits);
            }
        }
        changed
    }
}

const GOOD: &str = "http://otel.obs.svc.cluster.local:4318";

fn left(code: &str, object: &Value) {
    let world = World::of(View::Files, std::slice::from_ref(object));
    assert_eq!(world.corrected(code, object), *object, "{code}");
}

fn with_env(entries: &Value) -> Value {
    let mut object = deployment(&json!({}), &json!({INJECT: "true"}), "app:1");
    object["spec"]["template"]["spec"]["containers"][0]["env"] = entries.clone();
    object
}

#[test]
fn what_is_yet_to_be_filled_in_stays() {
    for value in ["ba${ENV}", "{{ .Values.name }}"] {
        left("InstrumentationNotFound", &deployment(&json!({}), &json!({INJECT: value}), "app:1"));
    }
    let names = "instrumentation.opentelemetry.io/container-names";
    left("ContainerNotFound", &deployment(&json!({}), &json!({INJECT: "true", names: "app-$ENV"}), "app:1"));
}

#[test]
fn of_several_words_or_one_that_is_named_already_none_was_meant() {
    let names = "instrumentation.opentelemetry.io/container-names";
    for value in ["app2 app3", "app,app2"] {
        left("ContainerNotFound", &deployment(&json!({}), &json!({INJECT: "true", names: value}), "app:1"));
    }
}

#[test]
fn only_text_and_truth_are_moved() {
    for value in [json!(null), json!(1.1)] {
        left("AnnotationMisplaced", &deployment(&json!({INJECT: value}), &json!({}), "app:1"));
    }
}

#[test]
fn a_label_that_is_selected_stays() {
    let mut object = deployment(&json!({}), &json!({}), "app:1");
    object["spec"]["template"]["metadata"]["labels"] = json!({INJECT: "true"});
    let service = json!({
        "kind": "Service", "metadata": {"namespace": "shop", "name": "web"}, "spec": {"selector": {INJECT: "true"}},
    });
    let by_service = World::of(View::Files, &[service]);
    assert_eq!(by_service.corrected("AnnotationIsLabel", &object), object);
    object["spec"]["selector"] = json!({"matchLabels": {INJECT: "true"}});
    left("AnnotationIsLabel", &object);
}

#[test]
fn a_variable_that_another_refers_to_stays() {
    let twice = |between: &str, last: &Value| {
        let first = json!({"name": "OTEL_SERVICE_NAME", "value": "a"});
        let between = json!({"name": "COPY", "value": between});
        with_env(&json!([first, between, last]))
    };
    let last = json!({"name": "OTEL_SERVICE_NAME", "value": "b"});
    left("VariableTwice", &twice("x-$(OTEL_SERVICE_NAME)", &last));
    let from = json!({"configMapKeyRef": {"name": "names", "key": "web", "optional": true}});
    left("VariableTwice", &twice("x", &json!({"name": "OTEL_SERVICE_NAME", "valueFrom": from})));
    let plain = twice("x", &last);
    let corrected = World::of(View::Files, &[]).corrected("VariableTwice", &plain);
    assert_eq!(corrected["spec"]["template"]["spec"]["containers"][0]["env"].as_array().unwrap().len(), 2);
}

#[test]
fn no_language_that_works_is_lost() {
    let java = "instrumentation.opentelemetry.io/inject-java";
    left("InstrumentationNotFound", &deployment(&json!({}), &json!({java: "true", INJECT: "bas"}), "app:1"));
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": "shop", "annotations": {"instrumentation.opentelemetry.io/inject-pyton": "true"}},
    });
    let pods = deployment(&json!({}), &json!({java: "true"}), "app:1");
    let world = World::of(View::Files, &[pods]);
    assert_eq!(world.corrected("AnnotationUnknown", &namespace), namespace);
    let corrected = World::of(View::Files, &[]).corrected("AnnotationUnknown", &namespace);
    assert_eq!(corrected["metadata"]["annotations"], json!({INJECT: "true"}));
}

#[test]
fn a_mirror_is_not_given_up() {
    let image =
        |image: &str| instrumentation(&json!({"exporter": {"endpoint": GOOD}, "python": {"image": image}}));
    let name = "autoinstrumentation-java:2.1.0";
    left("AgentOfOtherLanguage", &image(&format!("registry.example.com/{name}")));
    let public = image(&format!("ghcr.io/open-telemetry/opentelemetry-operator/{name}"));
    let world = World::of(View::Files, std::slice::from_ref(&public));
    assert_eq!(world.corrected("AgentOfOtherLanguage", &public)["spec"]["python"], json!({}));
}

#[test]
fn nothing_is_sent_to_a_port_that_is_not_served() {
    let object = instrumentation(&json!({"exporter": {"endpoint": "http://grpc.obs:4317"}}));
    left("EndpointPortNotForAll", &object);
    let grpc = json!([{"name": "OTEL_EXPORTER_OTLP_PROTOCOL", "value": "grpc"}]);
    let pods = deployment(&json!({}), &json!({INJECT: "true"}), "app:1");
    let spec = |endpoint: &str| instrumentation(&json!({"exporter": {"endpoint": endpoint}, "env": grpc}));
    let own = spec("http://grpc.obs:4317");
    let corrected = |own: &Value, view: View, users: &[&Value]| {
        let objects: Vec<Value> = users.iter().map(|user| (*user).clone()).chain([own.clone()]).collect();
        let World { snapshot, resources } = World::of(view, &objects);
        let (settings, running) = (Settings::default(), BTreeMap::new());
        let scene = Scene { snapshot: &snapshot, settings: &settings, resources: &resources, pods: &running };
        let found = examine(&pods, "shop", Vec::new(), &scene);
        let found = found.iter().find(|found| found.finding.code() == "ProtocolUnsupported").unwrap();
        assert_eq!(found.object.kind, "Instrumentation");
        let mut changed = own.clone();
        if let Some(Fix::Edits(edits)) = fix(found, own, &scene) {
            apply(&mut changed, &edits);
        }
        changed
    };
    assert_eq!(corrected(&own, View::Files, &[&pods]), own);
    // Where it is, the port changes with the protocol, so that nobody is cut off in between.
    let both = spec("http://otel.obs:4317");
    let changed = corrected(&both, View::Cluster, &[&pods]);
    assert_eq!(changed["spec"]["exporter"]["endpoint"], "http://otel.obs:4318");
    assert_eq!(changed["spec"]["env"][0]["value"], "http/protobuf");
    assert_eq!(corrected(&both, View::Part, &[&pods]), both, "others may send there");
    let java = "instrumentation.opentelemetry.io/inject-java";
    let mut other = deployment(&json!({}), &json!({java: "true"}), "app:1");
    other["metadata"]["name"] = "other".into();
    other["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://java.obs:4317"}]);
    assert_eq!(corrected(&both, View::Cluster, &[&pods, &other]), both, "another has an endpoint for gRPC");
}

#[test]
fn a_local_endpoint_that_suits_somebody_stays() {
    let object = instrumentation(&json!({"exporter": {"endpoint": "http://localhost:4318"}}));
    let alone = deployment(&json!({}), &json!({INJECT: "true"}), "app:1");
    let mut beside = alone.clone();
    beside["metadata"]["name"] = "beside".into();
    beside["spec"]["template"]["spec"]["hostNetwork"] = true.into();
    let corrected = |users: &[&Value]| {
        let objects: Vec<Value> = users.iter().map(|user| (*user).clone()).chain([object.clone()]).collect();
        let World { snapshot, resources } = World::of(View::Files, &objects);
        let (settings, pods) = (Settings::default(), BTreeMap::new());
        let scene = Scene { snapshot: &snapshot, settings: &settings, resources: &resources, pods: &pods };
        let found = examine(&alone, "shop", Vec::new(), &scene);
        let found = found.iter().find(|found| found.finding.code() == "EndpointIsLocal").unwrap();
        fix(found, &object, &scene)
    };
    assert_eq!(corrected(&[&alone]), Some(Fix::Edits(vec![Edit::add("/spec/exporter/endpoint", GOOD)])));
    assert_eq!(corrected(&[&alone, &beside]), None);
}

/// Who may create an object in a namespace of theirs decides nothing about those of others.
#[test]
fn in_a_cluster_nothing_of_another_namespace_is_taken_for_meant() {
    let mut foreign = instrumentation(&json!({"exporter": {"endpoint": GOOD}}));
    foreign["metadata"] = json!({"namespace": "mallory", "name": "x"});
    let mut lonely = deployment(&json!({}), &json!({INJECT: "true"}), "app:1");
    lonely["metadata"]["namespace"] = "bank".into();
    for (view, expected) in [(View::Files, json!("mallory/x")), (View::Cluster, json!("true"))] {
        let mut world = World::of(view, std::slice::from_ref(&foreign));
        world.snapshot.instrumentations.remove("shop", "base");
        let corrected = world.corrected("InstrumentationMissing", &lonely);
        assert_eq!(corrected["spec"]["template"]["metadata"]["annotations"][INJECT], expected);
    }
    let named = |name: &str| deployment(&json!({}), &json!({INJECT: name}), "app:1");
    for (name, meant) in [("bsae", "base"), ("legacy", "legacy"), ("platform/base", "platform/base")] {
        let world = World::of(View::Cluster, &[]);
        assert_eq!(world.corrected("InstrumentationNotFound", &named(name)), named(meant));
    }
    let missing = instrumentation(&json!({}));
    let world = World::of(View::Cluster, std::slice::from_ref(&missing));
    assert_eq!(world.corrected("EndpointMissing", &missing), missing);
}

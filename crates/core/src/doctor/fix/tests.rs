mod caution;
mod fields;

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::doctor::{Resources, examine};
use crate::inject::Decision;
use crate::owner::WorkloadRef;
use crate::settings::Settings;
use crate::snapshot::Snapshot;

/// An object in which there is something to correct, in a cluster with an Instrumentation and a Collector.
fn snapshot(instrumentation: &Value) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let stored = serde_json::from_value(instrumentation.clone()).unwrap();
    snapshot.instrumentations.insert("shop".into(), "base".into(), stored);
    snapshot.instrumentations.set_complete();
    snapshot.namespaces.insert(String::new(), "shop".into(), crate::Namespace::default());
    snapshot.services.insert("obs".into(), "otel".into(), vec![4317, 4318]);
    snapshot.services.insert("obs".into(), "grpc".into(), vec![4317]);
    snapshot.services.set_complete();
    snapshot
}

fn instrumentation(spec: &Value) -> Value {
    json!({
        "apiVersion": "opentelemetry.io/v1alpha1", "kind": "Instrumentation",
        "metadata": {"namespace": "shop", "name": "base"}, "spec": spec,
    })
}

fn deployment(annotations: &Value, template: &Value, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"namespace": "shop", "name": "web", "annotations": annotations},
        "spec": {"template": {
            "metadata": {"annotations": template}, "spec": {"containers": [{"name": "app", "image": image}]},
        }},
    })
}

/// The codes of what is wrong with an object above what is only worth knowing, and the object once what can be is corrected.
fn fixed(object: &Value) -> (Vec<&'static str>, Value) {
    let good = instrumentation(&json!({"exporter": {"endpoint": "http://otel.obs.svc.cluster.local:4318"}}));
    let is_instrumentation = object["kind"] == "Instrumentation";
    let snapshot = snapshot(if is_instrumentation { object } else { &good });
    let (settings, resources, pods) = (Settings::default(), Resources::default(), BTreeMap::new());
    let scene = Scene { snapshot: &snapshot, settings: &settings, resources: &resources, pods: &pods };
    let found = examine(object, "shop", Vec::new(), &scene);
    let found = found.iter().filter(|found| found.finding.severity() > crate::Severity::Info);
    let (mut codes, mut changed) = (Vec::new(), object.clone());
    for diagnosis in found {
        codes.push(diagnosis.finding.code());
        if let Some(Fix::Edits(edits)) = fix(diagnosis, &changed, &scene) {
            apply(&mut changed, &edits);
        }
    }
    (codes, changed)
}

/// What is wrong goes away, and nothing else changes.
fn assert_fixed(code: &str, object: &Value, expected: &Value) {
    let (codes, changed) = fixed(object);
    assert!(codes.contains(&code), "{code}: {codes:?}");
    assert_eq!(changed, *expected, "{code}");
    assert_eq!(fixed(&changed).0, [""; 0], "{code}: {changed}");
}

const INJECT: &str = "instrumentation.opentelemetry.io/inject-python";

#[test]
fn annotations_are_moved_and_renamed() {
    let good = deployment(&json!({}), &json!({INJECT: "true"}), "app:1");
    let mut bare = good.clone();
    bare["metadata"].as_object_mut().unwrap().remove("annotations");
    for (code, object) in [
        ("AnnotationMisplaced", deployment(&json!({INJECT: "true"}), &json!({}), "app:1")),
        (
            "AnnotationMisplaced",
            deployment(&json!({"opentelemetry.io/inject-python": "true"}), &json!({}), "app:1"),
        ),
        (
            "AnnotationUnknown",
            deployment(
                &json!({}),
                &json!({"instrumentation.opentelemetry.io/inject-pyton": "true"}),
                "app:1",
            ),
        ),
        ("AnnotationNotText", deployment(&json!({}), &json!({INJECT: true}), "app:1")),
        ("AnnotationNotText", deployment(&json!({}), &json!({INJECT: 1}), "app:1")),
        ("AnnotationNotText", deployment(&json!({}), &json!({INJECT: ["true"]}), "app:1")),
    ] {
        let is_moved = object["metadata"]["annotations"] != json!({});
        assert_fixed(code, &object, if is_moved { &bare } else { &good });
    }
    let mut label = deployment(&json!({}), &json!({}), "app:1");
    label["spec"]["template"]["metadata"]["labels"] = json!({INJECT: "true", "app": "web"});
    let mut expected = good.clone();
    expected["spec"]["template"]["metadata"]["labels"] = json!({"app": "web"});
    assert_fixed("AnnotationIsLabel", &label, &expected);

    // A template without metadata gets some.
    let mut without = deployment(&json!({INJECT: "true", "other": "stays"}), &json!({}), "app:1");
    without["spec"]["template"].as_object_mut().unwrap().remove("metadata");
    let mut expected = good.clone();
    expected["metadata"]["annotations"] = json!({"other": "stays"});
    assert_fixed("AnnotationMisplaced", &without, &expected);

    // What the template says counts already; where it says something else, only a person knows what was meant.
    let both = |above: &str| deployment(&json!({INJECT: above}), &json!({INJECT: "true"}), "app:1");
    assert_fixed("AnnotationMisplaced", &both("true"), &bare);
    assert_eq!(fixed(&both("false")).1, both("false"));
}

#[test]
fn references_languages_and_containers_are_corrected() {
    let other = |value: &str| deployment(&json!({}), &json!({INJECT: value}), "app:1");
    assert_fixed("InstrumentationNotFound", &other("bas"), &other("base"));
    assert_fixed("InstrumentationNotFound", &other("base/shop"), &other("base"));
    assert_fixed("InstrumentationNotFound", &other("sidecar-for-my-app"), &other("base"));
    let names = "instrumentation.opentelemetry.io/python-container-names";
    let listed = |name: &str| deployment(&json!({}), &json!({INJECT: "true", names: name}), "app:1");
    assert_fixed("ContainerNotFound", &listed("ap"), &listed("app"));
    let mut two = listed("web; app");
    two["spec"]["template"]["spec"]["containers"] =
        json!([{"name": "app", "image": "a"}, {"name": "web", "image": "b"}]);
    let mut expected = two.clone();
    expected["spec"]["template"]["metadata"]["annotations"][names] = "web,app".into();
    assert_fixed("ContainerNotFound", &two, &expected);
    let node = "instrumentation.opentelemetry.io/inject-nodejs";
    let of_node = |key: &str| deployment(&json!({}), &json!({key: "true"}), "node:22");
    assert_fixed("LanguageSeemsWrong", &of_node(INJECT), &of_node(node));
    let mut beside = of_node(INJECT);
    let containers = beside["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap();
    containers.push(json!({"name": "api", "image": "python:3.13"}));
    let (codes, after) = fixed(&beside);
    assert!(codes.contains(&"LanguageSeemsWrong") && after == beside, "that container may be meant");
}

#[test]
fn a_platform_is_corrected_where_it_stands() {
    let key = "instrumentation.opentelemetry.io/otel-python-platform";
    let of_image =
        |platform: &str, image| deployment(&json!({}), &json!({INJECT: "true", key: platform}), image);
    let with = |platform: &str| of_image(platform, "app:1");
    assert_fixed("PlatformUnknown", &with("Musl"), &with("musl"));
    assert_eq!(fixed(&with("alpine")).1, with("alpine"), "whether it is one is not known");
    let (alpine, slim) = ("python:3.13-alpine", "python:3.13-slim");
    assert_fixed("PlatformUnknown", &of_image("alpine", alpine), &of_image("musl", alpine));
    assert_fixed("PlatformSeemsWrong", &of_image("glibc", alpine), &of_image("musl", alpine));
    assert_fixed("PlatformSeemsWrong", &of_image("musl", slim), &of_image("glibc", slim));
    let unnamed = deployment(&json!({}), &json!({INJECT: "true"}), alpine);
    assert_fixed("MuslNotNamed", &unnamed, &of_image("musl", alpine));
    let beside = |mut object: Value| {
        let containers = object["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap();
        containers.push(json!({"name": "worker", "image": slim}));
        object
    };
    assert_eq!(fixed(&beside(unnamed.clone())).1, beside(unnamed), "it counts for both");
}

#[test]
fn each_of_several_languages_gets_the_container_that_has_it() {
    let key = |name: &str| format!("instrumentation.opentelemetry.io/{name}");
    let containers =
        json!([{"name": "front", "image": "node:22"}, {"name": "api", "image": "a", "command": ["python"]}]);
    let with = |annotations: Value| {
        let mut object = deployment(&json!({}), &annotations, "");
        object["spec"]["template"]["spec"]["containers"] = containers.clone();
        object
    };
    let both = with(json!({INJECT: "true", key("inject-nodejs"): "true"}));
    let named = json!({
        INJECT: "true", key("inject-nodejs"): "true",
        key("python-container-names"): "api", key("nodejs-container-names"): "front",
    });
    assert_fixed("ContainersUnnamed", &both, &with(named));
}

#[test]
fn a_request_without_a_language_is_for_that_of_the_only_container() {
    let with = |key: &str, image| deployment(&json!({}), &json!({key: "true"}), image);
    let bare = "instrumentation.opentelemetry.io/inject";
    assert_fixed("AnnotationUnknown", &with(bare, "python:3.13"), &with(INJECT, "python:3.13"));
    assert_eq!(fixed(&with(bare, "app:1")).1, with(bare, "app:1"), "none is known");
}

#[test]
fn what_demands_injection_is_moved_to_the_labels_of_the_template() {
    let with = |map: &str| {
        let mut object = deployment(&json!({}), &json!({INJECT: "true"}), "app:1");
        object["metadata"].as_object_mut().unwrap().remove("annotations");
        object["spec"]["template"]["metadata"][map]["ingraft.dev/require"] = "true".into();
        object
    };
    assert_fixed("RequireMisplaced", &with("annotations"), &with("labels"));
}

/// Nobody can tell then which containers are meant, and nothing would be injected.
#[test]
fn no_annotation_is_moved_beside_one_that_works() {
    let sdk = "instrumentation.opentelemetry.io/inject-sdk";
    let object = deployment(&json!({INJECT: "true"}), &json!({sdk: "true"}), "app:1");
    let (codes, changed) = fixed(&object);
    assert!(codes.contains(&"AnnotationMisplaced"), "{codes:?}");
    assert_eq!(changed, object);
}

#[test]
fn of_several_names_only_one_that_is_nearer_than_the_others_was_meant() {
    let meant = |name: &str, known: &[&str]| {
        let known: Vec<String> = known.iter().map(|&known| known.to_owned()).collect();
        meant(name, &known, |name| name.split('.').next().unwrap_or_default()).map(str::to_owned)
    };
    assert_eq!(meant("bsae", &["other", "base"]), Some("base".to_owned()));
    assert_eq!(meant("anything", &["base"]), Some("base".to_owned()));
    assert_eq!(meant("java-c", &["java-a", "java-b"]), None, "both are as near");
    assert_eq!(meant("collector", &["collector.a", "collector.b"]), None, "both are called so");
    assert_eq!(meant("shop", &["base", "other"]), None, "none is near");
}

#[test]
fn endpoints_are_corrected() {
    let good = "http://otel.obs.svc.cluster.local:4318";
    let sends = |endpoint: &str| instrumentation(&json!({"exporter": {"endpoint": endpoint}}));
    for (code, endpoint) in [
        ("EndpointIsLocal", "http://localhost:4318"),
        ("EndpointNotAUrl", "otel.obs.svc.cluster.local:4318"),
        ("EndpointHasSignalPath", "http://otel.obs.svc.cluster.local:4318/v1/traces"),
        ("EndpointServiceMissing", "http://otl.obs.svc.cluster.local:4318"),
        ("EndpointWithoutNamespace", "http://otel:4318"),
        ("EndpointPortNotServed", "http://otel.obs.svc.cluster.local:4319"),
        ("EndpointPortNotForAll", "http://otel.obs.svc.cluster.local:4317"),
    ] {
        assert_fixed(code, &sends(endpoint), &sends(good));
    }
    let of_traces = |value: &str| {
        let env = json!([{"name": "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "value": value}]);
        instrumentation(&json!({"exporter": {"endpoint": good}, "env": env}))
    };
    let local = of_traces("http://127.0.0.1:4318/v1/traces");
    assert_fixed("EndpointIsLocal", &local, &of_traces(&format!("{good}/v1/traces")));
    assert_fixed("EndpointMissing", &instrumentation(&json!({})), &sends(good));
    // Of a container that sets none of its own, it is the Instrumentation's.
    let pods = deployment(&json!({}), &json!({INJECT: "true"}), "app:1");
    let other = instrumentation(&json!({"exporter": {"endpoint": "http://collector.example.com:4317"}}));
    let known = snapshot(&other);
    let (settings, resources, running) = (Settings::default(), Resources::default(), BTreeMap::new());
    let scene = Scene { snapshot: &known, settings: &settings, resources: &resources, pods: &running };
    let found = examine(&pods, "shop", Vec::new(), &scene);
    let port = found.iter().find(|found| found.finding.code() == "EndpointPortIsGrpc").unwrap();
    assert_eq!(port.object, crate::doctor::ObjectRef::new("Instrumentation", "shop", "base"));
    let edits = vec![Edit::add("/spec/exporter/endpoint", "http://collector.example.com:4318")];
    assert_eq!(fix(port, &other, &scene), Some(Fix::Edits(edits)));
    let workload = WorkloadRef { kind: None, namespace: "shop".into(), name: "server".into() };
    let grpc = json!({"env": [{"name": "OTEL_EXPORTER_OTLP_PROTOCOL", "value": "grpc"}]});
    for (language, document) in [(Language::Nginx, &json!({})), (Language::Java, &grpc)] {
        let instrumentation = Some("shop/base".to_owned());
        let decision = Decision { language, instrumentation, injected: None };
        let mut resources = Resources::default();
        resources.add_requesting(workload.clone(), document, vec![decision]);
        let scene = Scene { resources: &resources, ..scene };
        assert_eq!(fix(port, &other, &scene), None, "{language} sends there too");
    }
    let of_server = instrumentation(&json!({
        "exporter": {"endpoint": "http://otel.obs.svc.cluster.local:4317"}, "nginx": {},
    }));
    assert_eq!(fixed(&of_server).1, of_server, "nginx needs this port");
    let mut twice = snapshot(&sends("http://agent:4318"));
    let places = ["shop-1", "shop-2"];
    let (settings, resources, pods) = (Settings::default(), Resources::default(), BTreeMap::new());
    for (index, place) in places.into_iter().enumerate() {
        twice.services.insert(place.into(), "agent".into(), vec![4317, 4318]);
        let scene = Scene { snapshot: &twice, settings: &settings, resources: &resources, pods: &pods };
        let found = examine(&sends("http://agent:4318"), "shop", Vec::new(), &scene);
        let short = found.iter().find(|found| found.finding.code() == "EndpointWithoutNamespace").unwrap();
        let is_fixed = fix(short, &sends("http://agent:4318"), &scene).is_some();
        assert_eq!(is_fixed, index == 0, "pods of several namespaces may each have their own");
    }
    let of_grpc = sends("http://grpc.obs:4318");
    let is_told = fixed(&of_grpc).0.contains(&"EndpointPortNotServed");
    assert!(is_told && fixed(&of_grpc).1 == of_grpc, "not all can send to the other port");
}

#[test]
fn a_port_is_told_where_nobody_corrects_it() {
    let pods = deployment(&json!({}), &json!({INJECT: "true"}), "app:1");
    let own = instrumentation(&json!({"exporter": {"endpoint": "http://otel.obs:4317"}}));
    let (known, settings, running) = (snapshot(&own), Settings::default(), BTreeMap::new());
    let mut resources = Resources::default();
    let found = |resources: &Resources| {
        let scene = Scene { snapshot: &known, settings: &settings, resources, pods: &running };
        let found = examine(&pods, "shop", Vec::new(), &scene);
        let port =
            found.iter().find(|found| found.finding.code().starts_with("EndpointPort")).unwrap().clone();
        (port.finding.code(), fix(&port, &own, &scene))
    };
    assert_eq!(found(&resources).0, "EndpointPortCorrected");
    resources.add(json!({"kind": "Deployment", "metadata": {
        "namespace": "otel", "name": "operator", "labels": {"app.kubernetes.io/name": "opentelemetry-operator"},
    }}));
    let edits = vec![Edit::add("/spec/exporter/endpoint", "http://otel.obs:4318")];
    assert_eq!(found(&resources), ("EndpointPortIsGrpc", Some(Fix::Edits(edits))));
}

#[test]
fn fields_of_an_instrumentation_are_corrected() {
    let good = "http://otel.obs.svc.cluster.local:4318";
    let with =
        |field: &str, value: Value| instrumentation(&json!({"exporter": {"endpoint": good}, field: value}));
    let sampler = json!({"argument": "0.5"});
    let whole = json!({"argument": "0.5", "type": "parentbased_traceidratio"});
    assert_fixed("SamplerTypeMissing", &with("sampler", sampler), &with("sampler", whole));
    let unused = json!({"type": "always_on", "argument": "0.5"});
    assert_fixed(
        "SamplerArgumentUnused",
        &with("sampler", unused),
        &with("sampler", json!({"type": "always_on"})),
    );
    let twice = json!([{"name": "A", "value": "1"}, {"name": "B"}, {"name": "A", "value": "2"}]);
    let once = json!([{"name": "A", "value": "1"}, {"name": "B"}]);
    assert_fixed("VariableTwice", &with("env", twice), &with("env", once));
}

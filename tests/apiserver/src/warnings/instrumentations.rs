//! Mistakes in an Instrumentation: told to whoever applies it, and to whoever applies a workload that uses it.

use serde_json::{Value, json};

use super::{Mistake, inject, of, untold};
use crate::cluster::{exclusive, instrumentation};

/// Where the Collector is, and where applications are.
const COLLECTORS: &str = "collectors";
const SHOP: &str = "shop";

fn service(name: &str, ports: &[u16]) -> Value {
    let ports: Vec<Value> =
        ports.iter().map(|port| json!({"name": format!("p{port}"), "port": port})).collect();
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": COLLECTORS},
        "spec": {"ports": ports, "selector": {"app": name}},
    })
}

fn sending_to(endpoint: &str) -> Value {
    json!({"exporter": {"endpoint": endpoint}})
}

#[test]
fn each_mistake_in_an_instrumentation_is_told() {
    let cluster = exclusive();
    let mut operator = cluster.operator("instrumentations");
    operator.wait_ready();
    for place in [COLLECTORS, SHOP] {
        cluster.namespace(place, &json!({}));
    }
    cluster.apply(&[service("otel-collector", &[4317, 4318]), service("http-only", &[4318])]);
    // Services are seen in the order in which they were stored.
    let used = [
        ("bare", "http://otel-collector:4318"),
        ("unknown", "http://otel.collectors.svc.cluster.local:4318"),
        ("port", "http://otel-collector.collectors:9999"),
        ("local", "http://localhost:4318"),
        ("no-url", "otel-collector.collectors:4318"),
        ("good", "http://otel-collector.collectors:4318"),
    ];
    let used = used.map(|(name, endpoint)| instrumentation(COLLECTORS, name, &sending_to(endpoint)));
    cluster.apply(&used);
    cluster.wait_seen();
    let said =
        |object: Value| untold(&cluster, [(object, "EndpointServiceMissing", "otel-collector.collectors")]);
    let unknown = || instrumentation(SHOP, "waits", &sending_to("http://otel.collectors.svc:4318"));
    crate::wait::until("the Services are known", || said(unknown()), Vec::is_empty);

    let mistakes = endpoints().into_iter().chain(others()).chain(seen_from_workloads());
    let untold = untold(&cluster, mistakes);
    assert!(untold.is_empty(), "{}", untold.join("\n"));
}

fn endpoints() -> Vec<Mistake> {
    let table = [
        ("", "EndpointMissing", "set spec.exporter.endpoint, such as http://"),
        ("http://localhost:4317", "EndpointIsLocal", "write that of a Collector, such as http://"),
        ("http://127.0.0.1:4318", "EndpointIsLocal", "such as http://"),
        ("otel-collector.collectors:4318", "EndpointNotAUrl", "such as http://"),
        ("grpc://otel-collector.collectors:4317", "EndpointNotAUrl", "such as http://"),
        ("http://otel-collector.collectors:4318/v1/traces", "EndpointHasSignalPath", "remove /v1/traces"),
        ("https://otel-collector.collectors.svc:4318", "TlsUnset", "configMapName and ca_file"),
        ("http://otel-collector.collectors:4317", "EndpointPortNotForAll", "4318"),
        ("http://http-only.collectors:4317", "EndpointPortNotServed", "4318"),
        ("http://otel-collector.collectors", "EndpointPortNotServed", "4317, 4318"),
        (
            "http://otel-collector:4318",
            "EndpointWithoutNamespace",
            "otel-collector.collectors.svc.cluster.local",
        ),
        (
            "http://otel.collectors:4318",
            "EndpointServiceMissing",
            "otel-collector.collectors.svc.cluster.local",
        ),
        (
            "http://nobody-listens.collectors.svc.cluster.local:4318",
            "EndpointServiceMissing",
            "unless it follows",
        ),
        ("http://otel-collector.shop.svc:4318", "EndpointServiceMissing", "otel-collector.collectors.svc"),
    ];
    let object = |endpoint| instrumentation(SHOP, "mistaken", &sending_to(endpoint));
    table.into_iter().map(|(endpoint, code, remedy)| (object(endpoint), code, remedy)).collect()
}

fn others() -> Vec<Mistake> {
    let with = |mut settings: Value| {
        super::json_merge(&mut settings, sending_to("http://otel-collector.collectors:4318"));
        instrumentation(SHOP, "mistaken", &settings)
    };
    let env = |name: &str, value: &str| json!({"name": name, "value": value});
    let protocol = |value: &str| with(json!({"env": [env("OTEL_EXPORTER_OTLP_PROTOCOL", value)]}));
    let image = "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-python:0.64b0";
    let mut tls = with(json!({}));
    tls["spec"]["exporter"] = json!({
        "endpoint": "https://otlp.example.com:4318",
        "tls": {"secretName": "client", "cert_file": "tls.crt"},
    });
    let mut plain = with(json!({}));
    plain["spec"]["exporter"]["tls"] = json!({"secretName": "client", "ca_file": "ca.crt"});
    vec![
        (with(json!({"sampler": {"argument": "0.25"}})), "SamplerTypeMissing", "parentbased_traceidratio"),
        (
            with(json!({"sampler": {"type": "always_on", "argument": "0.25"}})),
            "SamplerArgumentUnused",
            "parentbased_traceidratio",
        ),
        (protocol("http"), "ProtocolUnknown", "http/protobuf or grpc"),
        (protocol("grpc"), "ProtocolNotOfPort", "4317"),
        (with(json!({"env": [env("A", "1"), env("A", "2")]})), "VariableTwice", "remove one"),
        (with(json!({"java": {"env": [env("A", "1"), env("A", "2")]}})), "VariableTwice", "spec.java.env"),
        (
            with(json!({"env": [env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c.example.com:4318")]})),
            "FieldOverridden",
            "remove one",
        ),
        (
            with(json!({"propagators": ["b3"], "env": [env("OTEL_PROPAGATORS", "xray")]})),
            "FieldOverridden",
            "spec.propagators",
        ),
        (with(json!({"env": [env("a=b", "1")]})), "FieldIgnored", "without ="),
        (with(json!({"imagePullPolicy": "always"})), "FieldIgnored", "IfNotPresent"),
        (with(json!({"java": {"image": image}})), "AgentOfOtherLanguage", "remove spec.java.image"),
        (tls, "TlsHalfAPair", "set both"),
        (plain, "TlsWithoutHttps", "https://"),
    ]
}

/// What an Instrumentation says means something else in another namespace.
fn seen_from_workloads() -> Vec<Mistake> {
    let host = "otel-collector.collectors.svc.cluster.local";
    let table = [
        ("collectors/bare", "EndpointWithoutNamespace", host),
        ("collectors/unknown", "EndpointServiceMissing", host),
        ("collectors/port", "EndpointPortNotServed", "4317, 4318"),
        ("collectors/local", "EndpointIsLocal", "such as http://"),
        ("collectors/no-url", "EndpointNotAUrl", "such as http://"),
    ];
    table.into_iter().map(|(name, code, remedy)| (of(SHOP, &inject("python", name)), code, remedy)).collect()
}

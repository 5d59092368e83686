//! Specs of Instrumentations that a user may write.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::{env, flag, one_of, some_of, value};

/// The spec of an Instrumentation that a user may write.
pub(super) fn spec() -> impl Strategy<Value = Value> {
    some_of(vec![
        ("exporter", 0.8, exporter()),
        ("resource", 0.6, resource()),
        ("defaults", 0.3, some_of(vec![("useLabelsForResourceAttributes", 1.0, flag())])),
        ("propagators", 0.3, Just(json!(["tracecontext", "b3"])).boxed()),
        ("sampler", 0.3, Just(json!({"type": "traceidratio", "argument": "0.5"})).boxed()),
        ("env", 0.4, known_env()),
        ("imagePullPolicy", 0.3, one_of(&["Always", "always"]).boxed()),
        ("initContainerSecurityContext", 0.2, context()),
        ("java", 0.4, java()),
        ("nodejs", 0.3, block("resourceRequirements", Vec::new())),
        ("python", 0.4, block("resourceRequirements", Vec::new())),
        ("dotnet", 0.3, block("resourceRequirements", Vec::new())),
        ("go", 0.4, block("resourceRequirements", vec![("securityContext", 0.3, context())])),
        ("apacheHttpd", 0.4, apache_httpd()),
        ("nginx", 0.4, nginx()),
    ])
}

fn exporter() -> BoxedStrategy<Value> {
    let tls = some_of(vec![
        ("secretName", 0.6, one_of(&["mtls", "Not A Name"]).boxed()),
        ("configMapName", 0.5, Just(json!("ca")).boxed()),
        ("ca_file", 0.6, one_of(&["ca.crt", "/etc/ca.crt"]).boxed()),
    ]);
    let endpoints = one_of(&[
        "http://gateway.obs:4318",
        "http://gateway.obs:4317",
        "http://$(OTEL_NODE_IP):4317",
        "no \"URL\" {$(A)};#",
    ]);
    some_of(vec![("endpoint", 0.8, endpoints.boxed()), ("tls", 0.3, tls)])
}

fn resource() -> BoxedStrategy<Value> {
    let attributes = vec((value(), value()), 0..4).prop_map(|pairs| {
        Value::Object(pairs.into_iter().map(|(key, value)| (key, Value::from(value))).collect())
    });
    some_of(vec![("resourceAttributes", 0.7, attributes.boxed()), ("addK8sUIDAttributes", 0.4, flag())])
}

/// Variables with sources that the types of an Instrumentation know.
fn known_env() -> BoxedStrategy<Value> {
    const KNOWN: [&str; 4] = ["configMapKeyRef", "secretKeyRef", "fieldRef", "resourceFieldRef"];
    let known = |entry: &Value| {
        let source = entry.get("valueFrom");
        source.is_none_or(|source| KNOWN.iter().any(|kind| source.get(kind).is_some()))
    };
    env()
        .prop_map(move |mut env| {
            env.as_array_mut().unwrap().retain(known);
            env
        })
        .boxed()
}

/// A security context, also one that no container may have.
fn context() -> BoxedStrategy<Value> {
    select(vec![
        json!({"runAsUser": 2000}),
        json!({"runAsUser": 0, "privileged": true}),
        json!({"seccompProfile": {"type": "Localhost"}}),
        json!({}),
    ])
    .boxed()
}

/// What the blocks of all languages have in common, and more.
fn block(
    resources: &'static str,
    more: Vec<(&'static str, f64, BoxedStrategy<Value>)>,
) -> BoxedStrategy<Value> {
    let claim =
        json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    let amounts = select(vec![
        json!({"limits": {"memory": "32Mi"}}),
        json!({"limits": {}, "requests": {"cpu": "2"}}),
        json!({"limits": {"nvidia.com/gpu": "1", "cpu": "-1"}}),
    ]);
    let mut fields = vec![
        ("image", 0.3, one_of(&["example.com/agent:1", " ", ""]).boxed()),
        ("env", 0.4, known_env()),
        ("volumeLimitSize", 0.2, one_of(&["50Mi", "-1"]).boxed()),
        ("volumeClaimTemplate", 0.1, select(vec![claim, json!({"spec": {}})]).boxed()),
        (resources, 0.3, amounts.boxed()),
    ];
    fields.extend(more);
    some_of(fields)
}

fn java() -> BoxedStrategy<Value> {
    let extension = select(vec![
        json!({"image": "ext:1", "dir": "/ext"}),
        json!({"image": "", "dir": "/ext"}),
        json!({"image": "ext:2", "dir": "/"}),
    ]);
    block("resources", vec![("extensions", 0.4, vec(extension, 0..3).prop_map(Value::Array).boxed())])
}

fn attrs() -> BoxedStrategy<Value> {
    let attr = (one_of(&["ApacheModuleServiceName", "NginxModuleTraceAsError", "X", ""]), value());
    let attr = attr.prop_map(|(name, value)| json!({"name": name, "value": value}));
    vec(attr, 0..3).prop_map(Value::Array).boxed()
}

fn apache_httpd() -> BoxedStrategy<Value> {
    let paths = one_of(&["/usr/local/apache2/conf/", "/etc/nginx", "/", "conf", "", "/srv//", "/opt"]);
    block(
        "resourceRequirements",
        vec![
            ("attrs", 0.3, attrs()),
            ("version", 0.2, one_of(&["2.2", "2.4", "3"]).boxed()),
            ("configPath", 0.4, paths.boxed()),
        ],
    )
}

fn nginx() -> BoxedStrategy<Value> {
    let files =
        one_of(&["/etc/nginx/nginx.conf", "/srv/etc/nginx//a.conf", "/a.conf", "a.conf", "/etc/", ""]);
    block("resourceRequirements", vec![("attrs", 0.3, attrs()), ("configFile", 0.4, files.boxed())])
}

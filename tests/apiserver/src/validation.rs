//! What the command line says of a manifest without a cluster is what the API server says: the same verdict, about the
//! same fields.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cluster::{deployment, exclusive, instrumentation};
use crate::pods::instrumentation_specs;

/// The fields that one side names, and whether it refuses the object.
#[derive(Debug, PartialEq)]
struct Verdict {
    refused: bool,
    fields: BTreeSet<String>,
}

fn offline(object: &Value) -> Verdict {
    let flaws = ingraft_validate::check(object);
    Verdict {
        refused: flaws.iter().any(ingraft_validate::Flaw::refuses),
        fields: flaws.iter().map(|flaw| flaw.field().to_owned()).collect(),
    }
}

/// Reads the causes of a refusal, and the warnings about fields that are dropped.
fn in_cluster(answer: &Result<Value, Value>, warnings: &str) -> Verdict {
    let causes = answer.as_ref().err().and_then(|status| status.pointer("/details/causes"));
    let causes = causes.and_then(Value::as_array).into_iter().flatten();
    let refused = causes.filter_map(|cause| {
        let (field, message) = (cause["field"].as_str()?, cause["message"].as_str()?);
        // Where a rule cannot be evaluated the API server forgets the field that the rule is about.
        let about = if message.contains(" evaluating rule: ") { ".argument" } else { "" };
        // `<nil>`: other rules have not been looked at.
        (field != "<nil>").then(|| format!("{field}{about}"))
    });
    let unknown = warnings.lines().filter_map(|line| {
        let name = line.split_once("unknown field ")?.1.trim_matches(|c| "\\\"".contains(c));
        Some(name.to_owned())
    });
    let mut fields: BTreeSet<String> = refused.collect();
    // Below a value of the wrong type there are no fields to speak of, unknown or not.
    let below = |name: &String| fields.iter().any(|field| name.starts_with(&format!("{field}.")));
    let unknown: Vec<String> = unknown.filter(|name| !below(name)).collect();
    fields.extend(unknown);
    Verdict { refused: answer.is_err(), fields }
}

/// Specs that are good or bad, each in one way or in several.
fn specs() -> Vec<Value> {
    let sampler = |kind: &str, argument: Value| json!({"sampler": {"type": kind, "argument": argument}});
    let claim = |language: &str, template: Value| json!({language: {"volumeClaimTemplate": template, "volumeLimitSize": "1Gi"}});
    let ratio = |argument: &str| sampler("traceidratio", json!(argument));
    let jaeger = |argument: &str| sampler("jaeger_remote", json!(argument));
    let mut specs: Vec<Value> = [
        "0.5", "1e-3", "NaN", "-NaN", "0x1p-2", "0X1.8P-1", ".5", "1.", "", "+0.5", "-0", "0", "1", "1.5",
        "-1", "25%",
    ]
    .into_iter()
    .chain([
        "x", " 0.5", "0,5", "1/4", "Inf", "-inf", "1e400", "1_0", "0x8p-2", "0x1", "1e-400", "٣", "0.5\n",
    ])
    .map(ratio)
    .collect();
    specs.extend(
        [
            "endpoint=http://a:1,pollingIntervalMs=5,initialSamplingRate=0.2,other=x",
            "endpoint=",
            "a",
            "a=b=c",
            "",
        ]
        .into_iter()
        .chain(["pollingIntervalMs=x", "pollingIntervalMs=+5", "pollingIntervalMs=1.5", "pollingIntervalMs="])
        .chain(["initialSamplingRate=2", "initialSamplingRate=x", "a=b,", "a=b,endpoint=", "é=ü"])
        .map(jaeger),
    );
    specs.extend([
        sampler("always_on", json!("whatever")),
        sampler("traceidratio", json!(0.25)),
        sampler("traceidratio", json!(1)),
        sampler("traceidratio", json!(true)),
        sampler("parentbased_jaeger_remote", json!("")),
        sampler("traceidratio", json!("9".repeat(131_073))),
        json!({"sampler": {"type": null, "argument": null}, "python": null, "env": null, "exporter": null}),
        json!({"sampler": []}),
        json!({"sampler": {"type": "traceidratio", "argument": "2"}, "propagators": ["w3c"]}),
        json!({"sampler": {"type": "traceidratio", "argument": "2"}, "env": [{"value": "x"}]}),
        json!({"node": {}, "java": {"command": ["a"]}, "exporter": {"Endpoint": "x", "tls": {"caFile": "x"}}}),
        json!({"env": [{"name": "A", "vale": "x"}, {"name": "B", "valueFrom": {"configMapKeyRef": {"nam": "x", "key": "y", "name": "z"}}}]}),
        json!({"env": {"A": "b"}}),
        json!({"env": [{"name": "A", "value": 5}, {"name": "B", "value": true}, {"name": "C", "value": null}]}),
        json!({"env": [null]}),
        json!({"env": ["A=b"]}),
        json!({"env": [{"value": "x"}]}),
        json!({"env": [{"name": null}]}),
        json!({"env": "A=b"}),
        json!({"propagators": "tracecontext"}),
        json!({"propagators": ["tracecontext", "w3c", "B3"]}),
        json!({"exporter": {"endpoint": 4318}}),
        json!({"exporter": "http://a:4318"}),
        json!({"resource": {"resourceAttributes": {"a": 1, "b": "c", "d": null}}}),
        json!({"resource": {"addK8sUIDAttributes": "true"}}),
        json!({"defaults": {"useLabelsForResourceAttributes": "yes"}}),
        json!({"java": {"resources": {"limits": {"cpu": 1, "memory": "1.5Gi"}}, "volumeLimitSize": 5}}),
        json!({"java": {"resources": {"limits": {"cpu": 0.5}}}}),
        json!({"java": {"resources": {"limits": {"cpu": 1.0}}}}),
        json!({"java": {"resources": {"limits": {"memory": "64 Mi"}}}}),
        json!({"java": {"resources": "small"}}),
        json!({"java": {"resourceRequirements": {}}}),
        json!({"java": {"extensions": [{"image": "x"}]}}),
        json!({"java": "image:1"}),
        json!({"java": []}),
        json!({"python": {"volumeLimitSize": "much"}}),
        json!({"python": {"volumeLimitSize": true}}),
        json!({"python": {"image": {"repository": "x", "tag": "1"}}}),
        json!({"go": {"securityContext": {"privileged": "true", "runAsUser": "0"}}}),
        json!({"go": {"securityContext": {"runAsUser": 1.5}}}),
        json!({"nginx": {"configFile": "/etc/$(x)"}}),
        json!({"apacheHttpd": {"configPath": "x".repeat(257)}}),
        json!({"apacheHttpd": {"version": 2.4}}),
        json!({"imagePullPolicy": "Sometimes"}),
        claim("java", json!({"metadata": {}, "spec": {"resources": {}}})),
        claim("java", json!({"spec": {"accessModes": ["ReadWriteOnce"]}})),
        claim("apacheHttpd", json!({"spec": {"storageClassName": "fast"}})),
        claim("python", json!({"spec": {"resources": {"requests": {"storage": "1Gi"}}}})),
        claim("python", json!({"spec": {"resources": null}})),
        claim("nodejs", json!({"metadata": {"labels": {"a": "b"}, "label": {}}})),
        json!({"nodejs": {"volumeClaimTemplate": {"spec": {"accessModes": "ReadWriteOnce"}}}}),
        json!([]),
        json!("x"),
        json!(null),
    ]);
    specs
}

#[test]
fn an_instrumentation_gets_the_same_verdict_offline_and_in_the_cluster() {
    let cluster = exclusive();
    cluster.namespace_without_operator("validation");
    let specs = specs().into_iter().chain(instrumentation_specs().into_values());
    let mut objects: Vec<Value> = specs.map(|spec| instrumentation("validation", "checked", &spec)).collect();
    // Of a whole object.
    let whole = |change: fn(&mut Value)| {
        let mut object = instrumentation("validation", "checked", &json!({}));
        change(&mut object);
        object
    };
    objects.extend([
        whole(|object| object["specs"] = json!({})),
        whole(|object| drop(object.as_object_mut().unwrap().remove("spec"))),
        whole(|object| object["metadata"]["lables"] = json!({})),
        whole(|object| object["metadata"]["labels"] = json!({"a": null})),
        whole(|object| object["status"] = json!({"upgradeBlockedVersions": {}})),
    ]);
    let mut differences = Vec::new();
    for object in &objects {
        let (answer, warnings) = cluster.check(object);
        let (expected, found) = (in_cluster(&answer, &warnings), offline(object));
        if expected != found {
            let text: String = object["spec"].to_string().chars().take(200).collect();
            differences.push(format!("{text}\n  cluster {expected:?}\n  offline {found:?}\n  {answer:?}"));
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {}:\n{}",
        differences.len(),
        objects.len(),
        differences.join("\n")
    );
}

/// A Deployment with one container, changed.
fn workload(change: impl FnOnce(&mut Value)) -> Value {
    let mut object = deployment("validation-pods", "checked", &json!({}));
    change(&mut object);
    object
}

#[test]
fn a_workload_that_cannot_be_read_is_refused_offline_too() {
    let cluster = exclusive();
    cluster.namespace_without_operator("validation-pods");
    let container = |fields: Value| {
        workload(|object| {
            let container = &mut object["spec"]["template"]["spec"]["containers"][0];
            container.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        })
    };
    let spec =
        |field: &str, value: Value| workload(|object| object["spec"]["template"]["spec"][field] = value);
    let objects = [
        workload(|_| ()),
        container(json!({"env": [{"name": "A", "value": 5}]})),
        container(json!({"env": [{"name": "A", "value": true}]})),
        container(json!({"env": [{"name": "A", "value": null}]})),
        container(json!({"env": null, "ports": null, "resources": null})),
        container(json!({"env": {"A": "b"}})),
        container(json!({"command": "sh"})),
        container(json!({"args": [1]})),
        container(json!({"ports": [{"containerPort": "80"}]})),
        container(json!({"livenessProbe": {"httpGet": {"port": 80}}})),
        container(json!({"livenessProbe": {"httpGet": {"port": "http"}}})),
        container(json!({"resources": {"limits": {"cpu": 0.5, "memory": "64Mi"}}})),
        container(json!({"imagePullPolcy": "Always"})),
        spec("containers", json!({"app": {"image": "x"}})),
        spec("initContainers", json!({"app": {"image": "x"}})),
        spec("nodeSelector", json!({"a": true})),
        spec("terminationGracePeriodSeconds", json!("30")),
        workload(|object| object["spec"]["replicas"] = json!("2")),
        workload(|object| object["metadata"]["labels"] = json!({"a": 1})),
        workload(|object| object["metadata"]["annotations"] = json!({"a": true})),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "checked", "namespace": "validation-pods"},
               "data": {"PORT": 8080}}),
    ];
    for object in &objects {
        let (answer, warnings) = cluster.check(object);
        let (expected, found) = (in_cluster(&answer, &warnings), offline(object));
        assert_eq!(expected.refused, found.refused, "{object}: {answer:?}");
        // The API server names no field of what it cannot read; of what it drops it does.
        if !expected.refused {
            assert_eq!(expected.fields, found.fields, "{object}");
        }
    }
}

//! Pods as they come to an API server, and what the cluster around them may look like.

use std::fmt;

use ingraft_api::Instrumentation;
use ingraft_core::edit::apply;
use ingraft_core::{Namespace, Outcome, Request, Settings, Snapshot, inject, owner};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

/// The namespace of the pod.
const NAMESPACE: &str = "shop";

/// Everything that a decision depends on.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) pod: Value,
    pub(crate) snapshot: Snapshot,
    pub(crate) settings: Settings,
}

/// What a person needs to see of a failure.
impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let namespace = self.snapshot.namespace(NAMESPACE);
        writeln!(f, "lists per language: {}, {namespace:?}", self.settings.multi_instrumentation)?;
        writeln!(f, "{:#}\n{:#}", json!(self.instrumentations()), self.pod)
    }
}

impl World {
    pub(crate) fn instrumentations(&self) -> Vec<&Instrumentation> {
        self.snapshot.instrumentations.iter().collect()
    }

    pub(crate) fn outcome(&self) -> Outcome {
        inject(&Request {
            pod: &self.pod,
            namespace: NAMESPACE,
            owners: &owner::owners(&self.pod, NAMESPACE, &self.snapshot),
            snapshot: &self.snapshot,
            settings: &self.settings,
        })
    }

    /// The pod after injection.
    pub(crate) fn injected(&self) -> Value {
        let mut pod = self.pod.clone();
        apply(&mut pod, &self.outcome().edits);
        pod
    }
}

/// A pod with one or two Instrumentations and its namespace.
pub(crate) fn world() -> impl Strategy<Value = World> {
    (pod(), instrumentation(), weighted(0.3, instrumentation()), asking(0.2), any::<bool>()).prop_map(
        |(pod, base, other, annotations, multi)| {
            let mut snapshot = Snapshot::default();
            for (name, spec) in [("base", Some(base)), ("other", other)] {
                if let Some(spec) = spec {
                    let object = json!({"metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec});
                    let object = serde_json::from_value(object).expect("it is an Instrumentation");
                    snapshot.instrumentations.insert(NAMESPACE.into(), name.into(), object);
                }
            }
            let annotations =
                annotations.into_iter().map(|(key, value)| (key, value.as_str().unwrap().to_owned()));
            snapshot.namespaces.insert(String::new(), NAMESPACE.into(), Namespace::new(annotations));
            snapshot.deployments.insert(NAMESPACE.into(), "web".into(), "u-web".into());
            snapshot.cron_jobs.insert(NAMESPACE.into(), "web".into(), "u-cron".into());
            let mut settings = Settings::default();
            settings.multi_instrumentation = multi;
            World { pod, snapshot, settings }
        },
    )
}

/// One of some texts.
fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = Value> {
    select(texts).prop_map(Value::from)
}

/// An object with some of the entries of another, whose values are generated.
fn some_of(entries: Vec<(&'static str, f64, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let entry = |(key, chance, value): (&'static str, f64, BoxedStrategy<Value>)| {
        // Shrinks towards absence.
        let kept = move |(dice, value): (f64, Value)| (dice >= 1.0 - chance).then(|| (key.to_owned(), value));
        (0.0..1.0, value).prop_map(kept)
    };
    let entries: Vec<_> = entries.into_iter().map(entry).collect();
    entries.prop_map(|entries| Value::Object(entries.into_iter().flatten().collect())).boxed()
}

/// Annotations that ask for something, each language with the given chance.
fn asking(chance: f64) -> impl Strategy<Value = Map<String, Value>> {
    let key = |name: &str| format!("instrumentation.opentelemetry.io/{name}");
    let ask = || one_of(&["true", "base", "other", "false", "shop/base", "nothing", ""]).boxed();
    let names = || one_of(&["app", "fetch,worker", "app, worker", "worker,app,fetch", "nobody", ""]).boxed();
    some_of(vec![
        ("inject-python", chance, ask()),
        ("inject-sdk", chance, ask()),
        ("inject-java", 0.05, ask()),
        ("container-names", chance / 2.0, names()),
        ("python-container-names", chance / 2.0, names()),
        ("sdk-container-names", chance / 2.0, names()),
        ("otel-python-platform", 0.1, one_of(&["musl", "glibc", "alpine"]).boxed()),
        ("inject-pyhton", 0.02, ask()),
    ])
    .prop_map(move |object| {
        object.as_object().unwrap().iter().map(|(name, value)| (key(name), value.clone())).collect()
    })
}

/// Texts for values: references, lists, what has to be encoded, and anything else.
fn value() -> impl Strategy<Value = String> {
    const VALUES: &[&str] = &[
        "",
        "/srv",
        "a=b,team=x",
        "a=b,",
        " a = b , service.name=mine",
        "k8s.pod.name=p,k8s.node.name=n,k8s.pod.uid=u",
        "$(A)",
        "$(OTEL_RESOURCE_ATTRIBUTES)",
        "x=$(OTEL_RESOURCE_ATTRIBUTES),y=1",
        "/srv:$(PYTHONPATH)",
        "$$(A) $(",
        "http://gateway.obs:4317",
        "a b,c=d;é%",
    ];
    prop_oneof![4 => select(VALUES).prop_map(str::to_owned), 1 => "[ -~]{0,12}"]
}

/// A source of a variable.
fn source() -> impl Strategy<Value = Value> {
    let key = |kind: &'static str| {
        weighted(0.6, any::<bool>()).prop_map(move |optional| {
            let mut reference = json!({"name": "s", "key": "k"});
            if let Some(optional) = optional {
                reference["optional"] = optional.into();
            }
            json!({kind: reference})
        })
    };
    prop_oneof![
        key("secretKeyRef"),
        key("configMapKeyRef"),
        key("fileKeyRef"),
        Just(json!({"fieldRef": {"fieldPath": "metadata.name"}})),
        Just(json!({"resourceFieldRef": {"resource": "limits.cpu"}})),
        Just(json!({"somethingNew": {"key": "k"}})),
    ]
}

/// Variables, some of them those that we set, some of them twice.
fn env() -> impl Strategy<Value = Value> {
    const NAMES: &[&str] = &[
        "A",
        "B",
        "PYTHONPATH",
        "OTEL_ORIG_PYTHONPATH",
        "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_SERVICE_NAME",
        "OTEL_NODE_IP",
        "OTEL_POD_IP",
        "OTEL_TRACES_SAMPLER_ARG",
        "OTEL_PROPAGATORS",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "OTEL_LOGS_EXPORTER",
    ];
    let entry = (select(NAMES), prop_oneof![3 => value().prop_map(Ok), 1 => source().prop_map(Err)]);
    let entry = (entry, weighted(0.05, Just("new"))).prop_map(|((name, content), unknown)| {
        let mut entry = match content {
            Ok(value) => json!({"name": name, "value": value}),
            Err(source) => json!({"name": name, "valueFrom": source}),
        };
        if let Some(unknown) = unknown {
            entry["somethingNew"] = unknown.into();
        }
        entry
    });
    vec(entry, 0..7).prop_map(Value::Array)
}

const VOLUMES: [&str; 3] = ["data", "opentelemetry-auto-instrumentation-python", "otel-auto-secret-mtls"];

/// A container of that name, which mounts some of the pod's volumes.
fn container(name: &'static str, volumes: &[&'static str]) -> BoxedStrategy<Value> {
    const PATHS: [&str; 4] =
        ["/data", "/otel-auto-instrumentation-python", "/otel-auto-instrumentation-secret-mtls", "/srv/"];
    let mounts = if volumes.is_empty() {
        Just(json!([])).boxed()
    } else {
        let mount = |path: &'static str, volumes: Vec<&'static str>| {
            select(volumes).prop_map(move |volume| json!({"name": volume, "mountPath": path}))
        };
        let volumes = volumes.to_vec();
        subsequence(PATHS.to_vec(), 0..=2)
            .prop_flat_map(move |paths| {
                paths.into_iter().map(|path| mount(path, volumes.clone())).collect::<Vec<_>>()
            })
            .prop_map(Value::Array)
            .boxed()
    };
    let quantities = one_of(&["10m", "100m", "1", "64Mi"]).boxed();
    let resources = || some_of(vec![("cpu", 0.7, quantities.clone()), ("memory", 0.7, quantities.clone())]);
    let flag = || any::<bool>().prop_map(Value::from).boxed();
    let context = some_of(vec![
        ("runAsNonRoot", 0.5, flag()),
        ("allowPrivilegeEscalation", 0.5, flag()),
        ("runAsUser", 0.3, Just(json!(1000)).boxed()),
        ("somethingNew", 0.1, Just(json!({"a": 1})).boxed()),
    ]);
    some_of(vec![
        ("name", 1.0, Just(json!(name)).boxed()),
        ("image", 0.9, one_of(&["app:1", "app", "r.example.com:5000/a/b:2", "A/B:1", "app@x"]).boxed()),
        ("args", 0.3, Just(json!(["--a", "$(A)"])).boxed()),
        ("env", 0.7, env().boxed()),
        ("envFrom", 0.1, Just(json!([{"configMapRef": {"name": "c"}}])).boxed()),
        ("volumeMounts", 0.5, mounts),
        ("resources", 0.3, some_of(vec![("limits", 0.7, resources()), ("requests", 0.7, resources())])),
        ("securityContext", 0.3, context),
        ("somethingNew", 0.1, Just(json!([{"a": null}])).boxed()),
    ])
}

fn owners() -> impl Strategy<Value = Value> {
    let kind = one_of(&["ReplicaSet", "StatefulSet", "daemonset", "Job", "Rocket"]);
    let owner = (kind, one_of(&["web-6f5c8", "web-29000000", "web", ""]))
        .prop_map(|(kind, name)| json!({"kind": kind, "name": name, "uid": "u-1", "apiVersion": "v1"}));
    vec(owner, 0..3).prop_map(Value::Array)
}

/// A pod that the API server would accept.
fn pod() -> impl Strategy<Value = Value> {
    let annotations = (asking(0.7), vec((value(), value()), 0..3)).prop_map(|(mut asking, resource)| {
        for (key, value) in resource {
            asking.insert(format!("resource.opentelemetry.io/{key}"), value.into());
        }
        Value::Object(asking)
    });
    let labels = some_of(vec![
        ("pod-template-hash", 0.5, one_of(&["6f5c8", ""]).boxed()),
        ("rollouts-pod-template-hash", 0.1, Just(json!("6f5c8")).boxed()),
        ("app.kubernetes.io/name", 0.3, Just(json!("web")).boxed()),
    ]);
    let metadata = some_of(vec![
        ("name", 0.7, one_of(&["web-6f5c8-abcde", "web"]).boxed()),
        ("uid", 0.1, Just(json!("u-2")).boxed()),
        ("annotations", 0.97, annotations.boxed()),
        ("labels", 0.6, labels),
        ("ownerReferences", 0.6, owners().boxed()),
        ("somethingNew", 0.1, Just(json!(1)).boxed()),
    ]);
    let spec = subsequence(VOLUMES.to_vec(), 0..=3).prop_flat_map(|names| {
        let kind = || select(vec![json!({"emptyDir": {}}), json!({"secret": {"secretName": "s"}})]);
        let volumes: Vec<_> = names
            .iter()
            .map(|&name| {
                kind().prop_map(move |mut volume| {
                    volume["name"] = name.into();
                    volume
                })
            })
            .collect();
        let containers = |all: [&'static str; 2], least: usize, names: &[&'static str]| {
            let names = names.to_vec();
            subsequence(all.to_vec(), least..=2).prop_flat_map(move |chosen| {
                chosen.into_iter().map(|name| container(name, &names)).collect::<Vec<_>>()
            })
        };
        some_of(vec![
            ("volumes", if names.is_empty() { 0.3 } else { 1.0 }, volumes.prop_map(Value::Array).boxed()),
            (
                "initContainers",
                0.5,
                containers(["fetch", "istio-proxy"], 0, &names).prop_map(Value::Array).boxed(),
            ),
            ("containers", 1.0, containers(["app", "worker"], 1, &names).prop_map(Value::Array).boxed()),
            ("securityContext", 0.2, Just(json!({"runAsNonRoot": true})).boxed()),
            ("nodeName", 0.1, Just(json!("node-1")).boxed()),
            ("restartPolicy", 0.2, Just(json!("Never")).boxed()),
            ("somethingNew", 0.1, Just(json!({"containers": []})).boxed()),
        ])
    });
    (metadata, spec).prop_map(
        |(metadata, spec)| json!({"kind": "Pod", "metadata": metadata, "spec": spec, "somethingNew": true}),
    )
}

/// The spec of an Instrumentation that a user may write.
fn instrumentation() -> impl Strategy<Value = Value> {
    let tls = some_of(vec![
        ("secretName", 0.6, Just(json!("mtls")).boxed()),
        ("configMapName", 0.5, Just(json!("ca")).boxed()),
        ("ca_file", 0.6, one_of(&["ca.crt", "/etc/ca.crt"]).boxed()),
    ]);
    let exporter = some_of(vec![
        ("endpoint", 0.8, one_of(&["http://gateway.obs:4318", "http://$(OTEL_NODE_IP):4317"]).boxed()),
        ("tls", 0.3, tls),
    ]);
    let attributes = vec((value(), value()), 0..4).prop_map(|pairs| {
        Value::Object(pairs.into_iter().map(|(key, value)| (key, Value::from(value))).collect())
    });
    let flag = || any::<bool>().prop_map(Value::from).boxed();
    let resource =
        some_of(vec![("resourceAttributes", 0.7, attributes.boxed()), ("addK8sUIDAttributes", 0.4, flag())]);
    // An Instrumentation is read by types, which need sources that they know.
    let env = || {
        env().prop_map(|mut env| {
            let known = |entry: &Value| {
                let source = entry.get("valueFrom");
                source.is_none_or(|source| {
                    ["configMapKeyRef", "fieldRef"].iter().any(|kind| source.get(kind).is_some())
                })
            };
            env.as_array_mut().unwrap().retain(known);
            env
        })
    };
    let python = some_of(vec![
        ("env", 0.4, env().boxed()),
        ("volumeLimitSize", 0.2, Just(json!("50Mi")).boxed()),
        ("resourceRequirements", 0.2, Just(json!({"limits": {"memory": "32Mi"}})).boxed()),
    ]);
    some_of(vec![
        ("exporter", 0.8, exporter),
        ("resource", 0.6, resource),
        ("defaults", 0.3, some_of(vec![("useLabelsForResourceAttributes", 1.0, flag())])),
        ("propagators", 0.3, Just(json!(["tracecontext", "b3"])).boxed()),
        ("sampler", 0.3, Just(json!({"type": "traceidratio", "argument": "0.5"})).boxed()),
        ("env", 0.4, env().boxed()),
        ("imagePullPolicy", 0.3, one_of(&["Always", "always"]).boxed()),
        ("initContainerSecurityContext", 0.2, Just(json!({"runAsUser": 2000})).boxed()),
        ("python", 0.5, python),
    ])
}

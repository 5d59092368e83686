//! Pods as they come to an API server, and what the cluster around them may look like.

#[path = "world/instrumentation.rs"]
mod instrumentation;
#[path = "world/pod.rs"]
mod pod;

use std::fmt;

use ingraft_api::{Instrumentation, Language};
use ingraft_core::edit::apply;
use ingraft_core::{
    EnvProbe, ImageFacts, Namespace, Node, NodeClass, Outcome, Request, Settings, Snapshot, inject, owner,
};
use ingraft_probe_contract::{Agent, Libc, StandDown};
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
        writeln!(f, "{:?}, {namespace:?}", self.settings)?;
        writeln!(f, "{:?}, {:?}", self.snapshot.services, self.snapshot.config_maps)?;
        writeln!(f, "{:?}, {:?}", self.snapshot.nodes, self.snapshot.facts)?;
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
    let specs = (instrumentation::spec(), weighted(0.3, instrumentation::spec()));
    (pod::pod(), specs, namespace(), snapshot(), settings()).prop_map(
        |(pod, (base, other), namespace, mut snapshot, settings)| {
            for (name, spec) in [("base", Some(base)), ("other", other)] {
                if let Some(spec) = spec {
                    let object = json!({"metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec});
                    let object = serde_json::from_value(object).expect("it is an Instrumentation");
                    snapshot.instrumentations.insert(NAMESPACE.into(), name.into(), object);
                }
            }
            snapshot.namespaces.insert(String::new(), NAMESPACE.into(), namespace);
            World { pod, snapshot, settings }
        },
    )
}

/// The namespace: what it asks for, and how strict it is.
fn namespace() -> impl Strategy<Value = Namespace> {
    let level = weighted(0.3, select(&["privileged", "baseline", "restricted", "odd"][..]));
    (asking(0.1), level).prop_map(|(annotations, level)| {
        let annotations =
            annotations.into_iter().map(|(key, value)| (key, value.as_str().unwrap().to_owned()));
        Namespace::new(annotations).enforcing(level)
    })
}

/// The versions of the nodes.
const KUBELETS: &[&[&str]] = &[&[], &["v1.35.4"], &["v1.35.4"], &["v1.36.0", "v1.34.9"]];

/// Other objects of the cluster.
fn snapshot() -> impl Strategy<Value = Snapshot> {
    let services = subsequence(vec![4317, 4318], 0..=2);
    let config_maps = (weighted(0.5, any::<bool>()), any::<bool>());
    let kubelets = select(KUBELETS);
    (services, config_maps, kubelets, weighted(0.4, facts())).prop_map(
        |(ports, (keys, complete), kubelets, facts)| {
            let mut snapshot = Snapshot::default();
            for kubelet in kubelets {
                let class = NodeClass {
                    kubelet: (*kubelet).to_owned(),
                    architecture: "amd64".to_owned(),
                    ..NodeClass::default()
                };
                snapshot.proofs.prove(&class, 1);
                let node = Node { class, ..Node::default() };
                snapshot.nodes.insert(String::new(), (*kubelet).to_owned(), node);
            }
            if let Some(facts) = facts {
                snapshot.facts.learn(NAMESPACE, "app:1", "sha256:a", "amd64", facts);
            }
            snapshot.deployments.insert(NAMESPACE.into(), "web".into(), "u-web".into());
            snapshot.cron_jobs.insert(NAMESPACE.into(), "web".into(), "u-cron".into());
            if !ports.is_empty() {
                snapshot.services.insert("obs".into(), "gateway".into(), ports);
            }
            if let Some(known) = keys {
                let keys = known.then(|| vec!["k".into(), "OTEL_EXPORTER_OTLP_ENDPOINT".into()]);
                snapshot.config_maps.insert(NAMESPACE.into(), "s".into(), keys);
            }
            if complete {
                snapshot.config_maps.set_complete();
                snapshot.secrets.set_complete();
            }
            snapshot
        },
    )
}

/// What a probe may have found before.
fn facts() -> impl Strategy<Value = ImageFacts> {
    let variables = ["JAVA_TOOL_OPTIONS", "NODE_OPTIONS", "PYTHONPATH", "OTEL_RESOURCE_ATTRIBUTES"];
    let languages = subsequence(Agent::ALL.to_vec(), 0..=2);
    let reasons = [
        StandDown::Absent,
        StandDown::Version,
        StandDown::LibcUnknown,
        StandDown::OtherAgent,
        StandDown::Value,
    ];
    let reasons = weighted(0.2, select(reasons.to_vec()));
    let libc = weighted(0.7, select(vec![Libc::Glibc, Libc::Musl, Libc::None]));
    let agents = weighted(0.1, Just("datadog".to_owned()));
    (subsequence(variables.to_vec(), 0..=2), languages, reasons, libc, agents, any::<(Option<bool>, bool)>())
        .prop_map(|(sets, languages, reason, libc, agent, (esm, cut))| ImageFacts {
            sets: sets.into_iter().map(str::to_owned).collect(),
            libc,
            stood_down: languages.iter().copied().zip(reason).collect(),
            runtimes: languages.into_iter().map(|language| (language, None)).collect(),
            agents: agent.into_iter().collect(),
            esm,
            cut,
            ..ImageFacts::default()
        })
}

fn settings() -> impl Strategy<Value = Settings> {
    let off = subsequence(Language::ALL.to_vec(), 0..=2);
    (any::<bool>(), weighted(0.2, off), weighted(0.8, any::<bool>())).prop_map(|(multi, off, probe)| {
        let mut settings = Settings::default();
        settings.env_probe = probe.map_or(EnvProbe::Never, |_| EnvProbe::Auto);
        if probe == Some(true) {
            "r.example.com/ingraft:1".clone_into(&mut settings.probe_image);
        }
        settings.multi_instrumentation = multi;
        for language in Language::ALL {
            let off = off.as_ref().is_some_and(|off| off.contains(&language));
            settings.set_enabled(language, !off);
        }
        settings
    })
}

/// One of some texts.
fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = Value> {
    select(texts).prop_map(Value::from)
}

/// An object with some of the entries of another, whose values are generated.
fn some_of(entries: Vec<(&'static str, f64, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    // Shrinks towards absence.
    let entry = |(key, chance, value): (&'static str, f64, BoxedStrategy<Value>)| {
        let value = if chance < 1.0 { weighted(chance, value).boxed() } else { value.prop_map(Some).boxed() };
        value.prop_map(move |value| Some((key.to_owned(), value?)))
    };
    let entries: Vec<_> = entries.into_iter().map(entry).collect();
    entries.prop_map(|entries| Value::Object(entries.into_iter().flatten().collect())).boxed()
}

fn flag() -> BoxedStrategy<Value> {
    any::<bool>().prop_map(Value::from).boxed()
}

/// Annotations that ask for something, each language with the given chance.
fn asking(chance: f64) -> impl Strategy<Value = Map<String, Value>> {
    let key = |name: &str| match name.split_once('/') {
        Some(_) => name.to_owned(),
        None => format!("instrumentation.opentelemetry.io/{name}"),
    };
    let ask =
        || one_of(&["true", "base", "base", "shop/base", "base", "other", "false", "nothing", ""]).boxed();
    let names = || {
        one_of(&["app", "worker", "fetch,worker", "app, worker", "worker,app,fetch", "nobody", ""]).boxed()
    };
    let mut entries = vec![
        ("container-names", chance / 2.0, names()),
        ("nginx-container-names", chance / 4.0, names()),
        ("otel-python-platform", 0.1, one_of(&["musl", "glibc", "alpine"]).boxed()),
        ("otel-dotnet-auto-runtime", 0.1, one_of(&["linux-musl-x64", "linux-x64", "windows"]).boxed()),
        ("otel-go-auto-target-exe", chance, one_of(&["/app/main", ""]).boxed()),
        ("ingraft.dev/nodejs-esm", 0.1, one_of(&["true", "false", "perhaps"]).boxed()),
        ("inject-pyhton", 0.02, ask()),
        ("ingraft.dev/inject", 0.05, ask()),
    ];
    for language in Language::ALL {
        let name = |key: &'static str| key.trim_start_matches("instrumentation.opentelemetry.io/");
        let own = language.container_names_keys()[0];
        entries.push((name(language.inject_key()), chance / 2.0, ask()));
        entries.push((name(own), chance / 2.0, names()));
    }
    some_of(entries).prop_map(move |object| {
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
        "/otel-auto-instrumentation-dotnet",
        "--import ./own.mjs",
        "grpc",
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
        "CORECLR_PROFILER",
        "DOTNET_SHARED_STORE",
        "DOTNET_STARTUP_HOOKS",
        "JAVA_TOOL_OPTIONS",
        "LD_LIBRARY_PATH",
        "NODE_OPTIONS",
        "OTEL_APACHE_AGENT_CONF",
        "OTEL_DOTNET_AUTO_HOME",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_GO_AUTO_TARGET_EXE",
        "OTEL_LOGS_EXPORTER",
        "OTEL_NODE_IP",
        "OTEL_ORIG_PYTHONPATH",
        "OTEL_POD_IP",
        "OTEL_PROPAGATORS",
        "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_SERVICE_NAME",
        "OTEL_TRACES_SAMPLER_ARG",
        "PYTHONPATH",
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

//! What users set survives, whichever way they set it: the matrix of docs/environment.md.
//!
//! Each pod sets the variable by which an agent is loaded, and `OTEL_RESOURCE_ATTRIBUTES`, in one way. Its process must
//! have the user's value in effect, the agent loaded, and every variable once.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};
use ingraft_e2e_tests::{Example, expect_resource, load, wait_for_facts, would_get};
use ingraft_testkit::ingraft::{NAMESPACE, request, wait_for_span};
use ingraft_testkit::{Cluster, Kubectl, images};
use serde_json::{Value, json};

const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";

/// What the Secret sets; it must not be seen anywhere but in processes.
const SECRET: &str = "s3cr3t";

/// How many pods run at once: the agent of Java takes ten seconds of a processor to start.
const AT_ONCE: usize = 3;

struct Runtime {
    language: &'static str,
    instrumentation: &'static str,
    image: &'static str,
    /// The same image, but it sets both variables.
    image_with_settings: &'static str,
    variable: &'static str,
    /// What stands before the word that tells the ways of setting apart.
    value: &'static str,
    /// Where the application tells what became of it, and what it says before the word.
    told: (&'static str, &'static str),
}

const RUNTIMES: &[Runtime] = &[
    Runtime {
        language: "python",
        instrumentation: "my-instrumentation",
        image: images::FLASK_APP,
        image_with_settings: images::FLASK_APP_WITH_SETTINGS,
        variable: "PYTHONPATH",
        value: "/settings/",
        told: ("/settings", "/settings/"),
    },
    Runtime {
        language: "nodejs",
        instrumentation: "nodejs-instrumentation",
        image: images::NODE_APP,
        image_with_settings: images::NODE_APP_WITH_SETTINGS,
        variable: "NODE_OPTIONS",
        value: "--title=",
        told: ("/settings", ""),
    },
    Runtime {
        language: "java",
        instrumentation: "java-instrumentation",
        image: images::JAVA_APP,
        image_with_settings: images::JAVA_APP_WITH_SETTINGS,
        variable: "JAVA_TOOL_OPTIONS",
        value: "-Dsetting=",
        told: ("/properties", "\"setting\":\""),
    },
];

/// One way of setting variables.
struct Way {
    name: &'static str,
    /// The word that must be in effect.
    effective: Option<&'static str>,
    image_sets: bool,
    env: Option<Entry>,
    env_from: Option<Source>,
}

enum Entry {
    Literal,
    Required,
    Optional { present: bool },
}

enum Source {
    ConfigMap,
    SecretWithPrefix,
}

const NOTHING: Way = Way { name: "none", effective: None, image_sets: false, env: None, env_from: None };

const WAYS: &[Way] = &[
    Way { name: "literal", effective: Some("literal"), env: Some(Entry::Literal), ..NOTHING },
    Way { name: "required", effective: Some("required"), env: Some(Entry::Required), ..NOTHING },
    Way {
        name: "optional-present",
        effective: Some("optional"),
        env: Some(Entry::Optional { present: true }),
        ..NOTHING
    },
    Way { name: "optional-absent", env: Some(Entry::Optional { present: false }), ..NOTHING },
    Way { name: "config-map", effective: Some("configmap"), env_from: Some(Source::ConfigMap), ..NOTHING },
    Way { name: "secret", effective: Some(SECRET), env_from: Some(Source::SecretWithPrefix), ..NOTHING },
    Way { name: "image", effective: Some("image"), image_sets: true, ..NOTHING },
    Way {
        name: "image-and-config-map",
        effective: Some("configmap"),
        image_sets: true,
        env_from: Some(Source::ConfigMap),
        ..NOTHING
    },
    NOTHING,
];

pub fn check(cluster: &Cluster) -> anyhow::Result<()> {
    load(cluster, &[images::node_app, images::node_agent, images::java_app, images::java_agent])?;
    for runtime in RUNTIMES {
        runtime.check(cluster.kubectl()).with_context(|| format!("settings of {}", runtime.language))?;
    }
    Ok(())
}

impl Runtime {
    fn check(&self, kubectl: &Kubectl) -> anyhow::Result<()> {
        kubectl.apply(Example::read(self.language)?.text())?;
        let namespace = format!("settings-{}", self.language);
        apply(kubectl, &self.sources(&namespace))?;
        for ways in WAYS.chunks(AT_ONCE) {
            let pods: Vec<Value> = ways.iter().map(|way| self.pod(&namespace, way.name, way)).collect();
            apply(kubectl, &pods)?;
            let ready = ["wait", "pod", "--all", "-n", &namespace, "--for=condition=Ready", "--timeout=180s"];
            let describe = || kubectl.run(&["describe", "pods", "-n", &namespace]).unwrap_or_default();
            kubectl.run(&ready).with_context(describe)?;
            for way in ways {
                self.check_pod(kubectl, &namespace, way.name, way)
                    .with_context(|| format!("the way {}", way.name))?;
                eprintln!("  {}, {}: kept, and a span arrived", self.variable, way.name);
            }
            expect_secrecy(kubectl, &namespace)?;
            kubectl.run(&["delete", "pods", "--all", "-n", &namespace])?;
        }
        self.check_facts(kubectl, &namespace)?;
        kubectl.run(&["delete", "namespace", &namespace, "--wait=false"])?;
        Ok(())
    }

    /// The next pod of an image that is known to set nothing starts without a probe; one that sets something has one.
    fn check_facts(&self, kubectl: &Kubectl, namespace: &str) -> anyhow::Result<()> {
        let again = self.pod(namespace, "again", &NOTHING);
        wait_for_facts("what is in the image", || Ok(!has_probe(kubectl, &again)?))
            .context("a pod of a known image still gets a probe")?;
        kubectl.apply(&again.to_string())?;
        let pod = format!("{}-again", self.language);
        kubectl.run(&["wait", "pod", &pod, "-n", namespace, "--for=condition=Ready", "--timeout=60s"])?;
        self.check_pod(kubectl, namespace, "again", &NOTHING).context("with facts")?;
        let sets = Way { image_sets: true, ..NOTHING };
        ensure!(has_probe(kubectl, &self.pod(namespace, "sets", &sets))?, "a known setting would be lost");
        Ok(())
    }

    /// The namespace, ConfigMaps and a Secret that set both variables.
    fn sources(&self, namespace: &str) -> Vec<Value> {
        let both = |word: &str| {
            let attributes = (ATTRIBUTES, format!("setting={word}"));
            [(self.variable, format!("{}{word}", self.value)), attributes]
        };
        let map = |kind: &str, name: &str, field: &str, entries: Vec<(String, String)>| {
            let data: BTreeMap<_, _> = entries.into_iter().collect();
            json!({
                "apiVersion": "v1",
                "kind": kind,
                "metadata": {"name": name, "namespace": namespace},
                (field.to_owned()): data,
            })
        };
        let whole = both("configmap").map(|(name, value)| (name.to_owned(), value));
        let by_key = ["required", "optional"]
            .iter()
            .flat_map(|word| both(word).map(|(name, value)| (format!("{word}-{name}"), value)));
        let without_prefix = both(SECRET).map(|(name, value)| (split(name).1.to_owned(), value));
        vec![
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
            map("ConfigMap", "settings", "data", whole.to_vec()),
            map("ConfigMap", "values", "data", by_key.collect()),
            map("Secret", "settings", "stringData", without_prefix.to_vec()),
        ]
    }

    fn pod(&self, namespace: &str, name: &str, way: &Way) -> Value {
        let Self { language, instrumentation, .. } = self;
        let image = if way.image_sets { self.image_with_settings } else { self.image };
        let entry = |entry: &Entry, name: &str, literal: String| {
            let reference = |map: &str, word: &str, optional: bool| {
                let source = json!({"name": map, "key": format!("{word}-{name}"), "optional": optional});
                json!({"name": name, "valueFrom": {"configMapKeyRef": source}})
            };
            match entry {
                Entry::Literal => json!({"name": name, "value": literal}),
                Entry::Required => reference("values", "required", false),
                Entry::Optional { present: true } => reference("values", "optional", true),
                Entry::Optional { present: false } => reference("absent", "optional", true),
            }
        };
        let env: Vec<Value> = way
            .env
            .iter()
            .flat_map(|way| {
                let own = entry(way, self.variable, format!("{}literal", self.value));
                [own, entry(way, ATTRIBUTES, "setting=literal".to_owned())]
            })
            .collect();
        let env_from = match way.env_from {
            None => json!([]),
            Some(Source::ConfigMap) => json!([{"configMapRef": {"name": "settings"}}]),
            Some(Source::SecretWithPrefix) => [self.variable, ATTRIBUTES]
                .map(|name| json!({"prefix": split(name).0, "secretRef": {"name": "settings"}}))
                .into_iter()
                .collect(),
        };
        let key = format!("instrumentation.opentelemetry.io/inject-{language}");
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": format!("{language}-{name}"),
                "namespace": namespace,
                "annotations": {key: format!("opentelemetry/{instrumentation}")},
            },
            "spec": {
                "terminationGracePeriodSeconds": 1,
                "containers": [{"name": "app", "image": image, "env": env, "envFrom": env_from}],
            },
        })
    }

    fn check_pod(&self, kubectl: &Kubectl, namespace: &str, name: &str, way: &Way) -> anyhow::Result<()> {
        let pod = format!("{}-{name}", self.language);
        let environment = kubectl.run(&["exec", "-n", namespace, &pod, "--", "cat", "/proc/1/environ"])?;
        let variables: Vec<(&str, &str)> =
            environment.split('\0').filter_map(|variable| variable.split_once('=')).collect();
        for (index, (name, value)) in variables.iter().enumerate() {
            ensure!(!value.contains("$("), "{name} holds a reference that nobody resolved: {value}");
            let again = variables.iter().skip(index + 1).any(|(other, _)| other == name);
            ensure!(!again, "{name} is there twice: {environment:?}");
        }

        let (path, before) = self.told;
        let told = request(kubectl, namespace, &pod, 8080, path)?;
        match way.effective {
            Some(word) => ensure!(told.contains(&format!("{before}{word}")), "not {word}: {told}"),
            None => ensure!(before.is_empty() || !told.contains(before), "nobody set this: {told}"),
        }

        request(kubectl, namespace, &pod, 8080, "/")?;
        let span = wait_for_span(kubectl, |span| span.service() == pod && span.kind == 2)
            .with_context(|| format!("the environment is {environment:?}"))?;
        expect_resource(&span, "k8s.pod.name", &pod)?;
        let setting = span.resource.get("setting").and_then(|found| found.as_str());
        ensure!(setting == way.effective, "the attribute is {setting:?}, not {:?}", way.effective);
        Ok(())
    }
}

fn apply(kubectl: &Kubectl, objects: &[Value]) -> anyhow::Result<()> {
    kubectl.apply(&json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string())?;
    Ok(())
}

/// A prefix of a name, and what follows it.
fn split(variable: &str) -> (&str, &str) {
    variable.split_at(3)
}

/// Whether a pod would get one, were it created now.
fn has_probe(kubectl: &Kubectl, pod: &Value) -> anyhow::Result<bool> {
    Ok(would_get(kubectl, pod)?.contains("ingraft-probe"))
}

/// What a Secret holds is neither in the pods, nor in anything that the operator wrote.
fn expect_secrecy(kubectl: &Kubectl, namespace: &str) -> anyhow::Result<()> {
    for arguments in [
        ["get", "pods,events", "-o", "yaml", "-n", namespace].as_slice(),
        &["get", "configmaps", "-o", "yaml", "-n", NAMESPACE],
        &["logs", "-n", NAMESPACE, "--tail=-1", "-l", "app.kubernetes.io/name=opentelemetry-operator"],
    ] {
        let text = kubectl.run(arguments)?;
        if let Some(line) = text.lines().find(|line| line.contains(SECRET)) {
            bail!("kubectl {arguments:?} shows a Secret's value: {line}");
        }
    }
    Ok(())
}

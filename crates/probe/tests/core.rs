//! What the core puts into a pod, carried out by the program itself.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that can't prepare its files has failed")]
#![expect(clippy::indexing_slicing, reason = "JSON has `null` where nothing is")]

use std::fs;
use std::process::Command;

use ingraft_core::edit::apply;
use ingraft_core::{EnvProbe, Node, NodeClass, Request, Settings, Snapshot, inject};
use ingraft_probe_contract as contract;
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A pod with these variables after injection; kubelets of this version decide whether it gets a probe.
fn injected(language: &str, env: &Value, kubelet: &str) -> Value {
    let object = json!({
        "metadata": {"name": "base", "namespace": "shop"},
        "spec": {"exporter": {"endpoint": "http://c.obs:4318"}},
    });
    let instrumentation = serde_json::from_value(object).expect("an Instrumentation");
    let mut snapshot = Snapshot::default();
    snapshot.instrumentations.insert("shop".into(), "base".into(), instrumentation);
    let class = NodeClass { kubelet: kubelet.to_owned(), ..NodeClass::default() };
    snapshot.nodes.insert(String::new(), "node".into(), Node { class, ..Node::default() });
    let mut pod = json!({
        "metadata": {"annotations": {format!("instrumentation.opentelemetry.io/inject-{language}"): "true"}},
        "spec": {"containers": [{"name": "app", "image": "example.com/app:1", "env": env}]},
    });
    let mut settings = Settings::default();
    settings.env_probe = EnvProbe::Always;
    "example.com/ingraft:1".clone_into(&mut settings.probe_image);
    let request =
        Request { pod: &pod, namespace: "shop", owners: &[], snapshot: &snapshot, settings: &settings };
    let edits = inject(&request).edits;
    apply(&mut pod, &edits);
    pod
}

fn named<'v>(list: &'v Value, name: &str) -> &'v Value {
    let mut entries = list.as_array().into_iter().flatten();
    entries.find(|entry| entry["name"] == name).unwrap_or(&Value::Null)
}

/// What an init container of the pod is to do.
fn command(pod: &Value, container: &str) -> contract::Command {
    let words: Vec<String> =
        serde_json::from_value(named(&pod["spec"]["initContainers"], container)["command"].clone())
            .expect("a command");
    assert!(words.first().expect("a program").ends_with("/ingraft-probe"));
    contract::Command::parse(words.into_iter().skip(1)).expect("a command of the contract")
}

fn run(command: &contract::Command, variables: &[(&str, &str)]) {
    let mut process = Command::new(env!("CARGO_BIN_EXE_ingraft-probe"));
    process.args(command.to_words()).env_clear().envs(variables.iter().copied());
    assert!(process.status().expect("run").success());
}

/// What the pod's copier and probe leave in the file if the image or `envFrom` sets these variables.
fn probed(pod: &Value, variables: &[(&str, &str)]) -> String {
    let place = TempDir::new().expect("folder");
    let text = |name: &str| place.path().join(name).to_str().expect("text").to_owned();
    fs::write(text("message"), "").expect("write");
    let contract::Command::Install(install) = command(pod, "ingraft-probe-copier") else { panic!("{pod}") };
    run(&contract::Command::Install(contract::Install { folder: text(""), ..install }), &[]);
    let contract::Command::Probe(plan) = command(pod, "ingraft-probe-0") else { panic!("{pod}") };
    let file = plan.file.strip_prefix("/ingraft-env/").expect("a file of the volume");
    assert!(place.path().join(file).exists(), "the copier makes the file that the probe replaces");
    let file = text(file);
    let plan = contract::Plan { file: file.clone(), message: text("message"), ..plan };
    run(&contract::Command::Probe(plan), variables);
    fs::read_to_string(file).expect("read")
}

/// One variable of the file.
fn line(file: &str, name: &str) -> Option<String> {
    let start = format!("{name}='");
    file.split("'\n").find_map(|line| line.strip_prefix(&start)).map(str::to_owned)
}

#[test]
fn the_kubelet_finds_each_variable_that_the_pod_takes_from_the_file() {
    let pod = injected("java", &json!([]), "v1.35.4");
    let file = probed(&pod, &[("JAVA_TOOL_OPTIONS", "-Xmx1g"), ("OTEL_TRACES_SAMPLER_ARG", "0.5")]);
    let env = pod["spec"]["containers"][0]["env"].as_array().expect("variables");
    let keys = env.iter().filter_map(|entry| entry["valueFrom"]["fileKeyRef"]["key"].as_str());
    let keys: Vec<&str> = keys.collect();
    assert!(keys.contains(&"JAVA_TOOL_OPTIONS") && keys.contains(&"OTEL_RESOURCE_ATTRIBUTES"), "{keys:?}");
    for key in keys {
        assert!(line(&file, key).is_some(), "{key} is not in {file}");
    }
    let java = line(&file, "JAVA_TOOL_OPTIONS").expect("java");
    assert!(java.starts_with("-Xmx1g -javaagent:/otel-auto-instrumentation-java"), "{java}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// A value is joined in the same way wherever it comes from: the core does it in the pod, the probe where the
    /// application starts.
    #[test]
    fn core_and_probe_join_alike(user in "[ -&(-~]{1,30}", attributes in "([a-c]=[0-9]{1,2},? ?){1,3}") {
        for (language, name) in
            [("java", "JAVA_TOOL_OPTIONS"), ("nodejs", "NODE_OPTIONS"), ("python", "PYTHONPATH")]
        {
            let variables = [(name, user.as_str()), ("OTEL_RESOURCE_ATTRIBUTES", attributes.as_str())];
            let env = json!(variables.map(|(name, value)| json!({"name": name, "value": value})));
            let literal = injected(language, &env, "v1.34.0");
            let file = probed(&injected(language, &json!([]), "v1.35.4"), &variables);
            for (name, _) in variables {
                let expected = named(&literal["spec"]["containers"][0]["env"], name)["value"].as_str();
                let joined = line(&file, name);
                prop_assert_eq!(joined.as_deref(), expected, "{}", name);
            }
        }
    }
}

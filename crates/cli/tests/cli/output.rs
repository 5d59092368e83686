//! The forms of output, which all say the same.

use ingraft_core::Edit;
use ingraft_core::edit::apply;
use serde_json::{Value, json};

use crate::run::{Folder, indented};
use crate::{INSTRUMENTATION, POD};

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: default
spec:
  template:
    metadata:
      annotations:
        instrumentation.opentelemetry.io/inject-python: \"true\"
    spec:
      containers:
      - name: web
        image: web:1
        env:
        - name: PYTHONPATH
          value: /srv
";

fn folder() -> Folder {
    let list = indented(POD);
    let list = format!("apiVersion: v1\nkind: List\nitems:\n- {}", list.trim_start());
    let all = [INSTRUMENTATION, POD, DEPLOYMENT, &list].join("---\n");
    Folder::with(&[("all.yaml", &all), ("pod.yaml", POD), ("base.yaml", INSTRUMENTATION)])
}

fn output(folder: &Folder, form: &str) -> crate::run::Answer {
    let answer = folder.run(&["inject", "-f", "all.yaml", "-o", form]);
    assert_eq!(answer.status, 0, "{}", answer.stderr);
    answer
}

#[test]
fn yaml_and_json_are_the_same_documents() {
    let folder = folder();
    let yaml = output(&folder, "yaml").documents();
    assert_eq!(yaml.len(), 4);
    let json = output(&folder, "json").json();
    assert_eq!(json, json!({"apiVersion": "v1", "kind": "List", "items": yaml}));
}

#[test]
fn json_of_a_single_document_is_that_document() {
    let answer = folder().run(&["inject", "-f", "base.yaml", "-o", "json"]);
    assert_eq!(answer.json()["kind"], "Instrumentation");
}

#[test]
fn patches_applied_by_hand_give_the_same_documents() {
    let folder = folder();
    let injected = output(&folder, "yaml").documents();
    let mut documents: Vec<Value> =
        [INSTRUMENTATION, POD, DEPLOYMENT].iter().map(|text| serde_saphyr::from_str(text).unwrap()).collect();
    let patches = output(&folder, "patch").json();
    let patches = patches.as_array().unwrap();
    let named = |patch: &Value| {
        ["apiVersion", "kind", "namespace", "name"].map(|key| patch[key].as_str().unwrap().to_owned())
    };
    assert_eq!(named(&patches[0]), ["v1", "Pod", "default", "app"]);
    assert_eq!(named(&patches[1]), ["apps/v1", "Deployment", "default", "web"]);
    assert_eq!(named(&patches[2]), ["v1", "Pod", "default", "app"], "the pod in the List is named by itself");
    for (document, patch) in documents[1..].iter_mut().zip(patches) {
        let patch: json_patch::Patch = serde_json::from_value(patch["patch"].clone()).unwrap();
        json_patch::patch(document, &patch).unwrap();
    }
    assert_eq!(documents, injected[..3]);

    let mut pod: Value = serde_saphyr::from_str(POD).unwrap();
    let edits = patches[2]["patch"].as_array().unwrap().iter();
    let edits: Vec<Edit> =
        edits.map(|edit| Edit::add(edit["path"].as_str().unwrap(), edit["value"].clone())).collect();
    apply(&mut pod, &edits);
    assert_eq!(pod, injected[3]["items"][0]);
}

#[test]
fn the_diff_shows_added_lines_and_nothing_else() {
    let answer = output(&folder(), "diff");
    assert!(answer.stdout.starts_with("--- all.yaml\n+++ all.yaml\n@@ "), "{}", answer.stdout);
    assert_eq!(answer.stdout.matches("\n--- ").count(), 0, "all documents of a file are in one diff");
    let removed: Vec<&str> = answer.stdout.lines().filter(|line| line.starts_with("-  ")).collect();
    assert_eq!(removed, ["-          value: /srv"], "only the joined value is replaced");
    assert!(answer.stdout.contains("\n+        - name: OTEL_SERVICE_NAME\n"), "{}", answer.stdout);
}

#[test]
fn patch_and_diff_of_nothing_are_empty() {
    let folder = folder();
    let patch = folder.run(&["inject", "-f", "base.yaml", "-o", "patch"]);
    assert_eq!(patch.json(), json!([]));
    assert_eq!(folder.run(&["inject", "-f", "base.yaml", "-o", "diff"]).stdout, "");
}

#[test]
fn json_stays_json() {
    // Text that YAML 1.1 takes for something else, and text that needs care.
    let values = [
        "yes",
        "off",
        "1e3",
        "0x1F",
        "0644",
        "1_000",
        "~",
        "null",
        "12:30:00",
        "2026-01-02",
        " a",
        "a: b #c",
        "é\u{1F600}",
        "",
        "-",
        "\t",
        "a\nb\n",
    ];
    let env: Vec<Value> = values.iter().map(|value| json!({"name": "A", "value": value})).collect();
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "app", "annotations": {"instrumentation.opentelemetry.io/inject-sdk": "true"}},
        "spec": {"containers": [{"name": "app", "env": env, "args": values}]},
    });
    let folder = Folder::with(&[("base.yaml", INSTRUMENTATION), ("pod.json", &pod.to_string())]);
    let answer = folder.run(&["inject", "-f", "base.yaml", "-f", "pod.json"]);
    let (_, printed) = answer.stdout.split_once("---\n").unwrap();
    let printed: Value = serde_json::from_str(printed).expect("JSON stays JSON");
    assert_eq!(printed["spec"]["containers"][0]["args"], json!(values));
}

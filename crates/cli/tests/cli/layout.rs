//! What is injected leaves the rest of a file as it was.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use ingraft_cluster::documents::{self, Document};
use ingraft_core::Edit;
use serde_json::{Value, json};

use crate::run::Folder;

/// Several documents with everything that people put into files.
const COMMENTED: &str = "\
# Everything of the shop.
---
apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata:
  name: base # the only one
spec:
  exporter: {endpoint: \"http://gateway.obs:4318\"}
--- # the web front
# Über alles
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {'tier': \"é\"}}   # short

spec:
  # as many as there are zones
  replicas: 3
  template:
    metadata:
      annotations: # read by machines
        instrumentation.opentelemetry.io/inject-python: \"true\" # ours

      # and by people
      labels:
        app: web
    spec:
      containers:
        # the server
        - name: web
          image: 'web:1'   # pinned
          env:
            - name: PYTHONPATH # joined
              value: /srv
            # - name: DEBUG

        # the cache
        - {name: cache, image: \"cache:1\"}
---

apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data:
  text: |
    # no comment

--- {apiVersion: v1, kind: Pod, metadata: {name: p, annotations: {instrumentation.opentelemetry.io/inject-sdk: 'true'}}, spec: {containers: [{name: p, image: p}]}}
...
";

/// The patched file, by the program `patch`.
fn patched(name: &str, text: &str, diff: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::write(folder.path().join("diff"), diff).unwrap();
    let output = Command::new("patch")
        .args(["-p0", "--fuzz=0", "--input=diff"])
        .current_dir(folder.path())
        .output()
        .expect("the program patch is missing: install the package patch");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && !told.contains("offset"), "{told}\n{diff}");
    std::fs::read_to_string(folder.path().join(name)).unwrap()
}

/// Whether all lines of a text are in another one, in their order.
fn keeps_lines(before: &str, after: &str) -> bool {
    let mut after = after.lines();
    before.lines().all(|line| after.any(|other| other == line))
}

#[test]
fn the_diff_is_a_patch_that_makes_the_file_what_is_printed() {
    let windows = COMMENTED.replace('\n', "\r\n");
    let without_end = COMMENTED.strip_suffix("...\n").unwrap().trim_end();
    for (name, text) in
        [("a.yaml", COMMENTED), ("all files.yaml", COMMENTED), ("a.yaml", &windows), ("a.yaml", without_end)]
    {
        let folder = Folder::with(&[(name, text)]);
        let printed = folder.run(&["inject", name]);
        assert_eq!((printed.status, printed.stderr.contains("note:")), (0, false), "{}", printed.stderr);
        let diff = folder.run(&["inject", name, "-o", "diff"]);
        assert_eq!(patched(name, text, &diff.stdout), printed.stdout);
        assert_eq!(folder.run_with_input(&["inject", "-"], text).stdout, printed.stdout);
        assert_eq!(printed.stdout.contains('\r'), text.contains('\r'));
    }
}

#[test]
fn comments_and_layout_stay() {
    let printed = Folder::with(&[("a.yaml", COMMENTED)]).run(&["inject", "a.yaml"]).stdout;
    let (web, pod) = COMMENTED.split_once("--- {").unwrap();
    let (printed_web, printed_pod) = printed.split_once("--- {").unwrap();
    let changed = "              value: /srv\n";
    assert!(keeps_lines(&web.replace(changed, ""), printed_web), "{printed}");
    assert!(
        printed_web.contains("            - name: PYTHONPATH # joined\n              value: /otel-auto"),
        "{printed}"
    );
    assert!(printed_web.contains("          image: 'web:1'   # pinned\n"), "{printed}");
    assert_eq!((pod.lines().count(), printed_pod.lines().count()), (2, 2), "{printed}");
}

#[test]
fn several_files_follow_each_other_as_documents() {
    let (first, second) = COMMENTED.split_once("--- # the web front\n").unwrap();
    let folder = Folder::with(&[("a.yaml", first.trim_end()), ("b.yaml", second)]);
    let printed = folder.run(&["inject", "a.yaml", "b.yaml"]).stdout;
    let expected = Folder::with(&[("a.yaml", COMMENTED)]).run(&["inject", "a.yaml"]).stdout;
    assert_eq!(printed, expected.replace("--- # the web front\n", "---\n"));
    let diff = folder.run(&["inject", "a.yaml", "b.yaml", "-o", "diff"]).stdout;
    assert!(diff.starts_with("--- b.yaml\n+++ b.yaml\n@@ -10,"), "an unchanged file is not in it: {diff}");
}

#[test]
fn a_document_that_cannot_be_changed_in_place_is_written_anew_and_named() {
    let text = COMMENTED
        .replace("      annotations: # read by machines", "      annotations: &shared # read by machines")
        .replace("metadata: {name: web, labels", "metadata: {name: web, annotations: *shared, labels")
        .replace("--- # the web front", "---");
    // An alias must follow its anchor.
    let (head, tail) = text.split_once("metadata: {name: web, annotations: *shared").unwrap();
    let text = format!(
        "{head}metadata: {{name: web{}",
        tail.replace("\n---\n\napiVersion", "\nother: *shared\n---\n\napiVersion")
    );
    let folder = Folder::with(&[("a.yaml", &text)]);
    let printed = folder.run(&["inject", "a.yaml"]);
    let note = "note: a.yaml:20: the document is written anew, without its comments: the field has an anchor, so that its aliases would change too\n";
    assert_eq!(printed.stderr.matches("note:").count(), 1, "{}", printed.stderr);
    assert!(printed.stderr.contains(note), "{}", printed.stderr);
    assert!(
        printed.stdout.contains("# the only one") && !printed.stdout.contains("# Über alles"),
        "{}",
        printed.stdout
    );
    assert!(printed.stdout.contains("\n---\napiVersion: apps/v1\n"), "{}", printed.stdout);
    let diff = folder.run(&["inject", "a.yaml", "-o", "diff"]);
    assert_eq!(diff.stderr, printed.stderr);
    assert_eq!(patched("a.yaml", &text, &diff.stdout), printed.stdout);
    let json = folder.run(&["inject", "a.yaml", "-o", "json"]);
    assert!(!json.stderr.contains("note:"), "JSON has no comments to lose: {}", json.stderr);
}

#[test]
fn the_examples_keep_every_line() {
    for file in files("examples") {
        let before = std::fs::read_to_string(&file).unwrap();
        let printed = Folder::empty().run(&["inject", "--fail-on=never", file.to_str().unwrap()]);
        assert!(!printed.stderr.contains("note:"), "{}", printed.stderr);
        assert!(keeps_lines(&before, &printed.stdout), "{}\n{}", file.display(), printed.stdout);
    }
}

#[test]
fn every_manifest_of_the_repository_can_be_changed_everywhere() {
    let mut count = 0;
    for file in ["examples", "testdata", "deploy", "crates", "tests"].iter().flat_map(|folder| files(folder))
    {
        let text = std::fs::read_to_string(&file).unwrap();
        for document in documents::read(&file.display().to_string(), &text).into_iter().flatten() {
            for (what, edits) in [
                ("added", added(&document.value)),
                ("replaced", replaced(&document.value)),
                ("removed", removed(&document.value)),
            ] {
                let changed = ingraft_yaml_edit::apply(&document.text, &document.value, &edits);
                check(&document, what, changed);
                count += 1;
            }
        }
    }
    assert!(count > 1000, "{count} changes");
}

fn check(document: &Document, what: &str, changed: Result<String, ingraft_yaml_edit::Refused>) {
    let Document { file, line, text, .. } = document;
    let changed =
        changed.unwrap_or_else(|refused| panic!("{file}:{line}: {what}: {} {refused}", refused.pointer));
    // A script has comments of its own.
    let values = within(&document.value);
    let scripts: BTreeSet<&str> = values
        .iter()
        .filter_map(|(_, value)| value.as_str())
        .flat_map(str::lines)
        .map(str::trim)
        .filter(|line| line.starts_with('#'))
        .collect();
    let is_comment = |line: &&str| line.trim().starts_with('#') && !scripts.contains(line.trim());
    let comments = |text: &str| text.lines().filter(is_comment).count();
    assert!(comments(&changed) >= comments(text), "{file}:{line}: {what}: {changed}");
}

/// Everything in a value, with JSON pointers, the outermost first.
fn within(value: &Value) -> Vec<(String, &Value)> {
    let mut found = vec![(String::new(), value)];
    let mut next = 0;
    while let Some((pointer, value)) = found.get(next).cloned() {
        match value {
            Value::Object(entries) => found.extend(entries.iter().map(|(key, value)| {
                (format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), value)
            })),
            Value::Array(items) => {
                found.extend(
                    items.iter().enumerate().map(|(index, item)| (format!("{pointer}/{index}"), item)),
                );
            }
            _ => {}
        }
        next += 1;
    }
    found
}

/// Something more in every object, and at the end of every list whose items can still be told apart then.
fn added(value: &Value) -> Vec<Edit> {
    let new = json!({"name": "yes", "list": ["1e3", {"é": "a\nb\n"}]});
    let edit = |(pointer, value): (String, &Value)| match value {
        Value::Object(_) => Some(Edit::add(format!("{pointer}/added"), new.clone())),
        Value::Array(items) if items.iter().all(|item| !item.is_object() || item.get("name").is_some()) => {
            Some(Edit::add(format!("{pointer}/-"), new.clone()))
        }
        _ => None,
    };
    within(value).into_iter().filter_map(edit).collect()
}

/// Another text in the place of each text of an object.
fn replaced(value: &Value) -> Vec<Edit> {
    let texts = within(value).into_iter().filter(|(pointer, text)| {
        let (parent, _) = pointer.rsplit_once('/').unwrap_or_default();
        // What has another name is another object.
        let is_name = pointer.ends_with("/name");
        text.is_string() && !is_name && value.pointer(parent).is_some_and(Value::is_object)
    });
    texts.map(|(pointer, _)| Edit::add(pointer, "it's: \"é\"")).collect()
}

/// The last key of each object that has two, none within another.
fn removed(value: &Value) -> Vec<Edit> {
    let last = |(pointer, value): (String, &Value)| {
        let entries = value.as_object().filter(|entries| entries.len() > 1 && !pointer.is_empty())?;
        let (key, _) = entries.iter().next_back()?;
        Some(Edit::remove(format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))))
    };
    within(value).into_iter().filter_map(last).collect()
}

/// The YAML files below a folder of the repository.
fn files(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
    let (mut folders, mut files) = (vec![root], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

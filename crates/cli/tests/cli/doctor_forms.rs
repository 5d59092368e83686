//! The forms in which `ingraft doctor` answers.

use serde_json::{Value, json};

use super::run::Folder;
use super::{INSTRUMENTATION, POD};

const FORMS: [&str; 6] = ["text", "json", "sarif", "github", "junit", "html"];

/// An Instrumentation that says nothing, which is a warning.
const WITHOUT_ENDPOINT: &str = "\
apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata:
  name: base
";

/// An annotation in the wrong place, which is an error, and an ignored finding that there is not, which is a note.
const MISTAKEN: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations:
    instrumentation.opentelemetry.io/inject-java: \"true\"
    ingraft.dev/ignore: NoSuchFinding
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: app, image: app:1}]
";

fn folder() -> Folder {
    let clean = format!("{INSTRUMENTATION}---\n{POD}");
    Folder::with(&[("clean.yaml", &clean), ("warning.yaml", WITHOUT_ENDPOINT), ("sub/error.yaml", MISTAKEN)])
}

#[test]
fn the_exit_status_is_the_same_in_every_form() {
    let folder = folder();
    for (args, status) in [
        (&["-f", "clean.yaml"][..], 0),
        (&["-f", "warning.yaml"], 1),
        (&["-f", "warning.yaml", "--fail-on", "error"], 0),
        (&["-f", "sub/error.yaml", "--fail-on", "error"], 1),
        (&["-f", "sub/error.yaml", "--fail-on", "never"], 0),
        (&["-f", "missing.yaml"], 3),
    ] {
        for form in FORMS {
            let answer = folder.run(&[&["doctor", "-o", form], args].concat());
            assert_eq!(answer.status, status, "{form} {args:?}: {answer:?}");
            assert_eq!(answer.stdout.is_empty(), status == 3, "{form} {args:?}: {answer:?}");
        }
    }
}

#[test]
fn json_fits_its_schema() {
    let schema: Value = serde_json::from_str(include_str!("../../../../docs/doctor.schema.json")).unwrap();
    let folder = folder();
    for args in
        [&["-f", "clean.yaml"][..], &["-f", "."], &["-f", ".", "-R", "--show", "info", "--locale", "es"]]
    {
        let answer = folder.run(&[&["doctor", "-o", "json"], args].concat());
        jsonschema::validate(&schema, &answer.json()).unwrap_or_else(|error| panic!("{args:?}: {error}"));
    }
}

#[test]
fn standard_output_holds_the_document_and_nothing_else() {
    let folder = folder();
    for form in FORMS {
        let answer = folder.run(&["doctor", "-o", form, "-f", "sub/error.yaml"]);
        let is_in_document = matches!(form, "json" | "sarif" | "html");
        assert_eq!(answer.stdout.contains("NoSuchFinding"), is_in_document, "{form}: {answer:?}");
        assert_eq!(answer.stderr.contains("NoSuchFinding"), !is_in_document, "{form}: {answer:?}");
        match form {
            "json" | "sarif" => assert!(answer.json().is_object()),
            "github" => {
                assert!(answer.stdout.lines().all(|line| line.starts_with("::")), "{answer:?}");
                assert!(answer.stdout.starts_with("::error file=sub/error.yaml,line=6,col="), "{answer:?}");
            }
            "junit" => {
                assert!(answer.stdout.starts_with("<?xml "), "{answer:?}");
                assert!(answer.stdout.ends_with("</testsuites>\n"), "{answer:?}");
            }
            "html" => {
                assert!(answer.stdout.starts_with("<!DOCTYPE html>") && answer.stdout.ends_with("</html>\n"));
            }
            _ => {}
        }
    }
}

#[test]
fn files_are_named_from_where_others_look_for_them() {
    let folder = folder();
    let answer = folder
        .run_with_input(&["doctor", "-o", "sarif", "-f", "-", "-f", "./sub/error.yaml"], WITHOUT_ENDPOINT);
    let sarif = answer.json();
    let results = sarif.pointer("/runs/0/results").and_then(Value::as_array).unwrap();
    let location =
        |result: &Value| result.pointer("/locations/0/physicalLocation/artifactLocation").cloned().unwrap();
    let locations: Vec<Value> = results.iter().map(location).collect();
    assert!(locations.contains(&json!({"uri": "stdin"})), "{locations:#?}");
    let expected = json!({"uri": "sub/error.yaml", "uriBaseId": "%SRCROOT%"});
    assert!(locations.contains(&expected), "{locations:#?}");
    let base = sarif.pointer("/runs/0/originalUriBaseIds/%SRCROOT%/uri").and_then(Value::as_str).unwrap();
    assert!(base.starts_with("file:///") && base.ends_with('/'), "{base}");

    // Actions may run in a folder of the repository.
    let elsewhere = &[("GITHUB_WORKSPACE", "/nowhere")];
    let answer = folder.run_with_environment(&["doctor", "-o", "github", "-f", "sub/error.yaml"], elsewhere);
    assert!(answer.stdout.starts_with("::error file=/"), "{answer:?}");
}

#[test]
fn github_shows_where_a_file_cannot_be_read() {
    let folder = Folder::with(&[("sub/broken.yaml", "a: 1\nb: [\n"), ("pod.yaml", POD)]);
    let answer = folder.run(&["doctor", "-o", "github", "-R", "."]);
    assert_eq!(answer.status, 3);
    let command = "::error file=sub/broken.yaml,line=2,title=ingraft doctor::";
    let lines: Vec<_> = answer.stdout.lines().collect();
    assert!(lines.len() > 1 && lines[0].starts_with(command), "the others are told, too: {answer:?}");
    let answer = folder.run(&["doctor", "-o", "github", "sub/broken.yaml"]);
    assert!(answer.stdout.starts_with(command) && answer.stdout.lines().count() == 1, "{answer:?}");
    let answer = folder.run(&["doctor", "-o", "github", "-R", "."]);
    assert!(answer.stderr.starts_with("error: ./sub/broken.yaml, line 2: "), "{answer:?}");
}

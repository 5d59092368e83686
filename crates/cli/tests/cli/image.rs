//! Whether an image can be instrumented: what is printed, and the exit status.

use std::path::Path;

use ingraft_testkit::Recipe;
use serde_json::Value;

use crate::run::Folder;

/// A folder with one image in Python, `web.tar`, and one without any language, `bare.tar`.
fn folder() -> Folder {
    let folder = Folder::with(&[("program", "")]);
    let program = folder.path().join("program");
    let mut web = Recipe::new();
    web.file("/usr/bin/python3.12", &program, Some(0o755)).unwrap().link("/usr/bin/python3", "python3.12");
    for loader in ["ld-musl-x86_64.so.1", "ld-musl-aarch64.so.1"] {
        web.file(&format!("/lib/{loader}"), &program, Some(0o755)).unwrap();
    }
    web.entrypoint(&["python3"]).command(&["app.py"]).user("1000").variables(&["PYTHONPATH=/app/secret"]);
    write(&web, &folder.path().join("web.tar"));
    let mut bare = Recipe::new();
    bare.file("/start", &program, Some(0o755)).unwrap().entrypoint(&["/start"]);
    write(&bare, &folder.path().join("bare.tar"));
    folder
}

fn write(recipe: &Recipe, path: &Path) {
    recipe.write(path, &["shop/web:1"]).unwrap();
}

#[test]
fn an_image_that_fits_has_a_snippet_to_paste() {
    let folder = folder();
    let answer = folder.run(&["doctor", "--image", "web.tar"]);
    assert_eq!((answer.status, answer.stderr.as_str()), (0, ""), "{answer:?}");
    let (_, snippet) = answer.stdout.split_once("\n\nspec:").unwrap();
    let snippet: Value = serde_saphyr::from_str(&format!("spec:{snippet}")).unwrap();
    let annotations = &snippet["spec"]["template"]["metadata"]["annotations"];
    assert_eq!(annotations["instrumentation.opentelemetry.io/inject-python"], "true");
    assert_eq!(annotations["instrumentation.opentelemetry.io/otel-python-platform"], "musl");
    assert!(
        answer.stdout.contains("  sets         PYTHONPATH\n") && !answer.stdout.contains("secret"),
        "{answer:?}"
    );
    let spanish = folder.run(&["doctor", "--image", "./web.tar", "--locale", "es"]);
    assert!(spanish.stdout.contains("Se puede instrumentar: python"), "{spanish:?}");
}

#[test]
fn an_image_that_does_not_fit_makes_the_status_1() {
    let folder = folder();
    assert_eq!(folder.run(&["doctor", "--image", "bare.tar", "--fail-on", "never"]).status, 0);
    let answer = folder.run(&["doctor", "--image", "bare.tar"]);
    assert_eq!((answer.status, answer.stderr.as_str()), (1, ""), "{answer:?}");
    assert!(answer.stdout.contains("error[ImageLanguageUnknown]: "), "{answer:?}");
}

#[test]
fn json_fits_its_schema() {
    let schema: Value = serde_json::from_str(include_str!("../../../../docs/image.schema.json")).unwrap();
    let folder = folder();
    for (image, fits) in [("web.tar", true), ("bare.tar", false)] {
        let answer = folder.run(&["doctor", "--image", image, "-o", "json"]);
        jsonschema::validate(&schema, &answer.json()).unwrap_or_else(|error| panic!("{image}: {error}"));
        assert_eq!(answer.json()["instrumentable"], fits);
        assert_eq!(answer.status, i32::from(!fits));
    }
}

#[test]
fn wrong_usage_is_told_apart_from_no_answer() {
    let folder = folder();
    for args in [
        &["--image", "web.tar", "-o", "html"][..],
        &["--image", "web.tar", "-o", "sarif"],
        &["--image", "Not A Name"],
        &["--image", ""],
        &["--image", "web.tar", "--platform", "arm64"],
        &["--image", "web.tar", "-A"],
        &["--image", "web.tar", "-f", "web.tar"],
        &["--image", "web.tar", "--fix"],
        &["--image", "web.tar", "-n", "shop"],
        &["--image", "web.tar", "--only", "ImageNotWhole"],
        &["--image", "web.tar", "-R"],
        &["--image", "web.tar", "--yes"],
        &["--image", "web.tar", "--dry-run"],
        &["--image", "web.tar", "--force"],
        &["--image", "web.tar", "--in-pod"],
        &["--image", "web.tar", "--trace-image", "x"],
        &["--image", "web.tar", "--trace-timeout", "9"],
        &["--image", "web.tar", "--context", "x"],
        &["--image", "web.tar", "--kubeconfig", "x"],
        &["--trace", "deployment/web", "--fail-on", "never"],
        &["--image", "web.tar", "--trace", "deployment/web"],
        &["--platform", "linux/arm64"],
        &["--plain-http"],
    ] {
        let answer = folder.run(&[&["doctor"], args].concat());
        assert_eq!((answer.status, answer.stdout.as_str()), (2, ""), "{args:?}: {answer:?}");
    }
    // A port at which nobody listens, as nobody may without privileges.
    for image in ["missing.tar", "program.tar", "./program", "localhost:1/shop/web:1"] {
        let answer = folder.run(&["doctor", "--image", image]);
        assert_eq!((answer.status, answer.stdout.as_str()), (3, ""), "{image}: {answer:?}");
        assert!(answer.stderr.starts_with("error: "), "{answer:?}");
    }
    let answer = folder.run(&["doctor", "--image", "web.tar", "--platform", "linux/mips"]);
    assert_eq!(answer.status, 3);
    assert!(answer.stderr.contains("name one with --platform"), "{answer:?}");
}

#[test]
fn credentials_that_cannot_be_read_are_told_and_not_shown() {
    let folder = Folder::with(&[("auth.json", "{\"auths\": hunter2}")]);
    let path = folder.path().join("auth.json");
    let environment = [("REGISTRY_AUTH_FILE", path.to_str().unwrap())];
    let answer = folder.run_with_environment(&["doctor", "--image", "localhost:1/x"], &environment);
    assert_eq!(answer.status, 3);
    assert!(
        answer.stderr.contains("auth.json cannot be used") && !answer.stderr.contains("hunter2"),
        "{answer:?}"
    );
}

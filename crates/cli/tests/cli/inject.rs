//! Exit status, findings, and what is left alone.

use crate::run::Folder;
use crate::{INSTRUMENTATION, POD};

#[test]
fn exits_with_1_when_findings_reach_the_chosen_severity() {
    let instrumentation = |endpoint: &str| {
        INSTRUMENTATION.replace("  exporter:\n    endpoint: http://gateway.obs:4318", endpoint)
    };
    let clean = format!("{INSTRUMENTATION}---\n{POD}");
    let warning = format!("{}---\n{POD}", instrumentation("  exporter: {}"));
    let folder = Folder::with(&[("clean.yaml", &clean), ("warning.yaml", &warning), ("error.yaml", POD)]);
    for (file, fail_on, status) in [
        ("clean.yaml", None, 0),
        ("clean.yaml", Some("warning"), 0),
        ("warning.yaml", None, 0),
        ("warning.yaml", Some("error"), 0),
        ("warning.yaml", Some("warning"), 1),
        ("warning.yaml", Some("never"), 0),
        ("error.yaml", None, 1),
        ("error.yaml", Some("error"), 1),
        ("error.yaml", Some("warning"), 1),
        ("error.yaml", Some("never"), 0),
    ] {
        let mut args = vec!["inject", "-f", file];
        args.extend(fail_on.iter().flat_map(|severity| ["--fail-on", severity]));
        let answer = folder.run(&args);
        assert_eq!(answer.status, status, "{args:?}: {}", answer.stderr);
        assert!(answer.stdout.contains("kind: Pod"), "the documents are printed all the same: {args:?}");
    }
}

#[test]
fn passes_documents_through_byte_for_byte() {
    let config_map = "# Settings of the shop.\napiVersion: example.com/v1\nkind:   Settings\nmetadata: {name: settings}  # short\ndata:\n  mode: 0644\n  text: |\n    ---\n    a: b\n\n    c\n";
    let unasked = "\n# Nobody asks for anything here.\napiVersion: v1\nkind: Pod\nmetadata:\n  name: 'quoted'\nspec: {containers: [{name: app, image: \"app:1\"}]}\n";
    let anchors = "base: &base {a: 1}\nderived:\n  <<: *base\n";
    let json = "{\"kind\": \"Service\",\n \"apiVersion\": \"v1\"}\n";
    let input = [config_map, unasked, anchors, json, POD, INSTRUMENTATION].join("---\n");
    let answer = Folder::with(&[("all.yaml", &input)]).run(&["inject", "-f", "all.yaml"]);
    assert_eq!(answer.status, 0, "{}", answer.stderr);
    let before_pod = [config_map, unasked, anchors, json].join("---\n");
    assert!(
        answer.stdout.starts_with(&format!("{before_pod}---\napiVersion: v1\nkind: Pod\n")),
        "{}",
        answer.stdout
    );
    assert!(answer.stdout.ends_with(&format!("---\n{INSTRUMENTATION}")), "{}", answer.stdout);
}

#[test]
fn injects_into_the_namespace_of_the_command_line() {
    let folder = Folder::with(&[("all.yaml", &format!("{INSTRUMENTATION}---\n{POD}"))]);
    let answer = folder.run(&["inject", "-f", "all.yaml", "-n", "shop"]);
    assert!(answer.stdout.contains("service.namespace=shop"), "{}", answer.stdout);
    assert!(answer.stderr.contains("in namespace shop"), "{}", answer.stderr);
    assert!(!answer.stdout.contains("namespace: shop"), "nothing is added that was not asked for");
}

#[test]
fn takes_settings_from_flags_and_environment_alike() {
    let python = POD.replace("inject-sdk", "inject-python");
    let folder = Folder::with(&[("all.yaml", &format!("{INSTRUMENTATION}---\n{python}"))]);
    let args = ["inject", "-f", "all.yaml"];
    let flag = |flag: &str| folder.run(&[&args[..], &[flag]].concat());
    let variable = |name: &str, value: &str| folder.run_with_environment(&args, &[(name, value)]);
    for (answer, image) in [
        (flag("--auto-instrumentation-python-image=mirror/python:1"), "mirror/python:1"),
        (variable("INGRAFT_AUTO_INSTRUMENTATION_PYTHON_IMAGE", "mirror/python:2"), "mirror/python:2"),
        (variable("RELATED_IMAGE_AUTO_INSTRUMENTATION_PYTHON", "mirror/python:3"), "mirror/python:3"),
    ] {
        assert!(answer.stdout.contains(&format!("image: {image}\n")), "{image}: {answer:?}");
    }
    for answer in [
        flag("--enable-python-instrumentation=false"),
        variable("INGRAFT_ENABLE_PYTHON_INSTRUMENTATION", "false"),
    ] {
        assert_eq!(answer.status, 1);
        assert!(answer.stderr.contains("error[LanguageDisabled]"), "{}", answer.stderr);
    }
}

#[test]
fn what_it_prints_can_be_injected_again_without_a_change() {
    let folder = Folder::with(&[("all.yaml", &format!("{INSTRUMENTATION}---\n{POD}"))]);
    let once = folder.run(&["inject", "-f", "all.yaml"]);
    let twice = folder.run_with_input(&["inject", "-f", "-"], &once.stdout);
    assert_eq!(twice.stdout, once.stdout);
    assert!(twice.stderr.contains("info[AlreadyInjected]"), "{}", twice.stderr);
}

#[test]
fn findings_speak_the_language_of_the_user() {
    let folder = Folder::with(&[("pod.yaml", POD)]);
    let spanish = "el espacio de nombres \"default\" todavía no tiene ninguna Instrumentation";
    let english = "namespace \"default\" has no Instrumentation";
    for (flags, environment, expected) in [
        (&[][..], &[][..], english),
        (&[], &[("LANG", "es_ES.UTF-8")], spanish),
        (&[], &[("LANG", "es_ES.UTF-8"), ("LC_ALL", "C")], english),
        (&["--locale", "es"], &[("LC_ALL", "C")], spanish),
        (&["--locale=en"], &[("LANG", "es")], english),
    ] {
        let answer = folder.run_with_environment(&[&["inject", "pod.yaml"], flags].concat(), environment);
        assert!(answer.stderr.contains(expected), "{flags:?} {environment:?}: {}", answer.stderr);
        assert!(answer.stderr.starts_with("error[InstrumentationMissing]: "), "{}", answer.stderr);
    }
    assert_eq!(folder.run(&["inject", "pod.yaml", "--locale", "fr"]).status, 2);
}

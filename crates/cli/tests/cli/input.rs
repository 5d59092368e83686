//! Files, folders and standard input.

use crate::run::{Folder, indented};
use crate::{INSTRUMENTATION, POD};

/// Both documents in one text.
fn both() -> String {
    format!("{INSTRUMENTATION}---\n{POD}")
}

#[test]
fn names_a_file_that_is_missing() {
    let answer = Folder::empty().run(&["inject", "-f", "missing.yaml"]);
    assert_eq!((answer.status, answer.stdout.as_str()), (3, ""));
    assert!(answer.stderr.starts_with("error: failed to read missing.yaml: "), "{}", answer.stderr);
    assert_eq!(answer.stderr.lines().count(), 1, "{}", answer.stderr);
}

#[test]
fn takes_files_with_and_without_f() {
    let folder = Folder::with(&[("pod.yaml", POD), ("base.yaml", INSTRUMENTATION)]);
    let expected = folder.run(&["inject", "-f", "pod.yaml", "-f", "base.yaml"]);
    assert!(expected.stdout.contains("OTEL_SERVICE_NAME"), "{expected:?}");
    for args in [
        &["inject", "pod.yaml", "base.yaml"][..],
        &["inject", "-f", "pod.yaml", "base.yaml"],
        &["inject", "pod.yaml", "-n", "default", "base.yaml"],
    ] {
        let answer = folder.run(args);
        assert_eq!((answer.status, &answer.stdout), (0, &expected.stdout), "{args:?}: {answer:?}");
    }
}

#[test]
fn says_so_when_there_is_nothing_to_read() {
    let folder = Folder::with(&[("empty.yaml", "\n---\n# only a comment\n"), ("notes/readme.txt", "a")]);
    for (args, expected) in [
        (&["inject", "-f", "empty.yaml"][..], "there are no documents"),
        (&["inject", "-f", "notes"], "folder notes has no .yaml, .yml or .json files"),
    ] {
        let answer = folder.run(args);
        assert_eq!((answer.status, answer.stdout.as_str()), (3, ""), "{args:?}");
        assert!(answer.stderr.contains(expected), "{args:?}: {}", answer.stderr);
    }
}

#[test]
fn reads_a_folder_and_with_r_the_folders_in_it() {
    let folder = Folder::with(&[
        ("all/b.yml", POD),
        ("all/a.yaml", INSTRUMENTATION),
        ("all/ignored.txt", "["),
        ("all/more/c.json", r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}"#),
    ]);
    let flat = folder.run(&["inject", "-f", "all"]);
    assert_eq!(flat.status, 0, "{flat:?}");
    let kinds = |answer: &crate::run::Answer| -> Vec<String> {
        answer.documents().iter().map(|document| document["kind"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds(&flat), ["Instrumentation", "Pod"]);
    let deep = folder.run(&["inject", "-R", "-f", "all"]);
    assert_eq!(kinds(&deep), ["Instrumentation", "Pod", "ConfigMap"]);
    let named_twice = folder.run(&["inject", "-f", "all/b.yml", "--filename=all/a.yaml"]);
    assert_eq!(kinds(&named_twice), ["Pod", "Instrumentation"]);
    assert!(named_twice.stdout.contains("OTEL_SERVICE_NAME"), "the order of files does not matter");
}

#[test]
fn a_file_is_injected_once_whatever_leads_to_it() {
    let folder = Folder::with(&[("all/base.yaml", INSTRUMENTATION), ("all/pod.yaml", POD)]);
    std::os::unix::fs::symlink("pod.yaml", folder.path().join("all/same.yaml")).unwrap();
    for files in [&["all"][..], &["-R", "./all", "all/pod.yaml"], &["all/pod.yaml", "-f", "all"]] {
        let answer = folder.run(&[&["inject"], files].concat());
        assert_eq!((answer.status, answer.documents().len()), (0, 2), "{files:?} {answer:?}");
    }
}

/// As YAML has it beside separators, and as it stays valid in the answer.
#[test]
fn reads_documents_that_are_introduced_and_ended() {
    let folder = Folder::with(&[
        ("base.yaml", &format!("{INSTRUMENTATION}...\n")),
        ("pod.yaml", &format!("%YAML 1.2\n---\n{POD}...\n")),
    ]);
    let answer = folder.run(&["inject", "base.yaml", "pod.yaml"]);
    assert!(answer.status == 0 && answer.stdout.contains("...\n...\n%YAML 1.2\n---\n"), "{answer:?}");
    std::fs::write(folder.path().join("both.yaml"), answer.stdout).unwrap();
    let again = folder.run(&["doctor", "both.yaml"]);
    assert!(again.status == 0 && again.stdout.contains("and 1 Instrumentation\n"), "{again:?}");
}

/// What is not UTF-8 is named with what helps.
#[test]
fn names_a_file_in_another_encoding() {
    let folder = Folder::empty();
    let text: Vec<u8> = "\u{feff}a: 1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(folder.path().join("a.yaml"), text).unwrap();
    let answer = folder.run(&["doctor", "a.yaml"]);
    assert_eq!(
        (answer.status, answer.stderr.as_str()),
        (
            3,
            "error: failed to read a.yaml: it is not UTF-8: save it as such (PowerShell's > writes UTF-16)\n"
        ),
    );
}

#[test]
fn reads_standard_input() {
    let answer = Folder::empty().run_with_input(&["inject", "-f", "-"], &both());
    assert_eq!(answer.status, 0, "{answer:?}");
    assert!(answer.stdout.contains("OTEL_SERVICE_NAME"));
    assert!(
        answer.stderr.contains("--> standard input:14 (pod/app in namespace default)"),
        "{}",
        answer.stderr
    );
}

#[test]
fn names_file_and_line_of_text_that_is_not_yaml() {
    for (text, line) in [
        ("a: 1\nb: [\n", 2),
        ("a: 1\n---\nb: 1\nb: 2\n", 4),
        ("a: 1\n---\n\nb: \"x\n", 4),
        ("a:\n\tb: 1\n", 2),
    ] {
        let answer = Folder::with(&[("broken.yaml", text)]).run(&["inject", "-f", "broken.yaml"]);
        assert_eq!((answer.status, answer.stdout.as_str()), (3, ""), "{text:?}");
        let expected = format!("error: broken.yaml, line {line}: ");
        assert!(answer.stderr.starts_with(&expected), "{text:?}: {}", answer.stderr);
    }
}

#[test]
fn an_instrumentation_that_is_refused_does_not_stop_the_others() {
    let broken = INSTRUMENTATION.replace("endpoint: http://gateway.obs:4318", "endpoint: [1]");
    let other = POD.replacen("name: app", "name: other", 1);
    let folder = Folder::with(&[("pods.yaml", &format!("{POD}---\n{broken}---\n{other}"))]);
    let answer = folder.run(&["inject", "-f", "pods.yaml"]);
    assert_eq!((answer.status, answer.documents().len()), (1, 3), "{}", answer.stderr);
    let line =
        1 + POD.lines().count() + 1 + broken.lines().position(|line| line.contains("endpoint")).unwrap();
    for said in [
        "error[FieldRefused]: spec.exporter.endpoint is a list, but must be text",
        &format!("  --> pods.yaml:{line} (instrumentation/"),
        "error[InstrumentationRefused]",
        "error[InstrumentationMissing]",
    ] {
        assert!(answer.stderr.contains(said), "{said}: {}", answer.stderr);
    }
}

#[test]
fn reads_json() {
    let pod = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"app","annotations":{
        "instrumentation.opentelemetry.io/inject-sdk":"true"}},"spec":{"containers":[{"name":"app"}]}}"#;
    let folder = Folder::with(&[("a.yaml", INSTRUMENTATION), ("pod.json", pod)]);
    let answer = folder.run(&["inject", "-f", "a.yaml", "-f", "pod.json", "-o", "json"]);
    assert_eq!(answer.status, 0, "{answer:?}");
    let env = &answer.json()["items"][1]["spec"]["containers"][0]["env"];
    assert_eq!(env[0]["name"], "OTEL_NODE_IP");
}

#[test]
fn reads_files_of_three_megabytes() {
    let block = "  key: value that takes some room in a ConfigMap\n".replace("key", "key-NUMBER");
    let data: String = (0..65_000).map(|number| block.replace("NUMBER", &number.to_string())).collect();
    let map = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: big\ndata:\n{data}");
    assert!(map.len() > 3_000_000);
    let folder = Folder::with(&[("all.yaml", &format!("{}---\n{map}", both()))]);
    let answer = folder.run(&["inject", "-f", "all.yaml"]);
    assert_eq!(answer.status, 0, "{}", answer.stderr);
    assert!(answer.stdout.ends_with(&map), "it passes through as it is");
    assert!(answer.stdout.contains("OTEL_SERVICE_NAME"));
}

#[test]
fn injects_a_container_with_two_thousand_variables() {
    let entry = |number: usize| format!("    - name: VARIABLE_{number}\n      value: \"1\"\n");
    let env = (0..2_000).map(entry).collect::<Vec<_>>().concat();
    let folder = Folder::with(&[("pod.yaml", &format!("{}    env:\n{env}", both()))]);
    let answer = folder.run(&["inject", "-f", "pod.yaml"]);
    assert_eq!(answer.status, 0, "{}", answer.stderr);
    let env = answer.documents()[1]["spec"]["containers"][0]["env"].as_array().unwrap().clone();
    assert_eq!(env[2]["name"], "VARIABLE_0");
    assert_eq!(env[2_001]["name"], "VARIABLE_1999");
    assert_eq!(env.last().unwrap()["name"], "OTEL_RESOURCE_ATTRIBUTES");
}

#[test]
fn injects_every_pod_of_a_list() {
    let item = |number: usize| {
        let pod = indented(POD);
        format!("- {}", pod.trim_start().replacen("name: app", &format!("name: app-{number}"), 1))
    };
    let items: String = (0..30).map(item).collect();
    let list = format!("{INSTRUMENTATION}---\napiVersion: v1\nkind: List\nitems:\n{items}");
    let answer = Folder::with(&[("list.yaml", &list)]).run(&["inject", "-f", "list.yaml"]);
    assert_eq!(answer.status, 0);
    assert_eq!(answer.stderr.matches("info[Injected]").count(), 30);
}

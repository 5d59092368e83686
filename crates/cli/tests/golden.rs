//! The golden cases of `testdata/inject`: one input, three ways to inject it, one answer.
//!
//! Every folder holds `input.yaml`, `expected.yaml` (the workloads after injection, written anew so that each field has its
//! line), `findings.txt` (what `ingraft inject` says on standard error), `doctor.txt` (what `ingraft doctor` warns of; none where
//! nothing is wrong) and optionally `args.txt` (flags, one per line). `UPDATE_EXPECT=1 cargo test -p ingraft-cli --test golden`
//! writes all but the input and the flags; read what it wrote.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "in a test, a panic is the answer"
)]

#[path = "golden/case.rs"]
mod case;
#[path = "golden/core.rs"]
mod core;
#[path = "golden/process.rs"]
mod process;
#[path = "golden/webhook.rs"]
mod webhook;

use case::{each_case, expect_text, pods};
use serde_json::Value;

#[test]
fn every_folder_holds_a_complete_case() {
    each_case(|case| {
        let updating = std::env::var_os("UPDATE_EXPECT").is_some() && std::env::var_os("CI").is_none();
        for file in ["input.yaml", "expected.yaml", "findings.txt"] {
            let exists = case.folder.join(file).is_file();
            assert!(exists || (updating && file != "input.yaml"), "{file} is missing");
        }
        for entry in std::fs::read_dir(&case.folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let known = ["input.yaml", "args.txt", "expected.yaml", "findings.txt", "doctor.txt"];
            assert!(known.contains(&name.as_str()), "{name} is read by nobody");
        }
        assert!(case.workloads().count() > 0, "there is no workload in the input");
        assert!(case.text.starts_with("# "), "the input begins with what it covers");
    });
}

#[test]
fn the_core_injects_what_is_expected() {
    each_case(|case| {
        let texts: Vec<String> =
            case.workloads().map(|document| core::inject(case, document).text(document)).collect();
        expect_text(&case.folder.join("expected.yaml"), &texts.join("---\n"));
    });
}

#[test]
fn the_command_line_prints_what_the_core_decides() {
    each_case(|case| {
        let output = process::inject(case);
        expect_text(&case.folder.join("findings.txt"), &output.findings);
        let status = i32::from(output.findings.lines().any(|line| line.starts_with("error[")));
        assert_eq!(output.status, Some(status), "exit status");

        assert_eq!(output.documents.len(), case.documents.len(), "as many documents as were read");
        for (printed, document) in output.documents.iter().zip(&case.documents) {
            let expected = core::inject(case, document);
            assert_eq!(printed.value, expected.value);
            assert_eq!(printed.text, expected.printed);
        }
    });
}

#[test]
fn doctor_warns_of_what_is_listed_beside_a_case_and_of_nothing_else() {
    each_case(|case| {
        let (told, expected) = (process::doctor(case), case.folder.join("doctor.txt"));
        if !told.is_empty() || expected.is_file() {
            expect_text(&expected, &told);
        }
    });
}

#[test]
fn the_webhook_patches_pods_as_the_core_does() {
    each_case(|case| {
        for document in case.workloads() {
            let expected = core::inject(case, document);
            for (pointer, pod) in pods(document) {
                let patched = webhook::admit(case, pod);
                assert_eq!(Some(&patched), expected.value.pointer(&pointer), "{}", name(pod));
            }
        }
    });
}

#[test]
fn injecting_what_was_injected_changes_nothing() {
    each_case(|case| {
        for document in case.workloads() {
            let mut again = document.clone();
            let first = core::inject(case, document);
            (again.value, again.text) = (first.value, first.printed);
            let second = core::inject(case, &again);
            assert!(!second.changed, "{}:\n{}", name(&again.value), second.printed);
        }
    });
}

fn name(object: &Value) -> String {
    object.pointer("/metadata/name").map_or_else(|| "without a name".to_owned(), Value::to_string)
}

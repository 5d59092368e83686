//! Each mistake that <https://opentelemetry.io/docs/platforms/kubernetes/operator/troubleshooting/automatic/> names or
//! implies: `ingraft doctor` tells it, at the line where it is, and nothing else; `--fix` makes it go away, and leaves the rest
//! of the file as it was. Comments at the head of each file say what is expected:
//!
//! ```text
//! # expect: CODE TEXT   the finding, and what stands where it points
//! # left: CODE          what only a person can correct
//! ```
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "in a test, a panic is the answer"
)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn doctor(file: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ingraft"));
    command.args(["doctor", "--locale", "en", "--enable-go-instrumentation=true", "-f"]).arg(file);
    command.args(arguments).output().unwrap()
}

/// What is found: the code, and the rest of the line to which it points.
fn found(file: &Path) -> Vec<(String, String)> {
    let output = doctor(file, &["-o", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let text = std::fs::read_to_string(file).unwrap();
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(output.status.code(), Some(i32::from(!findings.is_empty())), "{report}");
    let place = |finding: &Value| {
        let number = |key: &str| usize::try_from(finding[key].as_u64().unwrap()).unwrap();
        let line = text.lines().nth(number("line") - 1).unwrap();
        let rest: String = line.chars().skip(number("column") - 1).collect();
        (finding["code"].as_str().unwrap().to_owned(), rest)
    };
    findings.iter().map(place).collect()
}

/// The values of the comments at the head of a file that begin so.
fn said<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.strip_prefix(key)).map(str::trim).collect()
}

/// Each scalar of a file, with its key, sorted: where it stands may change.
fn scalars(text: &str) -> Vec<String> {
    fn collect(key: &str, value: &Value, scalars: &mut Vec<String>) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(key, value)| collect(key, value, scalars)),
            Value::Array(items) => items.iter().for_each(|item| collect(key, item, scalars)),
            scalar => scalars.push(format!("{key}: {scalar}")),
        }
    }
    let mut scalars = Vec::new();
    for document in ingraft_cluster::documents::read("file", text).unwrap() {
        collect("", &document.value, &mut scalars);
    }
    scalars.sort();
    scalars
}

/// How many of some scalars are not among others.
fn missing(some: &[String], others: &[String]) -> usize {
    let mut rest = others.to_vec();
    some.iter()
        .filter(|one| rest.iter().position(|other| other == *one).map(|index| rest.remove(index)).is_none())
        .count()
}

#[test]
fn each_is_told_where_it_is_and_corrected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes");
    let (mut count, mut wrong) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let source = entry.unwrap().path();
        let name = source.file_stem().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&source).unwrap();
        let expected = said(&text, "# expect:");
        assert!(!expected.is_empty(), "{name} says nothing of what is expected");
        count += 1;
        let told = found(&source);
        let is_told = |expected: &&str| {
            let (code, at) = expected.split_once(' ').unwrap_or((expected, ""));
            told.iter().any(|(told, rest)| told == code && rest.trim_start_matches('"').starts_with(at))
        };
        if told.len() != expected.len() || !expected.iter().all(is_told) {
            wrong.push(format!("{name}: expected {expected:?}, told {told:#?}"));
            continue;
        }

        let copies = tempfile::tempdir().unwrap();
        let copy = copies.path().join("manifests.yaml");
        std::fs::copy(&source, &copy).unwrap();
        let output = doctor(&copy, &["--fix", "--yes"]);
        let mut left: Vec<String> = found(&copy).into_iter().map(|(code, _)| code).collect();
        let mut may_be_left = said(&text, "# left:");
        left.sort();
        may_be_left.sort_unstable();
        if left != may_be_left {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            wrong.push(format!("{name}: left {left:?} and not {may_be_left:?}\n{said}"));
        }
        let fixed = std::fs::read_to_string(&copy).unwrap();
        doctor(&copy, &["--fix", "--yes"]);
        if std::fs::read_to_string(&copy).unwrap() != fixed {
            wrong.push(format!("{name}: a second --fix changes more"));
        }
        let [before, after] = [&text, &fixed].map(|text| scalars(text));
        // An entry of a list has a name and a value.
        let most = 2 * expected.len();
        if missing(&before, &after) > most || missing(&after, &before) > most {
            wrong.push(format!("{name}: more is changed than what is told:\n{fixed}"));
        }
        let comments = |text: &str| text.lines().filter(|line| line.contains('#')).count();
        let changed = similar::TextDiff::from_lines(&text, &fixed);
        let removed =
            changed.iter_all_changes().filter(|change| change.tag() == similar::ChangeTag::Delete).count();
        let is_moved = expected.iter().any(|code| code.starts_with("InstrumentationFollows"));
        if removed > 6 && !is_moved {
            wrong.push(format!("{name}: {removed} lines were changed:\n{fixed}"));
        }
        if comments(&fixed) + 1 < comments(&text) {
            wrong.push(format!("{name}: comments are lost:\n{fixed}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 40, "{count}");
}

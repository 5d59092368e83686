//! Comments cite rules of `docs/reference` and files of this repository: each of them exists.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "in a test, a panic is the answer"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Where comments are read.
const FOLDERS: [&str; 7] = ["crates", "deploy", "examples", "fuzz", "testdata", "tests", "xtask"];

#[test]
fn every_cited_file_and_rule_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut broken = Vec::new();
    for path in FOLDERS.iter().flat_map(|folder| files(&root.join(folder))) {
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| is_comment(line)) {
            let missing = citations(line).into_iter().filter(|citation| !citation.exists(root));
            broken.extend(missing.map(|citation| format!("{}:{}: {citation:?}", path.display(), number + 1)));
        }
    }
    assert!(broken.is_empty(), "cited, but not there:\n{}", broken.join("\n"));
}

#[test]
fn finds_files_and_numbers() {
    let found = |line: &str| {
        let one = citations(line).into_iter().map(|citation| (citation.file, citation.rules));
        one.collect::<Vec<_>>()
    };
    assert_eq!(found("(docs/reference/java.md 2), a"), [("docs/reference/java.md".to_owned(), vec![2])]);
    let several = found("docs/reference/go.md 1, 3 and 5 to 7: 8 of `docs/environment.md`; 9");
    assert_eq!(
        several,
        [("docs/reference/go.md".to_owned(), vec![1, 3, 5, 7]), ("docs/environment.md".to_owned(), vec![])]
    );
    assert_eq!(found("<https://example.com/README.md> docs/findings/<Code>.md"), []);
}

/// A file that a comment names, and the numbers behind it.
#[derive(Debug)]
struct Citation {
    file: String,
    rules: Vec<usize>,
}

impl Citation {
    fn exists(&self, root: &Path) -> bool {
        let Ok(text) = fs::read_to_string(root.join(&self.file)) else { return false };
        let number = |line: &str| line.split_once(". ")?.0.parse().ok();
        let known: BTreeSet<usize> = text.lines().filter_map(number).collect();
        !self.file.starts_with("docs/reference/") || self.rules.iter().all(|rule| known.contains(rule))
    }
}

fn citations(line: &str) -> Vec<Citation> {
    let mut found: Vec<Citation> = Vec::new();
    // Whether the words so far are a file and numbers of its rules.
    let mut open = false;
    for word in line.split_whitespace() {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let is_path = bare.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c));
        if bare.rsplit_once('.').is_some_and(|(_, ending)| ending == "md") && is_path {
            found.push(Citation { file: bare.to_owned(), rules: Vec::new() });
            open = word.ends_with(bare);
        } else if let (true, Ok(rule), Some(last)) = (open, bare.parse(), found.last_mut()) {
            last.rules.push(rule);
            open = word.trim_end_matches(',').ends_with(bare);
        } else {
            open &= matches!(word, "and" | "to");
        }
    }
    found
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//") || line.trim_start().starts_with('#')
}

/// The files of code and data below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && !["target", "node_modules"].contains(&name) {
            files.extend(self::files(&path));
        } else if [".rs", ".sh", ".toml", ".yaml"].iter().any(|ending| name.ends_with(ending)) {
            files.push(path);
        }
    }
    files
}

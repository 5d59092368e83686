//! One case: its folder, and what is read from it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use clap::Parser;
use expect_test::expect_file;
use ingraft_cluster::documents::{self, Document};
use ingraft_core::{Snapshot, Workload};
use ingraft_settings::SettingsArgs;
use serde_json::Value;

/// A folder of `testdata/inject`, read.
pub(crate) struct Case {
    pub(crate) folder: PathBuf,
    pub(crate) text: String,
    pub(crate) args: Vec<String>,
    pub(crate) flags: Flags,
    pub(crate) documents: Vec<Document>,
    pub(crate) snapshot: Snapshot,
}

/// The flags of `args.txt` that matter to the core and the webhook.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
pub(crate) struct Flags {
    #[arg(short, long, default_value = "default")]
    pub(crate) namespace: String,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

impl Case {
    fn read(folder: PathBuf) -> Self {
        let text = std::fs::read_to_string(folder.join("input.yaml")).expect("every case has an input.yaml");
        let args = std::fs::read_to_string(folder.join("args.txt")).unwrap_or_default();
        let args: Vec<String> = args.lines().map(str::to_owned).collect();
        let flags = Flags::try_parse_from(&args).expect("args.txt holds flags of the core");
        let documents = documents::read("input.yaml", &text).unwrap();
        let snapshot = documents::snapshot(&documents, &flags.namespace, ingraft_validate::stored).unwrap();
        Self { folder, text, args, flags, documents, snapshot }
    }

    /// The documents that hold a workload.
    pub(crate) fn workloads(&self) -> impl Iterator<Item = &Document> {
        let holds_one = |document: &&Document| {
            documents::objects(&document.value).iter().any(|(_, object)| Workload::of(object).is_some())
        };
        self.documents.iter().filter(holds_one)
    }
}

/// The pods of a document, with their JSON pointers.
pub(crate) fn pods(document: &Document) -> Vec<(String, &Value)> {
    let mut objects = documents::objects(&document.value);
    objects.retain(|(_, object)| Workload::of(object).is_some_and(|workload| workload.kind == "Pod"));
    objects
}

/// Checks every case, and names those that fail.
pub(crate) fn each_case(check: impl Fn(&Case)) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/inject");
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(!folders.is_empty(), "there are no cases");
    let mut failed = Vec::new();
    for folder in folders {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if catch_unwind(AssertUnwindSafe(|| check(&Case::read(folder)))).is_err() {
            eprintln!("^ case {name}\n");
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "failed cases: {}", failed.join(", "));
}

/// Compares a text with a file, or writes the file if `UPDATE_EXPECT` is set. Nothing is written in CI.
pub(crate) fn expect_text(path: &Path, text: &str) {
    let in_ci = std::env::var_os("CI").is_some();
    let updating = std::env::var_os("UPDATE_EXPECT").is_some();
    assert!(!(in_ci && updating), "CI compares, it does not write");
    if updating && !path.exists() {
        // An empty text equals a missing file, and would never be written.
        std::fs::write(path, "").unwrap();
    }
    assert!(path.exists(), "{} is missing", path.display());
    expect_file![path].assert_eq(text);
}

//! Any text as manifests: documents or an error, never a panic; injecting twice is injecting once.
#![no_main]

use ingraft_cluster::documents;
use ingraft_core::{Settings, Workload, edit};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(documents) = documents::read("input", text) else { return };
    let Ok(snapshot) = documents::snapshot(&documents, "default", ingraft_validate::stored) else { return };
    let settings = Settings::default();
    for document in &documents {
        for (_, object) in documents::objects(&document.value) {
            let inject = |object: &serde_json::Value| {
                let workload = Workload::of(object)?;
                Some(workload.inject(workload.namespace.unwrap_or("default"), &snapshot, &settings))
            };
            for flaw in ingraft_validate::check(object) {
                document.line_of(&flaw.pointer);
            }
            let Some(outcome) = inject(object) else { continue };
            for finding in &outcome.findings {
                document.line_of(&finding.pointer);
            }
            let mut once = object.clone();
            edit::apply(&mut once, &outcome.edits);
            let again = inject(&once).expect("it is still a workload");
            assert!(again.edits.is_empty(), "{:?}", again.edits);
        }
    }
});

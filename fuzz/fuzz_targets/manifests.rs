//! Any text as manifests: documents or an error, never a panic; injecting twice is injecting once.
#![no_main]

use ingraft_cluster::manifests;
use ingraft_core::{Request, Settings, Workload, edit, inject};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(documents) = manifests::read("input", text) else { return };
    let Ok(snapshot) = manifests::snapshot(&documents, "default") else { return };
    let settings = Settings::default();
    for document in &documents {
        for (_, object) in manifests::objects(&document.value) {
            let Some(workload) = Workload::of(object) else { continue };
            let namespace = workload.namespace.unwrap_or("default");
            let owners = workload.owners(namespace, &snapshot);
            let decide = |pod: &serde_json::Value| {
                inject(&Request { pod, namespace, owners: &owners, snapshot: &snapshot, settings: &settings })
            };
            let outcome = decide(workload.template);
            for finding in &outcome.findings {
                document.line_of(&finding.pointer);
            }
            let mut once = workload.template.clone();
            edit::apply(&mut once, &outcome.edits);
            let mut twice = once.clone();
            edit::apply(&mut twice, &decide(&once).edits);
            assert_eq!(once, twice);
        }
    }
});

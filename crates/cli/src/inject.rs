//! `ingraft inject`: manifests in, manifests out.

use std::collections::BTreeSet;

use anyhow::Context as _;
use ingraft_cluster::existence;
use ingraft_cluster::manifests::{self, Document};
use ingraft_core::{Edit, Finding, Request, Severity, Snapshot, Workload, edit, inject, review};
use kube::Client;

use crate::args::InjectArgs;
use crate::output::{self, Place};
use crate::{CLEAN, FINDINGS, input};

/// A document, and what is changed in it.
pub struct Injected<'a> {
    /// The document as read.
    pub document: &'a Document,
    /// What changes for each workload in it.
    pub changes: Vec<Change<'a>>,
}

/// The changes of one workload.
pub struct Change<'a> {
    /// The workload.
    pub workload: Workload<'a>,
    /// Its namespace.
    pub namespace: &'a str,
    /// The changes, for the workload as a document.
    pub edits: Vec<Edit>,
    /// Where the workload is in its document, a JSON pointer.
    pub pointer: String,
}

impl Injected<'_> {
    /// The document after the changes.
    pub fn value(&self) -> serde_json::Value {
        let mut value = self.document.value.clone();
        for change in &self.changes {
            let edits: Vec<Edit> =
                change.edits.iter().map(|edit| edit.clone().under(&change.pointer)).collect();
            edit::apply(&mut value, &edits);
        }
        value
    }

    /// Whether nothing is changed.
    pub fn is_unchanged(&self) -> bool {
        self.changes.iter().all(|change| change.edits.is_empty())
    }
}

/// Injects what `-f` names and prints the result.
pub fn run(args: &InjectArgs) -> anyhow::Result<u8> {
    let documents = input::documents(&args.files, args.recursive)?;
    let mut snapshot = manifests::snapshot(&documents, &args.namespace)?;
    if args.check_secrets {
        check_secrets(&documents, &args.namespace, &mut snapshot)?;
    }
    let mut worst = None;
    let injected: Vec<Injected<'_>> =
        documents.iter().map(|document| inject_document(document, args, &snapshot, &mut worst)).collect();
    output::print(args.output, &injected)?;
    Ok(if worst.is_some_and(|severity| args.fail_on.counts(severity)) { FINDINGS } else { CLEAN })
}

/// Asks the cluster of the kubeconfig which of the Secrets and ConfigMaps that are named exist.
fn check_secrets(documents: &[Document], namespace: &str, snapshot: &mut Snapshot) -> anyhow::Result<()> {
    let workloads = documents.iter().flat_map(|document| manifests::objects(&document.value));
    let workloads = workloads.filter_map(|(_, object)| Workload::of(object));
    let namespaces: BTreeSet<&str> =
        workloads.map(|workload| workload.namespace.unwrap_or(namespace)).collect();
    // Only one part of the program may choose how TLS is done, and this is the only part that uses it.
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client =
            Client::try_default().await.context("failed to find a cluster: is there a kubeconfig?")?;
        Ok(existence::learn(&client, snapshot, &namespaces).await?)
    })
}

fn inject_document<'a>(
    document: &'a Document,
    args: &'a InjectArgs,
    snapshot: &Snapshot,
    worst: &mut Option<Severity>,
) -> Injected<'a> {
    let mut changes = Vec::new();
    let mut tell = |place: &Place<'_>, finding: &Finding| {
        *worst = (*worst).max(Some(finding.severity()));
        output::finding(place, finding);
    };
    for (pointer, object) in manifests::objects(&document.value) {
        let place = Place::new(document, &pointer, object, &args.namespace);
        if let Some(instrumentation) = place.instrumentation(snapshot) {
            for finding in review(instrumentation, snapshot, &args.settings.0) {
                tell(&place, &finding);
            }
        }
        let Some(workload) = Workload::of(object) else { continue };
        let namespace = workload.namespace.unwrap_or(&args.namespace);
        let owners = workload.owners(namespace, snapshot);
        let outcome = inject(&Request {
            pod: workload.template,
            namespace,
            owners: &owners,
            snapshot,
            settings: &args.settings.0,
        });
        for finding in workload.misplaced_annotations().iter().chain(&outcome.findings) {
            tell(&place, finding);
        }
        let edits = outcome.edits.into_iter().map(|edit| edit.under(workload.pointer)).collect();
        changes.push(Change { workload, namespace, edits, pointer });
    }
    Injected { document, changes }
}

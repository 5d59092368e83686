//! `ingraft inject`: manifests in, manifests out.

use std::collections::BTreeSet;

use ingraft_cluster::documents::{self, Document};
use ingraft_cluster::reference_lookup;
use ingraft_core::{Finding, Locale, Severity, Snapshot, Workload, review, unused_annotations};
use ingraft_settings::SettingsArgs;

use crate::cluster_args::ClusterArgs;
use crate::completions::names;
use crate::document::{Change, Injected};
use crate::input::InputArgs;
use crate::output::{self, FailOn, Output};
use crate::source_location::SourceLocation;

/// Arguments of `ingraft inject`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,
    /// The namespace of objects that do not name one [default: default, or with --check-secrets that of the context]
    #[arg(short, long, add = names::namespaces())]
    namespace: Option<String>,
    /// What to print
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
    /// The lowest severity of a finding that makes the exit status 1
    #[arg(long, value_enum, default_value_t)]
    fail_on: FailOn,
    /// Ask the cluster, with your own permissions, which Secrets and ConfigMaps exist of those that Instrumentations name
    #[arg(long)]
    check_secrets: bool,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    settings: SettingsArgs,
}

/// Injects the named files and prints the result.
pub fn run(args: &Args, locale: Locale) -> anyhow::Result<u8> {
    let documents = args.input.documents()?;
    let (namespace, snapshot) = if args.check_secrets {
        checked(args, &documents)?
    } else {
        let namespace = args.namespace.as_deref().unwrap_or("default").to_owned();
        let snapshot = documents::snapshot(&documents, &namespace, ingraft_validate::stored)?;
        (namespace, snapshot)
    };
    let mut injector = Injector { args, namespace: &namespace, snapshot: &snapshot, locale, worst: None };
    let injected: Vec<Injected<'_>> =
        documents.iter().map(|document| injector.inject_document(document)).collect();
    output::print_documents(args.output, &injected)?;
    Ok(args.fail_on.status(injector.worst))
}

/// The namespace of the context, and what is known once the cluster has said which of the Secrets and ConfigMaps that
/// are named exist.
fn checked(args: &Args, documents: &[Document]) -> anyhow::Result<(String, Snapshot)> {
    args.cluster.with_client(async |client| {
        let namespace = args.namespace.as_deref().unwrap_or_else(|| client.default_namespace()).to_owned();
        let mut snapshot = documents::snapshot(documents, &namespace, ingraft_validate::stored)?;
        let objects = documents.iter().flat_map(|document| documents::objects(&document.value));
        let workloads = objects.filter_map(|(_, object)| Workload::of(object));
        let namespaces: BTreeSet<&str> =
            workloads.map(|workload| workload.namespace.unwrap_or(&namespace)).collect();
        reference_lookup::learn(&client, &mut snapshot, &namespaces).await?;
        Ok((namespace, snapshot))
    })
}

struct Injector<'a> {
    args: &'a Args,
    namespace: &'a str,
    snapshot: &'a Snapshot,
    locale: Locale,
    worst: Option<Severity>,
}

impl<'a> Injector<'a> {
    fn inject_document(&mut self, document: &'a Document) -> Injected<'a> {
        let (snapshot, settings) = (self.snapshot, &self.args.settings.0);
        let mut changes = Vec::new();
        for (pointer, object) in documents::objects(&document.value) {
            let location = SourceLocation::new(document, &pointer, object, self.namespace);
            let flaws = location.findings(&ingraft_validate::check(object));
            let mut findings = unused_annotations(object, snapshot, settings);
            if let Some(instrumentation) = location.instrumentation(snapshot) {
                findings.extend(review(instrumentation, snapshot, settings));
            }
            if let Some(workload) = Workload::of(object) {
                let namespace = workload.namespace.unwrap_or(self.namespace);
                let outcome = workload.inject(namespace, snapshot, settings);
                findings.extend(outcome.findings);
                changes.push(Change { workload, namespace, edits: outcome.edits, pointer: pointer.clone() });
            }
            // Some fields are known better than by their type.
            let known: BTreeSet<String> = findings.iter().map(|finding| location.pointer(finding)).collect();
            let flaws = flaws.into_iter().filter(|flaw| !known.contains(&location.pointer(flaw)));
            self.tell(&location, flaws.chain(findings));
        }
        Injected { document, changes }
    }

    fn tell(&mut self, location: &SourceLocation<'_>, findings: impl Iterator<Item = Finding>) {
        for finding in findings {
            self.worst = self.worst.max(Some(finding.severity()));
            output::finding(&finding, &location.of(&finding, self.locale), self.locale);
        }
    }
}

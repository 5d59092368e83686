//! `ingraft compile`: Instrumentations in, and out comes what has the API server inject pods by itself, without an operator.

use clap::ValueEnum;
use ingraft_api::{Instrumentation, plan};
use ingraft_cluster::documents::{self, Document};
use ingraft_core::{Finding, Locale, Snapshot, Subject, policies, standby};
use ingraft_settings::SettingsArgs;

use crate::input::InputArgs;
use crate::output::{self, FailOn};
use crate::source_location::SourceLocation;

/// What a cluster cannot have that runs nothing of ours.
const CANNOT: &str = "without the operator there is no Go, Apache httpd and nginx, nothing is known of images, variables from Secrets and \
                      ConfigMaps are not joined, Jobs of CronJobs are left alone, and nobody tells what was missed";

/// Versions of `admissionregistration.k8s.io` that have mutating policies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum PolicyVersion {
    /// From Kubernetes 1.36 on
    #[default]
    V1,
    /// Kubernetes 1.35, where a feature gate and the API have to be switched on
    V1beta1,
}

impl PolicyVersion {
    /// The version as manifests write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V1beta1 => "v1beta1",
        }
    }
}

/// Arguments of `ingraft compile`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,
    /// The namespace of objects that do not name one
    #[arg(short, long, default_value = "default")]
    namespace: String,
    /// The version of the API of policies that the cluster serves
    #[arg(long, value_enum, default_value_t)]
    policy_version: PolicyVersion,
    /// The lowest severity of a finding that makes the exit status 1
    #[arg(long, value_enum, default_value_t)]
    fail_on: FailOn,
    #[command(flatten)]
    settings: SettingsArgs,
}

/// Prints the plan, the policy that carries it out, and the hints.
pub fn run(args: &Args, locale: Locale) -> anyhow::Result<u8> {
    let documents = args.input.documents()?;
    let snapshot = documents::snapshot(&documents, &args.namespace, ingraft_validate::stored)?;
    let (plan, findings) = standby::compile(&snapshot, &args.settings.0, "");
    let mut worst = None;
    for finding in &findings {
        worst = worst.max(Some(finding.severity()));
        output::finding(finding, &location(finding, &documents, &snapshot, &args.namespace, locale), locale);
    }
    anyhow::ensure!(
        !plan.instrumentations.is_empty(),
        "nothing in the input can be planned, and nothing is printed: an empty plan would end what an earlier one does"
    );
    output::note(CANNOT);
    let mut texts = vec![output::yaml(&plan::crd())?, output::yaml(&plan.document())?];
    let policies = policies::standby(args.policy_version.as_str(), None);
    for document in policies.iter().chain(&policies::hints(None)) {
        texts.push(output::yaml(document)?);
    }
    output::print(texts.join("---\n").as_bytes())?;
    Ok(args.fail_on.status(worst))
}

/// File, line and object of a finding; the plan itself where it is about that.
fn location(
    finding: &Finding,
    documents: &[Document],
    snapshot: &Snapshot,
    namespace: &str,
    locale: Locale,
) -> String {
    let is_meant = |location: &SourceLocation<'_>| {
        let found = location.instrumentation(snapshot).map(Instrumentation::reference);
        found.is_some_and(|reference| finding.subject == Subject::Instrumentation(reference))
    };
    for document in documents {
        for (pointer, object) in documents::objects(&document.value) {
            let location = SourceLocation::new(document, &pointer, object, namespace);
            if is_meant(&location) {
                return location.of(finding, locale);
            }
        }
    }
    format!("plan/{}", plan::NAME)
}

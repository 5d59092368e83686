//! `ingraft manifests`: what to install.

use anyhow::Context as _;
use clap::ValueEnum;
use clap::error::ErrorKind;
use ingraft_api::{Instrumentation, plan};
use ingraft_cluster::documents;
use ingraft_core::{Heal, policies};
use ingraft_settings::{heal, registry};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Container;
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::compile::PolicyVersion;
use crate::output::{self, CLEAN};

/// Everything but the definitions of custom resources, so that deleting it never deletes a user's resource.
const OPERATOR: &str = include_str!("../../../deploy/operator.yaml");
/// The namespace of all of it.
const NAMESPACE: &str = "opentelemetry-operator-system";
/// The container that runs the operator.
const CONTAINER: &str = "manager";
/// The operator's variable that names the image with the probe.
const PROBE_IMAGE: &str = "INGRAFT_PROBE_IMAGE";

/// Which manifests to print.
#[derive(Debug, Clone, Copy, Default, PartialEq, ValueEnum)]
enum What {
    /// The definitions of custom resources
    Crds,
    /// The operator with its permissions, without the definitions
    Operator,
    /// Both, with the policies for hints and strict pods
    #[default]
    All,
    /// The hints that kubectl apply prints, alone: a trial beside any operator, or none
    Hints,
}

/// Arguments of `ingraft manifests`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which part: the definitions of custom resources, all but those, everything, or the hints alone
    #[arg(value_enum, default_value_t)]
    what: What,
    /// The operator's image; required for operator and all, as none is published yet: the README shows how to build one
    #[arg(long)]
    image: Option<String>,
    /// Registry to take the agents' images from, instead of ghcr.io
    #[arg(long, value_name = "HOST[/PATH]", value_parser = registry)]
    registry: Option<String>,
    /// Let the operator see which Secrets exist, to report those that an Instrumentation names and a namespace lacks
    #[arg(long)]
    check_secrets: bool,
    /// Let the operator restart workloads whose pods lack what they request: off (where the annotation ingraft.dev/heal
    /// says so), missed or outdated (also where nobody says anything). Adds the permissions, that to evict pods among them,
    /// and a policy that refuses the operator any other change of a workload
    #[arg(long, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_missing_value = "off", value_parser = heal)]
    heal: Option<Heal>,
    /// Let the API server inject pods by itself while no replica of the operator runs: from Kubernetes 1.36 on, or v1beta1 with
    /// 1.35 where that is switched on. Scaling the operator to 0 stops no injection then; the plan's field
    /// spec.paused does
    #[arg(long, value_name = "VERSION", num_args = 0..=1, require_equals = true, default_missing_value = "v1", value_enum)]
    standby: Option<PolicyVersion>,
    /// One more argument for the operator, such as --arg=--enable-go-instrumentation=true; can be repeated
    #[arg(long = "arg", value_name = "ARGUMENT", allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Prints the manifests.
pub fn run(args: &Args) -> anyhow::Result<u8> {
    let mut texts = Vec::new();
    if matches!(args.what, What::Crds | What::All) {
        texts.push(output::yaml(&Instrumentation::crd())?);
        if args.standby.is_some() {
            texts.push(output::yaml(&plan::crd())?);
        }
    }
    if args.what == What::Hints {
        for document in policies::hints(None) {
            texts.push(output::yaml(&document)?);
        }
    }
    if matches!(args.what, What::Operator | What::All) {
        let missing = "--image IMAGE is required, as no image of the operator is published yet: build one and push \
                       it to your registry, as \"Install it on your own cluster\" in the README shows\n";
        let image = args.image.as_deref();
        let image = image.ok_or_else(|| clap::Error::raw(ErrorKind::MissingRequiredArgument, missing))?;
        for document in operator(args, image)? {
            texts.push(output::yaml(&document)?);
        }
    }
    output::print(texts.join("---\n").as_bytes())?;
    Ok(CLEAN)
}

fn operator(args: &Args, image: &str) -> anyhow::Result<Vec<Value>> {
    let documents = documents::read("operator.yaml", OPERATOR)?.into_iter();
    let mut documents = documents
        .map(|document| match document.value.get("kind").and_then(Value::as_str) {
            Some("Deployment") => {
                edited(document.value, |deployment| edit_deployment(deployment, args, image))
            }
            Some("ClusterRole") => edited(document.value, |role| {
                if args.check_secrets {
                    allow_listing_secrets(role);
                }
                if args.heal.is_some() {
                    allow_healing(role);
                }
                if args.standby.is_some() {
                    allow_planning(role);
                }
                Ok(())
            }),
            _ => Ok(document.value),
        })
        .collect::<anyhow::Result<Vec<Value>>>()?;
    documents.extend(policies::hints(Some(NAMESPACE)));
    documents.extend(policies::strict(NAMESPACE));
    if args.heal.is_some() {
        documents.extend(policies::heal(NAMESPACE));
    }
    if let Some(version) = args.standby {
        documents.extend(policies::standby(version.as_str(), Some(NAMESPACE)));
    }
    Ok(documents)
}

/// A document after a change that is made to it as what it is.
fn edited<T: DeserializeOwned + Serialize>(
    document: Value,
    change: impl FnOnce(&mut T) -> anyhow::Result<()>,
) -> anyhow::Result<Value> {
    let mut object = serde_json::from_value(document)?;
    change(&mut object)?;
    Ok(serde_json::to_value(object)?)
}

fn edit_deployment(deployment: &mut Deployment, args: &Args, image: &str) -> anyhow::Result<()> {
    let pod = deployment.spec.as_mut().and_then(|spec| spec.template.spec.as_mut());
    let mut containers = pod.into_iter().flat_map(|pod| &mut pod.containers);
    let container: &mut Container =
        containers.find(|container| container.name == CONTAINER).context("no container runs the operator")?;
    let mut variables = container.env.iter_mut().flatten();
    let probe = variables.find(|variable| variable.name == PROBE_IMAGE);
    probe.context("no variable names the image of the probe")?.value = Some(image.to_owned());
    container.image = Some(image.to_owned());
    let registry = args.registry.iter().map(|registry| format!("--registry={registry}"));
    let secrets = args.check_secrets.then(|| "--check-secrets".to_owned());
    let heal = args.heal.map(|heal| format!("--heal={}", heal.as_str()));
    let standby = args.standby.map(|_| "--standby".to_owned());
    container.args = Some(
        registry.chain(secrets).chain(heal).chain(standby).chain(args.arguments.iter().cloned()).collect(),
    );
    Ok(())
}

/// Only names are requested, but Kubernetes cannot permit less.
fn allow_listing_secrets(role: &mut ClusterRole) {
    allow(role, "", &["secrets"], &["list", "watch"]);
}

/// The policy for healing leaves of it what healing needs.
fn allow_healing(role: &mut ClusterRole) {
    allow(role, "apps", &["deployments", "statefulsets", "daemonsets"], &["patch"]);
    allow(role, "argoproj.io", &["rollouts"], &["patch"]);
    allow(role, "policy", &["poddisruptionbudgets"], &["list"]);
    // For control starts.
    allow(role, "", &["pods/eviction"], &["create"]);
}

/// The one plan, whose name Kubernetes cannot demand of what is created.
fn allow_planning(role: &mut ClusterRole) {
    allow(role, plan::GROUP, &[plan::PLURAL], &["create"]);
    allow(role, plan::GROUP, &[plan::PLURAL], &["get", "patch"]);
    if let Some(rule) = role.rules.as_mut().and_then(|rules| rules.last_mut()) {
        rule.resource_names = Some(vec![plan::NAME.to_owned()]);
    }
}

fn allow(role: &mut ClusterRole, group: &str, resources: &[&str], verbs: &[&str]) {
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    role.rules.get_or_insert_default().push(PolicyRule {
        api_groups: Some(words(&[group])),
        resources: Some(words(resources)),
        verbs: words(verbs),
        ..PolicyRule::default()
    });
}

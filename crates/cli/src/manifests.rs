//! `ingraft manifests`: what to install.

use std::io::Write;

use clap::ValueEnum;
use ingraft_api::Instrumentation;
use ingraft_cluster::manifests;
use ingraft_core::settings::mirrored;
use serde_json::{Value, json};

use crate::args::ManifestsArgs;
use crate::{CLEAN, output};

/// The image that a release is published under.
pub const DEFAULT_IMAGE: &str = concat!("ghcr.io/ingraft/operator:", env!("CARGO_PKG_VERSION"));

/// Everything but the definitions of custom resources, so that deleting it never deletes a user's resource.
const OPERATOR: &str = include_str!("../manifests/operator.yaml");

/// Which manifests to print.
#[derive(Debug, Clone, Copy, Default, PartialEq, ValueEnum)]
pub enum What {
    /// The definitions of custom resources
    Crds,
    /// The operator with its permissions, without the definitions
    Operator,
    /// Both
    #[default]
    All,
}

/// Prints the manifests.
pub fn run(args: &ManifestsArgs) -> anyhow::Result<u8> {
    let mut documents = Vec::new();
    if args.what != What::Operator {
        documents.push(Instrumentation::crd());
    }
    if args.what != What::Crds {
        documents.extend(operator(args)?);
    }
    let texts: Vec<String> = documents.iter().map(output::yaml).collect::<anyhow::Result<_>>()?;
    std::io::stdout().write_all(texts.join("---\n").as_bytes())?;
    Ok(CLEAN)
}

/// What `--check-secrets` adds to the operator's role. Only names are asked for, but Kubernetes cannot permit less.
fn secrets_rule() -> Value {
    json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["list", "watch"]})
}

fn operator(args: &ManifestsArgs) -> anyhow::Result<Vec<Value>> {
    let registry = args.registry.as_deref();
    let image = match (&args.image, registry) {
        (Some(image), _) => image.clone(),
        (None, Some(registry)) => mirrored(DEFAULT_IMAGE, registry),
        (None, None) => DEFAULT_IMAGE.to_owned(),
    };
    let mut arguments: Vec<Value> =
        registry.map(|registry| format!("--registry={registry}").into()).into_iter().collect();
    arguments.extend(args.check_secrets.then(|| "--check-secrets".into()));
    arguments.extend(args.args.iter().map(|arg| Value::from(arg.as_str())));

    let documents = manifests::read("operator.yaml", OPERATOR)?;
    let mut values: Vec<Value> = documents.into_iter().map(|document| document.value).collect();
    for value in &mut values {
        if args.check_secrets
            && value.get("kind").is_some_and(|kind| kind == "ClusterRole")
            && let Some(rules) = value.get_mut("rules").and_then(Value::as_array_mut)
        {
            rules.push(secrets_rule());
        }
        let container = value.pointer_mut("/spec/template/spec/containers/0");
        if let Some(container) = container.and_then(Value::as_object_mut) {
            container.insert("image".to_owned(), image.as_str().into());
            let variables = container.get_mut("env").and_then(Value::as_array_mut).into_iter().flatten();
            for variable in variables.filter_map(Value::as_object_mut) {
                if variable.get("name").is_some_and(|name| name == "INGRAFT_PROBE_IMAGE") {
                    variable.insert("value".to_owned(), image.as_str().into());
                }
            }
            if !arguments.is_empty() {
                container.insert("args".to_owned(), arguments.as_slice().into());
            }
        }
    }
    Ok(values)
}

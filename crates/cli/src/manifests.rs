//! `ingraft manifests`: what to install.

use std::io::Write;

use clap::ValueEnum;
use ingraft_api::Instrumentation;
use ingraft_cluster::manifests;
use serde_json::Value;

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

fn operator(args: &ManifestsArgs) -> anyhow::Result<Vec<Value>> {
    let documents = manifests::read("operator.yaml", OPERATOR)?;
    let mut values: Vec<Value> = documents.into_iter().map(|document| document.value).collect();
    for container in
        values.iter_mut().filter_map(|value| value.pointer_mut("/spec/template/spec/containers/0"))
    {
        if let Some(container) = container.as_object_mut() {
            container.insert("image".to_owned(), args.image.as_str().into());
            let arguments = container.entry("args").or_insert_with(|| Value::Array(Vec::new()));
            if let Some(arguments) = arguments.as_array_mut() {
                arguments.extend(args.args.iter().map(|arg| Value::from(arg.as_str())));
            }
        }
    }
    Ok(values)
}

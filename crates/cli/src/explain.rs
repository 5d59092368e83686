//! `ingraft explain`: what is decided about one workload of a cluster, and which environment its containers get.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, anyhow, bail};
use ingraft_cluster::facts;
use ingraft_cluster::live::{self, Material};
use ingraft_core::environment::{Inputs, Origin, ServiceVariable, Variable, environment, service_links};
use ingraft_core::{ReferenceKind, Request, Settings, Snapshot, Workload, edit, inject};
use kube::Client;
use serde_json::Value;

use crate::args::ExplainArgs;
use crate::{CLEAN, FINDINGS, output};

/// Explains one workload.
pub fn run(args: &ExplainArgs) -> anyhow::Result<u8> {
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(explain(args))
}

async fn explain(args: &ExplainArgs) -> anyhow::Result<u8> {
    let client = Client::try_default().await.context("failed to find a cluster: is there a kubeconfig?")?;
    let namespace = args.namespace.clone().unwrap_or_else(|| client.default_namespace().to_owned());
    let Some((kind, name)) = args.workload.split_once('/') else {
        bail!("write TYPE/NAME, such as deployment/checkout, instead of \"{}\"", args.workload);
    };
    let find = async |kind: &str, name: &str| -> anyhow::Result<Value> {
        let answer = live::object(&client, kind, &namespace, name).await;
        let answer = answer.with_context(|| format!("\"{kind}\" makes no pods"))?;
        answer.map_err(|error| match error {
            // What the API server says is meant for people.
            kube::Error::Api(status) => anyhow!("{} (namespace {namespace})", status.message),
            other => anyhow!(other).context(format!("failed to read {kind}/{name}")),
        })
    };
    let object = find(kind, name).await?;
    let mut template = object.clone();
    // A pod is explained by what it was made from.
    if object.get("kind").is_some_and(|kind| kind == "Pod") {
        let owner = object.pointer("/metadata/ownerReferences/0");
        let text = |key: &str| owner.and_then(|owner| owner.get(key)).and_then(Value::as_str);
        if let (Some(kind), Some(name)) = (text("kind"), text("name")) {
            template = find(kind, name).await.unwrap_or(template);
        }
    }
    let workload = Workload::of(&template).context("it makes no pods")?;
    let mut snapshot = live::snapshot(&client, &namespace).await.context("failed to read the cluster")?;
    let settings = ask_operator(&client, &mut snapshot).await?;
    let owners = workload.owners(&namespace, &snapshot);
    let outcome = inject(&Request {
        pod: workload.template,
        namespace: &namespace,
        owners: &owners,
        snapshot: &snapshot,
        settings: &settings,
    });
    for finding in workload.misplaced_annotations().iter().chain(&outcome.findings) {
        output::finding_of(&format!("{} in namespace {namespace}", args.workload), finding);
    }
    if args.env {
        let mut after = workload.template.clone();
        edit::apply(&mut after, &outcome.edits);
        // A pod that exists is what it is, whatever would be decided now.
        let is_pod = object.get("kind").is_some_and(|kind| kind == "Pod");
        let after = if is_pod { &object } else { &after };
        let when = if is_pod { "as it runs" } else { "if it started now" };
        println!("{}, {when}", args.workload);
        print!("{}", environments(&client, &namespace, workload.template, after).await?);
    }
    let found = outcome.findings.iter().any(|finding| finding.severity() == ingraft_core::Severity::Error);
    Ok(if found { FINDINGS } else { CLEAN })
}

/// What the cluster's operator was told, and has learnt of images.
async fn ask_operator(client: &Client, snapshot: &mut Snapshot) -> anyhow::Result<Settings> {
    let assumed = "this is what an operator with default settings, and without probes, would do";
    let found = match live::operator(client).await {
        Ok(Some((settings, namespace))) => {
            facts::recall(client, &namespace).await.map(|facts| (settings, facts.unwrap_or_default()))
        }
        Ok(None) => {
            eprintln!("There is no operator in this cluster: {assumed}.");
            return Ok(Settings::default());
        }
        Err(error) => Err(error),
    };
    match found {
        Ok((settings, facts)) => {
            snapshot.facts = facts;
            Ok(settings)
        }
        Err(kube::Error::Api(status)) if status.is_forbidden() => {
            eprintln!("{}: {assumed}.", status.message);
            Ok(Settings::default())
        }
        Err(error) => Err(anyhow!(error).context("failed to look for the operator")),
    }
}

/// The environment of each container, before and after.
async fn environments(
    client: &Client,
    namespace: &str,
    before: &Value,
    after: &Value,
) -> anyhow::Result<String> {
    let services = live::services(client, namespace).await.context("failed to read Services")?;
    let mut material = Material::default();
    for pod in [before, after] {
        for (kind, name) in named(pod) {
            let failed = || format!("failed to read {} {name}", kind.as_str());
            material.learn(client, namespace, kind, &name).await.with_context(failed)?;
        }
    }
    let mut text = String::new();
    for list in ["initContainers", "containers"] {
        for container in containers(after, list) {
            let name = container.get("name").and_then(Value::as_str).unwrap_or_default();
            let original = containers(before, list).find(|one| one.get("name") == container.get("name"));
            let Some(original) = original else { continue };
            let variables = |pod: &Value, container: &Value| {
                let links: Vec<ServiceVariable> = service_links(&services, namespace, pod);
                let inputs = Inputs {
                    pod,
                    container,
                    namespace,
                    sources: &material,
                    files: &[],
                    services: Some(&links),
                    image: Some(&[]),
                };
                let linked = |name: &str| links.iter().any(|link| link.name == name);
                let found = environment(&inputs).variables.into_iter();
                let own = found.filter(|variable| !linked(&variable.name));
                own.map(|variable| (variable.name.clone(), line(&variable))).collect::<BTreeMap<_, _>>()
            };
            let (old, new) = (variables(before, original), variables(after, container));
            // Writing to a String cannot fail.
            let _ = writeln!(text, "container {name}");
            for name in old.keys().chain(new.keys().filter(|name| !old.contains_key(*name))) {
                match (old.get(name), new.get(name)) {
                    (Some(old), Some(new)) if old == new => {
                        let _ = writeln!(text, "    {name}={old}");
                    }
                    (old, new) => {
                        for (sign, line) in [("-", old), ("+", new)] {
                            if let Some(line) = line {
                                let _ = writeln!(text, "  {sign} {name}={line}");
                            }
                        }
                    }
                }
            }
        }
    }
    text.push_str("Not shown: service links, and variables that only the image sets.\n");
    Ok(text)
}

fn containers<'a>(pod: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    pod.pointer(&format!("/spec/{list}")).and_then(Value::as_array).into_iter().flatten()
}

/// The ConfigMaps and Secrets that the environments of a pod name.
fn named(pod: &Value) -> Vec<(ReferenceKind, String)> {
    let places = [
        ("envFrom", "/configMapRef/name", ReferenceKind::ConfigMap),
        ("envFrom", "/secretRef/name", ReferenceKind::Secret),
        ("env", "/valueFrom/configMapKeyRef/name", ReferenceKind::ConfigMap),
        ("env", "/valueFrom/secretKeyRef/name", ReferenceKind::Secret),
    ];
    let mut found = Vec::new();
    for container in ["initContainers", "containers"].iter().flat_map(|list| containers(pod, list)) {
        for (list, pointer, kind) in places {
            let entries = container.get(list).and_then(Value::as_array).into_iter().flatten();
            let names = entries.filter_map(|entry| entry.pointer(pointer).and_then(Value::as_str));
            found.extend(names.map(|name| (kind, name.to_owned())));
        }
    }
    found
}

/// The value of a variable and where it comes from; where that is open, all that it may be.
fn line(variable: &Variable) -> String {
    let setting = |setting: &ingraft_core::environment::Setting| {
        let value = setting.value.as_deref().map_or_else(|| "…".to_owned(), |value| format!("{value:?}"));
        format!("{value} ({})", origin(&setting.origin))
    };
    let settings: Vec<String> = variable.settings.iter().map(setting).collect();
    settings.join(", or else ")
}

fn origin(origin: &Origin) -> String {
    match origin {
        Origin::Image => "image".to_owned(),
        Origin::ServiceLink => "service link".to_owned(),
        Origin::EnvFrom { kind, object, .. } => format!("envFrom {} {object}", kind.as_str()),
        Origin::Literal { .. } => "env".to_owned(),
        Origin::Key { kind, object, key, .. } => format!("{} {object}, key {key}", kind.as_str()),
        Origin::File { volume, path, .. } if volume == "ingraft-env" => format!("the probe's file {path}"),
        Origin::File { volume, path, .. } => format!("file {path} in volume {volume}"),
        Origin::Field { path, .. } => format!("field {path}"),
        Origin::Resource { resource, .. } => format!("resource {resource}"),
        Origin::Other { .. } => "a source of another kind".to_owned(),
    }
}

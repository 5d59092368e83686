//! The environment that the containers of a pod get, before and after injection.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Context as _;
use ingraft_cluster::fetched_sources::{FetchedSources, services};
use ingraft_core::ReferenceKind;
use ingraft_core::environment::{
    Inputs, Origin, ServiceVariable, Setting, Variable, environment, service_links,
};
use kube::Client;
use serde_json::Value;

/// The environment of each container, before and after.
pub async fn environments(
    client: &Client,
    namespace: &str,
    before: &Value,
    after: &Value,
) -> anyhow::Result<String> {
    let services = services(client, namespace).await.context("failed to read Services")?;
    let mut sources = FetchedSources::default();
    for pod in [before, after] {
        for (kind, name) in named(pod) {
            let failed = || format!("failed to read {} {name}", kind.as_str());
            sources.fetch(client, namespace, kind, &name).await.with_context(failed)?;
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
                    sources: &sources,
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
    let setting = |setting: &Setting| {
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

//! The environment that the containers of a pod get, before and after injection.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Context as _;
use ingraft_cluster::fetched_sources::{FetchedSources, services};
use ingraft_core::ReferenceKind;
use ingraft_core::environment::{
    Environment, Inputs, Origin, ServiceVariable, Setting, Variable, environment, service_links,
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
    let view = View { namespace, services: &services, sources: &sources };
    let mut text = String::new();
    for list in ["initContainers", "containers"] {
        for container in containers(after, list) {
            let original = containers(before, list).find(|one| one.get("name") == container.get("name"));
            if let Some(original) = original {
                view.compare((before, original), (after, container), &mut text);
            }
        }
    }
    text.push_str("Not shown: service links, and variables that only the image sets.\n");
    Ok(text)
}

/// What environments are made from.
struct View<'a> {
    namespace: &'a str,
    services: &'a [Value],
    sources: &'a FetchedSources,
}

impl View<'_> {
    /// Writes the variables of a container before and after, and what keeps it from starting.
    fn compare(&self, before: (&Value, &Value), after: (&Value, &Value), text: &mut String) {
        let (old, new) = (self.environment(before), self.environment(after));
        let name = after.1.get("name").and_then(Value::as_str).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "container {name}");
        for missing in &new.missing {
            let _ = writeln!(text, "  does not start without {}", origin(missing));
        }
        let (old, new) = (lines(&old), lines(&new));
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

    /// The environment of a container of a pod, without service links.
    fn environment(&self, (pod, container): (&Value, &Value)) -> Environment {
        let links: Vec<ServiceVariable> = service_links(self.services, self.namespace, pod);
        let mut found = environment(&Inputs {
            pod,
            container,
            namespace: self.namespace,
            sources: self.sources,
            files: &[],
            services: Some(&links),
            image: Some(&[]),
        });
        found.variables.retain(|variable| links.iter().all(|link| link.name != variable.name));
        found
    }
}

/// The text for each variable.
fn lines(environment: &Environment) -> BTreeMap<&str, String> {
    environment.variables.iter().map(|variable| (variable.name.as_str(), line(variable))).collect()
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

//! The init container that copies an agent's files, and the volume that holds them (injection.md, section 4.0).

use ingraft_api::{InstrumentationSpec, Language};
use k8s_openapi::api::core::v1::ResourceRequirements;
use serde_json::{Map, Value, json};

use super::Request;
use super::draft::Draft;
use super::security;
use super::target::Container;
use crate::defaults::{self, Block};
use crate::finding::{Finding, Reason, Subject};
use crate::json::{list, string, string_at};
use crate::quantity;

/// An agent's files and how they reach the targets.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(crate) language: Language,
    /// The name of init container and volume.
    pub(crate) name: &'static str,
    /// Where the init container mounts the volume.
    pub(crate) folder: &'static str,
    pub(crate) command: Vec<&'static str>,
}

impl Payload {
    /// Whether init container and volume can be added, or are there already.
    pub(crate) fn check(&self, draft: &Draft<'_>) -> Result<(), Reason> {
        let taken =
            |what| Err(Reason::NameTaken { language: self.language, what, name: self.name.to_owned() });
        if draft.has_container(self.name) || draft.has_foreign_init_container(self.name) {
            return taken("container");
        }
        match draft.volume(self.name) {
            Some(volume) if volume.get("emptyDir").is_none() && volume.get("ephemeral").is_none() => {
                taken("volume")
            }
            _ => Ok(()),
        }
    }

    /// Adds init container and volume unless they are there, before the first target if that is an init container.
    pub(crate) fn add(
        &self,
        request: &Request<'_>,
        spec: &InstrumentationSpec,
        first: Container<'_>,
        draft: &mut Draft<'_>,
        findings: &mut Vec<Finding>,
        instrumentation: &str,
    ) {
        let block = Block::of(spec, self.language);
        if draft.volume(self.name).is_none() {
            draft.add_volume(volume(self.name, block));
        }
        if draft.has_init_container(self.name) {
            return;
        }
        let mut container = Map::new();
        container.insert("name".to_owned(), self.name.into());
        container.insert(
            "image".to_owned(),
            block.image.unwrap_or_else(|| request.settings.image(self.language)).into(),
        );
        match pull_policy(spec) {
            Ok(Some(policy)) => drop(container.insert("imagePullPolicy".to_owned(), policy.into())),
            Ok(None) => {}
            Err(reason) => findings.push(Finding {
                reason,
                subject: Subject::Instrumentation(instrumentation.to_owned()),
                pointer: "/spec/imagePullPolicy".to_owned(),
            }),
        }
        container.insert("command".to_owned(), self.command.as_slice().into());
        if let Some(resources) = resources(request.pod, self.language, block.resources) {
            container.insert("resources".to_owned(), resources);
        }
        if let Some(context) = security::context(request, spec, first) {
            container.insert("securityContext".to_owned(), context);
        }
        let mut mounts = vec![json!({"name": self.name, "mountPath": self.folder})];
        mounts.extend(token_mount(first).cloned());
        container.insert("volumeMounts".to_owned(), mounts.into());
        draft.add_init_container(Value::Object(container), first.is_init().then_some(first));
    }
}

/// The mount of the ServiceAccount's token that the API server gave the target. It would give the payload container
/// the same one, and then ask the webhook again because the pod changed:
/// <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#reinvocation-policy>.
fn token_mount(target: Container<'_>) -> Option<&Value> {
    list(target.json, "volumeMounts").iter().find(|mount| {
        string(mount, "mountPath") == Some("/var/run/secrets/kubernetes.io/serviceaccount")
            && string(mount, "name").is_some_and(|name| name.starts_with("kube-api-access-"))
    })
}

fn volume(name: &str, block: Block<'_>) -> Value {
    if let Some(template) = block.volume_claim_template {
        return json!({"name": name, "ephemeral": {"volumeClaimTemplate": template}});
    }
    let limit = block.volume_limit_size.unwrap_or(defaults::VOLUME_LIMIT);
    json!({"name": name, "emptyDir": {"sizeLimit": limit}})
}

/// The pull policy, if it is one: the CRD does not check it, and a wrong one would make every pod invalid.
fn pull_policy(spec: &InstrumentationSpec) -> Result<Option<&str>, Reason> {
    match spec.image_pull_policy.as_deref() {
        None | Some("") => Ok(None),
        Some(policy @ ("Always" | "IfNotPresent" | "Never")) => Ok(Some(policy)),
        Some(other) => Err(Reason::FieldIgnored {
            field: "imagePullPolicy",
            value: other.to_owned(),
            allowed: "Always, IfNotPresent, Never",
        }),
    }
}

/// The resources of a payload container, so that the pod stays what it is (design.md 6.7): limits and requests as the
/// Instrumentation or the defaults say, requests never above limits; in a Guaranteed pod both are equal and no larger
/// than the pod's own; in a pod with resources of its own, none.
fn resources(pod: &Value, language: Language, chosen: Option<&ResourceRequirements>) -> Option<Value> {
    let of_pod = pod.pointer("/spec/resources").and_then(Value::as_object);
    if of_pod.is_some_and(|resources| !resources.is_empty()) {
        return None;
    }
    let [mut limits, mut requests] = defaults::requirements(language, chosen);
    if let Some(sums) = guaranteed_sums(pod) {
        for (resource, sum) in sums {
            let limit = limits.get(resource).and_then(Value::as_str).and_then(quantity::parse);
            if limit.is_none_or(|limit| limit > sum) {
                limits.insert(resource.to_owned(), quantity::format(sum).into());
            }
        }
        requests.clone_from(&limits);
    }
    for (resource, request) in &mut requests {
        let number = |value: &Value| value.as_str().and_then(quantity::parse);
        if let Some(limit) = limits.get(resource)
            && number(request) > number(limit)
        {
            *request = limit.clone();
        }
    }
    let mut resources = Map::new();
    for (key, map) in [("limits", limits), ("requests", requests)] {
        if !map.is_empty() {
            resources.insert(key.to_owned(), Value::Object(map));
        }
    }
    Some(Value::Object(resources))
}

/// For a pod of the class Guaranteed, what its containers may use in sum of CPU and memory:
/// <https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/#guaranteed>.
fn guaranteed_sums(pod: &Value) -> Option<[(&'static str, f64); 2]> {
    let spec = pod.get("spec")?;
    let mut sums = [("cpu", 0.0), ("memory", 0.0)];
    for key in ["initContainers", "containers"] {
        for container in list(spec, key) {
            for (resource, sum) in &mut sums {
                let amount = |kind: &str| quantity_of(container, kind, resource);
                let limit = amount("limits").filter(|limit| *limit > 0.0)?;
                if amount("requests").is_some_and(|request| request.total_cmp(&limit).is_ne()) {
                    return None;
                }
                if key == "containers" {
                    *sum += limit;
                }
            }
        }
    }
    sums.iter().all(|(_, sum)| *sum > 0.0).then_some(sums)
}

fn quantity_of(container: &Value, kind: &str, resource: &str) -> Option<f64> {
    let value = container.pointer(&format!("/resources/{kind}/{resource}"))?;
    value.as_f64().or_else(|| string_at(value, "").and_then(quantity::parse))
}

//! One language of an Instrumentation, for all pods.

use std::collections::{BTreeMap, BTreeSet};

use ingraft_api::plan::{Agent, InitContainer, Mount, Resources, Telemetry, Variable, Volume};
use ingraft_api::{Instrumentation, InstrumentationSpec, Language};
use serde_json::{Map, Value, json};

use super::words::{PREFIX, Word};
use super::{FOLDERS, platforms};
use crate::defaults;
use crate::edit::apply;
use crate::endpoint::Endpoint;
use crate::environment::references;
use crate::finding::{InstrumentationFinding, NotPlannable, Reason};
use crate::inject::resource::{ATTRIBUTES, uses_labels, with_uids};
use crate::inject::resources::OF_TARGET;
use crate::inject::{Injected, Request, endpoint, inject, profile};
use crate::json::{list, string};
use crate::owner::{Owner, OwnerKind};
use crate::settings::Settings;
use crate::snapshot::Snapshot;

/// A variable that stands for those of the container itself.
const OWN: &str = "__INGRAFT_OWN__";
/// What the names of variables with credentials have in them.
const CREDENTIALS: [&str; 8] =
    ["HEADERS", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "AUTH", "KEY"];
/// What values have in them that are options with credentials.
const CREDENTIAL_OPTIONS: [&str; 6] = ["headers=", "token=", "secret=", "password=", "key=", "authorization"];
/// What the names of volumes with material for TLS begin with.
const TLS: &str = "otel-auto-";

/// What is injected, and what is said of it in the pod.
pub(super) fn of(
    instrumentation: &Instrumentation,
    language: Language,
    platform: Option<&str>,
    snapshot: &Snapshot,
    settings: &Settings,
) -> Result<(Agent, Telemetry, Injected), NotPlannable> {
    review(instrumentation, language)?;
    let spec = &instrumentation.spec;
    let mut pod = prototype(instrumentation, language, platform);
    let owners = owners();
    let request =
        Request { pod: &pod, namespace: Word::Namespace.as_str(), owners: &owners, snapshot, settings };
    let outcome = inject(&request);
    let is_ignored = |reason: &Reason| {
        matches!(reason, Reason::Instrumentation(InstrumentationFinding::FieldIgnored { .. }))
    };
    if outcome.findings.iter().any(|finding| is_ignored(&finding.reason)) {
        return Err(NotPlannable::Unusable);
    }
    let decision = outcome.decisions.into_iter().find(|decision| decision.language == language);
    let injected = decision.and_then(|decision| decision.injected).ok_or(NotPlannable::Unusable)?;
    apply(&mut pod, &outcome.edits);
    let (agent, telemetry) = read(&pod, spec, language)?;
    Ok((agent, telemetry, injected))
}

/// Whether an Instrumentation has a word of ours by itself.
pub(super) fn has_words(instrumentation: &Instrumentation) -> bool {
    serde_json::to_string(instrumentation).is_ok_and(|text| text.contains(PREFIX))
}

/// Why an Instrumentation cannot be planned for a language, whatever would come of it.
fn review(instrumentation: &Instrumentation, language: Language) -> Result<(), NotPlannable> {
    let spec = &instrumentation.spec;
    let block = defaults::block(spec, language);
    let attributes = spec.resource.as_ref().and_then(|resource| resource.resource_attributes.as_ref());
    let keys = || attributes.into_iter().flat_map(|attributes| attributes.keys());
    for variable in spec.env.iter().flatten().chain(block.env) {
        if variable.name == ATTRIBUTES {
            return Err(NotPlannable::Attributes);
        }
        if variable.value.as_deref().is_some_and(|value| is_credential(&variable.name, value)) {
            return Err(NotPlannable::Credential);
        }
        let source = variable.value_from.as_ref();
        if source.is_some_and(|source| source.field_ref.is_none()) {
            return Err(NotPlannable::Source);
        }
    }
    if with_uids(spec) {
        return Err(NotPlannable::UniqueIds);
    }
    let of_labels =
        |key: &String| uses_labels(spec) && ["service.name", "service.version"].contains(&key.as_str());
    // The policy sorts keys as they are encoded.
    let is_plain =
        |key: &str| key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte));
    if keys().any(|key| key.starts_with("k8s.") || of_labels(key) || !is_plain(key)) {
        return Err(NotPlannable::Attributes);
    }
    if spec.init_container_security_context.is_some() {
        return Err(NotPlannable::SecurityContext);
    }
    if block.volume_claim_template.is_some() {
        return Err(NotPlannable::VolumeClaim);
    }
    let resources = defaults::requirements(profile(language).requests, block.resources);
    if resources.iter().flat_map(Map::keys).any(|name| !OF_TARGET.contains(&name.as_str())) {
        return Err(NotPlannable::Resources);
    }
    if endpoint(spec).is_some_and(has_user) {
        return Err(NotPlannable::Credential);
    }
    // Which Service is meant, and so the port, depends on the pod's namespace.
    let url = endpoint(spec).and_then(Endpoint::parse).filter(Endpoint::is_short);
    let wrong = profile(language).otlp.ports().map(|(wrong, _)| wrong);
    if url.is_some_and(|url| url.port == wrong && wrong.is_some()) {
        return Err(NotPlannable::ShortEndpoint);
    }
    Ok(())
}

/// Whether a variable may hold what not everybody should read who may read the plan.
fn is_credential(name: &str, value: &str) -> bool {
    let (name, options) = (name.to_ascii_uppercase(), value.to_ascii_lowercase());
    !value.is_empty()
        && (CREDENTIALS.iter().any(|word| name.contains(word))
            || CREDENTIAL_OPTIONS.iter().any(|word| options.contains(word))
            || has_user(value))
}

/// Whether a URL in a text says who asks: `https://user:password@host`.
fn has_user(text: &str) -> bool {
    let hosts = text.split("://").skip(1).map(|rest| rest.split('/').next().unwrap_or_default());
    hosts.into_iter().any(|host| host.contains('@'))
}

/// A pod that stands for all that request a language from an Instrumentation.
fn prototype(instrumentation: &Instrumentation, language: Language, platform: Option<&str>) -> Value {
    let image = format!("prototype:{}", Word::Version.as_str());
    let asks = (language.inject_key(), instrumentation.reference());
    let platform = platforms(language).zip(platform).map(|((key, _), platform)| (key, platform.to_owned()));
    let annotations: BTreeMap<&str, String> = std::iter::once(asks).chain(platform).collect();
    json!({
        "metadata": {"annotations": annotations},
        "spec": {"containers": [
            {"name": Word::Container.as_str(), "image": image, "env": [{"name": OWN, "value": ""}]},
        ]},
    })
}

/// Owners of all kinds that the policy knows.
fn owners() -> Vec<Owner> {
    let named = |(kind, word): (OwnerKind, Word)| Owner { kind, name: word.as_str().to_owned(), uid: None };
    [
        (OwnerKind::ReplicaSet, Word::ReplicaSet),
        (OwnerKind::Deployment, Word::Deployment),
        (OwnerKind::StatefulSet, Word::StatefulSet),
        (OwnerKind::DaemonSet, Word::DaemonSet),
        (OwnerKind::Job, Word::Job),
    ]
    .map(named)
    .to_vec()
}

/// Reads from the prototype what was added to it.
fn read(
    pod: &Value,
    spec: &InstrumentationSpec,
    language: Language,
) -> Result<(Agent, Telemetry), NotPlannable> {
    let unusable = NotPlannable::Unusable;
    let container = pod.pointer("/spec/containers/0").ok_or(unusable)?;
    let env = list(container, "env");
    let own = env.iter().position(|entry| string(entry, "name") == Some(OWN)).ok_or(unusable)?;
    let (first, rest) = env.split_at_checked(own).ok_or(unusable)?;
    let mut env = rest.iter().skip(1).map(typed).collect::<Option<Vec<Variable>>>().ok_or(unusable)?;
    let mut attributes = Vec::new();
    for entry in &mut env {
        let Some(value) = &mut entry.value else { continue };
        match entry.name.as_str() {
            // The most significant of the names of owners.
            "OTEL_SERVICE_NAME" if value == Word::Deployment.as_str() => {
                Word::Workload.as_str().clone_into(value);
            }
            "OTEL_RESOURCE_ATTRIBUTES" => {
                attributes = value.split(',').map(str::to_owned).collect();
                Word::Attributes.as_str().clone_into(value);
            }
            _ => {}
        }
    }
    let all = |key: &str| pod.get("spec").map_or(&[][..], |spec| list(spec, key));
    // The last that was put there is the first.
    let first = first.iter().rev().map(typed).collect::<Option<Vec<Variable>>>().ok_or(unusable)?;
    if all("containers").len() != 1 || !stand_once(&first, &env) {
        return Err(NotPlannable::Unusable);
    }
    if refers_to_others(&first, &env) {
        return Err(NotPlannable::Reference);
    }
    // From here on the variables of all languages are the same.
    let common = env.iter().position(|entry| entry.name == "OTEL_SERVICE_NAME").unwrap_or(env.len());
    let mounts: Vec<Mount> = typed(container.get("volumeMounts").unwrap_or(&json!([]))).ok_or(unusable)?;
    let volumes: Vec<Volume> = typed(&Value::Array(all("volumes").to_vec())).ok_or(unusable)?;
    if mounts.iter().any(|mount| !mount.mount_path.starts_with(FOLDERS)) {
        return Err(unusable);
    }
    let (tls_mounts, mounts) = mounts.into_iter().partition(|mount| mount.name.starts_with(TLS));
    let (tls_volumes, volumes) = volumes.into_iter().partition(|volume| volume.name.starts_with(TLS));
    let telemetry = Telemetry {
        env: env.split_off(common),
        attributes,
        uses_labels: uses_labels(spec),
        mounts: tls_mounts,
        volumes: tls_volumes,
    };
    let init_containers =
        all("initContainers").iter().map(init_container).collect::<Option<_>>().ok_or(unusable)?;
    let resources = resources(spec, language);
    Ok((Agent { prepended: first, env, mounts, volumes, init_containers, resources }, telemetry))
}

/// Whether a value refers to a variable that is not ours: what it means depends on the pod.
fn refers_to_others(first: &[Variable], env: &[Variable]) -> bool {
    let all = || first.iter().chain(env);
    let mut found = all().filter_map(|entry| entry.value.as_deref()).flat_map(references);
    found.any(|name| all().all(|entry| entry.name != name))
}

/// Whether each variable stands once: the policy adds all that are planned.
fn stand_once(first: &[Variable], env: &[Variable]) -> bool {
    let names: BTreeSet<&str> = first.iter().chain(env).map(|entry| entry.name.as_str()).collect();
    names.len() == first.len() + env.len()
}

/// A value as a type of the plan, if that says all of it.
fn typed<T: serde::Serialize + serde::de::DeserializeOwned>(value: &Value) -> Option<T> {
    let typed: T = serde_json::from_value(value.clone()).ok()?;
    (serde_json::to_value(&typed).ok()? == *value).then_some(typed)
}

/// What of an init container is planned. Resources and security context are the policy's to build.
fn init_container(container: &Value) -> Option<InitContainer> {
    const PLANNED: [&str; 7] =
        ["name", "image", "imagePullPolicy", "command", "volumeMounts", "resources", "securityContext"];
    container.as_object()?.keys().all(|key| PLANNED.contains(&key.as_str())).then_some(())?;
    let mounts = list(container, "volumeMounts");
    let [mount] = mounts else { return None };
    let text = |key: &str| string(container, key).map(str::to_owned);
    let command = list(container, "command").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    Some(InitContainer {
        name: text("name")?,
        image: text("image")?,
        image_pull_policy: text("imagePullPolicy"),
        command,
        volume: string(mount, "name")?.to_owned(),
        mount_path: string(mount, "mountPath")?.to_owned(),
    })
}

/// What the language's init containers get where the container has none of its own, and what of it that replaces.
fn resources(spec: &InstrumentationSpec, language: Language) -> Resources {
    let (requests, block) = (profile(language).requests, defaults::block(spec, language));
    let chosen = defaults::requirements(requests, block.resources);
    let defaults = defaults::requirements(requests, None);
    let of_container = ["limits", "requests"].into_iter().zip(chosen.iter().zip(&defaults));
    let of_container = of_container.filter(|(_, (chosen, default))| chosen == default);
    let of_container = of_container.map(|(kind, _)| kind.to_owned()).collect();
    let [limits, requests] = chosen.map(|amounts| {
        let text = |(name, amount): (String, Value)| Some((name, amount.as_str()?.to_owned()));
        amounts.into_iter().filter_map(text).collect()
    });
    Resources { limits, requests, of_container }
}

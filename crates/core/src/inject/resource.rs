//! `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`: what telemetry is about (docs/reference/attributes.md).
//!
//! What the user says wins: a key in the container's own variable, then an annotation, then a label where labels are
//! used, then for `service.*` the Instrumentation; for other keys Kubernetes' facts come before the Instrumentation.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use ingraft_api::InstrumentationSpec;
use ingraft_api::annotations::RESOURCE_PREFIX;
use serde_json::Value;

use super::env::{Current, Env, Join, NotMergeable};
use super::pod::{Container, Pod};
use super::target::Target;
use super::valid;
use crate::environment::refers_to;
use crate::image::ImageReference;
use crate::json::{label, string_at};
use crate::owner::{Owner, OwnerKind};

pub(crate) const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
pub(crate) const POD_NAME: &str = "OTEL_RESOURCE_ATTRIBUTES_POD_NAME";
const POD_UID: &str = "OTEL_RESOURCE_ATTRIBUTES_POD_UID";
pub(crate) const NODE_NAME: &str = "OTEL_RESOURCE_ATTRIBUTES_NODE_NAME";

/// What there is to know about a container, before any variable is looked at.
#[derive(Debug)]
pub(crate) struct Attributes {
    pub(crate) service_name: String,
    map: BTreeMap<String, String>,
}

impl Attributes {
    pub(crate) fn of(pod: &Pod<'_>, spec: &InstrumentationSpec, container: Container<'_>) -> Self {
        let chosen = spec.resource.as_ref().and_then(|resource| resource.resource_attributes.as_ref());
        let mut map = chosen.cloned().unwrap_or_default();
        add_facts(&mut map, pod, spec, container.name);
        add_annotations(&mut map, pod.json);
        map.retain(|key, _| valid::is_attribute_key(key));
        let labels = uses_labels(spec);
        let set = |value: &str| (!value.is_empty()).then(|| value.to_owned());
        let annotated = |key: &str| set(pod.annotation(&format!("{RESOURCE_PREFIX}{key}")));
        let labelled = |key: &str| set(label(pod.json, key)).filter(|_| labels);
        let configured = |key: &str| set(chosen?.get(key)?);

        if let Some(id) = annotated("service.instance.id").or_else(|| configured("service.instance.id")) {
            map.insert("service.instance.id".to_owned(), id);
        }
        let namespace = annotated("service.namespace")
            .or_else(|| configured("service.namespace"))
            .unwrap_or_else(|| pod.namespace.to_owned());
        map.insert("service.namespace".to_owned(), namespace);
        let version = annotated("service.version")
            .or_else(|| labelled("app.kubernetes.io/version"))
            .or_else(|| configured("service.version"))
            .or_else(|| ImageReference::parse(container.image()).version());
        if let Some(version) = version {
            map.insert("service.version".to_owned(), version);
        }
        let service_name = annotated("service.name")
            .or_else(|| labelled("app.kubernetes.io/instance"))
            .or_else(|| labelled("app.kubernetes.io/name"))
            .or_else(|| configured("service.name"))
            .unwrap_or_else(|| workload_name(&map, pod, container.name));
        Self { service_name, map }
    }

    pub(crate) fn service_namespace(&self) -> &str {
        self.map.get("service.namespace").map_or("", String::as_str)
    }

    /// Adds the service name, unless the container's own attributes have one. Where the attributes come from a probe, an
    /// earlier pass has decided.
    pub(crate) fn add_name(&self, target: &mut Target<'_>) {
        let decided = target.env.current(ATTRIBUTES) == Current::Ours;
        if !decided && !existing_keys(&target.env).contains("service.name") {
            target.env.set_default("OTEL_SERVICE_NAME", self.service_name.as_str());
        }
    }

    /// Adds the attributes, and before them the variables that they refer to.
    pub(crate) fn add(mut self, target: &mut Target<'_>, with_uid: bool) -> Result<(), NotMergeable> {
        let env = &mut target.env;
        if env.current(ATTRIBUTES) == Current::Ours {
            return Ok(());
        }
        let existing = existing_keys(env);
        let known = |map: &BTreeMap<String, String>, key: &str| {
            existing.contains(key) || map.get(key).is_some_and(|value| !value.is_empty())
        };
        let mut references = vec![("k8s.pod.name", POD_NAME, "metadata.name")];
        if with_uid && !known(&self.map, "k8s.pod.uid") {
            references.push(("k8s.pod.uid", POD_UID, "metadata.uid"));
        }
        if !known(&self.map, "k8s.node.name") {
            references.push(("k8s.node.name", NODE_NAME, "spec.nodeName"));
        }
        // Usually the attributes go last. Where another variable refers to them they stay, so what they refer to
        // must come first.
        let stays = env.is_referred_to(ATTRIBUTES);
        for (key, usual, path) in references {
            let variable = env.free_field_name(usual, path);
            if stays {
                env.set_first_field(&variable, path);
            } else {
                env.set_default_field(&variable, path);
            }
            if let Some(id) = self.map.get_mut("service.instance.id") {
                *id = id.replace(&format!("$({usual})"), &format!("$({variable})"));
            }
            self.map.insert(key.to_owned(), format!("$({variable})"));
        }
        // One that refers to the variable that it is written to would refer to nothing.
        let is_circle = |text: &str| refers_to(text, ATTRIBUTES);
        self.map.retain(|key, value| !is_circle(key) && !is_circle(value));
        self.map.retain(|key, _| !existing.contains(key) && !existing.contains(&encoded(key)));
        self.merge(env)
    }

    fn merge(&self, env: &mut Env<'_>) -> Result<(), NotMergeable> {
        if self.map.is_empty() {
            return Ok(());
        }
        env.merge(ATTRIBUTES, Join::Attributes { ours: encode(&self.map) })
    }

    /// Puts the attributes last, once everything else is in place.
    pub(crate) fn move_last(env: &mut Env<'_>) {
        if !env.is_referred_to(ATTRIBUTES) {
            env.move_last(ATTRIBUTES);
        }
    }
}

/// Whether labels of a pod say what its service is.
pub(crate) fn uses_labels(spec: &InstrumentationSpec) -> bool {
    spec.defaults.as_ref().and_then(|defaults| defaults.use_labels_for_resource_attributes) == Some(true)
}

/// Whether unique ids of pod and owners are wanted.
pub(crate) fn with_uids(spec: &InstrumentationSpec) -> bool {
    spec.resource.as_ref().and_then(|resource| resource.add_k8s_uid_attributes) == Some(true)
}

/// What Kubernetes knows about the container when the pod is admitted. A unique id that stands in the pod by then is
/// that of another pod, whose YAML was pasted.
fn add_facts(map: &mut BTreeMap<String, String>, pod: &Pod<'_>, spec: &InstrumentationSpec, container: &str) {
    let of_pod = |pointer: &str| string_at(pod.json, pointer).unwrap_or_default().to_owned();
    let namespace = pod.namespace;
    let mut facts = vec![
        ("k8s.namespace.name".to_owned(), namespace.to_owned()),
        ("k8s.container.name".to_owned(), container.to_owned()),
        ("k8s.pod.name".to_owned(), of_pod("/metadata/name")),
        ("k8s.node.name".to_owned(), of_pod("/spec/nodeName")),
    ];
    if !namespace.is_empty() {
        facts.push(("service.instance.id".to_owned(), format!("{namespace}.$({POD_NAME}).{container}")));
    }
    for owner in pod.owners {
        let Some(prefix) = owner.kind.attribute() else {
            continue;
        };
        facts.push((format!("{prefix}.name"), owner.name.clone()));
        if with_uids(spec) {
            facts.push((format!("{prefix}.uid"), owner.uid.clone().unwrap_or_default()));
        }
    }
    map.extend(facts.into_iter().filter(|(_, value)| !value.is_empty()));
}

fn add_annotations(map: &mut BTreeMap<String, String>, pod: &Value) {
    let annotations =
        pod.get("metadata").and_then(|metadata| metadata.get("annotations")).and_then(Value::as_object);
    for (key, value) in annotations.into_iter().flatten() {
        if let (Some(key), Some(value)) = (key.strip_prefix(RESOURCE_PREFIX), value.as_str())
            && key != "service.name"
        {
            map.insert(key.to_owned(), value.to_owned());
        }
    }
}

/// The name of the workload: the nearest thing to a service name where nobody chose one.
fn workload_name(map: &BTreeMap<String, String>, pod: &Pod<'_>, container: &str) -> String {
    let attribute =
        |kind: &str| map.get(&format!("k8s.{kind}.name")).filter(|name| !name.is_empty()).cloned();
    let rollout = || {
        let named = |owner: &&Owner| owner.kind == OwnerKind::Rollout && !owner.name.is_empty();
        pod.owners.iter().find(named).map(|owner| owner.name.clone())
    };
    attribute("deployment")
        .or_else(rollout)
        .or_else(|| {
            ["replicaset", "statefulset", "daemonset", "cronjob", "job", "pod"]
                .into_iter()
                .find_map(attribute)
        })
        .unwrap_or_else(|| container.to_owned())
}

/// The keys that the container's own variable has.
fn existing_keys(env: &Env<'_>) -> BTreeSet<String> {
    let Current::Literal(value) = env.current(ATTRIBUTES) else {
        return BTreeSet::new();
    };
    value.split(',').filter_map(|item| item.split_once('=')).map(|(key, _)| key.trim().to_owned()).collect()
}

/// `key=value,…` in the order of the keys, percent-encoded as the specification of the variable demands:
/// <https://opentelemetry.io/docs/specs/otel/resource/sdk/#specifying-resource-information-via-an-environment-variable>.
fn encode(map: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    for (key, value) in map {
        if !text.is_empty() {
            text.push(',');
        }
        encode_part(&mut text, key);
        text.push('=');
        encode_part(&mut text, value);
    }
    text
}

fn encoded(part: &str) -> String {
    let mut text = String::new();
    encode_part(&mut text, part);
    text
}

/// Encodes all bytes but baggage octets (<https://www.w3.org/TR/baggage/#definition>), and `=`, which some SDKs do not
/// expect in values. What is already encoded stays, and so does `$(NAME)`, whose characters are all octets.
fn encode_part(text: &mut String, part: &str) {
    let bytes = part.as_bytes();
    for (index, byte) in bytes.iter().enumerate() {
        let escape =
            || bytes.get(index + 1..index + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
        let plain = match byte {
            b'%' => escape(),
            b'"' | b',' | b';' | b'\\' | b'=' => false,
            other => other.is_ascii_graphic(),
        };
        if plain {
            text.push(char::from(*byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(value: &str) -> String {
        encode(&BTreeMap::from([("k".to_owned(), value.to_owned())]))
    }

    #[test]
    fn encodes_what_the_specification_demands_and_nothing_else() {
        for (value, expected) in [
            ("1.4.2", "k=1.4.2"),
            ("sha256:0a@b/c", "k=sha256:0a@b/c"),
            ("a b,c;d=e", "k=a%20b%2Cc%3Bd%3De"),
            ("100%", "k=100%25"),
            ("a%20b", "k=a%20b"),
            ("ñ", "k=%C3%B1"),
            (
                "shop.$(OTEL_RESOURCE_ATTRIBUTES_POD_NAME).api",
                "k=shop.$(OTEL_RESOURCE_ATTRIBUTES_POD_NAME).api",
            ),
            ("", "k="),
        ] {
            assert_eq!(attribute(value), expected);
        }
    }
}

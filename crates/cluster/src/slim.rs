//! An object of which only what matters is read, and as much as can be read: somebody may have written it by hand.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::marker::PhantomData;

use ingraft_api::annotations::{BLOCKED, CONTROL, POD_SECURITY_ENFORCE};
use ingraft_core::node::Taint;
use ingraft_core::{LimitRange, Namespace};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use kube::Resource;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// Name, namespace, unique id, generation, owners, the time of its removal, and those annotations and labels that can
/// matter of an object of kind `K`, a part `S` of its spec and a part `T` of its status. Without such parts, the API
/// server is asked for metadata only.
pub struct Slim<K, S = Nothing, T = Nothing> {
    pub(crate) metadata: ObjectMeta,
    pub(crate) spec: S,
    pub(crate) status: T,
    kind: PhantomData<fn() -> K>,
}

/// A part of a spec or status.
pub trait Part: DeserializeOwned + Clone + Debug + Default {
    /// Whether it is nothing.
    const METADATA_ONLY: bool = false;
    /// Whether any label of the object may matter.
    const ALL_LABELS: bool = false;

    /// Whether an annotation of the object may matter.
    fn concerns(key: &str) -> bool {
        Namespace::concerns(key)
    }
}

/// Nothing of a spec or status.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Nothing {}

impl Part for Nothing {
    const METADATA_ONLY: bool = true;

    fn concerns(key: &str) -> bool {
        Namespace::concerns(key) || [CONTROL, BLOCKED].contains(&key)
    }
}

/// The ports of a Service.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Ports {
    ports: Option<Vec<Port>>,
    #[serde(default)]
    r#type: Value,
}

/// One port of a Service.
#[derive(Clone, Debug, Deserialize)]
struct Port {
    #[serde(default)]
    port: Value,
    #[serde(default)]
    protocol: Value,
}

impl Ports {
    /// The numbers that are ports. Those of another name for something elsewhere mean nothing:
    /// <https://kubernetes.io/docs/concepts/services-networking/service/#externalname>.
    pub(crate) fn numbers(self) -> Vec<u16> {
        if self.r#type == "ExternalName" {
            return Vec::new();
        }
        // OTLP is sent over TCP.
        let ports = self.ports.into_iter().flatten().filter(|port| port.protocol != "UDP");
        ports.filter_map(|port| port.port.as_u64()?.try_into().ok()).collect()
    }
}

impl Part for Ports {}

/// What a node keeps away, and whether it is cordoned.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct NodeSpec {
    pub(crate) unschedulable: Option<bool>,
    pub(crate) taints: Option<Vec<Taint>>,
}

impl Part for NodeSpec {
    const ALL_LABELS: bool = true;
}

/// What a node's kubelet reports of itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NodeStatus {
    #[serde(default)]
    pub(crate) node_info: NodeInfo,
    conditions: Option<Vec<Condition>>,
}

/// Versions and architecture.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct NodeInfo {
    pub(crate) kubelet_version: String,
    pub(crate) architecture: String,
    pub(crate) container_runtime_version: String,
    pub(crate) os_image: String,
}

/// One condition of a node.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Condition {
    r#type: String,
    status: String,
}

impl NodeStatus {
    /// Whether the kubelet reports that it is ready.
    pub(crate) fn is_ready(&self) -> bool {
        let mut conditions = self.conditions.iter().flatten();
        conditions.any(|condition| condition.r#type == "Ready" && condition.status == "True")
    }
}

impl Part for NodeStatus {}

impl Part for LimitRange {}

impl<K, S, T> Slim<K, S, T> {
    /// A label, if it is one that can matter.
    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        self.metadata.labels.as_ref()?.get(key).map(String::as_str)
    }
}

impl<K, S: Clone, T: Clone> Clone for Slim<K, S, T> {
    fn clone(&self) -> Self {
        let (spec, status) = (self.spec.clone(), self.status.clone());
        Self { metadata: self.metadata.clone(), spec, status, kind: PhantomData }
    }
}

impl<K, S, T> Debug for Slim<K, S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.metadata.fmt(f)
    }
}

impl<'de, K, S: Part, T: Part> Deserialize<'de> for Slim<K, S, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(bound = "S: Part, T: Part")]
        struct Object<S, T> {
            metadata: Option<Metadata<S>>,
            spec: Option<S>,
            status: Option<T>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", bound = "S: Part")]
        struct Metadata<S> {
            name: Option<String>,
            namespace: Option<String>,
            uid: Option<String>,
            resource_version: Option<String>,
            generation: Option<i64>,
            #[serde(default, deserialize_with = "annotations::<_, S>")]
            annotations: Option<BTreeMap<String, String>>,
            #[serde(default, deserialize_with = "labels::<_, S>")]
            labels: Option<BTreeMap<String, String>>,
            owner_references: Option<Vec<OwnerReference>>,
            deletion_timestamp: Option<Time>,
            #[serde(skip)]
            of: PhantomData<S>,
        }
        let Object { metadata, spec, status } = Object::<S, T>::deserialize(deserializer)?;
        let metadata = metadata.map(|metadata| ObjectMeta {
            name: metadata.name,
            namespace: metadata.namespace,
            uid: metadata.uid,
            resource_version: metadata.resource_version,
            generation: metadata.generation,
            annotations: metadata.annotations,
            labels: metadata.labels,
            owner_references: metadata.owner_references,
            deletion_timestamp: metadata.deletion_timestamp,
            ..ObjectMeta::default()
        });
        let metadata = metadata.unwrap_or_default();
        let (spec, status) = (spec.unwrap_or_default(), status.unwrap_or_default());
        Ok(Self { metadata, spec, status, kind: PhantomData })
    }
}

type Texts = BTreeMap<String, String>;

/// Reads annotations, skipping those that cannot matter to an object with this part.
fn annotations<'de, D: Deserializer<'de>, S: Part>(deserializer: D) -> Result<Option<Texts>, D::Error> {
    texts(deserializer, S::concerns)
}

/// Reads labels, skipping those that cannot matter to an object with this part.
fn labels<'de, D: Deserializer<'de>, S: Part>(deserializer: D) -> Result<Option<Texts>, D::Error> {
    texts(deserializer, |key| S::ALL_LABELS || key == POD_SECURITY_ENFORCE)
}

/// Reads the values that are text of the keys that matter.
fn texts<'de, D: Deserializer<'de>>(
    deserializer: D,
    matters: fn(&str) -> bool,
) -> Result<Option<Texts>, D::Error> {
    struct Reader(fn(&str) -> bool);

    impl<'de> Visitor<'de> for Reader {
        type Value = Texts;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("annotations or labels")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(BTreeMap::new())
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut kept = BTreeMap::new();
            while let Some(key) = entries.next_key::<Cow<'_, str>>()? {
                if self.0(&key) {
                    if let Value::String(value) = entries.next_value()? {
                        kept.insert(key.into_owned(), value);
                    }
                } else {
                    entries.next_value::<IgnoredAny>()?;
                }
            }
            Ok(kept)
        }
    }

    let kept = deserializer.deserialize_any(Reader(matters))?;
    Ok((!kept.is_empty()).then_some(kept))
}

impl<K: Resource, S: Part, T: Part> Resource for Slim<K, S, T> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(dynamic)
    }

    fn group(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        K::group(dynamic)
    }

    fn version(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        K::version(dynamic)
    }

    fn plural(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(dynamic)
    }

    fn metadata_api() -> bool {
        S::METADATA_ONLY && T::METADATA_ONLY
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

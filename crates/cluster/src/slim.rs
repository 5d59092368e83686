//! An object of which only what matters is read, and as much as can be read: somebody may have written it by hand.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::marker::PhantomData;

use ingraft_api::annotations::POD_SECURITY_ENFORCE;
use ingraft_core::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// Name, namespace, unique id and those annotations and labels that can matter of an object of kind `K`, a part `S` of
/// its spec and a part `T` of its status. Without such parts, the API server is asked for metadata only.
pub(crate) struct Slim<K, S = Nothing, T = Nothing> {
    pub(crate) metadata: ObjectMeta,
    pub(crate) spec: S,
    pub(crate) status: T,
    kind: PhantomData<fn() -> K>,
}

/// A part of a spec or status.
pub(crate) trait Part: DeserializeOwned + Clone + Debug + Default {
    /// Whether it is nothing.
    const METADATA_ONLY: bool = false;
}

/// Nothing of a spec or status.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Nothing {}

impl Part for Nothing {
    const METADATA_ONLY: bool = true;
}

/// The ports of a Service.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Ports {
    ports: Option<Vec<Port>>,
}

/// One port of a Service.
#[derive(Clone, Debug, Deserialize)]
struct Port {
    #[serde(default)]
    port: Value,
}

impl Ports {
    /// The numbers that are ports.
    pub(crate) fn numbers(self) -> Vec<u16> {
        let ports = self.ports.into_iter().flatten();
        ports.filter_map(|port| port.port.as_u64()?.try_into().ok()).collect()
    }
}

impl Part for Ports {}

/// What a node's kubelet reports of itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NodeStatus {
    #[serde(default)]
    pub(crate) node_info: NodeInfo,
}

/// Version and architecture.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NodeInfo {
    #[serde(default)]
    pub(crate) kubelet_version: String,
    #[serde(default)]
    pub(crate) architecture: String,
}

impl Part for NodeStatus {}

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
            metadata: Option<Metadata>,
            spec: Option<S>,
            status: Option<T>,
        }
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Metadata {
            name: Option<String>,
            namespace: Option<String>,
            uid: Option<String>,
            resource_version: Option<String>,
            #[serde(default, deserialize_with = "concerning")]
            annotations: Option<BTreeMap<String, String>>,
            #[serde(default, deserialize_with = "concerning")]
            labels: Option<BTreeMap<String, String>>,
        }
        let Object { metadata, spec, status } = Object::<S, T>::deserialize(deserializer)?;
        let Metadata { name, namespace, uid, resource_version, annotations, labels } =
            metadata.unwrap_or_default();
        let metadata = ObjectMeta {
            name,
            namespace,
            uid,
            resource_version,
            annotations,
            labels,
            ..ObjectMeta::default()
        };
        let (spec, status) = (spec.unwrap_or_default(), status.unwrap_or_default());
        Ok(Self { metadata, spec, status, kind: PhantomData })
    }
}

/// Reads annotations or labels, skipping those that cannot matter.
fn concerning<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<BTreeMap<String, String>>, D::Error> {
    struct Annotations;

    impl<'de> Visitor<'de> for Annotations {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("annotations or labels")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(BTreeMap::new())
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut kept = BTreeMap::new();
            while let Some(key) = entries.next_key::<Cow<'_, str>>()? {
                if Namespace::concerns(&key) || key == POD_SECURITY_ENFORCE {
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

    let annotations = deserializer.deserialize_any(Annotations)?;
    Ok((!annotations.is_empty()).then_some(annotations))
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

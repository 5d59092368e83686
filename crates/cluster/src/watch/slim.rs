//! An object of which only a little metadata is read.

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

/// Name, namespace, unique id and those annotations and labels that can matter of an object of kind `K`, and a part `S`
/// of its spec. Without such a part, the API server is asked for metadata only.
pub(super) struct Slim<K, S = Nothing> {
    pub(super) metadata: ObjectMeta,
    pub(super) spec: S,
    kind: PhantomData<fn() -> K>,
}

/// A part of a spec.
pub(super) trait Part: DeserializeOwned + Clone + Debug + Default {
    /// Whether it is nothing.
    const METADATA_ONLY: bool = false;
}

/// Nothing of a spec.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Nothing {}

impl Part for Nothing {
    const METADATA_ONLY: bool = true;
}

/// The ports of a Service.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Ports {
    #[serde(default)]
    pub(super) ports: Vec<Port>,
}

/// One port of a Service.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Port {
    pub(super) port: u16,
}

impl Part for Ports {}

impl<K, S> Slim<K, S> {
    /// A label, if it is one that can matter.
    pub(super) fn label(&self, key: &str) -> Option<&str> {
        self.metadata.labels.as_ref()?.get(key).map(String::as_str)
    }
}

impl<K, S: Clone> Clone for Slim<K, S> {
    fn clone(&self) -> Self {
        Self { metadata: self.metadata.clone(), spec: self.spec.clone(), kind: PhantomData }
    }
}

impl<K, S> Debug for Slim<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.metadata.fmt(f)
    }
}

impl<'de, K, S: Part> Deserialize<'de> for Slim<K, S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(bound = "S: Part")]
        struct Object<S> {
            metadata: Metadata,
            #[serde(default)]
            spec: S,
        }
        #[derive(Deserialize)]
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
        let Object { metadata, spec } = Object::<S>::deserialize(deserializer)?;
        let Metadata { name, namespace, uid, resource_version, annotations, labels } = metadata;
        let metadata = ObjectMeta {
            name,
            namespace,
            uid,
            resource_version,
            annotations,
            labels,
            ..ObjectMeta::default()
        };
        Ok(Self { metadata, spec, kind: PhantomData })
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
                    kept.insert(key.into_owned(), entries.next_value()?);
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

impl<K: Resource, S: Part> Resource for Slim<K, S> {
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
        S::METADATA_ONLY
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

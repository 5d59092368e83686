//! What is kept of each kind of object. Documents, the API server's answers and watches all fill a [`Snapshot`] from
//! here, so that they know the same of the same objects.

use ingraft_api::Instrumentation;
use ingraft_api::annotations::POD_SECURITY_ENFORCE;
use ingraft_core::node::POOLS;
use ingraft_core::snapshot::ROOT_CA;
use ingraft_core::{
    Guard, Guards, Keys, LimitRange, Namespace, Node, NodeClass, Objects, OwnerKind, Snapshot, WorkloadRef,
};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1;
use k8s_openapi::api::node::v1::RuntimeClass;
use kube::core::DeserializeGuard;
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::collectors;
use crate::slim::{NodeSpec, NodeStatus, Ports, Slim};
use crate::workloads::Rollout;

/// A kind of object that decisions depend on.
pub(crate) trait Learn: Resource<DynamicType = ()> + DeserializeOwned {
    /// What is kept of an object.
    type Kept: PartialEq + Send + 'static;

    /// Which objects of a cluster are asked for, as a field selector; all where there is none.
    const SELECTED: Option<&str> = None;

    /// Whether every decision may change with one of these objects; if not, whoever depends on them looks by itself.
    const IS_DECISIVE: bool = true;

    /// The kind of workload that they are, where annotations of theirs may keep pods as they are.
    const GUARDED: Option<OwnerKind> = None;

    /// Where it is kept; `None` where nothing is but guards.
    fn objects(_: &mut Snapshot) -> Option<&mut Objects<Self::Kept>> {
        None
    }

    /// What is kept of this object; `None` if it does not matter, or cannot be read.
    fn keep(self) -> Option<Self::Kept> {
        None
    }

    /// Fails if the object cannot be read, and says why.
    fn readable(&self) -> Result<(), String> {
        Ok(())
    }
}

impl Learn for Slim<v1::Namespace> {
    type Kept = Namespace;

    fn objects(snapshot: &mut Snapshot) -> Option<&mut Objects<Namespace>> {
        Some(&mut snapshot.namespaces)
    }

    fn keep(self) -> Option<Namespace> {
        let level = self.label(POD_SECURITY_ENFORCE).map(str::to_owned);
        Some(Namespace::new(self.metadata.annotations.unwrap_or_default()).enforcing(level.as_deref()))
    }
}

impl Learn for Slim<Deployment> {
    type Kept = Box<str>;

    const GUARDED: Option<OwnerKind> = Some(OwnerKind::Deployment);

    /// Only the names of owners follow from them.
    const IS_DECISIVE: bool = false;

    fn objects(snapshot: &mut Snapshot) -> Option<&mut Objects<Box<str>>> {
        Some(&mut snapshot.deployments)
    }

    fn keep(self) -> Option<Box<str>> {
        // A manifest has none yet.
        Some(self.metadata.uid.unwrap_or_default().into())
    }
}

impl Learn for Slim<StatefulSet> {
    type Kept = ();

    const GUARDED: Option<OwnerKind> = Some(OwnerKind::StatefulSet);

    /// Pods follow their guards by themselves.
    const IS_DECISIVE: bool = false;
}

impl Learn for Slim<DaemonSet> {
    type Kept = ();

    const GUARDED: Option<OwnerKind> = Some(OwnerKind::DaemonSet);

    /// Pods follow their guards by themselves.
    const IS_DECISIVE: bool = false;
}

impl Learn for Slim<Rollout> {
    type Kept = ();

    const GUARDED: Option<OwnerKind> = Some(OwnerKind::Rollout);

    /// Pods follow their guards by themselves.
    const IS_DECISIVE: bool = false;
}

impl Learn for Slim<CronJob> {
    type Kept = Box<str>;

    /// Only the names of owners follow from them.
    const IS_DECISIVE: bool = false;

    fn objects(snapshot: &mut Snapshot) -> Option<&mut Objects<Box<str>>> {
        Some(&mut snapshot.cron_jobs)
    }

    fn keep(self) -> Option<Box<str>> {
        Some(self.metadata.uid.unwrap_or_default().into())
    }
}

impl Learn for Slim<v1::Service, Ports> {
    type Kept = Vec<u16>;

    fn objects(snapshot: &mut Snapshot) -> Option<&mut Objects<Vec<u16>>> {
        Some(&mut snapshot.services)
    }

    fn keep(self) -> Option<Vec<u16>> {
        Some(self.spec.numbers())
    }
}

/// What is read of a node.
pub(crate) type NodeObject = Slim<v1::Node, NodeSpec, NodeStatus>;

impl Learn for NodeObject {
    type Kept = Node;

    /// Only probes depend on them.
    const IS_DECISIVE: bool = false;

    fn objects(snapshot: &mut Snapshot) -> Option<&mut Objects<Node>> {
        Some(&mut snapshot.nodes)
    }

    fn keep(self) -> Option<Node> {
        let accepts_pods = self.status.is_ready() && self.spec.unschedulable != Some(true);
        let info = self.status.node_info;
        let labels = self.metadata.labels.unwrap_or_default();
        let pool = POOLS.iter().find_map(|key| labels.get(*key)).cloned().unwrap_or_default();
        Some(Node {
            class: NodeClass {
                kubelet: info.kubelet_version,
                architecture: info.architecture,
                runtime: info.container_runtime_version,
                os_image: info.os_image,
                pool,
            },
            labels: labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
            taints: self.spec.taints.unwrap_or_default(),
            accepts_pods,
        })
    }
}

impl Learn for RuntimeClass {
    type Kept = Box<str>;

    fn objects(snapshot: &mut Snapshot) -> Option<&mut Objects<Box<str>>> {
        Some(&mut snapshot.runtime_classes)
    }

    fn keep(self) -> Option<Box<str>> {
        Some(self.handler.into())
    }
}

impl Learn for Slim<v1::LimitRange, LimitRange> {
    type Kept = LimitRange;

    fn objects(snapshot: &mut Snapshot) -> Option<&mut Objects<LimitRange>> {
        Some(&mut snapshot.limit_ranges)
    }

    fn keep(self) -> Option<LimitRange> {
        Some(self.spec)
    }
}

impl Learn for Slim<v1::ConfigMap> {
    type Kept = Keys;

    /// Every namespace has `ROOT_CA`, and a large cluster has few others.
    const SELECTED: Option<&str> = Some("metadata.name!=kube-root-ca.crt");

    fn objects(snapshot: &mut Snapshot) -> Option<&mut Objects<Keys>> {
        Some(&mut snapshot.config_maps)
    }

    fn keep(self) -> Option<Keys> {
        (self.name_any() != ROOT_CA).then_some(None)
    }
}

impl Learn for Slim<v1::Secret> {
    type Kept = Keys;

    fn objects(snapshot: &mut Snapshot) -> Option<&mut Objects<Keys>> {
        Some(&mut snapshot.secrets)
    }

    fn keep(self) -> Option<Keys> {
        Some(None)
    }
}

impl Learn for Instrumentation {
    type Kept = Self;

    fn objects(snapshot: &mut Snapshot) -> Option<&mut Objects<Self>> {
        Some(&mut snapshot.instrumentations)
    }

    fn keep(mut self) -> Option<Self> {
        self.metadata.managed_fields = None;
        Some(self)
    }
}

/// One that cannot be read must not hide the others.
impl Learn for DeserializeGuard<Instrumentation> {
    type Kept = Instrumentation;

    /// Their status changes with what is decided.
    const IS_DECISIVE: bool = false;

    fn objects(snapshot: &mut Snapshot) -> Option<&mut Objects<Instrumentation>> {
        Instrumentation::objects(snapshot)
    }

    fn keep(self) -> Option<Instrumentation> {
        self.0.ok()?.keep()
    }

    fn readable(&self) -> Result<(), String> {
        self.0.as_ref().map(drop).map_err(ToString::to_string)
    }
}

/// Takes an object up. Returns whether that changes anything.
pub(crate) fn learn<K: Learn>(objects: &mut Objects<K::Kept>, object: K) -> bool {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    match object.keep() {
        Some(kept) => objects.insert(namespace, name, kept),
        None => objects.remove(&namespace, &name),
    }
}

/// A workload, if it is one that may have a guard, and its guard, if it has one.
pub(crate) fn guard<K: Learn>(object: &K) -> Option<(WorkloadRef, Option<Guard>)> {
    let kind = Some(K::GUARDED?);
    let (namespace, name) = (object.namespace().unwrap_or_default().into(), object.name_any().into());
    let annotations = object.meta().annotations.as_ref();
    let guard = Guard::of(object.meta().generation, |key| annotations?.get(key).map(String::as_str));
    Some((WorkloadRef { kind, namespace, name }, guard))
}

/// Takes up the guard of a workload. Returns whether that changes anything.
pub(crate) fn learn_guard(guards: &mut Guards, workload: WorkloadRef, guard: Option<Guard>) -> bool {
    let known = guards.get(&workload);
    let guard = guard.map(|guard| guard.after(known));
    let changes = known != guard.as_ref();
    match guard {
        Some(guard) => drop(guards.insert(workload, guard)),
        None => drop(guards.remove(&workload)),
    }
    changes
}

/// Takes up an object that somebody wrote. One that is in a namespace and does not name it is in `default_namespace`.
///
/// # Errors
/// When it is an Instrumentation that cannot be read. Other objects that cannot be read count as absent.
pub(crate) fn learn_document(
    snapshot: &mut Snapshot,
    object: &Value,
    default_namespace: &str,
) -> Result<(), serde_json::Error> {
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    let group = text("apiVersion").split('/').next().unwrap_or_default();
    let mut document = Document { snapshot, object, default_namespace };
    match (group, text("kind")) {
        ("opentelemetry.io", "Instrumentation") => return document.learn::<Instrumentation>(),
        ("v1", "Namespace") => document.learn::<Slim<v1::Namespace>>(),
        ("v1", "Node") => document.learn::<NodeObject>(),
        ("v1", "LimitRange") => document.learn::<Slim<v1::LimitRange, LimitRange>>(),
        ("node.k8s.io", "RuntimeClass") => document.learn::<RuntimeClass>(),
        ("opentelemetry.io", "OpenTelemetryCollector") => {
            document.learn_collector();
            Ok(())
        }
        ("v1", "Service") => document.learn::<Slim<v1::Service, Ports>>(),
        ("v1", "ConfigMap") => document.learn_with_keys::<Slim<v1::ConfigMap>>(),
        ("v1", "Secret") => document.learn_with_keys::<Slim<v1::Secret>>(),
        ("apps", "Deployment") => document.learn::<Slim<Deployment>>(),
        ("batch", "CronJob") => document.learn::<Slim<CronJob>>(),
        _ => Ok(()),
    }
    .or(Ok(()))
}

/// An object that somebody wrote, on its way into a snapshot.
struct Document<'a> {
    snapshot: &'a mut Snapshot,
    object: &'a Value,
    default_namespace: &'a str,
}

impl Document<'_> {
    fn learn<K: Learn>(&mut self) -> Result<(), serde_json::Error> {
        let object = self.read::<K>()?;
        if let Some(objects) = K::objects(self.snapshot) {
            learn(objects, object);
        }
        Ok(())
    }

    /// The Service that will be made for a Collector, unless there is one already.
    fn learn_collector(&mut self) {
        let namespace = self.object.pointer("/metadata/namespace").and_then(Value::as_str);
        let namespace = namespace.filter(|own| !own.is_empty()).unwrap_or(self.default_namespace);
        let services = &mut self.snapshot.services;
        if let Some((name, ports)) = collectors::service(self.object)
            && services.get(namespace, &name).is_none()
        {
            services.insert(namespace.to_owned(), name, ports);
        }
    }

    /// A manifest also shows the keys, which are never read from a cluster.
    fn learn_with_keys<K: Learn<Kept = Keys>>(&mut self) -> Result<(), serde_json::Error> {
        let object = self.read::<K>()?;
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let maps = ["data", "stringData"].map(|field| self.object.get(field).and_then(Value::as_object));
        let keys = maps.into_iter().flatten().flat_map(serde_json::Map::keys).cloned().collect();
        if let (Some(_), Some(objects)) = (object.keep(), K::objects(self.snapshot)) {
            objects.insert(namespace, name, Some(keys));
        }
        Ok(())
    }

    fn read<K: Learn>(&self) -> Result<K, serde_json::Error> {
        let mut object = K::deserialize(self.object)?;
        let namespace = object.meta_mut().namespace.get_or_insert_default();
        if !is_namespaced::<K>() {
            namespace.clear();
        } else if namespace.is_empty() {
            self.default_namespace.clone_into(namespace);
        }
        Ok(object)
    }
}

/// Whether objects of a kind are in namespaces.
fn is_namespaced<K: Learn>() -> bool {
    !["Namespace", "Node", "RuntimeClass"].contains(&K::kind(&()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn learnt(objects: &[Value]) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for object in objects {
            learn_document(&mut snapshot, object, "shop").unwrap();
        }
        snapshot
    }

    #[test]
    fn takes_objects_without_a_namespace_for_those_of_the_default_one() {
        let service = |metadata: Value, ports: Value| json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}});
        let snapshot = learnt(&[
            service(
                json!({"name": "a"}),
                json!([{"port": 4317}, {"port": "4318"}, {"port": 70000}, {"port": 4318, "protocol": "UDP"}, {}]),
            ),
            service(json!({"name": "b", "namespace": "obs"}), json!([{"port": 4318}])),
            service(json!({"name": "alias"}), json!(null)),
            json!({
                "apiVersion": "v1", "kind": "Service", "metadata": {"name": "elsewhere"},
                "spec": {"type": "ExternalName", "externalName": "example.com", "ports": [{"port": 22}]},
            }),
        ]);
        assert_eq!(snapshot.services.get("shop", "a"), Some(&vec![4317]));
        assert_eq!(snapshot.services.get("obs", "b"), Some(&vec![4318]));
        for alias in ["alias", "elsewhere"] {
            let ports = snapshot.services.get("shop", alias);
            assert_eq!(ports, Some(&Vec::new()), "it may be elsewhere, but it exists");
        }
    }

    #[test]
    fn objects_outside_namespaces_are_in_none() {
        let annotations =
            json!({"instrumentation.opentelemetry.io/inject-java": "true", "ingraft.dev/inject": 1});
        let snapshot = learnt(&[
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {
                "name": "shop", "namespace": "odd", "annotations": annotations,
                "labels": {"pod-security.kubernetes.io/enforce": "baseline"},
            }}),
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "status": null}),
        ]);
        let namespace = snapshot.namespace("shop").unwrap();
        assert_eq!(namespace.annotation("instrumentation.opentelemetry.io/inject-java"), "true");
        assert_eq!(namespace.annotation("ingraft.dev/inject"), "", "a value that is not text is none");
        assert_eq!(namespace.pod_security(), ingraft_core::PodSecurity::Baseline);
        assert!(snapshot.nodes.get("", "n").is_some());
    }

    #[test]
    fn only_manifests_show_keys() {
        let map =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ca"}, "data": {"k": "v"}});
        let snapshot = learnt(std::slice::from_ref(&map));
        assert_eq!(snapshot.config_maps.get("shop", "ca"), Some(&Some(vec!["k".to_owned()])));
        let mut watched = Objects::default();
        let map: Slim<v1::ConfigMap> = serde_json::from_value(map).unwrap();
        assert!(learn(&mut watched, map.clone()) && !learn(&mut watched, map), "the second is nothing new");
        assert_eq!(watched.get("", "ca"), Some(&None));
    }

    #[test]
    fn of_workloads_without_the_keys_nothing_is_kept() {
        let read = |annotations: Value, generation: i64| {
            let object = json!({"metadata": {"name": "web", "namespace": "shop", "generation": generation, "annotations": annotations}});
            let object: Slim<DaemonSet> = serde_json::from_value(object).unwrap();
            guard(&object).unwrap()
        };
        let mut guards = Guards::new();
        let mut learn = |annotations: Value, generation| {
            let (workload, guard) = read(annotations, generation);
            let changes = learn_guard(&mut guards, workload.clone(), guard);
            guards.get_mut(&workload).map(|guard| (changes, guard.template.replace("t".to_owned())))
        };
        assert_eq!(learn(json!({"other": "x"}), 1), None);
        let blocked = json!({"ingraft.dev/blocked": "t=loader", "other": "x"});
        assert_eq!(learn(blocked.clone(), 1), Some((true, None)));
        assert_eq!(
            learn(blocked.clone(), 1),
            Some((false, Some("t".to_owned()))),
            "what was read still holds"
        );
        assert_eq!(learn(blocked, 2), Some((true, Some("t".to_owned()))), "it counts until it is read again");
        assert_eq!(learn(json!({}), 2), None);
    }

    #[test]
    fn only_an_instrumentation_that_cannot_be_read_is_an_error() {
        let mut snapshot = Snapshot::default();
        let mut object = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": 1}});
        assert!(learn_document(&mut snapshot, &object, "shop").is_ok());
        object["apiVersion"] = "opentelemetry.io/v1alpha1".into();
        object["kind"] = "Instrumentation".into();
        assert!(learn_document(&mut snapshot, &object, "shop").is_err());
    }
}

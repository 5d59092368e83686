//! Services to which telemetry goes, and that lead to no pod, as far as manifests show both. In a cluster, the pods behind
//! them are counted.

use serde_json::{Map, Value};

use super::endpoint_services::destinations;
use super::object;
use crate::doctor::{Diagnosis, Scene, View};
use crate::finding::ClusterFinding;
use crate::json::{has_all, is_open, list, string, string_at};
use crate::workload::Workload;

/// What makes pods that run for long.
const KINDS: [&str; 8] = [
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "ReplicationController",
    "DeploymentConfig",
    "Rollout",
    "Pod",
];

pub(super) fn check(scene: &Scene<'_>) -> Vec<Diagnosis> {
    if scene.resources.view != View::Files {
        return Vec::new();
    }
    let mut found = Vec::new();
    for destination in destinations(scene).into_values() {
        let namespace = &destination.namespace;
        let Some(service) = scene.resources.get("Service", namespace, &destination.name) else { continue };
        let documents = KINDS.iter().flat_map(|kind| scene.resources.within(kind, namespace));
        let workloads: Vec<_> = documents.filter_map(Workload::of).filter(is_whole).collect();
        if let Some((target, pointer)) = flaw(service, destination.port, &workloads) {
            let reason = ClusterFinding::ServiceLeadsNowhere { endpoint: destination.url, target };
            found.push(Diagnosis::at(reason, object(service), &pointer));
        }
    }
    found
}

/// Whether a document is a workload and not a patch of one.
fn is_whole(workload: &Workload<'_>) -> bool {
    let labels = workload.template.pointer("/metadata/labels").and_then(Value::as_object);
    labels.is_some() && workload.template.pointer("/spec/containers/0/image").is_some()
}

/// The port by name that no pod of a Service has, or nothing where its selector selects none of those that are there; and the
/// field that says so.
fn flaw(service: &Value, port: u16, workloads: &[Workload<'_>]) -> Option<(Option<String>, String)> {
    let selector = service.pointer("/spec/selector")?.as_object().filter(|labels| !labels.is_empty())?;
    if selector.values().any(|value| value.as_str().is_none_or(is_open)) {
        return None;
    }
    let mut own = workloads.iter().map(|workload| workload.template).filter(|pod| is_selected(pod, selector));
    let Some(first) = own.next() else {
        // What it is about may be elsewhere, unless something here is called like it.
        let name = string_at(service, "/metadata/name")?;
        let is_here = workloads.iter().any(|workload| workload.name == name);
        return is_here.then(|| (None, "/spec/selector".to_owned()));
    };
    let ports = list(service.get("spec")?, "ports");
    let is_meant = |one: &Value| one.get("port").and_then(Value::as_u64) == Some(port.into());
    let place = ports.iter().position(is_meant)?;
    let target = string(ports.get(place)?, "targetPort")?;
    let needs_no_name = is_open(target) || target.parse::<u16>().is_ok();
    let is_known = needs_no_name || has_port(first, target) || own.any(|pod| has_port(pod, target));
    (!is_known).then(|| (Some(target.to_owned()), format!("/spec/ports/{place}/targetPort")))
}

fn is_selected(pod: &Value, selector: &Map<String, Value>) -> bool {
    let labels = pod.pointer("/metadata/labels").and_then(Value::as_object);
    labels.is_some_and(|labels| has_all(labels, selector))
}

fn has_port(pod: &Value, name: &str) -> bool {
    let lists = ["containers", "initContainers"].into_iter();
    let containers = lists.flat_map(|field| pod.get("spec").map_or(&[][..], |spec| list(spec, field)));
    containers.flat_map(|container| list(container, "ports")).any(|port| string(port, "name") == Some(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::checks::tests::Known;

    #[test]
    fn a_service_that_leads_to_no_pod_is_told() {
        let told = |view: View, name: &str, selector: &str, target: Value| {
            let mut known = Known::of([
                json!({"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "obs", "name": "otel"},
                    "spec": {"selector": {"app": selector}, "ports": [{"port": 4318, "targetPort": target}]}}),
                json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "obs", "name": name},
                "spec": {"template": {"metadata": {"labels": {"app": "otel"}}, "spec": {"containers": [
                    {"name": "a", "image": "a", "ports": [{"name": "otlp-http", "containerPort": 4318}]},
                ]}}}}),
            ]);
            known.resources.view = view;
            known.snapshot.services.insert("obs".into(), "otel".into(), vec![4318]);
            let object = json!({
                "metadata": {"namespace": "shop", "name": "base"},
                "spec": {"exporter": {"endpoint": "http://otel.obs:4318"}},
            });
            let object = serde_json::from_value(object).unwrap();
            known.snapshot.instrumentations.insert("shop".into(), "base".into(), object);
            !known.said(check).is_empty()
        };
        for (name, selector, target, is_told) in [
            ("otel", "otel", json!("otlp-http"), false),
            ("otel", "otel", json!("http-otlp"), true),
            ("otel", "otel", json!(4318), false),
            ("otel", "otel", json!("4318"), false),
            ("otel", "collector", json!("otlp-http"), true),
            ("other", "collector", json!("otlp-http"), false),
            ("otel", "${APP}", json!("otlp-http"), false),
            ("otel", "otel", json!("{{ port }}"), false),
        ] {
            assert_eq!(
                told(View::Files, name, selector, target.clone()),
                is_told,
                "{name} {selector} {target}"
            );
            assert!(!told(View::Cluster, name, selector, target), "there, pods are counted");
        }
    }
}

//! Whether somebody is there to take telemetry.

use std::collections::{BTreeMap, BTreeSet};

use super::has_ready_pod;
use crate::doctor::{Diagnosis, ObjectRef, Scene};
use crate::endpoint::Endpoint;
use crate::finding::ClusterFinding;

pub(super) fn check(scene: &Scene<'_>) -> Vec<Diagnosis> {
    let mut found = Vec::new();
    for (instrumentation, Destination { namespace, name, url, .. }) in destinations(scene) {
        if has_ready_pod(scene, &namespace, &name) == Some(false) {
            let service = format!("{namespace}/{name}");
            let reason = ClusterFinding::CollectorNotReady { service, endpoint: url };
            found.push(Diagnosis::at(reason, instrumentation, "/spec/exporter/endpoint"));
        }
    }
    found
}

/// The Services, as namespace and name, to which Instrumentations send: whoever asks for EndpointSlices asks for those of these.
pub fn endpoint_services(scene: &Scene<'_>) -> BTreeSet<(String, String)> {
    destinations(scene).into_values().map(|destination| (destination.namespace, destination.name)).collect()
}

/// Where an Instrumentation sends.
pub(super) struct Destination {
    /// The namespace of the Service.
    pub(super) namespace: String,
    /// The name of the Service.
    pub(super) name: String,
    /// The port.
    pub(super) port: u16,
    /// The endpoint.
    pub(super) url: String,
}

/// The Services that have pods of their own, by the Instrumentation that sends there.
pub(super) fn destinations(scene: &Scene<'_>) -> BTreeMap<ObjectRef, Destination> {
    let mut found = BTreeMap::new();
    for (own, name, instrumentation) in scene.snapshot.instrumentations.entries() {
        let exporter = instrumentation.spec.exporter.as_ref();
        let Some(url) = exporter.and_then(|exporter| exporter.endpoint.as_deref()) else { continue };
        let Some(endpoint) = Endpoint::parse(url) else { continue };
        let Some((namespace, service)) = endpoint.service(own) else { continue };
        // One that is another name for something elsewhere has no pods, and no ports here.
        if scene.snapshot.services.get(namespace, service).is_none_or(Vec::is_empty) {
            continue;
        }
        let (namespace, service) = (namespace.to_owned(), service.to_owned());
        let port = endpoint.port_or_default();
        let destination = Destination { namespace, name: service, port, url: url.to_owned() };
        found.insert(ObjectRef::new("Instrumentation", own, name), destination);
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::checks::tests::Known;

    #[test]
    fn a_collector_without_a_ready_pod_is_told() {
        let mut known = Known::default();
        let object = json!({"metadata": {"namespace": "shop", "name": "base"}, "spec": {"exporter": {"endpoint": "http://otel.obs:4318"}}});
        let object = serde_json::from_value(object).unwrap();
        known.snapshot.instrumentations.insert("shop".into(), "base".into(), object);
        let complete = ["EndpointSlice/obs/otel"];
        let known = known.complete(&complete);
        assert_eq!(known.said(check), [""; 0], "that there is no such Service is told elsewhere");
        let mut known = known;
        known.snapshot.services.insert("obs".into(), "otel".into(), vec![4318]);
        assert_eq!(known.said(check), ["CollectorNotReady instrumentation/base -n shop"]);
        let slice = |ready: bool| {
            json!({
                "kind": "EndpointSlice",
                "metadata": {"namespace": "obs", "name": "otel-1", "labels": {"kubernetes.io/service-name": "otel"}},
                "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": ready}}],
            })
        };
        known.resources.add(slice(false));
        assert_eq!(known.said(check), ["CollectorNotReady instrumentation/base -n shop"]);
        known.resources.add(slice(true));
        assert_eq!(known.said(check), [""; 0]);
    }
}

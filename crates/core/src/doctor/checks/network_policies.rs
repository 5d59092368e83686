//! NetworkPolicies on the way of reviews, and on that of telemetry. Only what is certain is told: a port that no policy which
//! selects a pod allows, whoever sends. Some network plugins enforce no policies at all.
//! <https://kubernetes.io/docs/concepts/services-networking/network-policies/>

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::endpoint_services::{Destination, destinations};
use super::{object, operator};
use crate::doctor::{Diagnosis, ObjectRef, Scene};
use crate::finding::ClusterFinding;
use crate::json::{has_all, list, string};

const KIND: &str = "NetworkPolicy";
/// The port of the operator's pods where nothing else was chosen.
const WEBHOOK: u16 = 9443;

pub(super) fn check(scene: &Scene<'_>) -> Vec<Diagnosis> {
    let reviews = operator::ours(scene).filter_map(|deployment| of_reviews(deployment, scene));
    reviews.chain(of_telemetry(scene)).collect()
}

fn of_reviews(deployment: &Value, scene: &Scene<'_>) -> Option<Diagnosis> {
    let labels = deployment.pointer("/spec/template/metadata/labels")?.as_object()?;
    let own = object(deployment);
    let port = webhook_port(deployment);
    let policy = closing(&own.namespace, labels, Direction::Ingress, &[port], scene)?;
    let reason = ClusterFinding::PolicyClosesWebhook { policy: policy.path_in_namespace(), port };
    Some(Diagnosis::of(reason, policy))
}

/// The port of the container that the Service is about.
fn webhook_port(deployment: &Value) -> u16 {
    let containers =
        deployment.pointer("/spec/template/spec").map_or(&[][..], |spec| list(spec, "containers"));
    let ports = containers.iter().flat_map(|container| list(container, "ports"));
    let mut named = ports.filter(|port| string(port, "name") == Some("webhook"));
    let number = named.find_map(|port| port.get("containerPort")?.as_u64());
    number.and_then(|number| number.try_into().ok()).unwrap_or(WEBHOOK)
}

fn of_telemetry(scene: &Scene<'_>) -> Vec<Diagnosis> {
    let mut found = Vec::new();
    for (instrumentation, destination) in destinations(scene) {
        let Destination { namespace, name, port, url } = destination;
        let mut tell = |policy: ObjectRef| {
            let reason = ClusterFinding::PolicyClosesTelemetry {
                policy: policy.path_in_namespace(),
                port,
                endpoint: url.clone(),
            };
            found.push(Diagnosis::of(reason, policy));
        };
        let service = scene.resources.get("Service", &namespace, &name);
        let Some((labels, target)) = service.and_then(|service| selected(service, port)) else { continue };
        closing(&namespace, labels, Direction::Ingress, &[target], scene).map(&mut tell);
        for sender in senders(&instrumentation, scene) {
            // Those that are about all pods of the namespace. Most network plugins compare the port of the Collector's pods,
            // some that of the Service.
            closing(&sender, &Map::new(), Direction::Egress, &[target, port], scene).map(&mut tell);
        }
    }
    found
}

/// The labels of the pods behind a Service, and the port there.
fn selected(service: &Value, port: u16) -> Option<(&Map<String, Value>, u16)> {
    let labels = service.pointer("/spec/selector")?.as_object().filter(|labels| !labels.is_empty())?;
    let spec = service.get("spec")?;
    let is_meant = |one: &&Value| one.get("port").and_then(Value::as_u64) == Some(port.into());
    let target = list(spec, "ports").iter().find(is_meant)?.get("targetPort");
    let number = match target {
        None => u64::from(port),
        // What a named one is only pods know.
        Some(target) => target.as_u64()?,
    };
    Some((labels, number.try_into().ok()?))
}

/// The namespaces with workloads that request an Instrumentation.
fn senders(instrumentation: &ObjectRef, scene: &Scene<'_>) -> BTreeSet<String> {
    let workloads = scene.resources.requesting();
    let asks = workloads.iter().filter(|(_, instrumentations)| {
        instrumentations
            .iter()
            .any(|one| one.split_once('/') == Some((&instrumentation.namespace, &instrumentation.name)))
    });
    asks.map(|(workload, _)| workload.namespace.to_string()).collect()
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    const fn word(self) -> &'static str {
        match self {
            Self::Ingress => "Ingress",
            Self::Egress => "Egress",
        }
    }

    const fn field(self) -> &'static str {
        match self {
            Self::Ingress => "/spec/ingress",
            Self::Egress => "/spec/egress",
        }
    }
}

/// The first policy of a namespace that is about pods with these labels, if none of those that are allows one of the ports.
fn closing(
    namespace: &str,
    labels: &Map<String, Value>,
    direction: Direction,
    ports: &[u16],
    scene: &Scene<'_>,
) -> Option<ObjectRef> {
    if !scene.resources.is_complete(KIND) {
        return None;
    }
    let about: Vec<&Value> = scene
        .resources
        .within(KIND, namespace)
        .filter(|policy| is_about(policy, direction) && selects(policy, labels))
        .collect();
    let is_open = |policy: &&Value| {
        let rules = policy.pointer(direction.field()).and_then(Value::as_array);
        rules.into_iter().flatten().any(|rule| ports.iter().any(|port| allows(rule, *port)))
    };
    if about.iter().any(is_open) { None } else { about.first().map(|policy| object(policy)) }
}

fn is_about(policy: &Value, direction: Direction) -> bool {
    let types = policy.pointer("/spec/policyTypes").and_then(Value::as_array);
    match types {
        Some(types) => types.iter().any(|one| one.as_str() == Some(direction.word())),
        // Without types it is about what comes in, and about what goes out where it has rules for that.
        None => direction == Direction::Ingress || policy.pointer(direction.field()).is_some(),
    }
}

/// Whether a policy is certainly about pods that have these labels, among others.
fn selects(policy: &Value, labels: &Map<String, Value>) -> bool {
    let selector = policy.pointer("/spec/podSelector");
    let expressions = selector.map_or(&[][..], |selector| list(selector, "matchExpressions"));
    let matched = selector.and_then(|selector| selector.get("matchLabels")).and_then(Value::as_object);
    expressions.is_empty() && matched.is_none_or(|matched| has_all(labels, matched))
}

/// Whether a rule allows TCP to a port, to or from anybody. What names stand for only pods know.
fn allows(rule: &Value, port: u16) -> bool {
    let Some(ports) = rule.get("ports").and_then(Value::as_array).filter(|ports| !ports.is_empty()) else {
        return true;
    };
    let port = u64::from(port);
    ports.iter().filter(|one| string(one, "protocol").unwrap_or("TCP") == "TCP").any(|one| {
        let end = one.get("endPort").and_then(Value::as_u64);
        match one.get("port") {
            Some(Value::Number(start)) => {
                let start = start.as_u64().unwrap_or_default();
                (start..=end.unwrap_or(start)).contains(&port)
            }
            _ => true,
        }
    })
}

impl ObjectRef {
    fn path_in_namespace(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests {
    use ingraft_api::Language;
    use serde_json::json;

    use super::*;
    use crate::doctor::checks::tests::Known;
    use crate::inject::Decision;

    fn policy(namespace: &str, spec: &Value) -> Value {
        json!({"kind": KIND, "metadata": {"namespace": namespace, "name": "deny"}, "spec": spec})
    }

    fn operator() -> Value {
        let labels = json!({"app.kubernetes.io/name": "opentelemetry-operator", "app.kubernetes.io/instance": "ingraft"});
        json!({
            "kind": "Deployment", "metadata": {"namespace": "system", "name": "op", "labels": labels},
            "spec": {"template": {"metadata": {"labels": labels}}},
        })
    }

    #[test]
    fn a_port_that_no_policy_allows_is_closed() {
        let closed = ["PolicyClosesWebhook networkpolicy/deny -n system"];
        let all = json!({"podSelector": {}, "policyTypes": ["Ingress"]});
        let with = |ingress: Value| json!({"podSelector": {"matchLabels": {"app.kubernetes.io/instance": "ingraft"}}, "ingress": ingress});
        for (spec, told) in [
            (all, &closed[..]),
            (with(json!([{"ports": [{"port": 8080}]}])), &closed),
            (with(json!([{"ports": [{"port": 9443, "protocol": "UDP"}]}])), &closed),
            (with(json!([{"ports": [{"port": 9443}]}])), &[]),
            (with(json!([{"ports": [{"port": 9000, "endPort": 9500}]}])), &[]),
            (with(json!([{"ports": [{"port": "webhook"}]}])), &[]),
            (with(json!([{}])), &[]),
            (json!({"podSelector": {}, "policyTypes": ["Egress"]}), &[]),
            (json!({"podSelector": {"matchLabels": {"app": "web"}}}), &[]),
        ] {
            let known = Known::of([operator(), policy("system", &spec)]);
            assert_eq!(known.said(check), told, "{spec}");
        }
        let elsewhere = Known::of([operator(), policy("shop", &json!({"podSelector": {}}))]);
        assert_eq!(elsewhere.said(check), [""; 0]);
        let mut open = policy("system", &with(json!([{}])));
        open["metadata"]["name"] = "allow".into();
        let both = Known::of([operator(), policy("system", &json!({"podSelector": {}})), open]);
        assert_eq!(both.said(check), [""; 0], "policies add up");
    }

    #[test]
    fn telemetry_that_no_policy_lets_through_is_told() {
        let service = json!({
            "kind": "Service", "metadata": {"namespace": "obs", "name": "otel"},
            "spec": {"selector": {"app": "otel"}, "ports": [{"port": 4318, "targetPort": 14318}]},
        });
        let known = |policy: Value| {
            let mut known = Known::of([service.clone(), policy]);
            let object = json!({"metadata": {"namespace": "shop", "name": "base"}, "spec": {"exporter": {"endpoint": "http://otel.obs:4318"}}});
            let object = serde_json::from_value(object).unwrap();
            known.snapshot.instrumentations.insert("shop".into(), "base".into(), object);
            known.snapshot.services.insert("obs".into(), "otel".into(), vec![4318]);
            let workload = crate::WorkloadRef { kind: None, namespace: "web".into(), name: "a".into() };
            let instrumentation = Some("shop/base".to_owned());
            let decision = Decision { language: Language::Java, instrumentation, injected: None };
            known.resources.add_requesting(workload, &Value::Null, vec![decision]);
            known
        };
        let ingress = |port: u16| json!({"podSelector": {}, "ingress": [{"ports": [{"port": port}]}]});
        let told = ["PolicyClosesTelemetry networkpolicy/deny -n obs"];
        assert_eq!(known(policy("obs", &ingress(4318))).said(check), told);
        assert_eq!(known(policy("obs", &ingress(14318))).said(check), [""; 0]);
        let egress = |port: u16| json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"ports": [{"port": port}]}]});
        let told = ["PolicyClosesTelemetry networkpolicy/deny -n web"];
        assert_eq!(known(policy("web", &egress(53))).said(check), told);
        assert_eq!(known(policy("web", &egress(4318))).said(check), [""; 0]);
        assert_eq!(known(policy("web", &egress(14318))).said(check), [""; 0], "the port of the pods");
        assert_eq!(known(policy("other", &egress(53))).said(check), [""; 0]);
    }
}

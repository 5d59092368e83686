//! What ConfigMaps say of traces: injection knows only which keys they have.

use std::collections::BTreeSet;

use ingraft_api::Language;
use serde_json::Value;

use super::Resources;
use crate::ReferenceKind;
use crate::destination;
use crate::edit::apply;
use crate::endpoint::Endpoint;
use crate::environment::{Environment, Inputs, Origin, Source, Sources, environment};
use crate::finding::{ChoiceFinding, EndpointFinding, Finding, Findings, Reason, VariableFinding};
use crate::inject::exporter::review_port;
use crate::inject::{ENDPOINT, OtlpProtocols, Outcome, PROTOCOL, profile};
use crate::json::{list, string};
use crate::snapshot::Snapshot;
use crate::variables::{self, Variable};
use crate::workload::Workload;

/// The names of the ConfigMaps from which containers have variables that may switch their traces off: all of some, or one
/// that is called like a variable of the OpenTelemetry specification.
pub fn named_config_maps(document: &Value) -> BTreeSet<&str> {
    let Some(workload) = Workload::of(document) else { return BTreeSet::new() };
    let all = ["initContainers", "containers"].into_iter().flat_map(|key| containers(workload.template, key));
    let sources = all.flat_map(|container| {
        let whole = list(container, "envFrom").iter().filter_map(|entry| entry.get("configMapRef"));
        let env = list(container, "env").iter();
        let of_ours = env.filter(|entry| string(entry, "name").is_some_and(|name| name.starts_with("OTEL_")));
        whole.chain(of_ours.filter_map(|entry| entry.pointer("/valueFrom/configMapKeyRef")))
    });
    sources.filter_map(|source| string(source, "name")).collect()
}

/// Notices what containers have from ConfigMaps that switches their traces off, once they are injected.
pub(super) fn review(
    workload: &Workload<'_>,
    outcome: &Outcome,
    namespace: &str,
    snapshot: &Snapshot,
    resources: &Resources,
) -> Vec<Finding> {
    let mut findings = Findings::default();
    let told = outcome.findings.iter().filter_map(|finding| match &finding.reason {
        Reason::Choice(ChoiceFinding::Injected { language, containers, .. })
            if variables::are_read_by(*language) =>
        {
            Some((*language, containers))
        }
        _ => None,
    });
    let told: Vec<_> = told.collect();
    if told.is_empty() || resources.of("ConfigMap").next().is_none() {
        return Vec::new();
    }
    let mut document = workload.document.clone();
    apply(&mut document, &outcome.edits);
    let pod = document.pointer(workload.pointer).unwrap_or(&Value::Null);
    for key in ["initContainers", "containers"] {
        let injected = containers(pod, key);
        for (place, container) in containers(workload.template, key).iter().enumerate() {
            let name = string(container, "name");
            let mut told =
                told.iter().filter(|(_, names)| names.iter().any(|one| Some(one.as_str()) == name));
            let Some((language, _)) = told.next() else { continue };
            let Some(injected) = injected.iter().find(|injected| string(injected, "name") == name) else {
                continue;
            };
            let known = Known { resources, namespace };
            let inputs = Inputs {
                pod,
                container: injected,
                namespace,
                sources: &known,
                files: &[],
                services: Some(&[]),
                image: Some(&[]),
            };
            let environment = environment(&inputs);
            let off = switched_off(&environment, *language);
            let off =
                off.into_iter().map(|(origin, setting, reason)| (origin, setting, Reason::from(reason)));
            let lost = lost(&environment, *language, namespace, snapshot);
            for (origin, setting, reason) in off.chain(lost) {
                if let Some(field) = field(&origin, container, &setting) {
                    findings.pod(reason, format!("/spec/{key}/{place}/{field}"));
                }
            }
        }
    }
    findings.into_vec()
}

fn containers<'v>(pod: &'v Value, key: &str) -> &'v [Value] {
    pod.get("spec").map_or(&[], |spec| list(spec, key))
}

/// What switches traces off in a container, where each is set, and the name of the variable.
fn switched_off(environment: &Environment, language: Language) -> Vec<(Origin, String, VariableFinding)> {
    let all = &environment.variables;
    let list: Vec<_> = all.iter().map(|one| Variable { name: &one.name, value: one.value() }).collect();
    let reviewed = variables::review(&list, &[], Some(language)).into_iter();
    let off = reviewed.filter_map(|(pointer, reason)| {
        let place: usize = pointer.split('/').nth(1)?.parse().ok()?;
        match reason {
            Reason::Variable(reason @ VariableFinding::TracesSwitchedOff { .. }) => {
                let one = all.get(place)?;
                Some((one.settings.first()?.origin.clone(), one.name.clone(), reason))
            }
            _ => None,
        }
    });
    off.collect()
}

/// What is wrong with the endpoint of a container, where that is set, and the name of the variable.
fn lost(
    environment: &Environment,
    language: Language,
    namespace: &str,
    snapshot: &Snapshot,
) -> Option<(Origin, String, Reason)> {
    let value = |name: &str| environment.variables.iter().find(|one| one.name == name)?.value();
    let one = environment.variables.iter().find(|one| one.name == ENDPOINT)?;
    let url = one.value().filter(|url| !url.is_empty() && !url.contains('$'))?;
    let found = match Endpoint::parse(url) {
        None => Some(EndpointFinding::EndpointNotAUrl { endpoint: url.to_owned() }),
        // Who listens there is seen at the pod.
        Some(endpoint) if endpoint.is_local() => None,
        Some(_) => {
            let sends_grpc = match (value(PROTOCOL), profile(language).otlp) {
                (None, OtlpProtocols::Unknown) => None,
                (None, otlp) => Some(otlp == OtlpProtocols::Grpc),
                (Some(protocol), _) => Some(protocol == "grpc"),
            };
            let port = sends_grpc.and_then(|grpc| review_port(language, grpc, url));
            port.or_else(|| destination::review(url, namespace, snapshot))
        }
    };
    Some((one.settings.first()?.origin.clone(), one.name.clone(), found?.into()))
}

/// The field of the container that has a variable from a ConfigMap. Literals are told by themselves.
fn field(origin: &Origin, container: &Value, setting: &str) -> Option<String> {
    match origin {
        Origin::EnvFrom { index, kind: ReferenceKind::ConfigMap, .. } => {
            Some(format!("envFrom/{index}/configMapRef/name"))
        }
        Origin::Key { kind: ReferenceKind::ConfigMap, .. } => {
            // Injection may have put others before it.
            let entries = list(container, "env");
            let place = entries.iter().rposition(|entry| string(entry, "name") == Some(setting))?;
            Some(format!("env/{place}/valueFrom/configMapKeyRef/name"))
        }
        _ => None,
    }
}

/// The ConfigMaps that are at hand, with their values.
struct Known<'a> {
    resources: &'a Resources,
    namespace: &'a str,
}

impl Sources for Known<'_> {
    fn source(&self, kind: ReferenceKind, name: &str) -> Source<'_> {
        let found = match kind {
            ReferenceKind::ConfigMap => self.resources.get("ConfigMap", self.namespace, name),
            ReferenceKind::Secret => None,
        };
        let Some(object) = found else { return Source::Unknown };
        let data = object.get("data").and_then(Value::as_object).into_iter().flatten();
        Source::Keys(data.map(|(key, value)| (key.as_str(), value.as_str())).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::settings::Settings;

    fn told(container: &Value, spec: &Value) -> Vec<String> {
        let instrumentation = json!({"metadata": {"name": "base", "namespace": "shop"}, "spec": spec});
        let mut snapshot = Snapshot::default();
        let instrumentation = serde_json::from_value(instrumentation).unwrap();
        snapshot.instrumentations.insert("shop".into(), "base".into(), instrumentation);
        let data = json!({
            "OTEL_TRACES_EXPORTER": "none", "off": "true",
            "grpc": "http://c.obs:4317", "text": "c.obs:4318", "good": "http://c.obs:4318",
        });
        let mut resources = Resources::default();
        resources.add(
            json!({"kind": "ConfigMap", "metadata": {"name": "otel", "namespace": "shop"}, "data": data}),
        );
        let mut container = container.clone();
        container["name"] = "app".into();
        let annotations = json!({"instrumentation.opentelemetry.io/inject-java": "true"});
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "annotations": annotations},
            "spec": {"containers": [container]},
        });
        let workload = Workload::of(&pod).unwrap();
        let outcome = workload.inject("shop", &snapshot, &Settings::default());
        let found = review(&workload, &outcome, "shop", &snapshot, &resources);
        found.iter().map(|found| format!("{} {}", found.code(), found.pointer)).collect()
    }

    #[test]
    fn what_may_say_something_of_traces_is_named() {
        let key = |name: &str| json!({"configMapKeyRef": {"name": name, "key": "k"}});
        let container = json!({
            "name": "app",
            "envFrom": [{"configMapRef": {"name": "all"}}, {"secretRef": {"name": "secret"}}],
            "env": [{"name": "OTEL_SDK_DISABLED", "valueFrom": key("one")}, {"name": "COLOR", "valueFrom": key("other")}],
        });
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [container]}});
        assert_eq!(named_config_maps(&pod), ["all", "one"].into());
        assert_eq!(named_config_maps(&json!({"kind": "ConfigMap"})), BTreeSet::new());
    }

    #[test]
    fn an_endpoint_from_a_config_map_is_judged() {
        let key = |key: &str| json!({"configMapKeyRef": {"name": "otel", "key": key}});
        for (key, code) in [
            (key("grpc"), Some("EndpointPortIsGrpc")),
            (key("text"), Some("EndpointNotAUrl")),
            (key("good"), None),
        ] {
            let container = json!({"env": [
                {"name": "OTEL_EXPORTER_OTLP_PROTOCOL", "value": "http/protobuf"},
                {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "valueFrom": key},
            ]});
            let told = told(&container, &json!({}));
            let place = "/spec/containers/0/env/1/valueFrom/configMapKeyRef/name";
            let expected: Vec<_> = code.iter().map(|code| format!("{code} {place}")).collect();
            assert_eq!(told, expected, "{key}");
        }
    }

    #[test]
    fn a_config_map_that_switches_traces_off_is_told_where_nothing_overrides_it() {
        let from = json!([{"configMapRef": {"name": "otel"}}]);
        let key = json!({"configMapKeyRef": {"name": "otel", "key": "off"}});
        let off = json!([{"name": "OTEL_SDK_DISABLED", "valueFrom": key}]);
        let other = json!([{"name": "OTEL_TRACES_EXPORTER", "value": "otlp"}]);
        let all = "TracesSwitchedOff /spec/containers/0/envFrom/0/configMapRef/name";
        let one = "TracesSwitchedOff /spec/containers/0/env/0/valueFrom/configMapKeyRef/name";
        for (container, spec, expected) in [
            (json!({"envFrom": from}), json!({}), &[all][..]),
            (json!({"env": off}), json!({}), &[one]),
            (json!({"envFrom": from, "env": other}), json!({}), &[]),
            (json!({"envFrom": from}), json!({"env": other}), &[]),
            (json!({"envFrom": [{"configMapRef": {"name": "unknown"}}]}), json!({}), &[]),
            (json!({"envFrom": [{"prefix": "A_", "configMapRef": {"name": "otel"}}]}), json!({}), &[]),
        ] {
            assert_eq!(told(&container, &spec), expected, "{container} {spec}");
        }
    }
}

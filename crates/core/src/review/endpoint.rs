//! Where an Instrumentation sends, and how.

use ingraft_api::instrumentation::Exporter;
use ingraft_api::{Instrumentation, Language};

use crate::destination;
use crate::endpoint::{Endpoint, GRPC_PORT, HTTP_PORT};
use crate::finding::{EndpointFinding, Findings};
use crate::inject::{OtlpProtocols, PROTOCOL, profile};
use crate::snapshot::Snapshot;

/// The settings that can stand in for `spec.exporter.endpoint`.
pub(crate) const ENDPOINT_VARIABLES: [&str; 2] =
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];

pub(super) fn review(
    instrumentation: &Instrumentation,
    exporter: &Exporter,
    snapshot: &Snapshot,
    findings: &mut Findings,
) {
    let mut add = |reason| findings.about(instrumentation, reason, "/spec/exporter/endpoint");
    let env = instrumentation.spec.env.as_deref().unwrap_or_default();
    let set = |name: &str| env.iter().find(|variable| variable.name == name);
    let has_its_own = |language: &Language| {
        let mut env = language.block(&instrumentation.spec).env.iter();
        env.any(|variable| ENDPOINT_VARIABLES.contains(&variable.name.as_str()))
    };
    let url = exporter.endpoint.clone().unwrap_or_default();
    if url.is_empty() {
        let is_set = ENDPOINT_VARIABLES.into_iter().any(|name| set(name).is_some());
        if !is_set && !Language::ALL.iter().any(has_its_own) {
            add(EndpointFinding::EndpointMissing { container: None });
        }
        return;
    }
    let Some(endpoint) = Endpoint::parse(&url) else {
        add(EndpointFinding::EndpointNotAUrl { endpoint: url });
        return;
    };
    if endpoint.is_local() {
        add(EndpointFinding::EndpointIsLocal { endpoint: url });
        return;
    }
    if let Some(path) = Endpoint::signal_path(&url) {
        add(EndpointFinding::EndpointHasSignalPath { endpoint: url.clone(), path });
    }
    if let Some(protocol) = set(PROTOCOL).and_then(|variable| variable.value.as_deref()) {
        if let Some(reason) = review_protocol(protocol, &url, endpoint.port) {
            add(reason);
        }
    } else if endpoint.port == Some(GRPC_PORT) && set(PROTOCOL).is_none() {
        let only = |otlp| Language::ALL.into_iter().filter(move |&language| profile(language).otlp == otlp);
        let http: Vec<_> = only(OtlpProtocols::Http).filter(|language| !has_its_own(language)).collect();
        if !http.is_empty() {
            let grpc = only(OtlpProtocols::Grpc).collect();
            add(EndpointFinding::EndpointPortNotForAll { endpoint: url.clone(), http, grpc });
        }
    }
    let namespace = instrumentation.metadata.namespace.as_deref().unwrap_or_default();
    let mut from = namespace;
    // Pods of its own namespace find it; others are told.
    if endpoint.is_short() && snapshot.services.get(namespace, endpoint.host).is_none() {
        from = destination::namespace_of(endpoint.host, namespace, snapshot);
        let (host, namespace) = (endpoint.host.to_owned(), from.to_owned());
        add(EndpointFinding::EndpointWithoutNamespace { host, namespace });
    }
    if let Some(reason) = destination::review(&url, from, snapshot) {
        add(reason);
    }
}

/// What is wrong with a protocol that is set beside an endpoint.
fn review_protocol(protocol: &str, url: &str, port: Option<u16>) -> Option<EndpointFinding> {
    let (protocol, endpoint) = (protocol.to_owned(), url.to_owned());
    match (protocol.as_str(), port) {
        ("grpc", Some(HTTP_PORT)) => {
            Some(EndpointFinding::ProtocolNotOfPort { protocol, endpoint, port: GRPC_PORT })
        }
        ("http/protobuf" | "http/json", Some(GRPC_PORT)) => {
            Some(EndpointFinding::ProtocolNotOfPort { protocol, endpoint, port: HTTP_PORT })
        }
        ("grpc" | "http/protobuf" | "http/json" | "", _) => None,
        _ => Some(EndpointFinding::ProtocolUnknown { protocol }),
    }
}

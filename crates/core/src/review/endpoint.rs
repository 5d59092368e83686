//! Where an Instrumentation sends, and how.

use ingraft_api::instrumentation::Exporter;
use ingraft_api::{Instrumentation, Language};
use k8s_openapi::api::core::v1::EnvVar;

use crate::destination;
use crate::endpoint::{Endpoint, GRPC_PORT, HTTP_PORT};
use crate::finding::{EndpointFinding, Findings};
use crate::inject::exporter::{EXPORTERS, SIGNALS, review_port, signal_path};
use crate::inject::{ENDPOINT, OtlpProtocols, PROTOCOL, profile, variable_place};
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
    let env = instrumentation.spec.env.as_deref().unwrap_or_default();
    let set = |name: &str| env.iter().find(|variable| variable.name == name);
    let has_its_own = |language: &Language| {
        let mut env = language.block(&instrumentation.spec).env.iter();
        env.any(|variable| ENDPOINT_VARIABLES.contains(&variable.name.as_str()))
    };
    for language in Language::with_image() {
        let block = language.block(&instrumentation.spec).env;
        let own = block.iter().find(|variable| variable.name == ENDPOINT);
        if let Some(url) = own.and_then(|variable| literal(variable))
            && let Some(pointer) = variable_place(&instrumentation.spec, language, ENDPOINT)
            && let Some(reason) = review_own(language, url, instrumentation, snapshot)
        {
            findings.about(instrumentation, reason, pointer);
        }
    }
    review_signals(instrumentation, env, snapshot, findings);
    let url = exporter.endpoint.clone().unwrap_or_default();
    // A variable for all languages counts, and not the field.
    let variable = env.iter().position(|variable| variable.name == ENDPOINT);
    let value = variable.and_then(|place| literal(env.get(place)?).map(|value| (place, value.to_owned())));
    let (url, pointer) = match (variable, value) {
        (_, Some((place, value))) => (value, format!("/spec/env/{place}/value")),
        (Some(_), None) => return,
        (None, _) => (url, "/spec/exporter/endpoint".to_owned()),
    };
    let mut add = |reason| findings.about(instrumentation, reason, pointer.as_str());
    if url.is_empty() {
        let is_set = ENDPOINT_VARIABLES.into_iter().any(|name| set(name).is_some());
        let goes_elsewhere =
            |name: &&str| set(name).and_then(literal).is_some_and(|exporters| !exporters.contains("otlp"));
        let uses_otlp = !EXPORTERS.iter().all(goes_elsewhere);
        if uses_otlp && !is_set && !Language::ALL.iter().any(has_its_own) {
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
    if let Some(path) = signal_path(&url) {
        add(EndpointFinding::EndpointHasSignalPath { endpoint: url.clone(), path });
    }
    if let Some(protocol) = set(PROTOCOL).and_then(|variable| variable.value.as_deref()) {
        if let Some(reason) = review_protocol(protocol, &url, endpoint.port) {
            add(reason);
        }
    } else if endpoint.port == Some(GRPC_PORT) && set(PROTOCOL).is_none() {
        let only = |otlp| Language::ALL.into_iter().filter(move |&language| profile(language).otlp == otlp);
        let http: Vec<_> = only(OtlpProtocols::Http).filter(|language| !has_its_own(language)).collect();
        // One that names languages may be for these alone.
        let mut named = Language::with_image().filter(|language| {
            let block = language.block(&instrumentation.spec);
            block.image.is_some() || !block.env.is_empty()
        });
        let is_for_others = named.next().is_some_and(|first| {
            std::iter::once(first).chain(named).all(|language| !http.contains(&language))
        });
        if !http.is_empty() && !is_for_others {
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

/// The value of a variable, where it stands for itself.
fn literal(variable: &EnvVar) -> Option<&str> {
    let value = variable.value.as_deref().filter(|_| variable.value_from.is_none())?;
    // What a reference stands for is known in pods.
    (!value.is_empty() && !value.starts_with("$(")).then_some(value)
}

/// What is wrong with an endpoint that one language has for itself. Whether pods share its namespace is seen at them.
fn review_own(
    language: Language,
    url: &str,
    instrumentation: &Instrumentation,
    snapshot: &Snapshot,
) -> Option<EndpointFinding> {
    let Some(endpoint) = Endpoint::parse(url) else {
        return Some(EndpointFinding::EndpointNotAUrl { endpoint: url.to_owned() });
    };
    if endpoint.is_local() {
        return Some(EndpointFinding::EndpointIsLocal { endpoint: url.to_owned() });
    }
    let grpc = profile(language).otlp == OtlpProtocols::Grpc;
    let only_one = profile(language).otlp.ports().is_some();
    let namespace = instrumentation.metadata.namespace.as_deref().unwrap_or_default();
    let port = only_one.then(|| review_port(language, grpc, url)).flatten();
    port.or_else(|| destination::review(url, namespace, snapshot))
}

/// What is wrong with the endpoints of single signals that all languages have.
fn review_signals(
    instrumentation: &Instrumentation,
    env: &[EnvVar],
    snapshot: &Snapshot,
    findings: &mut Findings,
) {
    let namespace = instrumentation.metadata.namespace.as_deref().unwrap_or_default();
    let set = |name: &str| env.iter().find(|variable| variable.name == name);
    for signal in SIGNALS {
        let place = env.iter().position(|variable| variable.name == signal.endpoint);
        let Some((place, url)) = place.and_then(|place| Some((place, literal(env.get(place)?)?))) else {
            continue;
        };
        let protocol = set(signal.protocol).or_else(|| set(PROTOCOL));
        let is_http = protocol.is_none_or(|one| literal(one).is_some_and(|one| one.starts_with("http/")));
        let reason = match Endpoint::parse(url) {
            None => Some(EndpointFinding::EndpointNotAUrl { endpoint: url.to_owned() }),
            Some(endpoint) if endpoint.is_local() => {
                Some(EndpointFinding::EndpointIsLocal { endpoint: url.to_owned() })
            }
            Some(_) => destination::review(url, namespace, snapshot)
                .or_else(|| is_http.then(|| signal.review_path(url)).flatten()),
        };
        if let Some(reason) = reason {
            findings.about(instrumentation, reason, format!("/spec/env/{place}/value"));
        }
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
        // One that is unknown is told where it stands.
        _ => None,
    }
}

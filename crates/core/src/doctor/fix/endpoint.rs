//! What corrects where telemetry is sent, and how.

use ingraft_api::instrumentation::KIND;
use serde_json::{Value, json};

use super::super::View;
use super::{Place, meant};
use crate::destination;
use crate::edit::{Edit, set_entries};
use crate::endpoint::{Endpoint, GRPC_PORT, HTTP_PORT};
use crate::finding::EndpointFinding;
use crate::inject::exporter::{SIGNALS, Signal};
use crate::inject::{ENDPOINT, PROTOCOL, profile};
use crate::json::{string, string_at};

impl Place<'_> {
    /// The Instrumentation that the field is in, as `namespace/name`.
    fn instrumentation(&self) -> Option<String> {
        let is_it = string(self.object, "kind") == Some(KIND);
        let name = string_at(self.object, "/metadata/name").unwrap_or_default();
        is_it.then(|| format!("{}/{name}", self.namespace))
    }

    /// Whether every language that has its endpoint from this Instrumentation can send to a port.
    fn suits_all(&self, port: u16) -> bool {
        let Some(reference) = self.instrumentation() else { return true };
        let resources = self.scene.resources;
        // Somebody may have said that a language sends over gRPC.
        if port == HTTP_PORT && (sends_grpc(self.object) || resources.sends_grpc(&reference)) {
            return false;
        }
        let mut languages = resources.languages_of(&reference);
        languages.all(|language| profile(language).otlp.ports().is_none_or(|(wrong, _)| wrong != port))
    }

    /// Whether the Service of a URL may have a port: it is not known, or has it.
    fn may_serve(&self, url: &str, port: u16) -> bool {
        let services = &self.scene.snapshot.services;
        let service = Endpoint::parse(url).and_then(|endpoint| endpoint.service(self.namespace));
        let ports = service.and_then(|(namespace, name)| services.get(namespace, name));
        ports.is_none_or(|ports| ports.contains(&port))
    }

    /// A URL with another port, to which all can send who do.
    fn with_port(&self, url: &str, port: u16) -> Option<String> {
        let changed = Endpoint::parse(url)?.with_port(url, port)?;
        (self.may_serve(url, port) && self.suits_all(port)).then_some(changed)
    }

    /// The name of the variable whose value the field is.
    fn variable(&self) -> Option<&str> {
        let entry = self.pointer.rsplit_once('/').and_then(|(entry, _)| self.object.pointer(entry));
        string(entry?, "name")
    }

    /// Whether the field is the protocol of a single signal.
    fn is_of_signal(&self) -> bool {
        SIGNALS.iter().any(|signal| Some(signal.protocol) == self.variable())
    }

    /// The signal whose endpoint the field is.
    fn signal_endpoint(&self) -> Option<Signal> {
        SIGNALS.into_iter().find(|signal| Some(signal.endpoint) == self.variable())
    }

    /// Has what is sent over gRPC sent over HTTP: in the variable beside the field that says so, with the port of an endpoint
    /// that stands beside it.
    fn speak_http(&self) -> Option<Vec<Edit>> {
        let own = self.pointer.split_once("/env/").map(|(container, _)| format!("{container}/env"));
        let (list, entries, place) = own.into_iter().chain(["/spec/env".to_owned()]).find_map(|list| {
            let entries = self.object.pointer(&list)?.as_array()?;
            Some((list, entries, entries.iter().position(says_grpc)?))
        })?;
        // Whoever has an endpoint of its own may have one that takes gRPC.
        let resources = self.scene.resources;
        if self.instrumentation().is_some_and(|reference| resources.is_overridden(&reference)) {
            return None;
        }
        let mut edits = vec![Edit::add(format!("{list}/{place}/value"), "http/protobuf")];
        let is_endpoint = |entry: &Value| string(entry, "name") == Some(ENDPOINT);
        let beside = match entries.iter().position(is_endpoint) {
            Some(place) => format!("{list}/{place}/value"),
            None if list == "/spec/env" => "/spec/exporter/endpoint".to_owned(),
            None => return Some(edits),
        };
        if let Some(url) = string_at(self.object, &beside) {
            let port = Endpoint::parse(url).and_then(|endpoint| endpoint.port);
            if is_sensitive(url) || !self.may_serve(url, HTTP_PORT) {
                return None;
            }
            if port == Some(GRPC_PORT) {
                edits.push(Edit::add(beside, Endpoint::parse(url)?.with_port(url, HTTP_PORT)?));
            }
        }
        Some(edits)
    }
}

/// Whether a URL may have credentials, or is yet to be filled in.
fn is_sensitive(url: &str) -> bool {
    url.contains(['@', '$'])
}

/// Whether a variable says that telemetry is sent over gRPC.
fn says_grpc(entry: &Value) -> bool {
    string(entry, "name") == Some(PROTOCOL) && string(entry, "value") == Some("grpc")
}

/// Whether some variable in an object says so.
pub(in crate::doctor) fn sends_grpc(object: &Value) -> bool {
    match object {
        Value::Object(fields) => says_grpc(object) || fields.values().any(sends_grpc),
        Value::Array(items) => items.iter().any(sends_grpc),
        _ => false,
    }
}

pub(super) fn of_endpoint(reason: &EndpointFinding, place: &Place<'_>) -> Option<Vec<Edit>> {
    let instrumentation = place.instrumentation();
    // Who else sends there is not known.
    if instrumentation.is_some() && place.scene.resources.view == View::Part {
        return None;
    }
    match reason {
        // Of a single signal, it concerns nothing else; and what goes over HTTP goes to the same port.
        EndpointFinding::ProtocolUnsupported { protocol, .. }
            if place.text() == Some(protocol) && (place.is_of_signal() || protocol != "grpc") =>
        {
            return Some(place.set("http/protobuf"));
        }
        // Every agent that reads a protocol can send this one, whatever else uses the Instrumentation.
        EndpointFinding::ProtocolUnsupported { .. }
        | EndpointFinding::ProtocolNotOfPort { port: GRPC_PORT, .. } => {
            return place.speak_http();
        }
        EndpointFinding::EndpointPortIsHttp { .. } => {
            if let Some(edits) = place.speak_http() {
                return Some(edits);
            }
        }
        EndpointFinding::ProtocolUnknown { protocol } => {
            let protocol = protocol.to_ascii_lowercase();
            let meant = match protocol.as_str() {
                "grpc" => Some("grpc"),
                other => other.starts_with("http").then_some("http/protobuf"),
            };
            return Some(place.set(meant?));
        }
        _ => {}
    }
    let url = place.text();
    // Another object of the same name may be meant, or it has changed since.
    let told = match reason {
        EndpointFinding::EndpointIsLocal { endpoint }
        | EndpointFinding::EndpointNotAUrl { endpoint }
        | EndpointFinding::EndpointHasSignalPath { endpoint, .. }
        | EndpointFinding::EndpointPortIsGrpc { endpoint, .. }
        | EndpointFinding::EndpointPortIsHttp { endpoint, .. }
        | EndpointFinding::ProtocolNotOfPort { endpoint, .. }
        | EndpointFinding::EndpointPortNotForAll { endpoint, .. } => Some(endpoint.as_str()),
        _ => url,
    };
    if told != url || url.is_some_and(is_sensitive) {
        return None;
    }
    // Some have a Collector beside them, or on their node.
    let suits_some = instrumentation.is_some_and(|own| place.scene.resources.suits_some(&own));
    let changed = match reason {
        EndpointFinding::EndpointMissing { container: None } | EndpointFinding::EndpointIsLocal { .. }
            if suits_some =>
        {
            None
        }
        EndpointFinding::EndpointMissing { container: None } => {
            Some(format!("http://{}:{HTTP_PORT}", sole_receiver(place)?))
        }
        EndpointFinding::EndpointIsLocal { endpoint } => {
            let Endpoint { port, path, .. } = Endpoint::parse(endpoint)?;
            // A receiver has both ports.
            let port = port.filter(|&port| port == GRPC_PORT).unwrap_or(HTTP_PORT);
            Some(format!("http://{}:{port}{path}", sole_receiver(place)?))
        }
        EndpointFinding::EndpointNotAUrl { endpoint } => {
            let mended = Endpoint::mend(endpoint)?;
            // Elsewhere it may be meant to be encrypted.
            let (namespace, name) = Endpoint::parse(&mended)?.service(place.namespace)?;
            let services = &place.scene.snapshot.services;
            let mut anywhere = services.entries().map(|(_, known, _)| known);
            let is_short = Endpoint::parse(&mended)?.is_short();
            let is_known =
                services.get(namespace, name).is_some() || (is_short && anywhere.any(|known| known == name));
            (is_known || endpoint.trim() == mended).then(|| mended.clone())
        }
        EndpointFinding::EndpointHasSignalPath { endpoint, path } => {
            endpoint.trim_end_matches('/').strip_suffix(path).map(str::to_owned)
        }
        EndpointFinding::EndpointServiceMissing { service, candidates } => {
            let url = url?;
            let host = Endpoint::parse(url)?.host;
            let name = service.rsplit('/').next()?;
            let meant = meant(name, candidates, |host| host.split('.').next().unwrap_or_default())?;
            Some(with_host(url, host, meant))
        }
        EndpointFinding::EndpointWithoutNamespace { host, namespace } => {
            let url = url?;
            // Pods of several namespaces may each have their own.
            let services = place.scene.snapshot.services.entries();
            let is_only = services.filter(|(_, name, _)| name == host).count() == 1;
            is_only.then(|| with_host(url, host, &destination::host(host, namespace)))
        }
        // Some languages cannot send to the other port.
        EndpointFinding::EndpointPortNotServed { port: HTTP_PORT, .. } => None,
        EndpointFinding::EndpointPortNotServed { ports, .. } => {
            let url = url?;
            let port = [HTTP_PORT, GRPC_PORT].into_iter().find(|port| ports.contains(port))?;
            let endpoint = Endpoint::parse(url)?;
            // What has a path may be for another protocol.
            if !matches!(endpoint.path, "" | "/") {
                return None;
            }
            // One without a port means that of its scheme.
            endpoint
                .with_port(url, port)
                .or_else(|| endpoint.port.is_none().then(|| format!("{}:{port}", url.trim_end_matches('/'))))
        }
        EndpointFinding::EndpointPortIsGrpc { endpoint, .. } => {
            let url = place.with_port(endpoint, HTTP_PORT)?;
            // That of a single signal is used as it is.
            let path = place.signal_endpoint().and_then(|signal| signal.missing_path(&url));
            Some(path.map_or_else(|| url.clone(), |path| format!("{}{path}", url.trim_end_matches('/'))))
        }
        EndpointFinding::EndpointPortIsHttp { endpoint, .. } => place.with_port(endpoint, GRPC_PORT),
        EndpointFinding::ProtocolNotOfPort { endpoint, port, .. } => place.with_port(endpoint, *port),
        EndpointFinding::EndpointPortNotForAll { endpoint, grpc, .. } => {
            let needs_grpc = grpc
                .iter()
                .any(|language| place.object.pointer(&format!("/spec/{}", language.field())).is_some());
            if needs_grpc { None } else { place.with_port(endpoint, HTTP_PORT) }
        }
        _ => None,
    }?;
    let set = place.set(changed.as_str());
    if !set.is_empty() {
        return Some(set);
    }
    if place.pointer != "/spec/exporter/endpoint" {
        return None;
    }
    // An Instrumentation without an exporter, or without anything.
    if place.object.pointer("/spec").is_none_or(Value::is_null) {
        return Some(vec![Edit::add("/spec", json!({"exporter": {"endpoint": changed}}))]);
    }
    Some(set_entries(place.object, "/spec/exporter", vec![("endpoint".to_owned(), changed.into())]))
}

/// A URL with another host.
fn with_host(url: &str, host: &str, other: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest.replacen(host, other, 1);
    if scheme.is_empty() { rest } else { format!("{scheme}://{rest}") }
}

/// The host of the only Service that takes OTLP over gRPC and over HTTP, if there is exactly one. In a cluster, one of another
/// namespace may be somebody else's.
fn sole_receiver(place: &Place<'_>) -> Option<String> {
    let is_receiver = |name: &str, ports: &[u16]| {
        let is_named_so = ["otel", "collector", "telemetry"].iter().any(|word| name.contains(word));
        is_named_so && ports.contains(&HTTP_PORT) && ports.contains(&GRPC_PORT)
    };
    let services = place.scene.snapshot.services.entries();
    let mut receivers = services.filter(|(_, name, ports)| is_receiver(name, ports));
    let (namespace, name, _) = receivers.next()?;
    let may_be_meant = place.is_of_one_person() || namespace == place.namespace;
    (may_be_meant && receivers.next().is_none()).then(|| destination::host(name, namespace))
}

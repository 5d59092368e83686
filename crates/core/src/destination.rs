//! Whether anybody listens where an endpoint says, as far as the cluster shows it.

use crate::endpoint::Endpoint;
use crate::finding::EndpointFinding;
use crate::snapshot::Snapshot;

/// What is wrong with the Service that an endpoint names, seen from a namespace. Hosts that may be outside the cluster are
/// not judged.
pub(crate) fn review(url: &str, from: &str, snapshot: &Snapshot) -> Option<EndpointFinding> {
    let endpoint = Endpoint::parse(url)?;
    let (namespace, name) = endpoint.service(from)?;
    let service = format!("{namespace}/{name}");
    let port = endpoint.port_or_default();
    match snapshot.services.known(namespace, name)? {
        Some(ports) if !ports.is_empty() && !ports.contains(&port) => {
            Some(EndpointFinding::EndpointPortNotServed { service, port, ports: ports.clone() })
        }
        Some(_) => None,
        None if !endpoint.is_of_cluster() && snapshot.namespace(namespace).is_none() => None,
        None => {
            let candidates = candidates(namespace, name, port, snapshot);
            Some(EndpointFinding::EndpointServiceMissing { service, candidates })
        }
    }
}

/// The hosts of Services that may have been meant, most likely first: they have the port and nearly the name. A Collector of
/// the OpenTelemetry Operator has a Service that is called like it and `-collector`.
fn candidates(namespace: &str, name: &str, port: u16, snapshot: &Snapshot) -> Vec<String> {
    let near = |(place, known, ports): (&str, &str, &Vec<u16>)| {
        let likeness = strsim::jaro_winkler(known, name);
        let is_near = likeness > 0.8 && (ports.is_empty() || ports.contains(&port));
        is_near.then(|| (likeness, place == namespace, host(known, place)))
    };
    let mut near: Vec<_> = snapshot.services.entries().filter_map(near).collect();
    near.sort_by(|(a, a_local, a_host), (b, b_local, b_host)| {
        b.total_cmp(a).then_with(|| b_local.cmp(a_local)).then_with(|| a_host.cmp(b_host))
    });
    near.into_iter().map(|(.., host)| host).take(3).collect()
}

/// The namespace of the Service that a host without one names: the given one if it is there or nowhere, or else the first
/// that has one.
pub(crate) fn namespace_of<'a>(host: &str, here: &'a str, snapshot: &'a Snapshot) -> &'a str {
    if snapshot.services.get(here, host).is_some() {
        return here;
    }
    let mut named = snapshot.services.entries().filter(|(_, name, _)| *name == host);
    named.next().map_or(here, |(namespace, ..)| namespace)
}

/// The name of a Service in DNS: <https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/>.
pub(crate) fn host(name: &str, namespace: &str) -> String {
    format!("{name}.{namespace}.svc.cluster.local")
}

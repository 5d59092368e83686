//! Whether anybody listens where an endpoint says, as far as the cluster shows it.

use crate::endpoint::Endpoint;
use crate::finding::EndpointFinding;
use crate::snapshot::Snapshot;
use crate::spelling::distance;

/// What is wrong with the Service that an endpoint names, seen from a namespace. Hosts that may be outside the cluster are
/// not judged.
pub(crate) fn review(url: &str, from: &str, snapshot: &Snapshot) -> Option<EndpointFinding> {
    let endpoint = Endpoint::parse(url)?;
    let candidates_of_host = misspelt(endpoint.host, snapshot);
    if !candidates_of_host.is_empty() {
        let service = endpoint.host.to_owned();
        return Some(EndpointFinding::EndpointServiceMissing { service, candidates: candidates_of_host });
    }
    let (namespace, name) = endpoint.service(from)?;
    let service = format!("{namespace}/{name}");
    let port = endpoint.port_or_default();
    let Some(known) = snapshot.services.known(namespace, name) else {
        // Manifests do not show all Services, but one beside it whose name a slip makes of this one tells enough, or the same
        // one in another namespace and nowhere else.
        let is_near = |host: &String| {
            let (known, place) = host.split_once('.').unwrap_or((host, ""));
            place.split('.').next() == Some(namespace) && is_slip(name, known)
        };
        let mut candidates = candidates(namespace, name, port, snapshot);
        let same: Vec<_> =
            candidates.iter().filter(|host| host.split('.').next() == Some(name)).cloned().collect();
        candidates.retain(is_near);
        if candidates.is_empty() && same.len() == 1 && !name.is_empty() && endpoint.port.is_some() {
            candidates = same;
        }
        let is_meant = !candidates.is_empty();
        return is_meant.then_some(EndpointFinding::EndpointServiceMissing { service, candidates });
    };
    match known {
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

/// The hosts of known Services that a host was meant to be, where what is wrong is not a name: something between or after the
/// names is misspelt or missing, or the names stand in the other order. Clusters may have domains of their own.
fn misspelt(host: &str, snapshot: &Snapshot) -> Vec<String> {
    const DOMAIN: &str = "svc.cluster.local";
    let services = &snapshot.services;
    let known =
        |name: &str, namespace: &str| services.get(namespace, name).map(|_| self::host(name, namespace));
    let mut labels = host.trim_end_matches('.').splitn(3, '.');
    let (Some(name), Some(namespace), rest) = (labels.next(), labels.next(), labels.next()) else {
        return Vec::new();
    };
    let rest = rest.unwrap_or_default();
    if namespace == "svc" {
        // Without a namespace.
        let is_it = |(place, known, _): (&str, &str, _)| (known == name).then(|| self::host(name, place));
        let is_left_out = rest == "cluster.local" && known(name, namespace).is_none();
        return services.entries().filter(|_| is_left_out).filter_map(is_it).take(3).collect();
    }
    let is_short_of = ["cluster.local", "svc.local", "svc.cluster", "local"].contains(&rest);
    let is_meant = is_short_of || (rest != DOMAIN && rest.contains('.') && is_slip(rest, DOMAIN));
    let swapped = || known(namespace, name).filter(|_| ["", "svc", DOMAIN].contains(&rest));
    let found = match known(name, namespace) {
        Some(host) => Some(host).filter(|_| is_meant),
        None => swapped(),
    };
    found.into_iter().collect()
}

/// Whether a name is another one misspelt, or that of a Collector without the end that its Service has.
fn is_slip(name: &str, known: &str) -> bool {
    let without_digits =
        |name: &str| name.chars().filter(|letter| !letter.is_ascii_digit()).collect::<String>();
    let allowed = if name.len() < 6 { 1 } else { 2 };
    let is_misspelt = distance(name, known, allowed).is_some();
    // What differs in its number is another one.
    let is_other = name != known && without_digits(name) == without_digits(known);
    let has_end = |name: &str, known: &str| name.strip_suffix("-collector") == Some(known);
    let has_end_twice = has_end(name, known) && known.ends_with("-collector");
    (is_misspelt && !is_other) || has_end(known, name) || has_end_twice
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_is_misspelt_beside_its_names_is_told() {
        let mut snapshot = Snapshot::default();
        snapshot.services.insert("obs".into(), "otel-collector".into(), vec![4318]);
        let told = |host: &str| misspelt(host, &snapshot);
        let tails =
            ["svc.cluser.local", "scv.cluster.local", "svc.cluster.locl", "cluster.local", "svc.local"];
        let hosts = tails.map(|tail| format!("otel-collector.obs.{tail}"));
        let others = ["otel-collector.svc.cluster.local", "obs.otel-collector.svc.cluster.local"];
        for host in hosts.iter().map(String::as_str).chain(others) {
            assert_eq!(told(host), ["otel-collector.obs.svc.cluster.local"], "{host}");
        }
        for host in [
            "otel-collector",
            "otel-collector.obs",
            "otel-collector.obs.svc",
            "otel-collector.obs.svc.cluster.local.",
            "otel-collector.obs.svc.corp.internal",
            "otel-collector.obs.svc.cluster2.local",
            "otel-collector.example.com",
            "other.obs.svc.cluser.local",
        ] {
            assert_eq!(told(host), [""; 0], "{host}");
        }
    }

    #[test]
    fn a_slip_is_told_from_another_name() {
        for (name, known) in [
            ("otel-colector", "otel-collector"),
            ("otel", "otel-collector"),
            ("temop", "tempo"),
            ("otel-collector-collector", "otel-collector"),
        ] {
            assert!(is_slip(name, known), "{name} is {known}");
        }
        for (name, known) in [("tempo", "tempo-query"), ("otel-1", "otel-2"), ("loki", "jaeger"), ("a", "bc")]
        {
            assert!(!is_slip(name, known), "{name} is not {known}");
        }
    }
}

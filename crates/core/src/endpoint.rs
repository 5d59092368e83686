//! The parts of an OTLP endpoint that decide whether telemetry arrives.

use std::net::IpAddr;

use crate::json::is_open;

/// The registered port of OTLP over gRPC: <https://opentelemetry.io/docs/specs/otlp/#otlpgrpc-default-port>.
pub const GRPC_PORT: u16 = 4317;
/// The registered port of OTLP over HTTP: <https://opentelemetry.io/docs/specs/otlp/#otlphttp-default-port>.
pub const HTTP_PORT: u16 = 4318;

/// A URL, as far as it matters: <https://opentelemetry.io/docs/specs/otel/protocol/exporter/#endpoint-urls-for-otlphttp>.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Endpoint<'a> {
    pub(crate) https: bool,
    pub(crate) host: &'a str,
    pub(crate) port: Option<u16>,
    /// From its slash to the query; empty where there is none.
    pub(crate) path: &'a str,
}

impl<'a> Endpoint<'a> {
    /// Reads a URL; `None` for text without `http://` or `https://`, without a host, with a host that cannot be one, or with a
    /// port that is no number.
    pub(crate) fn parse(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let https = scheme.eq_ignore_ascii_case("https");
        if !https && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        let url = rest.split(['?', '#']).next()?;
        let (authority, path) = url.split_at(url.find('/').unwrap_or(url.len()));
        let authority = authority.rsplit('@').next()?;
        let (host, port) = if let Some(address) = authority.strip_prefix('[') {
            let (host, rest) = address.split_once(']')?;
            (host, rest.strip_prefix(':'))
        } else {
            authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)))
        };
        let port = match port {
            // A reference such as $(PORT) is resolved in the pod.
            Some(port) if port.contains("$(") => None,
            Some(port) => Some(port.parse().ok()?),
            None => None,
        };
        let is_allowed = |letter: char| letter.is_alphanumeric() || "-._:%".contains(letter);
        // What is yet to be filled in may become anything.
        let is_host = !host.is_empty() && (is_open(host) || host.chars().all(is_allowed));
        is_host.then_some(Self { https, host, port, path })
    }

    /// The URL that a text was meant to be, if it is one but for its scheme, for spaces around it, or for what stands before its
    /// port.
    pub(crate) fn mend(text: &str) -> Option<String> {
        let text = text.trim();
        let (scheme, rest) = match text.split_once(':') {
            Some((scheme, rest)) if rest.starts_with('/') => (scheme, rest),
            _ => ("", text),
        };
        let scheme = if scheme.eq_ignore_ascii_case("https") { "https" } else { "http" };
        let rest = rest.trim_start_matches('/').replace("::", ":");
        let mended = format!("{scheme}://{}", if rest.contains('[') { rest } else { rest.replace(',', ":") });
        Endpoint::parse(&mended).is_some().then_some(mended)
    }

    pub(crate) fn port_or_default(&self) -> u16 {
        self.port.unwrap_or(if self.https { 443 } else { 80 })
    }

    /// The URL that was parsed, with another port in place of the one that it has.
    pub(crate) fn with_port(&self, url: &str, port: u16) -> Option<String> {
        let start = url.find("://")? + 3;
        let end = url.get(start..)?.find(['/', '?', '#']).map_or(url.len(), |length| start + length);
        let colon = url.get(..end)?.rfind(':').filter(|_| self.port.is_some())?;
        Some(format!("{}:{port}{}", url.get(..colon)?, url.get(end..)?))
    }

    /// Whether it is the pod itself.
    pub(crate) fn is_local(&self) -> bool {
        matches!(self.host, "localhost" | "::1" | "0.0.0.0") || self.host.starts_with("127.")
    }

    /// Whether the host is a name that is found only within one namespace.
    pub(crate) fn is_short(&self) -> bool {
        !self.host.contains(['.', ':', '$'])
    }

    /// Whether the host is surely the name of a Service: one without a namespace, or one that says `svc`.
    pub(crate) fn is_of_cluster(&self) -> bool {
        self.is_short() || self.host.split('.').nth(2) == Some("svc")
    }

    /// Whether the host is surely in the cluster or a network of its own, where no public authority vouches for anybody.
    pub(crate) fn is_private(&self) -> bool {
        match self.host.parse() {
            Ok(IpAddr::V4(address)) => {
                let [first, second, ..] = address.octets();
                // <https://www.rfc-editor.org/rfc/rfc6598>, from which some clouds give addresses to pods.
                let is_shared = first == 100 && (64..128).contains(&second);
                address.is_private() || address.is_loopback() || is_shared
            }
            Ok(IpAddr::V6(address)) => address.is_unique_local() || address.is_loopback(),
            // A pod of a StatefulSet has a label more.
            Err(_) => self.is_short() || self.host.split('.').skip(2).take(2).any(|label| label == "svc"),
        }
    }

    /// Namespace and name of the Service that the host names, seen from a namespace:
    /// <https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/>.
    pub(crate) fn service(&self, from: &'a str) -> Option<(&'a str, &'a str)> {
        if self.host.contains(['$', ':']) || self.host.parse::<IpAddr>().is_ok() {
            return None;
        }
        let mut labels = self.host.trim_end_matches('.').split('.');
        let (name, namespace, rest) = (labels.next()?, labels.next(), labels.next());
        match (namespace, rest) {
            (None, _) => Some((from, name)),
            (Some(namespace), None | Some("svc")) => Some((namespace, name)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn reads_host_and_port() {
        for (url, host, port) in [
            ("http://a.b:4318", "a.b", Some(4318)),
            ("https://a/v1?x#y", "a", None),
            ("http://[::1]:4317", "::1", Some(4317)),
            ("http://user@a:1", "a", Some(1)),
            ("http://$(OTEL_NODE_IP):4318", "$(OTEL_NODE_IP)", Some(4318)),
            ("http://a:$(PORT)", "a", None),
            ("HTTP://a:1", "a", Some(1)),
            ("http://{{ .Release.Name }}-c:1", "{{ .Release.Name }}-c", Some(1)),
        ] {
            let endpoint = Endpoint::parse(url).unwrap();
            assert_eq!((endpoint.host, endpoint.port), (host, port), "{url}");
        }
        let path = |url| Endpoint::parse(url).unwrap().path;
        assert_eq!(["http://a", "http://a?/b", "http://a/b/?c#d"].map(path), ["", "", "/b/"]);
        let none = ["", "a:4318", "grpc://a", "http://", "http://:1", "http://a:x", "http://a:99999"];
        for url in none.into_iter().chain(["http://a,4318", "http://<collector>.b:4318", "http://a b"]) {
            assert_eq!(Endpoint::parse(url), None, "{url}");
        }
    }

    #[test]
    fn what_was_meant_to_be_a_url_is_mended() {
        let texts = ["a.b:4318", " http://a.b:4318 ", "http:/a.b:4318", "//a.b:4318", "grpc://a.b:4318"];
        for text in texts.into_iter().chain(["http://a.b::4318", "http://a.b,4318"]) {
            assert_eq!(Endpoint::mend(text).as_deref(), Some("http://a.b:4318"), "{text}");
        }
        assert_eq!(Endpoint::mend("HTTPS:/a.b").as_deref(), Some("https://a.b"));
        for text in ["", "http://<collector>:4318", "http://a b"] {
            assert_eq!(Endpoint::mend(text), None, "{text}");
        }
    }

    #[test]
    fn changes_only_the_port() {
        for (url, expected) in [
            ("http://a.b:4317", Some("http://a.b:4318")),
            ("https://u@a:4317/v1/x?y#z", Some("https://u@a:4318/v1/x?y#z")),
            ("http://[::1]:4317/", Some("http://[::1]:4318/")),
            ("http://a/b:1", None),
        ] {
            assert_eq!(Endpoint::parse(url).unwrap().with_port(url, 4318).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn finds_the_service() {
        for (host, service) in [
            ("c", Some(("here", "c"))),
            ("c.obs", Some(("obs", "c"))),
            ("c.obs.svc", Some(("obs", "c"))),
            ("c.obs.svc.cluster.local", Some(("obs", "c"))),
            ("otlp.example.com", None),
            ("10.0.0.1", None),
            ("$(OTEL_NODE_IP)", None),
        ] {
            assert_eq!(
                Endpoint::parse(&format!("http://{host}")).unwrap().service("here"),
                service,
                "{host}"
            );
        }
    }
}

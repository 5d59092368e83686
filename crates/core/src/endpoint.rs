//! The parts of an OTLP endpoint that decide whether telemetry arrives.

/// The registered port of OTLP over gRPC: <https://opentelemetry.io/docs/specs/otlp/#otlpgrpc-default-port>.
pub(crate) const GRPC_PORT: u16 = 4317;
/// The registered port of OTLP over HTTP: <https://opentelemetry.io/docs/specs/otlp/#otlphttp-default-port>.
pub(crate) const HTTP_PORT: u16 = 4318;

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
    /// Reads a URL; `None` for text without `http://` or `https://`, without a host, or with a port that is no number.
    pub(crate) fn parse(url: &'a str) -> Option<Self> {
        let (https, rest) = match url.split_once("://")? {
            ("http", rest) => (false, rest),
            ("https", rest) => (true, rest),
            _ => return None,
        };
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
        (!host.is_empty()).then_some(Self { https, host, port, path })
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

    /// The path of a single signal, which agents append by themselves:
    /// <https://opentelemetry.io/docs/specs/otel/protocol/exporter/#endpoint-urls-for-otlphttp>.
    pub(crate) fn signal_path(url: &str) -> Option<&'static str> {
        let path = url.trim_end_matches('/');
        ["/v1/traces", "/v1/metrics", "/v1/logs"].into_iter().find(|signal| path.ends_with(signal))
    }

    /// Namespace and name of the Service that the host names, seen from a namespace:
    /// <https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/>.
    pub(crate) fn service(&self, from: &'a str) -> Option<(&'a str, &'a str)> {
        if self.host.contains(['$', ':']) || self.host.parse::<std::net::IpAddr>().is_ok() {
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
        ] {
            let endpoint = Endpoint::parse(url).unwrap();
            assert_eq!((endpoint.host, endpoint.port), (host, port), "{url}");
        }
        let path = |url| Endpoint::parse(url).unwrap().path;
        assert_eq!(["http://a", "http://a?/b", "http://a/b/?c#d"].map(path), ["", "", "/b/"]);
        for url in ["", "a:4318", "grpc://a", "http://", "http://:1", "http://a:x", "http://a:99999"] {
            assert_eq!(Endpoint::parse(url), None, "{url}");
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

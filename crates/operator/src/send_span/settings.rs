//! Where and how to send, by the rules of
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>.

use std::fmt;

use http::Uri;
use http::uri::Authority;
use ingraft_core::finding::Fault;

/// Where and how to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The protocol.
    pub protocol: Protocol,
    /// Whether TLS is spoken.
    pub tls: bool,
    /// The host, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Host and port as they are sent.
    pub authority: String,
    /// The path, and the query if there is one.
    pub path: String,
    /// Headers, or metadata of gRPC.
    pub headers: Vec<(String, String)>,
    /// The file with the authorities that are trusted, if one is named.
    pub certificate: Option<String>,
    /// The file with the certificate that is shown, if one is named.
    pub client_certificate: Option<String>,
    /// The file with its key, if one is named.
    pub client_key: Option<String>,
}

/// The protocols of OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `grpc`
    Grpc,
    /// `http/protobuf`
    HttpProtobuf,
    /// `http/json`
    HttpJson,
}

impl Protocol {
    fn parse(text: &str) -> Option<Self> {
        [Self::Grpc, Self::HttpProtobuf, Self::HttpJson].into_iter().find(|known| known.as_str() == text)
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::HttpProtobuf => "http/protobuf",
            Self::HttpJson => "http/json",
        }
    }
}

/// The method that takes traces: <https://opentelemetry.io/docs/specs/otlp/#otlpgrpc-request>.
const METHOD: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// Where traces are taken below a general endpoint.
const SIGNAL: &str = "v1/traces";

/// Without credentials, which people write before the host or into headers.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        let path = if self.protocol == Protocol::Grpc {
            ""
        } else {
            self.path.split('?').next().unwrap_or_default()
        };
        write!(f, "{scheme}://{}{path} {}", self.authority, self.protocol.as_str())
    }
}

impl Settings {
    /// Reads the variables, those for traces first. `otherwise` is the protocol where none is set.
    pub fn read(read: &impl Fn(&str) -> Option<String>, otherwise: &str) -> Result<Self, Fault> {
        let general = |name: &str| read(&format!("OTEL_EXPORTER_OTLP_{name}"));
        let of_traces = |name: &str| read(&format!("OTEL_EXPORTER_OTLP_TRACES_{name}"));
        let either = |name: &str| of_traces(name).or_else(|| general(name));
        let own = of_traces("ENDPOINT");
        let is_own = own.is_some();
        let url = own.or_else(|| general("ENDPOINT"));
        let by_port = || {
            let is_grpc = url.as_deref().is_some_and(|url| url.trim_end_matches('/').ends_with(":4317"));
            if is_grpc { Protocol::Grpc } else { Protocol::HttpProtobuf }
        };
        let protocol = match (either("PROTOCOL"), otherwise) {
            (Some(text), _) => {
                let text = text.trim().to_owned();
                Protocol::parse(&text).ok_or(Fault::ProtocolUnknown { text })?
            }
            (None, "port") => by_port(),
            (None, otherwise) => Protocol::parse(otherwise).unwrap_or_else(by_port),
        };
        let default =
            if protocol == Protocol::Grpc { "http://localhost:4317" } else { "http://localhost:4318" };
        let url = url.unwrap_or_else(|| default.to_owned());
        let is_insecure = either("INSECURE").is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let parts = Parts::of(url.trim(), protocol, is_insecure);
        let Parts { tls, authority, path, query } =
            parts.ok_or_else(|| Fault::NotAUrl { text: without_credentials(&url) })?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(match (protocol, tls) {
            (Protocol::Grpc, _) => 4317,
            (_, true) => 443,
            (_, false) => 80,
        });
        let authority = authority.as_str().rsplit('@').next().unwrap_or_default().to_owned();
        let path = if is_own { path } else { format!("{}/{SIGNAL}", path.trim_end_matches('/')) };
        let path = match (protocol, query) {
            (Protocol::Grpc, _) => METHOD.to_owned(),
            (_, Some(query)) => format!("{path}?{query}"),
            (_, None) => path,
        };
        Ok(Self {
            protocol,
            tls,
            host,
            port,
            authority,
            path,
            headers: headers(&either("HEADERS").unwrap_or_default()),
            certificate: either("CERTIFICATE"),
            client_certificate: either("CLIENT_CERTIFICATE"),
            client_key: either("CLIENT_KEY"),
        })
    }
}

/// The parts of an endpoint.
struct Parts {
    tls: bool,
    authority: Authority,
    path: String,
    query: Option<String>,
}

impl Parts {
    /// Takes an endpoint apart. Only with gRPC the scheme may be missing; then another variable says whether TLS is spoken.
    fn of(url: &str, protocol: Protocol, is_insecure: bool) -> Option<Self> {
        let (tls, rest) = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            None if protocol == Protocol::Grpc => (!is_insecure, url),
            _ => return None,
        };
        let uri: Uri = format!("http://{}", rest.split('#').next()?).parse().ok()?;
        let authority = uri.authority().filter(|authority| !authority.host().is_empty())?.clone();
        // A port that is none is not told as one.
        let behind = authority.as_str().rsplit('@').next()?.strip_prefix(authority.host())?;
        let is_port = behind.is_empty() || authority.port_u16().is_some();
        let (path, query) = (uri.path().to_owned(), uri.query().map(str::to_owned));
        is_port.then_some(Self { tls, authority, path, query })
    }
}

/// A text that may be a URL, as it may be shown.
fn without_credentials(url: &str) -> String {
    match url.split_once("://").zip(url.rsplit_once('@')) {
        Some(((scheme, _), (_, rest))) => format!("{scheme}://{rest}"),
        None => url.to_owned(),
    }
}

/// Pairs as in `a=b,c=d`, whose values are percent-encoded:
/// <https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables>.
pub fn headers(text: &str) -> Vec<(String, String)> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    let pairs = pairs.map(|(key, value)| (key.trim().to_ascii_lowercase(), decoded(value.trim())));
    pairs.filter(|(key, _)| !key.is_empty()).collect()
}

/// A text without its percent-encoding; as it is where that is none.
pub fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let digits = more.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| *first == b'%');
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { more.get(2..).unwrap_or_default() } else { more };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)], otherwise: &str) -> Result<Settings, Fault> {
        let value = |name: &str| {
            let found = variables.iter().find(|(known, _)| format!("OTEL_EXPORTER_OTLP_{known}") == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Settings::read(&value, otherwise)
    }

    #[test]
    fn what_is_set_for_traces_wins_and_is_used_as_it_is() {
        let http = "http/protobuf";
        for (variables, otherwise, expected) in [
            (&[][..], http, "http://localhost:4318/v1/traces http/protobuf"),
            (&[], "grpc", "http://localhost:4317 grpc"),
            (&[("ENDPOINT", "http://c:4318")], http, "http://c:4318/v1/traces http/protobuf"),
            (&[("ENDPOINT", "http://c:4318/a/")], http, "http://c:4318/a/v1/traces http/protobuf"),
            (
                &[("ENDPOINT", "http://c:4318"), ("TRACES_ENDPOINT", "http://d:1")],
                http,
                "http://d:1/ http/protobuf",
            ),
            (&[("TRACES_ENDPOINT", "http://d:1/x")], http, "http://d:1/x http/protobuf"),
            (&[("ENDPOINT", "https://user:pw@c?key=1")], http, "https://c/v1/traces http/protobuf"),
            (&[("ENDPOINT", "http://c:4317"), ("PROTOCOL", "grpc")], http, "http://c:4317 grpc"),
            (
                &[("PROTOCOL", "grpc"), ("TRACES_PROTOCOL", "http/json")],
                http,
                "http://localhost:4318/v1/traces http/json",
            ),
            (&[("ENDPOINT", "http://c:4317")], "port", "http://c:4317 grpc"),
            (&[("ENDPOINT", "http://c:4318")], "port", "http://c:4318/v1/traces http/protobuf"),
            (&[("ENDPOINT", "c:4317")], "grpc", "https://c:4317 grpc"),
            (&[("ENDPOINT", "c:4317"), ("INSECURE", "True")], "grpc", "http://c:4317 grpc"),
            (&[("ENDPOINT", "HTTP://[fd00::1]:4317/")], "grpc", "http://[fd00::1]:4317 grpc"),
        ] {
            assert_eq!(read(variables, otherwise).unwrap().to_string(), expected);
        }
        let settings = read(&[("ENDPOINT", "https://u@[fd00::1]")], http).unwrap();
        assert_eq!((settings.host.as_str(), settings.port), ("fd00::1", 443));
    }

    #[test]
    fn what_is_wrong_is_told_without_credentials() {
        for url in ["c:4318", "ftp://c", "http://", "http://a b", "http://c:99999"] {
            assert_eq!(
                read(&[("ENDPOINT", url)], "http/protobuf"),
                Err(Fault::NotAUrl { text: url.to_owned() })
            );
        }
        let told = read(&[("ENDPOINT", "ftp://user:pw@c")], "http/protobuf");
        assert_eq!(told, Err(Fault::NotAUrl { text: "ftp://c".to_owned() }));
        let odd = Fault::ProtocolUnknown { text: "http".to_owned() };
        assert_eq!(read(&[("PROTOCOL", "http")], "grpc"), Err(odd));
    }

    #[test]
    fn headers_are_decoded() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            headers("Authorization=Bearer%20a%2Cb, x = 1=2 ,=3,y,z=50%"),
            [pair("authorization", "Bearer a,b"), pair("x", "1=2"), pair("z", "50%")]
        );
    }
}

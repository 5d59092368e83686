//! Where telemetry goes: endpoint, protocol and TLS material (docs/reference/exporter.md).

use std::borrow::Cow;

use ingraft_api::instrumentation::Tls;
use ingraft_api::{InstrumentationSpec, Language};
use serde_json::{Value, json};

use super::draft::Draft;
use super::env::{Current, Env};
use super::language_context::LanguageContext;
use super::profile::OtlpProtocols;
use super::target::Target;
use super::valid;
use crate::endpoint::{Endpoint, GRPC_PORT, HTTP_PORT};
use crate::environment::Presence;
use crate::finding::{EndpointFinding, Reason, Taken};
use crate::json::{string, string_at};

pub(crate) const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
pub(crate) const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";

/// The variables that say with what each signal is sent; `otlp` where nothing does.
pub(crate) const EXPORTERS: [&str; 3] =
    ["OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"];

/// What is set for a single signal: <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signal {
    pub(crate) endpoint: &'static str,
    pub(crate) protocol: &'static str,
    /// The path at which Collectors take it over HTTP.
    path: &'static str,
}

pub(crate) const SIGNALS: [Signal; 3] = [
    Signal {
        endpoint: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        protocol: "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        path: "/v1/traces",
    },
    Signal {
        endpoint: "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        protocol: "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
        path: "/v1/metrics",
    },
    Signal {
        endpoint: "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
        protocol: "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL",
        path: "/v1/logs",
    },
];

/// The path of a single signal at the end of a URL, which agents append by themselves:
/// <https://opentelemetry.io/docs/specs/otel/protocol/exporter/#endpoint-urls-for-otlphttp>.
pub(crate) fn signal_path(url: &str) -> Option<&'static str> {
    let path = url.trim_end_matches('/');
    SIGNALS.iter().map(|signal| signal.path).find(|signal| path.ends_with(signal))
}

impl Signal {
    /// What is wrong with its endpoint where it goes over HTTP, unless the port is wrong first. It is used as it is:
    /// <https://opentelemetry.io/docs/specs/otel/protocol/exporter/#endpoint-urls-for-otlphttp>.
    pub(crate) fn review_path(&self, url: &str) -> Option<EndpointFinding> {
        self.missing_path(url).map(|path| EndpointFinding::SignalPathMissing {
            variable: self.endpoint,
            endpoint: url.to_owned(),
            path,
        })
    }

    /// The path that is missing in a URL.
    pub(crate) fn missing_path(&self, url: &str) -> Option<&'static str> {
        let endpoint = Endpoint::parse(url)?;
        // What a reference at the end stands for may have a path.
        let is_bare = matches!(endpoint.path, "" | "/") && !url.ends_with(')');
        (is_bare && endpoint.port != Some(GRPC_PORT)).then_some(self.path)
    }
}

impl OtlpProtocols {
    /// The port that does not fit, and the one that would, where only one protocol can be sent.
    pub(crate) const fn ports(self) -> Option<(u16, u16)> {
        match self {
            Self::Http => Some((GRPC_PORT, HTTP_PORT)),
            Self::Grpc => Some((HTTP_PORT, GRPC_PORT)),
            Self::HttpAndGrpc | Self::Unknown => None,
        }
    }

    /// What does not fit in the environment of a container: the protocol to the agent, or the port to the protocol.
    pub(crate) fn review(self, context: &LanguageContext<'_, '_>, env: &Env<'_>) -> Option<EndpointFinding> {
        let language = context.language();
        let is_known = context.is_known_to_send_http();
        let protocol = match (env.current(PROTOCOL), self) {
            (Current::Literal(protocol), _) => protocol,
            (Current::Unset, Self::Http | Self::HttpAndGrpc) if is_known => "http/protobuf",
            _ => return None,
        };
        if is_known && self.lacks(language, protocol) {
            let (variable, protocol) = (PROTOCOL, protocol.to_owned());
            return Some(EndpointFinding::ProtocolUnsupported { language, protocol, variable });
        }
        let Current::Literal(endpoint) = env.current(ENDPOINT) else {
            return None;
        };
        review_port(language, protocol == "grpc", endpoint)
    }

    /// Whether an agent refuses a protocol that others send. Those of Java and Python refuse OTLP in JSON and send nothing
    /// then; that of .NET sends its default.
    fn lacks(self, language: Language, protocol: &str) -> bool {
        match protocol {
            "grpc" => self == Self::Http,
            "http/json" => matches!(language, Language::Java | Language::Python),
            _ => false,
        }
    }

    /// What an agent cannot send of a single signal.
    pub(crate) fn review_protocol(
        self,
        context: &LanguageContext<'_, '_>,
        signal: Signal,
        env: &Env<'_>,
    ) -> Option<EndpointFinding> {
        let Current::Literal(protocol) = env.current(signal.protocol) else { return None };
        let (language, variable) = (context.language(), signal.protocol);
        (context.is_known_to_send_http() && self.lacks(language, protocol)).then(|| {
            EndpointFinding::ProtocolUnsupported { language, protocol: protocol.to_owned(), variable }
        })
    }

    /// What does not fit the endpoint of a single signal, where that goes over HTTP.
    pub(crate) fn review_signal(
        self,
        context: &LanguageContext<'_, '_>,
        signal: Signal,
        env: &Env<'_>,
    ) -> Option<EndpointFinding> {
        let Current::Literal(url) = env.current(signal.endpoint) else { return None };
        let is_http = match (env.current(signal.protocol), env.current(PROTOCOL)) {
            (Current::Literal(protocol), _) | (Current::Unset, Current::Literal(protocol)) => {
                protocol.starts_with("http/")
            }
            (Current::Unset, Current::Unset) => {
                matches!(self, Self::Http | Self::HttpAndGrpc) && context.is_known_to_send_http()
            }
            _ => false,
        };
        let reason = || review_port(context.language(), false, url).or_else(|| signal.review_path(url));
        is_http.then(reason).flatten()
    }
}

/// What does not fit between an endpoint and what is sent there.
pub(crate) fn review_port(language: Language, grpc: bool, endpoint: &str) -> Option<EndpointFinding> {
    let port = Endpoint::parse(endpoint)?.port?;
    match (grpc, port) {
        (false, GRPC_PORT) => {
            Some(EndpointFinding::EndpointPortIsGrpc { language, endpoint: endpoint.to_owned() })
        }
        (true, HTTP_PORT) => {
            Some(EndpointFinding::EndpointPortIsHttp { language, endpoint: endpoint.to_owned() })
        }
        _ => None,
    }
}

/// The endpoint of an Instrumentation, if it names one.
pub(crate) fn endpoint(spec: &InstrumentationSpec) -> Option<&str> {
    set(spec.exporter.as_ref()?.endpoint.as_ref())
}

/// The endpoint with the port that fits the agent, where the given one does not and the Service behind it offers
/// the other.
pub(crate) fn corrected_endpoint(context: &LanguageContext<'_, '_>) -> Option<String> {
    let url = endpoint(context.spec())?;
    let (wrong, right) = context.profile.otlp.ports()?;
    let endpoint = Endpoint::parse(url)?;
    let (namespace, service) = endpoint.service(context.pod.namespace)?;
    let ports = context.pod.service_ports(namespace, service)?;
    if endpoint.port != Some(wrong) || !ports.contains(&right) {
        return None;
    }
    endpoint.with_port(url, right)
}

/// What is said about a corrected endpoint.
pub(crate) fn port_corrected(
    context: &LanguageContext<'_, '_>,
    endpoint: &str,
    corrected: String,
) -> EndpointFinding {
    EndpointFinding::EndpointPortCorrected {
        language: context.language(),
        endpoint: endpoint.to_owned(),
        corrected,
    }
}

/// What a container is told of where and how to send.
#[derive(Debug, Default)]
pub(crate) struct Outlet<'a> {
    endpoint: Option<Cow<'a, str>>,
    protocol: Option<&'static str>,
    /// Port or protocol fit only because of what is added here.
    pub(crate) fitted: Option<EndpointFinding>,
}

impl<'a> Outlet<'a> {
    /// The Instrumentation's endpoint, with port and protocol that fit the agent: but only where the container itself
    /// sets neither.
    pub(crate) fn of(context: &LanguageContext<'_, 'a>, target: &Target<'_>) -> Self {
        let Some(url) = endpoint(context.spec()) else {
            return Self::default();
        };
        let mut outlet = Self { endpoint: Some(url.into()), ..Self::default() };
        let decides = |variable| {
            target.env.is_set(variable)
                || context.pod.env_from_sets(target.container, variable) != Presence::No
        };
        let signals = SIGNALS.map(|signal| signal.endpoint);
        if [ENDPOINT, PROTOCOL].into_iter().chain(signals).any(decides) {
            return outlet;
        }
        if let Some(corrected) = corrected_endpoint(context) {
            outlet.fitted = Some(port_corrected(context, url, corrected.clone()));
            outlet.endpoint = Some(corrected.into());
        } else if context.profile.otlp == OtlpProtocols::HttpAndGrpc
            && Endpoint::parse(url).is_some_and(|endpoint| endpoint.port == Some(GRPC_PORT))
        {
            outlet.protocol = Some("grpc");
        }
        outlet
    }
}

/// Adds endpoint and protocol and, for TLS, certificate variables and mounts. Answers the path of a mount that is
/// taken.
pub(crate) fn add(
    spec: &InstrumentationSpec,
    outlet: Outlet<'_>,
    target: &mut Target<'_>,
) -> Result<(), String> {
    if let Some(endpoint) = outlet.endpoint {
        target.env.set_default(ENDPOINT, endpoint.as_ref());
    }
    if let Some(protocol) = outlet.protocol {
        target.env.set_default(PROTOCOL, protocol);
    }
    let Some(tls) = spec.tls() else {
        return Ok(());
    };
    let (secret, config_map) = objects(tls);
    let in_secret = format!("/otel-auto-instrumentation-secret-{}", secret.unwrap_or_default());
    let in_config_map = config_map.map(|name| format!("/otel-auto-instrumentation-configmap-{name}"));
    let ca_folder = in_config_map.as_ref().unwrap_or(&in_secret);
    for (variable, file, folder) in [
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", &tls.ca_file, ca_folder),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", &tls.cert_file, &in_secret),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", &tls.key_file, &in_secret),
    ] {
        match set(file.as_ref()) {
            Some(path) if path.starts_with('/') => target.env.set_default(variable, path),
            Some(key) => target.env.set_default(variable, format!("{folder}/{key}")),
            None => {}
        }
    }
    if let Some(name) = secret {
        target.mount(&volume_name("otel-auto-secret", name), &in_secret, true)?;
    }
    if let (Some(name), Some(folder)) = (config_map, &in_config_map) {
        target.mount(&volume_name("otel-auto-configmap", name), folder, true)?;
    }
    Ok(())
}

/// The Secret and the ConfigMap for TLS. A name that no object can have is none.
fn objects(tls: &Tls) -> (Option<&str>, Option<&str>) {
    let named = |name| set(name).filter(|name| valid::is_object_name(name));
    (named(tls.secret_name.as_ref()), named(tls.config_map_name.as_ref()))
}

/// The volumes for TLS material. They are optional: a pod starts even where its namespace lacks the Secret.
pub(crate) fn volumes(spec: &InstrumentationSpec) -> Vec<Value> {
    let Some(tls) = spec.tls() else {
        return Vec::new();
    };
    let (secret, config_map) = objects(tls);
    let secret = secret.map(|name| {
        json!({"name": volume_name("otel-auto-secret", name), "secret": {"secretName": name, "optional": true}})
    });
    let config_map = config_map.map(|name| {
        json!({"name": volume_name("otel-auto-configmap", name), "configMap": {"name": name, "optional": true}})
    });
    secret.into_iter().chain(config_map).collect()
}

/// A volume of TLS material whose name is that of another volume.
pub(crate) fn check_volumes(context: &LanguageContext<'_, '_>, draft: &Draft<'_>) -> Result<(), Reason> {
    let object = |volume: &Value| {
        ["/secret/secretName", "/configMap/name"].map(|field| string_at(volume, field).map(str::to_owned))
    };
    for volume in volumes(context.spec()) {
        let name = string(&volume, "name").unwrap_or_default();
        if draft.volume(name).is_some_and(|known| object(known) != object(&volume)) {
            return Err(context.taken(Taken::Volume, name));
        }
    }
    Ok(())
}

fn set(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

/// `prefix-name` as the name of a volume: at most 63 characters, cut at the end of the name, as the reference cuts it
/// (docs/reference/exporter.md 8). A name may hold dots, which a volume's name may not.
fn volume_name(prefix: &str, name: &str) -> String {
    let name = name.replace('.', "-");
    let room = 63usize.saturating_sub(prefix.len() + 1);
    let cut = name.char_indices().nth(room).and_then(|(end, _)| name.get(..end)).unwrap_or(&name);
    format!("{prefix}-{cut}").trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::volume_name;

    #[test]
    fn cuts_long_names_and_replaces_dots() {
        assert_eq!(volume_name("otel-auto-secret", "mtls"), "otel-auto-secret-mtls");
        assert_eq!(volume_name("otel-auto-secret", "a.b"), "otel-auto-secret-a-b");
        assert_eq!(volume_name("otel-auto-secret", &"x".repeat(80)).len(), 63);
    }
}

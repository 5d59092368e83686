//! Where telemetry goes, and how.

use ingraft_api::Language;

use super::{Locale, Text, list};

family! {
    /// Where telemetry goes, and how.
    EndpointFinding {
        /// Nothing says where telemetry goes.
        Warning: EndpointMissing {
            /// The container, unless it is about an Instrumentation by itself.
            container: Option<String>,
        },
        /// The port is the one for gRPC, and the agent sends HTTP.
        Warning: EndpointPortIsGrpc {
            /// The language.
            language: Language,
            /// The endpoint.
            endpoint: String,
        },
        /// The port is the one for HTTP, and the agent sends gRPC.
        Warning: EndpointPortIsHttp {
            /// The language.
            language: Language,
            /// The endpoint.
            endpoint: String,
        },
        /// The port did not fit the agent, and the Service offers the one that does.
        Info: EndpointPortCorrected {
            /// The language.
            language: Language,
            /// The endpoint of the Instrumentation.
            endpoint: String,
            /// The endpoint that the container got.
            corrected: String,
        },
        /// The agent cannot send in the protocol that is set.
        Warning: ProtocolUnsupported {
            /// The language.
            language: Language,
            /// The protocol.
            protocol: String,
        },
        /// The endpoint is not a URL.
        Warning: EndpointNotAUrl {
            /// The endpoint.
            endpoint: String,
        },
        /// The endpoint is the pod itself.
        Warning: EndpointIsLocal {
            /// The endpoint.
            endpoint: String,
        },
        /// The endpoint's host is found only from one namespace.
        Warning: EndpointWithoutNamespace {
            /// The host.
            host: String,
            /// The Instrumentation's namespace.
            namespace: String,
        },
        /// The Service has no such port.
        Warning: EndpointPortNotServed {
            /// The Service, as `namespace/name`.
            service: String,
            /// The port.
            port: u16,
            /// The ports that the Service has.
            ports: Vec<u16>,
        },
    }
}

impl EndpointFinding {
    pub(super) fn text(&self, _: Locale) -> Text {
        const SET_IT: &str = "set spec.exporter.endpoint to the Collector's Service, such as \
                              http://otel-collector.opentelemetry.svc.cluster.local:4318";
        match self {
            Self::EndpointMissing { container: None } => {
                Text::new("no endpoint is set: telemetry goes to localhost and is lost").help(SET_IT)
            }
            Self::EndpointMissing { container: Some(container) } => Text::new(format!(
                "no endpoint is set, so telemetry of container \"{container}\" goes to localhost and is lost"
            ))
            .help(SET_IT),
            Self::EndpointPortIsGrpc { language, endpoint } => {
                Text::new(format!("{language} sends OTLP over HTTP, but {endpoint} is the port for gRPC"))
                    .help("use port 4318 (Apache httpd and nginx need 4317)")
            }
            Self::EndpointPortIsHttp { language, endpoint } => {
                Text::new(format!("{language} sends OTLP over gRPC, but {endpoint} is the port for HTTP"))
                    .help("use the port for gRPC, usually 4317")
            }
            Self::EndpointPortCorrected { language, endpoint, corrected } => Text::new(format!(
                "{language} sends to {corrected}, because {endpoint} does not fit its protocol"
            ))
            .help(format!("write {corrected} in spec.exporter.endpoint, if no other language uses it")),
            Self::ProtocolUnsupported { language, protocol } => {
                Text::new(format!("{language} cannot send OTLP as \"{protocol}\""))
                    .help("set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf, and use port 4318")
            }
            Self::EndpointNotAUrl { endpoint } => {
                Text::new(format!("endpoint \"{endpoint}\" is no http:// or https:// URL")).help(SET_IT)
            }
            Self::EndpointIsLocal { endpoint } => {
                Text::new(format!("endpoint {endpoint} is the pod itself, where nobody listens")).help(SET_IT)
            }
            Self::EndpointWithoutNamespace { host, namespace } => Text::new(format!(
                "host \"{host}\" is found only by pods of the namespace that has this Service"
            ))
            .help(format!("write {host}.{namespace}.svc.cluster.local if the Service is in \"{namespace}\"")),
            Self::EndpointPortNotServed { service, port, ports } => {
                let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
                Text::new(format!("Service {service} does not serve port {port}"))
                    .help(format!("it serves {}", list(&ports)))
            }
        }
    }
}

//! Where telemetry goes, and how.

use ingraft_api::Language;

use super::{Locale, Said, Text, list};
use crate::endpoint::{GRPC_PORT, HTTP_PORT};

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
        /// The port of an Instrumentation is the one for gRPC, which some languages cannot send. Whether one of them uses
        /// it is not known when it is applied.
        Warning: EndpointPortNotForAll {
            /// The endpoint.
            endpoint: String,
            /// The languages that send only HTTP.
            http: Vec<Language>,
            /// The languages that send only gRPC.
            grpc: Vec<Language>,
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
            /// The variable that says so.
            variable: &'static str,
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
        /// The endpoint ends with the path of one signal, which agents append once more.
        Warning: EndpointHasSignalPath {
            /// The endpoint.
            endpoint: String,
            /// The path.
            path: &'static str,
        },
        /// The endpoint of a single signal has no path, and agents append none to it.
        Warning: SignalPathMissing {
            /// The variable.
            variable: &'static str,
            /// The endpoint.
            endpoint: String,
            /// The path of the signal.
            path: &'static str,
        }
            example "```yaml\napiVersion: opentelemetry.io/v1alpha1\nkind: Instrumentation\nmetadata:\n  name: base\nspec:\n  exporter:\n    endpoint: http://otel-collector.opentelemetry.svc.cluster.local:4318\n  env:\n  - name: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT\n    value: http://gateway.opentelemetry.svc.cluster.local:4318\n```\n\nTraces are posted to `/`, which a Collector answers with 404."
            fix "Write the whole URL:\n\n```yaml\n  - name: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT\n    value: http://gateway.opentelemetry.svc.cluster.local:4318/v1/traces\n```",
        /// The protocol is not one of OTLP.
        Warning: ProtocolUnknown {
            /// The protocol.
            protocol: String,
        },
        /// The port is that of another protocol than the one that is set.
        Warning: ProtocolNotOfPort {
            /// The protocol.
            protocol: String,
            /// The endpoint.
            endpoint: String,
            /// The port of the protocol.
            port: u16,
        },
        /// The Service that the endpoint names does not exist.
        Warning: EndpointServiceMissing {
            /// The Service, as `namespace/name`.
            service: String,
            /// The hosts of Services that may have been meant, most likely first.
            candidates: Vec<String>,
        }
            example "The Service of a Collector that the OpenTelemetry Operator runs is called like it, with `-collector` behind:\n\n```yaml\napiVersion: opentelemetry.io/v1alpha1\nkind: Instrumentation\nmetadata:\n  name: base\nspec:\n  exporter:\n    endpoint: http://otel.opentelemetry.svc.cluster.local:4318\n```"
            fix "Write the name of the Service that exists:\n\n```yaml\nspec:\n  exporter:\n    endpoint: http://otel-collector.opentelemetry.svc.cluster.local:4318\n```",
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
    /// Whether no telemetry can arrive as it is, whoever sends it.
    pub(crate) const fn loses_all(&self) -> bool {
        matches!(
            self,
            Self::EndpointMissing { .. }
                | Self::EndpointNotAUrl { .. }
                | Self::EndpointServiceMissing { .. }
                | Self::EndpointPortNotServed { .. }
        )
    }

    pub(super) fn text(&self, locale: Locale) -> Text {
        match self {
            Self::EndpointMissing { container: None } => Text::new(say!(
                locale,
                "no endpoint is set: telemetry goes to localhost and is lost",
                "no hay ningún endpoint definido: la telemetría va a localhost y se pierde",
            ))
            .help(set_endpoint(locale)),
            Self::EndpointMissing { container: Some(container) } => Text::new(say!(
                locale,
                "no endpoint is set, so telemetry of container \"{container}\" goes to localhost and is lost",
                "no hay ningún endpoint definido, así que la telemetría del contenedor \"{container}\" va a localhost y se pierde",
            ))
            .help(set_endpoint(locale)),
            Self::EndpointPortIsGrpc { language, endpoint } => Text::new(say!(
                locale,
                "{language} sends OTLP over HTTP, but {endpoint} uses the gRPC port",
                "{language} envía OTLP por HTTP, pero {endpoint} usa el puerto de gRPC",
            ))
            .help(say!(
                locale,
                "use port 4318 for {language}",
                "usa el puerto 4318 para {language}",
            )),
            Self::EndpointPortNotForAll { endpoint, http, grpc } => {
                let names =
                    |languages: &[Language]| list(&languages.iter().map(Language::to_string).collect::<Vec<_>>());
                let (http, grpc) = (names(http), names(grpc));
                Text::new(say!(
                    locale,
                    "{endpoint} uses the gRPC port, which does not work for {http}",
                    "{endpoint} usa el puerto de gRPC, que no sirve para {http}",
                ))
                .help(say!(
                    locale,
                    "keep port 4317 for {grpc}; use 4318 in an Instrumentation for {http}",
                    "deja el puerto 4317 para {grpc}; usa 4318 en una Instrumentation para {http}",
                ))
            }
            Self::EndpointPortIsHttp { language, endpoint } => Text::new(say!(
                locale,
                "{language} sends OTLP over gRPC, but {endpoint} uses the HTTP port",
                "{language} envía OTLP por gRPC, pero {endpoint} usa el puerto de HTTP",
            ))
            .help(say!(
                locale,
                "use the gRPC port, usually 4317, for {language}",
                "usa el puerto de gRPC, normalmente 4317, para {language}",
            )),
            Self::EndpointPortCorrected { language, endpoint, corrected } => Text::new(say!(
                locale,
                "{language} sends to {corrected}, because {endpoint} does not fit its protocol",
                "{language} envía a {corrected}, porque {endpoint} no corresponde a su protocolo",
            ))
            .help(say!(
                locale,
                "write {corrected} in spec.exporter.endpoint, if no other language uses it",
                "escribe {corrected} en spec.exporter.endpoint, si ningún otro lenguaje lo usa",
            )),
            Self::ProtocolUnsupported { language, protocol, variable } => Text::new(say!(
                locale,
                "{language} cannot send OTLP as \"{protocol}\"",
                "{language} no puede enviar OTLP como \"{protocol}\"",
            ))
            .help(say!(
                locale,
                "set {variable} to http/protobuf, and use port 4318",
                "define {variable} como http/protobuf y usa el puerto 4318",
            )),
            Self::EndpointNotAUrl { endpoint } => Text::new(say!(
                locale,
                "endpoint \"{endpoint}\" is not an http:// or https:// URL",
                "el endpoint \"{endpoint}\" no es una URL http:// o https://",
            ))
            .help(write_endpoint(locale)),
            Self::EndpointIsLocal { endpoint } => Text::new(say!(
                locale,
                "endpoint {endpoint} points to the pod itself, where nothing listens",
                "el endpoint {endpoint} apunta al propio pod, donde nadie escucha",
            ))
            .help(write_endpoint(locale)),
            Self::EndpointHasSignalPath { endpoint, path } => Text::new(say!(
                locale,
                "endpoint {endpoint} ends with {path}, which agents append again",
                "el endpoint {endpoint} termina en {path}, que los agentes añaden otra vez",
            ))
            .help(say!(locale, "remove {path}", "quita {path}")),
            Self::SignalPathMissing { variable, endpoint, path } => Text::new(say!(
                locale,
                "{variable} {endpoint} has no path, and agents append none to it",
                "{variable} {endpoint} no tiene ruta, y los agentes no le añaden ninguna",
            ))
            .help(say!(
                locale,
                "end it with {path}, or use OTEL_EXPORTER_OTLP_ENDPOINT",
                "termínalo en {path}, o usa OTEL_EXPORTER_OTLP_ENDPOINT",
            )),
            Self::ProtocolUnknown { protocol } => Text::new(say!(
                locale,
                "OTEL_EXPORTER_OTLP_PROTOCOL \"{protocol}\" is not a protocol of OTLP",
                "OTEL_EXPORTER_OTLP_PROTOCOL \"{protocol}\" no es un protocolo de OTLP",
            ))
            .help(say!(
                locale,
                "write http/protobuf or grpc",
                "escribe http/protobuf o grpc",
            )),
            Self::ProtocolNotOfPort { protocol, endpoint, port } => Text::new(say!(
                locale,
                "OTEL_EXPORTER_OTLP_PROTOCOL is {protocol}, which {endpoint} does not take at its port",
                "OTEL_EXPORTER_OTLP_PROTOCOL es {protocol}, que {endpoint} no acepta en su puerto",
            ))
            .help(say!(
                locale,
                "use port {port}, or remove OTEL_EXPORTER_OTLP_PROTOCOL",
                "usa el puerto {port}, o quita OTEL_EXPORTER_OTLP_PROTOCOL",
            )),
            Self::EndpointServiceMissing { service, candidates } => {
                let text = Text::new(say!(
                    locale,
                    "Service {service} does not exist yet, so telemetry is lost",
                    "el Service {service} todavía no existe, así que la telemetría se pierde",
                ));
                text.help(match candidates.first() {
                    Some(host) => say!(locale, "write {host}", "escribe {host}"),
                    None => say!(
                        locale,
                        "create it unless it follows, or see kubectl get service -A",
                        "créalo si no viene después, o mira kubectl get service -A",
                    ),
                })
            }
            Self::EndpointWithoutNamespace { host, namespace } => Text::new(say!(
                locale,
                "host \"{host}\" resolves only in the namespace of its Service",
                "el host \"{host}\" solo se resuelve en el espacio de nombres de su Service",
            ))
            .help(say!(
                locale,
                "write {host}.{namespace}.svc.cluster.local if the Service is in \"{namespace}\"",
                "escribe {host}.{namespace}.svc.cluster.local si el Service está en \"{namespace}\"",
            )),
            Self::EndpointPortNotServed { service, port, ports } => {
                // Who sends over HTTP cannot use that of gRPC.
                let of_same = ports.iter().filter(|known| *port != HTTP_PORT || **known != GRPC_PORT);
                let ports: Vec<String> = of_same.map(u16::to_string).collect();
                let is_one_of = !ports.is_empty();
                let ports = list(&ports);
                Text::new(say!(
                    locale,
                    "Service {service} does not serve port {port}",
                    "el Service {service} no ofrece el puerto {port}",
                ))
                .help(match *port {
                    HTTP_PORT if !is_one_of => say!(
                        locale,
                        "have it serve port {port} (OTLP over HTTP)",
                        "haz que ofrezca el puerto {port} (OTLP por HTTP)",
                    ),
                    HTTP_PORT => say!(
                        locale,
                        "have it serve port {port} (OTLP over HTTP), or use one of its ports: {ports}",
                        "haz que ofrezca el puerto {port} (OTLP por HTTP), o usa uno de sus puertos: {ports}",
                    ),
                    // Nobody has written it.
                    80 | 443 => say!(
                        locale,
                        "port {port} is used where none is written: write one of its ports: {ports}",
                        "se usa el puerto {port} donde no se escribe ninguno: escribe uno de sus puertos: {ports}",
                    ),
                    _ => say!(locale, "use one of its ports: {ports}", "usa uno de sus puertos: {ports}"),
                })
            }
        }
    }
}

fn set_endpoint(locale: Locale) -> Said {
    say!(
        locale,
        "set spec.exporter.endpoint, such as \
         http://otel-collector.opentelemetry.svc.cluster.local:4318",
        "define spec.exporter.endpoint, por ejemplo \
         http://otel-collector.opentelemetry.svc.cluster.local:4318",
    )
}

/// To write another one where it stands: in an Instrumentation, or in a variable.
fn write_endpoint(locale: Locale) -> Said {
    say!(
        locale,
        "write that of a Collector, such as \
         http://otel-collector.opentelemetry.svc.cluster.local:4318",
        "escribe el de un Collector, por ejemplo \
         http://otel-collector.opentelemetry.svc.cluster.local:4318",
    )
}

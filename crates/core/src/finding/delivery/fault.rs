//! What kept a span from being accepted, in words.

use super::super::reachability::{remedy, what_failed};
use super::super::{Locale, Said, Step};
use super::{Fault, Stage};

impl Fault {
    /// The word for programs.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Unreached(step) => step.as_str(),
            Self::TooSlow { .. } => "TimedOut",
            Self::ResolverFails => "ResolverFails",
            Self::PodItself => "PodItself",
            Self::NotAUrl { .. } => "NotAUrl",
            Self::ProtocolUnknown { .. } => "ProtocolUnknown",
            Self::File { .. } => "File",
            Self::Status { .. } => "Status",
            Self::Grpc { .. } => "GrpcStatus",
            Self::Rejected { .. } => "Rejected",
            Self::Broken { .. } => "Broken",
            Self::Other { .. } => "Other",
        }
    }

    pub(super) fn text(&self, endpoint: &str, locale: Locale) -> Said {
        match self {
            Self::Unreached(step) => what_failed(endpoint, Some(*step), locale),
            Self::TooSlow { stage: Stage::Resolve, seconds } => {
                say!(locale, "DNS does not answer within {seconds} s", "el DNS no responde en {seconds} s",)
            }
            Self::TooSlow { stage: Stage::Connect, seconds } => say!(
                locale,
                "{endpoint} takes no connection within {seconds} s",
                "{endpoint} no acepta ninguna conexión en {seconds} s",
            ),
            Self::TooSlow { seconds, .. } => say!(
                locale,
                "{endpoint} does not answer within {seconds} s",
                "{endpoint} no responde en {seconds} s",
            ),
            Self::ResolverFails => say!(
                locale,
                "DNS does not answer, or answers with an error",
                "el DNS no responde, o responde con un error",
            ),
            Self::PodItself => say!(
                locale,
                "{endpoint} is the pod itself, and this was another one than those of the workload",
                "{endpoint} es el propio pod, y este era otro que los de la carga de trabajo",
            ),
            Self::NotAUrl { text } => say!(locale, "{text:?} is not a URL", "{text:?} no es una URL"),
            Self::ProtocolUnknown { text } => {
                say!(locale, "OTLP has no protocol {text:?}", "OTLP no tiene ningún protocolo {text:?}",)
            }
            Self::File { path, why } => say!(
                locale,
                "the file {path} cannot be used for TLS: {why}",
                "el archivo {path} no se puede usar para TLS: {why}",
            ),
            Self::Status { status, said } if said.is_empty() => {
                say!(locale, "{endpoint} answers {status}", "{endpoint} responde {status}")
            }
            Self::Status { status, said } => {
                say!(locale, "{endpoint} answers {status}: {said}", "{endpoint} responde {status}: {said}")
            }
            Self::Grpc { status, said } => {
                let name = grpc_name(*status);
                say!(
                    locale,
                    "{endpoint} answers with the gRPC status {status} ({name}): {said}",
                    "{endpoint} responde con el estado gRPC {status} ({name}): {said}",
                )
            }
            Self::Rejected { said } => {
                say!(locale, "{endpoint} has rejected it: {said}", "{endpoint} lo ha rechazado: {said}")
            }
            Self::Broken { why } => say!(
                locale,
                "the connection to {endpoint} broke: {why}",
                "la conexión con {endpoint} se ha roto: {why}",
            ),
            Self::Other { said } => say!(locale, "{said}", "{said}"),
        }
    }

    pub(super) fn remedy(&self, locale: Locale) -> Said {
        match self {
            Self::Unreached(Step::NotFound) => say!(
                locale,
                "correct the path of the endpoint, or the port",
                "corrige la ruta del endpoint, o el puerto",
            ),
            Self::Unreached(step) => remedy(Some(*step), locale),
            Self::TooSlow { stage: Stage::Resolve, .. } | Self::ResolverFails => say!(
                locale,
                "see whether DNS works, and whether a NetworkPolicy lets pods ask it",
                "mira si el DNS funciona, y si una NetworkPolicy deja que los pods le pregunten",
            ),
            Self::TooSlow { .. } => remedy(Some(Step::TimedOut), locale),
            Self::PodItself => say!(
                locale,
                "send from a pod of the workload: --in-pod",
                "envía desde un pod de la carga de trabajo: --in-pod",
            ),
            Self::NotAUrl { .. } => say!(
                locale,
                "write the endpoint as http://HOST:PORT or https://HOST:PORT",
                "escribe el endpoint como http://HOST:PORT o https://HOST:PORT",
            ),
            Self::ProtocolUnknown { .. } => say!(
                locale,
                "write grpc, http/protobuf or http/json",
                "escribe grpc, http/protobuf o http/json",
            ),
            Self::File { .. } => say!(
                locale,
                "see spec.exporter.tls of the Instrumentation, and the Secret or ConfigMap that it names",
                "mira spec.exporter.tls de la Instrumentation, y el Secret o ConfigMap que nombra",
            ),
            Self::Status { status: 401 | 403, .. } | Self::Grpc { status: 7 | 16, .. } => say!(
                locale,
                "see OTEL_EXPORTER_OTLP_HEADERS, and who may send there",
                "mira OTEL_EXPORTER_OTLP_HEADERS, y quién puede enviar ahí",
            ),
            Self::Grpc { status: 12, .. } => say!(
                locale,
                "see whether it takes traces: a pipeline of the Collector needs the receiver otlp",
                "mira si acepta trazas: un pipeline del Collector necesita el receptor otlp",
            ),
            Self::Status { .. } | Self::Grpc { .. } | Self::Rejected { .. } | Self::Broken { .. } => {
                say!(locale, "see the log of what answers there", "mira el registro de quien responde ahí",)
            }
            Self::Other { .. } => say!(
                locale,
                "use ingraft and an operator of the same version",
                "usa ingraft y un operador de la misma versión",
            ),
        }
    }
}

/// The name of a status of gRPC: <https://github.com/grpc/grpc/blob/master/doc/statuscodes.md>.
fn grpc_name(status: u16) -> &'static str {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    NAMES.get(usize::from(status)).copied().unwrap_or("?")
}

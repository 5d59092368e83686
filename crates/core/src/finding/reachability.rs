//! What trying the endpoint of an Instrumentation has shown.

use super::{Locale, Said, Text};
use crate::endpoint_probe::Protocol;

family! {
    /// What trying the endpoint of an Instrumentation has shown.
    ReachabilityFinding {
        /// Nobody takes telemetry where an Instrumentation sends it, as seen from the operator.
        Warning: EndpointUnreachable {
            /// Host and port.
            endpoint: String,
            /// What failed; `None` where that is not for everybody who may write Instrumentations.
            step: Option<Step>,
        }
            example "The Service is there, and no pod of the Collector is ready: the connection is refused. The condition `EndpointReachable` of the Instrumentation names the step that failed: `NameNotResolved`, `Refused`, `TimedOut`, `TlsFailed`, `WrongProtocol` or `NotFound`. For a Service of another namespace it is `Unreachable`, whatever failed. It takes two failures in a row, a minute apart."
            fix "`kubectl get endpointslices -n NAMESPACE -l kubernetes.io/service-name=SERVICE` shows whether a pod is ready behind the Service. This is as seen from the operator: where a NetworkPolicy lets pods in and not the operator, or a mesh demands mutual TLS of everybody, pods may send all the same. Let the namespace of the operator in, or switch it off with `--probe-endpoints=off`.",
        /// Somebody answers where an Instrumentation sends telemetry, as seen from the operator.
        Info: EndpointReachable {
            /// Host and port.
            endpoint: String,
            /// Whether it is by TLS: then nothing is sent.
            tls: bool,
        }
            example "The operator resolves the host, connects to the port and is answered in the protocol that agents use there. It sends no telemetry."
            fix "There is nothing to fix. A NetworkPolicy may still keep pods from where the operator comes through.",
        /// Whether anybody takes telemetry where an Instrumentation sends it is not tried.
        Info: EndpointNotProbeable {
            /// Why.
            why: Untried,
        }
            example "The endpoint is `http://$(OTEL_NODE_IP):4318`, which is another one in each pod."
            fix "There is nothing to fix: the condition `EndpointReachable` is `Unknown`. Endpoints outside the cluster are tried with `--probe-endpoints=all`. If its reason is `ResolverFails`, look at the cluster's DNS.",
    }
}

/// What failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The name has no address.
    NameNotResolved,
    /// No connection came about.
    Refused,
    /// There was no answer in time.
    TimedOut,
    /// TLS.
    TlsFailed(TlsFault),
    /// The answer is not of this protocol.
    WrongProtocol(Protocol),
    /// It is HTTP, and nobody takes traces under this path.
    NotFound,
}

/// What is wrong with TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFault {
    /// There is no handshake.
    NoHandshake,
    /// The certificate has expired, or is not valid yet.
    NotValidNow,
    /// The certificate does not name the host.
    OtherHost,
    /// The certificate is of an authority that is not trusted.
    UnknownAuthority,
    /// The other side demands a certificate, or takes none of those that are shown.
    ClientRefused,
}

impl Step {
    /// What failed, by the reason of a condition; `None` for one that does not say it to everybody.
    pub(crate) fn parse(reason: &str) -> Option<Self> {
        let known = [Self::NameNotResolved, Self::Refused, Self::TimedOut, Self::NotFound];
        known.into_iter().find(|known| known.as_str() == reason)
    }

    /// The reason of the condition.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NameNotResolved => "NameNotResolved",
            Self::Refused => "Refused",
            Self::TimedOut => "TimedOut",
            Self::TlsFailed(_) => "TlsFailed",
            Self::WrongProtocol(_) => "WrongProtocol",
            Self::NotFound => "NotFound",
        }
    }
}

/// Why an endpoint is not tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Untried {
    /// It has not been its turn.
    NotYet,
    /// None is set.
    NoEndpoint,
    /// It is not a URL, or has characters that no URL has.
    NotAUrl,
    /// It has a reference such as `$(OTEL_NODE_IP)`.
    PodDecides,
    /// It is the pod itself.
    Local,
    /// It is a node.
    Node,
    /// There is no such Service.
    ServiceMissing {
        /// The Service, as `namespace/name`.
        service: String,
    },
    /// The Service has no such port, or is another name for something elsewhere.
    PortNotDeclared {
        /// The Service, as `namespace/name`.
        service: String,
        /// The port.
        port: u16,
    },
    /// TLS needs what is in a Secret.
    SecretNeeded,
    /// It is outside the cluster, and only Services are tried.
    Outside,
    /// It is an address to which the operator never connects.
    AddressForbidden,
    /// The operator does not find Services by their names: it runs outside the cluster, or without its DNS.
    NoServiceNames,
    /// DNS fails, or does not answer in time, so that nobody knows whether the name has an address.
    ResolverFails,
}

impl ReachabilityFinding {
    pub(super) fn text(&self, locale: Locale) -> Text {
        match self {
            Self::EndpointUnreachable { endpoint, step } => {
                let what = what_failed(endpoint, *step, locale);
                Text::new(say!(
                    locale,
                    "{what}, as seen from the operator, which a NetworkPolicy may treat otherwise than pods",
                    "{what}, visto desde el operador, al que una NetworkPolicy puede tratar de otro modo que a los pods",
                ))
                .help(remedy(*step, locale))
            }
            Self::EndpointReachable { endpoint, tls: false } => Text::new(say!(
                locale,
                "{endpoint} answers, as seen from the operator; a NetworkPolicy may still keep pods from it",
                "{endpoint} responde, visto desde el operador; una NetworkPolicy aún puede impedírselo a los pods",
            )),
            Self::EndpointReachable { endpoint, tls: true } => Text::new(say!(
                locale,
                "{endpoint} answers by TLS, as seen from the operator; whether pods trust its certificate is not known, \
                 and a NetworkPolicy may still keep them from it",
                "{endpoint} responde por TLS, visto desde el operador; no se sabe si los pods confían en su certificado, \
                 y una NetworkPolicy aún puede impedírselo",
            )),
            Self::EndpointNotProbeable { why } => {
                let why = why_untried(why, locale);
                Text::new(say!(
                    locale,
                    "whether the endpoint answers is not tried: {why}",
                    "no se prueba si el endpoint responde: {why}",
                ))
            }
        }
    }
}

pub(super) fn what_failed(endpoint: &str, step: Option<Step>, locale: Locale) -> Said {
    match step {
        None => say!(locale, "{endpoint} is not reached", "no se llega a {endpoint}"),
        Some(Step::NameNotResolved) => {
            say!(locale, "the name in {endpoint} does not resolve", "el nombre en {endpoint} no se resuelve")
        }
        Some(Step::Refused) => {
            say!(locale, "{endpoint} takes no connection", "{endpoint} no acepta conexiones")
        }
        Some(Step::TimedOut) => {
            say!(locale, "{endpoint} does not answer within 3 s", "{endpoint} no responde en 3 s")
        }
        Some(Step::TlsFailed(TlsFault::NoHandshake)) => {
            say!(locale, "{endpoint} does not agree on TLS", "{endpoint} no acuerda TLS")
        }
        Some(Step::TlsFailed(TlsFault::NotValidNow)) => say!(
            locale,
            "the certificate of {endpoint} has expired or is not valid yet",
            "el certificado de {endpoint} ha caducado o todavía no es válido",
        ),
        Some(Step::TlsFailed(TlsFault::OtherHost)) => say!(
            locale,
            "the certificate of {endpoint} is for another host",
            "el certificado de {endpoint} es para otro host",
        ),
        Some(Step::TlsFailed(TlsFault::UnknownAuthority)) => say!(
            locale,
            "the certificate of {endpoint} is of an authority that is not trusted",
            "el certificado de {endpoint} es de una autoridad en la que no se confía",
        ),
        Some(Step::TlsFailed(TlsFault::ClientRefused)) => say!(
            locale,
            "{endpoint} demands a certificate of who sends, or does not take the one that is shown",
            "{endpoint} exige un certificado a quien envía, o no acepta el que se muestra",
        ),
        Some(Step::WrongProtocol(protocol)) => {
            say!(locale, "{endpoint} does not answer in {protocol}", "{endpoint} no responde en {protocol}")
        }
        Some(Step::NotFound) => say!(
            locale,
            "{endpoint} answers 404: nobody takes traces under this path",
            "{endpoint} responde 404: nadie acepta trazas en esta ruta",
        ),
    }
}

pub(super) fn remedy(step: Option<Step>, locale: Locale) -> Said {
    match step {
        None => say!(
            locale,
            "see that it listens and lets others in: kubectl get endpointslices",
            "mira si escucha y deja pasar a otros: kubectl get endpointslices",
        ),
        // That of a headless Service has an address only while a pod is ready.
        Some(Step::NameNotResolved) => say!(
            locale,
            "correct the host, or see that a pod is ready there: kubectl get endpointslices",
            "corrige el host, o mira si hay un pod listo: kubectl get endpointslices",
        ),
        Some(Step::Refused) => say!(
            locale,
            "see that it is ready and listens there: kubectl get endpointslices",
            "mira si está listo y escucha ahí: kubectl get endpointslices",
        ),
        Some(Step::TimedOut) => say!(
            locale,
            "see whether a NetworkPolicy or a firewall is in the way",
            "mira si lo impide una NetworkPolicy o un cortafuegos",
        ),
        Some(Step::TlsFailed(TlsFault::NoHandshake)) => {
            say!(locale, "write http:// if it has no TLS", "escribe http:// si no tiene TLS",)
        }
        Some(Step::TlsFailed(TlsFault::NotValidNow)) => {
            say!(locale, "renew the certificate", "renueva el certificado")
        }
        Some(Step::TlsFailed(TlsFault::OtherHost)) => say!(
            locale,
            "write a host that the certificate names",
            "escribe un host que el certificado nombre",
        ),
        Some(Step::TlsFailed(TlsFault::UnknownAuthority)) => say!(
            locale,
            "name the authority in spec.exporter.tls of the Instrumentation",
            "nombra la autoridad en spec.exporter.tls de la Instrumentation",
        ),
        Some(Step::TlsFailed(TlsFault::ClientRefused)) => say!(
            locale,
            "name a certificate and its key in spec.exporter.tls of the Instrumentation",
            "nombra un certificado y su clave en spec.exporter.tls de la Instrumentation",
        ),
        Some(Step::WrongProtocol(_)) => say!(
            locale,
            "use 4317 for gRPC, 4318 for HTTP, and https:// if it has TLS",
            "usa 4317 para gRPC, 4318 para HTTP y https:// si tiene TLS",
        ),
        Some(Step::NotFound) => say!(
            locale,
            "correct the path in spec.exporter.endpoint, or the port",
            "corrige la ruta en spec.exporter.endpoint, o el puerto",
        ),
    }
}

fn why_untried(why: &Untried, locale: Locale) -> Said {
    match why {
        Untried::NotYet => {
            say!(locale, "it has not been its turn yet", "todavía no ha llegado su turno")
        }
        Untried::NoEndpoint => {
            say!(locale, "spec.exporter.endpoint is not set", "spec.exporter.endpoint no está definido")
        }
        Untried::NotAUrl => {
            say!(locale, "spec.exporter.endpoint is not a URL", "spec.exporter.endpoint no es una URL")
        }
        Untried::PodDecides => say!(
            locale,
            "it has a reference that is another one in each pod",
            "tiene una referencia que es otra en cada pod",
        ),
        Untried::Local => say!(locale, "it is the pod itself", "es el propio pod"),
        Untried::Node => say!(locale, "it is a node", "es un nodo"),
        Untried::ServiceMissing { service } => {
            say!(locale, "Service {service} does not exist", "el Service {service} no existe")
        }
        Untried::PortNotDeclared { service, port } => say!(
            locale,
            "Service {service} declares no port {port}",
            "el Service {service} no declara el puerto {port}",
        ),
        Untried::SecretNeeded => say!(
            locale,
            "its TLS needs what is in a Secret, which the operator does not read",
            "su TLS necesita lo que hay en un Secret, que el operador no lee",
        ),
        Untried::Outside => say!(
            locale,
            "it is not a Service of this cluster; --probe-endpoints=all includes others",
            "no es un Service de este clúster; --probe-endpoints=all incluye otros",
        ),
        Untried::AddressForbidden => say!(
            locale,
            "it is a loopback, link-local or metadata address",
            "es una dirección de loopback, link-local o de metadatos",
        ),
        Untried::NoServiceNames => say!(
            locale,
            "the operator does not resolve names of Services, not even kubernetes.default",
            "el operador no resuelve nombres de Services, ni siquiera kubernetes.default",
        ),
        Untried::ResolverFails => say!(
            locale,
            "DNS does not answer the operator, or answers with an error",
            "el DNS no responde al operador, o responde con un error",
        ),
    }
}

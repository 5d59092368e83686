//! Whether reviews arrive at the operator.

use super::{Locale, Said, Text};

/// A link on the way of a review from the API server to a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokenLink {
    /// There is no Service, or it lacks the port.
    ServiceMissing,
    /// The Service has no ready replica.
    NoEndpoints,
    /// Nobody listens at the address.
    Refused,
    /// The connection was made, and broken off before there was an answer.
    Reset,
    /// No answer came in time.
    TimedOut,
    /// The address cannot be reached.
    Unreachable,
    /// The name of the host is not known, with `--webhook-url`.
    HostUnknown,
    /// The certificate is not valid at this time.
    CertificateExpired,
    /// The certificate is that of another host.
    WrongName,
    /// The registration trusts another authority than the one that has signed the certificate.
    UnknownAuthority,
    /// What answers is no replica.
    WrongAnswer,
    /// The registration for pods is missing, or is not answered although the one of the self-test is.
    PodsNotSent,
    /// Both registrations are missing.
    NothingSent,
    /// One replica, by the name of its pod, does not answer as the others do.
    Replica(String),
    /// Something else.
    Other,
}

impl BrokenLink {
    /// The reason of the condition.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::ServiceMissing => "ServiceMissing",
            Self::NoEndpoints => "NoEndpoints",
            Self::Refused => "ConnectionRefused",
            Self::Reset => "ConnectionReset",
            Self::TimedOut => "TimedOut",
            Self::Unreachable => "Unreachable",
            Self::HostUnknown => "HostUnknown",
            Self::CertificateExpired => "CertificateExpired",
            Self::WrongName => "WrongName",
            Self::UnknownAuthority => "UnknownAuthority",
            Self::WrongAnswer => "WrongAnswer",
            Self::PodsNotSent => "PodsNotSent",
            Self::NothingSent => "NothingSent",
            Self::Replica(_) => "ReplicaFails",
            Self::Other => "OtherError",
        }
    }

    fn text(&self, locale: Locale) -> Said {
        match self {
            Self::ServiceMissing => say!(
                locale,
                "there is no Service ingraft-operator with its port",
                "no existe el Service ingraft-operator con su puerto",
            ),
            Self::NoEndpoints => {
                say!(locale, "the Service has no ready replica", "el Service no tiene ninguna réplica lista",)
            }
            Self::Refused => say!(
                locale,
                "the connection is refused: nobody listens there, or the Service has no ready replica",
                "se rechaza la conexión: nadie escucha ahí, o el Service no tiene ninguna réplica lista",
            ),
            Self::Reset => say!(
                locale,
                "the connection is reset, as by a firewall, or by a mesh that demands mutual TLS",
                "se reinicia la conexión, como hace un firewall, o una malla que exige TLS mutuo",
            ),
            Self::TimedOut => say!(
                locale,
                "no answer comes in time, as when a firewall or a NetworkPolicy is in the way",
                "ninguna respuesta llega a tiempo, como cuando un firewall o una NetworkPolicy lo impide",
            ),
            Self::Unreachable => {
                say!(locale, "there is no route to the address", "no hay ruta hacia la dirección",)
            }
            Self::HostUnknown => say!(
                locale,
                "the host of --webhook-url does not resolve there",
                "el host de --webhook-url no se resuelve allí",
            ),
            Self::CertificateExpired => say!(
                locale,
                "the certificate has expired, or is not valid yet, by the API server's clock",
                "el certificado ha caducado, o aún no es válido, según el reloj del API server",
            ),
            Self::WrongName => say!(
                locale,
                "the certificate that is shown is not for this host",
                "el certificado que se muestra no es para este host",
            ),
            Self::UnknownAuthority => say!(
                locale,
                "the registration trusts another authority than the operator's: its caBundle was overwritten",
                "el registro confía en otra autoridad que la del operador: alguien ha sobrescrito su caBundle",
            ),
            Self::WrongAnswer => say!(
                locale,
                "what answers there is not the operator",
                "lo que responde ahí no es el operador",
            ),
            Self::PodsNotSent => say!(
                locale,
                "zz-ingraft-operator is missing or was changed, while zz-ingraft-self-test is answered",
                "zz-ingraft-operator no existe o se ha modificado, mientras que zz-ingraft-self-test recibe respuesta",
            ),
            Self::NothingSent => say!(
                locale,
                "zz-ingraft-operator and zz-ingraft-self-test are missing or have no webhooks",
                "zz-ingraft-operator y zz-ingraft-self-test no existen o no tienen webhooks",
            ),
            Self::Replica(replica) => say!(
                locale,
                "one replica, {replica}, does not answer as it should",
                "una réplica, {replica}, no responde como debería",
            ),
            Self::Other => say!(
                locale,
                "its error is none of those that are known",
                "su error no es ninguno de los conocidos",
            ),
        }
    }

    fn help(&self, locale: Locale) -> Said {
        match self {
            Self::ServiceMissing | Self::NothingSent => say!(
                locale,
                "apply the operator's manifests again",
                "aplica de nuevo los manifiestos del operador",
            ),
            Self::NoEndpoints | Self::Refused => say!(
                locale,
                "see why none is ready: kubectl get pods -A -l app.kubernetes.io/instance=ingraft",
                "mira por qué ninguna está lista: kubectl get pods -A -l app.kubernetes.io/instance=ingraft",
            ),
            Self::TimedOut | Self::Unreachable => say!(
                locale,
                "open port 9443 to the control plane, or serve on 10250 (--webhook-bind)",
                "abre el puerto 9443 al plano de control, o sirve en 10250 (--webhook-bind)",
            ),
            Self::HostUnknown => say!(
                locale,
                "name a host in --webhook-url that the API server can resolve",
                "indica en --webhook-url un host que el API server pueda resolver",
            ),
            Self::CertificateExpired => say!(
                locale,
                "see in the leader's log why it was not replaced, and check the clocks",
                "mira en el log del líder por qué no se ha sustituido, y comprueba los relojes",
            ),
            Self::Reset | Self::WrongName | Self::WrongAnswer => say!(
                locale,
                "see what answers at this address: a proxy, a mesh, or pods of others",
                "mira qué responde en esta dirección: un proxy, una malla o pods de otros",
            ),
            Self::UnknownAuthority | Self::PodsNotSent => say!(
                locale,
                "let nobody else (GitOps, cert-manager) write the webhooks and their caBundle",
                "no dejes que nadie más (GitOps, cert-manager) escriba los webhooks y su caBundle",
            ),
            Self::Replica(_) => say!(
                locale,
                "read its log; if you delete the pod, another one takes its place",
                "lee su log; si eliminas el pod, otro ocupa su lugar",
            ),
            Self::Other => say!(locale, "its words say where to look", "sus palabras dicen dónde mirar",),
        }
    }
}

/// Why it cannot be told whether reviews arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathObstacle {
    /// The registration of the self-test is missing, as with the manifests of an earlier release.
    Unregistered,
    /// Something else has refused the pod, with these words of the API server.
    Refused(String),
    /// The API server reaches some replica, but this one, by the name of its pod, does not answer the leader.
    SilentReplica(String),
    /// Whoever answers does not know the path, as replicas of a release without the self-test, during an upgrade.
    EarlierRelease,
}

impl PathObstacle {
    /// The reason of the condition.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Unregistered => "SelfTestUnregistered",
            Self::Refused(_) => "SelfTestRefused",
            Self::SilentReplica(_) => "ReplicaSilent",
            Self::EarlierRelease => "EarlierRelease",
        }
    }
}

family! {
    /// Whether reviews arrive at the operator.
    AdmissionFinding {
        /// The API server has sent a review of a pod that is only tried to a replica, by both registrations, and every ready
        /// replica answers the leader. One API server was asked; others may have another way.
        Info: AdmissionPathHealthy
            example "The leader tries this when it begins to lead, and every minute."
            fix "Nothing is to be done.",
        /// The API server cannot send reviews to a replica, so pods are created without instrumentation. The condition
        /// `AdmissionPathHealthy` of every Instrumentation has the link that is broken for its reason.
        Error: AdmissionPathBroken {
            /// The link.
            link: BrokenLink,
            /// The words of the API server, or of the replica; empty where there are none.
            said: String,
        }
            example "A firewall lets the control plane reach only ports 443 and 10250 of the nodes, as that of private clusters does on some clouds, and replicas listen on 9443."
            fix "By the reason of the condition:\n\n| reason | remedy |\n|---|---|\n| `TimedOut`, `Unreachable` | Let the control plane reach port 9443 of the operator's pods: a rule of the cloud's firewall, and of every NetworkPolicy of the operator's namespace. Or serve on a port that is open already: `ingraft manifests all --arg=--webhook-bind=:10250`, with `containerPort: 10250` for the port `webhook` of the Deployment. |\n| `NoEndpoints`, `ConnectionRefused` | No replica is ready, or none listens at the port that the Service names. kube-proxy refuses connections to a Service without ready pods. `/readyz` of a replica and its log say what is missing |\n| `ServiceMissing`, `NothingSent` | Apply the operator's manifests again |\n| `UnknownAuthority`, `PodsNotSent` | The operator writes the webhooks of `zz-ingraft-operator` and `zz-ingraft-self-test` every minute, and somebody overwrites them: `kubectl get mutatingwebhookconfiguration zz-ingraft-operator -o yaml --show-managed-fields` says who. Have GitOps tools ignore `webhooks`, and give neither an annotation of cert-manager |\n| `CertificateExpired` | The leader replaces the authority 90 days before its end, by the API server's clock; its log says why it could not. A control plane whose clocks differ refuses what is valid |\n| `WrongName`, `WrongAnswer`, `ConnectionReset` | Something else answers, or breaks the connection off: a proxy, a firewall, a service mesh that intercepts the port, or pods of others that the Service selects |\n| `HostUnknown` | The host of `--webhook-url` must resolve where the API server runs |\n| `ReplicaFails` | Read the log of the replica that is named; if you delete its pod, another one takes its place |\n| `OtherError` | The words of the API server are quoted |",
        /// It cannot be told whether reviews arrive: the pod that is tried does not come that far, a replica does not
        /// answer the leader while the API server reaches one, or one of an earlier release does not know what is asked.
        Warning: AdmissionPathUnknown {
            /// Why.
            why: PathObstacle,
        }
            example "A quota of the operator's namespace is used up, or a policy of the cluster refuses the pod that is tried."
            fix "The finding quotes who refuses the pod `ingraft-self-test`: let it pass in the operator's namespace. It is never created; it is only tried, with `dryRun=All`. If the registration is missing, apply the operator's manifests again. If a replica does not answer the leader, read its log, and let the replicas reach one another on the port of the webhook: a NetworkPolicy may let in nobody but the API server. `EarlierRelease` ends with the upgrade; if it lasts, see what answers there.",
    }
}

impl AdmissionFinding {
    pub(super) fn text(&self, locale: Locale) -> Text {
        match self {
            Self::AdmissionPathHealthy => Text::new(say!(
                locale,
                "reviews arrive at the operator; one API server was asked",
                "las revisiones llegan al operador; se ha preguntado a un API server",
            )),
            Self::AdmissionPathBroken { link, said } => {
                let what = link.text(locale);
                let said = if said.is_empty() { String::new() } else { format!(" ({said})") };
                Text::new(say!(
                    locale,
                    "one API server was asked, and reviews do not arrive at the operator: {what}{said}",
                    "se ha preguntado a un API server, y las revisiones no llegan al operador: {what}{said}",
                ))
                .help(link.help(locale))
            }
            Self::AdmissionPathUnknown { why } => {
                let (what, help) = why.text(locale);
                Text::new(say!(
                    locale,
                    "it cannot be told whether reviews arrive at the operator: {what}",
                    "no se puede saber si las revisiones llegan al operador: {what}",
                ))
                .help(help)
            }
        }
    }
}

impl PathObstacle {
    /// What is in the way, and what helps.
    fn text(&self, locale: Locale) -> (Said, Said) {
        match self {
            Self::Unregistered => (
                say!(
                    locale,
                    "the registration zz-ingraft-self-test is missing or empty",
                    "el registro zz-ingraft-self-test no existe o está vacío",
                ),
                say!(
                    locale,
                    "apply the operator's manifests again",
                    "aplica de nuevo los manifiestos del operador",
                ),
            ),
            Self::Refused(said) => (
                say!(
                    locale,
                    "the pod that is tried is refused ({said})",
                    "se rechaza el pod que se prueba ({said})",
                ),
                say!(
                    locale,
                    "let the pod ingraft-self-test pass in the operator's namespace",
                    "deja pasar el pod ingraft-self-test en el espacio de nombres del operador",
                ),
            ),
            Self::SilentReplica(replica) => (
                say!(
                    locale,
                    "the API server reaches a replica, but {replica} does not answer the leader",
                    "el API server llega a una réplica, pero {replica} no responde al líder",
                ),
                say!(
                    locale,
                    "read its log; let replicas reach one another on the port of the webhook (NetworkPolicy)",
                    "lee su log; deja que las réplicas se alcancen en el puerto del webhook (NetworkPolicy)",
                ),
            ),
            Self::EarlierRelease => (
                say!(
                    locale,
                    "an earlier release answered, which does not know /self-test, as during an upgrade",
                    "respondió una versión anterior, que no conoce /self-test, como durante una actualización",
                ),
                say!(
                    locale,
                    "wait for the upgrade to end; if this lasts, see what answers there",
                    "espera a que termine la actualización; si esto persiste, mira qué responde ahí",
                ),
            ),
        }
    }
}

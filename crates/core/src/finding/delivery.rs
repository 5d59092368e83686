//! What became of a span that was sent to see whether any arrive.

mod fault;
mod words;

use super::{Locale, Step, Text};
pub use words::consent;
pub(crate) use words::{headline, noted};

family! {
    /// What became of a span that was sent to see whether any arrive.
    DeliveryFinding {
        /// A span was sent from beside a workload, and what takes telemetry there has accepted it.
        Info: SpanDelivered {
            /// Where it was sent to.
            endpoint: String,
            /// The trace by which it is found.
            trace: String,
        }
            example "A pod of Ingraft's own in the namespace of the workload has resolved the endpoint, connected, and sent one span, which was accepted."
            fix "There is nothing to fix. If the span is not in the backend, look behind what has accepted it: `kubectl logs` of the Collector shows whether its exporters fail.",
        /// A span was sent from beside a workload, and did not arrive.
        Error: SpanNotDelivered {
            /// Where it was sent to; empty where that is not known.
            endpoint: String,
            /// What failed.
            fault: Fault,
        }
            example "A NetworkPolicy of the namespace lets pods reach only what they need, and the Collector is not among it: the connection is not made in time."
            fix "The finding names the step that failed, and what the other side said. See [proof of delivery](../trace.md).",
        /// No span was sent, so nobody knows whether one would arrive.
        Error: SpanNotSent {
            /// Why.
            why: Unsent,
        }
            example "A quota of the namespace leaves no room for one more pod, or a policy refuses it."
            fix "The finding has the words of the API server. `--in-pod` uses a pod that runs already, `--trace-image` another image. See [proof of delivery](../trace.md).",
        /// The Collector counts more spans than before one was sent.
        Info: SpanCounted {
            /// The Service, as `namespace/name`.
            service: String,
            /// How many more.
            by: u64,
        }
            example "The metric `otelcol_receiver_accepted_spans` of the Collector's pods is one more than before."
            fix "There is nothing to fix. If others send meanwhile, it is more than one, and does not prove that ours is among them.",
        /// The Collector counts no more spans than before, though one was accepted.
        Warning: SpanNotCounted {
            /// The Service, as `namespace/name`.
            service: String,
        }
            example "Something before the Collector, such as a proxy, has answered in its place."
            fix "See who answers at the endpoint: `kubectl get endpointslices`.",
        /// What the Collector counts cannot be read.
        Info: SpanCountUnknown {
            /// Why.
            why: Uncounted,
        }
            example "By default a Collector shows its metrics to its own pod only."
            fix "Have it listen for others: `service.telemetry.metrics.readers` in its configuration, with `host: 0.0.0.0` and `port: 8888`. That the span was accepted is known all the same.",
        /// NetworkPolicies treat the pod that has sent the span otherwise than the pods of the workload.
        Warning: PoliciesDiffer {
            /// The policies, as `namespace/name`.
            policies: Vec<String>,
        }
            example "A NetworkPolicy selects the label `app: web`, which the pod of Ingraft does not have: it would get the workload's traffic."
            fix "Send the span from a pod of the workload: `--in-pod`.",
        /// Whether NetworkPolicies treat the pod that has sent the span otherwise is not known.
        Info: PoliciesUnseen {
            /// What the API server says.
            why: String,
        }
            example "Whoever asked may not list NetworkPolicies."
            fix "Ask somebody who may, or send the span from a pod of the workload: `--in-pod`.",
    }
}

/// A step on the way of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The settings are read.
    Settings,
    /// The name is resolved.
    Resolve,
    /// The connection is made.
    Connect,
    /// TLS is agreed on.
    Tls,
    /// The span is sent, and answered.
    Send,
    /// The answer says that it was accepted.
    Accept,
}

/// What kept a span from being accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Somebody else than who takes telemetry answers, or nobody.
    Unreached(Step),
    /// A step took too long.
    TooSlow {
        /// Which.
        stage: Stage,
        /// How long it was waited for.
        seconds: u64,
    },
    /// DNS fails, so that nobody knows whether the name has an address.
    ResolverFails,
    /// It is the pod itself, which is another one than those of the workload.
    PodItself,
    /// It is not a URL.
    NotAUrl {
        /// As it is written.
        text: String,
    },
    /// The protocol is none of OTLP's.
    ProtocolUnknown {
        /// As it is written.
        text: String,
    },
    /// A file for TLS cannot be used.
    File {
        /// Its path.
        path: String,
        /// Why.
        why: String,
    },
    /// An answer of HTTP that is no success.
    Status {
        /// The status.
        status: u16,
        /// What it says.
        said: String,
    },
    /// An answer of gRPC that is no success.
    Grpc {
        /// The status.
        status: u16,
        /// What it says.
        said: String,
    },
    /// The request was answered well, and the span was rejected.
    Rejected {
        /// What the answer says.
        said: String,
    },
    /// The connection broke.
    Broken {
        /// How.
        why: String,
    },
    /// Something that this version does not know.
    Other {
        /// In the words of who noticed.
        said: String,
    },
}

/// Why no span was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsent {
    /// The API server does not take the pod.
    Refused {
        /// What it says.
        said: String,
    },
    /// The pod did not start in time.
    NotStarted {
        /// How long it was waited for.
        seconds: u64,
        /// What keeps it; empty where that is not known.
        why: String,
    },
    /// The pod will not start without somebody's help.
    Stuck {
        /// What keeps it.
        why: String,
    },
    /// The program did not do what it was started for.
    Ended {
        /// What is known of it.
        why: String,
    },
    /// Somebody has deleted the pod.
    Deleted,
}

/// Why what a Collector counts cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Uncounted {
    /// The endpoint is none of the cluster's Services.
    NoService,
    /// The Service has no pods of which it is known.
    NoPods {
        /// The Service, as `namespace/name`.
        service: String,
    },
    /// What is there shows no metrics of a Collector.
    NoCollector {
        /// The pod, as `namespace/name`.
        pod: String,
    },
    /// The API server does not show it.
    Refused {
        /// What it says.
        said: String,
    },
}

/// What limits the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caveat {
    /// The template would be injected like this now: no injected pod runs.
    OfTemplate,
    /// The variable comes from a file that only pods of the workload have.
    VariableOfFile {
        /// Its name.
        name: String,
    },
    /// A file for TLS is where nobody else can have it.
    FileOfPod {
        /// Its path.
        path: String,
    },
    /// The application decides how it sends.
    OwnSdk,
    /// Nobody can remove it from the pod.
    ContainerStays {
        /// The container.
        container: String,
        /// The pod.
        pod: String,
    },
    /// The pod was not deleted.
    PodStays {
        /// The pod.
        pod: String,
        /// The namespace.
        namespace: String,
        /// What the API server says.
        said: String,
    },
    /// Something that whoever asked may not see.
    Unseen {
        /// What the API server says.
        said: String,
    },
}

impl DeliveryFinding {
    pub(super) fn text(&self, locale: Locale) -> Text {
        match self {
            Self::SpanDelivered { endpoint, trace } => Text::new(say!(
                locale,
                "a span was accepted by {endpoint}: look for the trace {trace} in the backend",
                "{endpoint} ha aceptado un span: busca la traza {trace} en el backend",
            )),
            Self::SpanNotDelivered { endpoint, fault } => {
                let what = fault.text(endpoint, locale);
                Text::new(say!(locale, "a span did not arrive: {what}", "un span no ha llegado: {what}"))
                    .help(fault.remedy(locale))
            }
            Self::SpanNotSent { why } => {
                let (why, help) = why.text(locale);
                Text::new(say!(locale, "no span was sent: {why}", "no se ha enviado ningún span: {why}"))
                    .help(help)
            }
            Self::SpanCounted { service, by } => Text::new(say!(
                locale,
                "the Collector behind Service {service} counts {by} more, those of other senders included",
                "el Collector tras el Service {service} cuenta {by} más, incluidos los de otros emisores",
            )),
            Self::SpanNotCounted { service } => Text::new(say!(
                locale,
                "the Collector behind Service {service} counts no more spans than before",
                "el Collector tras el Service {service} no cuenta más spans que antes",
            ))
            .help(say!(
                locale,
                "see who answers at the endpoint: kubectl get endpointslices",
                "mira quién responde en el endpoint: kubectl get endpointslices",
            )),
            Self::SpanCountUnknown { why } => {
                let why = why.text(locale);
                Text::new(say!(
                    locale,
                    "what the Collector counts cannot be read: {why}",
                    "no se puede leer lo que cuenta el Collector: {why}",
                ))
            }
            Self::PoliciesDiffer { policies } => {
                let policies = super::list(policies);
                Text::new(say!(
                    locale,
                    "NetworkPolicies treat the pods of the workload otherwise than the one that has sent: {policies}",
                    "hay NetworkPolicies que tratan a los pods de la carga de trabajo de otro modo que al que ha \
                     enviado: {policies}",
                ))
                .help(say!(
                    locale,
                    "send from a pod of the workload: --in-pod",
                    "envía desde un pod de la carga de trabajo: --in-pod",
                ))
            }
            Self::PoliciesUnseen { why } => Text::new(say!(
                locale,
                "whether NetworkPolicies treat the pods of the workload otherwise is not known: {why}",
                "no se sabe si hay NetworkPolicies que traten de otro modo a los pods de la carga de trabajo: {why}",
            )),
        }
    }
}

//! What several objects of a cluster show together.

use super::crash::describe;
use super::{Locale, Said, Text};
use crate::crash::Cause;

family! {
    /// What several objects of a cluster show together.
    ClusterFinding {
        /// The cluster does not know the custom resource.
        Error: DefinitionMissing {
            /// The name of the definition.
            name: String,
        }
            example "Nothing was installed yet, or somebody has removed the custom resource definitions, and every Instrumentation with them."
            fix "```sh\ningraft manifests crds | kubectl apply --server-side -f -\n```",
        /// Nobody injects anything: there is no operator.
        Error: OperatorMissing
            example "The cluster has Instrumentations and annotated workloads, and the operator was removed, or was never installed."
            fix "```sh\ningraft manifests all --image IMAGE | kubectl apply --server-side -f -\n```",
        /// The OpenTelemetry Operator injects here, and Ingraft does not.
        Info: OperatorOfOthers {
            /// Its Deployment, or else the Service of its webhooks, as `namespace/name`.
            deployment: String,
        }
            example "A cluster runs the OpenTelemetry Operator, and somebody looks at it with `ingraft doctor`."
            fix "Nothing needs to be done. What is found is judged as Ingraft would inject; see [compatibility](../compatibility.md) for what differs.",
        /// Two operators inject the same pods, each by the same annotations.
        Warning: TwoOperators {
            /// The other one's Deployment, as `namespace/name`.
            deployment: String,
        }
            example "Ingraft was installed beside the OpenTelemetry Operator, whose webhook is still registered."
            fix "Pods are injected once: whoever comes second sees what is there. But which one it is differs from pod to pod when one of them is away. Remove the other operator, or have only one of them watch a namespace.",
        /// The operator is installed, and no replica of it is ready.
        Error: OperatorNotReady {
            /// Its Deployment, as `namespace/name`.
            deployment: String,
            /// Why, as far as its pods show; may be empty.
            why: String,
        }
            example "The image of the operator cannot be pulled."
            fix "The finding says what the kubelet says. `kubectl describe deployment/ingraft-operator -n opentelemetry-operator-system` and the log of its pods say more. Until a replica is ready, pods are created without injection, unless [standby](../standby.md) is on.",
        /// The operator runs with a mode in which it changes nothing.
        Warning: OperatorOnlyWatches {
            /// The mode.
            mode: &'static str,
        }
            example "The operator runs with `--mode=observe`, as during a trial."
            fix "Start it with `--mode=inject`, the default, and restart workloads that were missed.",
        /// The API server does not send pods to the operator: its registration is missing or empty.
        Error: RegistrationMissing {
            /// The name of the configuration.
            name: String,
        }
            example "Somebody has deleted the MutatingWebhookConfiguration, or a GitOps tool keeps writing it without `webhooks`."
            fix "The leader writes it again within a minute if it may. If it stays empty, `kubectl get mutatingwebhookconfiguration NAME -o yaml --show-managed-fields` says who overwrites it; apply the operator's manifests again if it is gone.",
        /// Another webhook changes pods after the operator has.
        Info: WebhookLater {
            /// Its configuration.
            configuration: String,
        }
            example "A webhook configuration has a name that sorts after `zz-ingraft-operator`."
            fix "Usually nothing needs to be done: the API server asks the operator once more when a pod has changed. If that webhook removes variables or containers, rename its configuration so that it comes first.",
        /// Nobody answers another webhook that pods cannot be created without: the API server refuses all that it is asked
        /// about, injected or not.
        Error: WebhookRefuses {
            /// Its configuration.
            configuration: String,
            /// Its Service, as `namespace/name`.
            service: String,
        }
            example "A policy engine was removed, and its webhook configuration with `failurePolicy: Fail` was left behind."
            fix "Start what serves it, or remove its configuration: `kubectl delete mutatingwebhookconfiguration NAME`.",
        /// A NetworkPolicy lets nobody reach the port on which the operator serves reviews.
        Warning: PolicyClosesWebhook {
            /// The policy, as `namespace/name`.
            policy: String,
            /// The port.
            port: u16,
        }
            example "All traffic into the operator's namespace is denied by a policy, and none allows port 9443."
            fix "Allow ingress to the port from everywhere: API servers have addresses that no selector knows, and replicas let in only who trusts their certificate.",
        /// A NetworkPolicy lets nobody send to the port to which telemetry goes.
        Warning: PolicyClosesTelemetry {
            /// The policy, as `namespace/name`.
            policy: String,
            /// The port.
            port: u16,
            /// The endpoint.
            endpoint: String,
        }
            example "A namespace denies all egress, and no policy allows port 4318."
            fix "Allow the port in a NetworkPolicy. The finding says whether it is one of the Collector's namespace (ingress) or of the application's (egress).",
        /// Pods of a workload that requests injection are refused.
        Error: PodsRefused {
            /// What the API server says.
            message: String,
        }
            example "The quota of a namespace is used up. With an init container, a pod may request more than before."
            fix "The finding quotes who refuses the pods. A quota has to leave room for the init container (`resources` or `resourceRequirements` of the language in the Instrumentation); a policy has to allow it.",
        /// No pod is ready behind the Service to which telemetry goes.
        Warning: CollectorNotReady {
            /// The Service, as `namespace/name`.
            service: String,
            /// The endpoint.
            endpoint: String,
        }
            example "The Collector crashes because of a mistake in its configuration."
            fix "`kubectl get pods` in the namespace of the Service, and the log of the Collector, say why. Telemetry that is sent meanwhile is lost.",
        /// The Collector to which telemetry goes takes no traces from other pods.
        Warning: CollectorTakesNoTraces {
            /// The endpoint.
            endpoint: String,
            /// Why.
            why: NoTraces,
        }
            example "```yaml\napiVersion: opentelemetry.io/v1beta1\nkind: OpenTelemetryCollector\nmetadata:\n  name: otel\nspec:\n  config:\n    receivers:\n      otlp:\n        protocols:\n          http:\n            endpoint: localhost:4318\n    exporters:\n      debug: {}\n    service:\n      pipelines:\n        traces:\n          receivers: [otlp]\n          exporters: [debug]\n```"
            fix "Have the receiver `otlp` listen on `0.0.0.0:4318`, and name it among the receivers of a pipeline for traces.",
        /// The Service to which telemetry goes leads to no pod, as manifests show.
        Warning: ServiceLeadsNowhere {
            /// The endpoint.
            endpoint: String,
            /// The name of the port that its pods do not have; `None` where its selector selects no pods.
            target: Option<String>,
        }
            example "The Service of the Collector has `targetPort: otlp-http`, and the container calls its port `http-otlp`."
            fix "Write the labels of the pods in `selector`, and the name or number of a port of theirs in `targetPort`.",
        /// Injected pods of a workload do not run. Whether the agent is the reason is not proven by that.
        Error: InjectedPodFails {
            /// The container.
            container: String,
            /// Why, as far as its last state tells.
            cause: Cause,
            /// What the kubelet says.
            why: String,
        }
            example "The memory limit of the application has no room for the agent."
            fix "The cause says what to change. See [when an application crashes after injection](../crashes.md).",
        /// The API server injects pods by itself while no replica of the operator runs.
        Info: StandbyOn
            example "The manifests were made with `--standby`."
            fix "Nothing needs to be done. To stop all injection, scaling the operator to 0 is not enough: see [standby](../standby.md).",
        /// While no replica of the operator runs, nothing is injected: the plan says so.
        Warning: StandbyPaused
            example "Somebody has set `spec.paused` of the plan, and it was forgotten."
            fix "```sh\nkubectl patch plan ingraft --type=merge -p '{\"spec\": {\"paused\": false}}'\n```",
    }
}

impl ClusterFinding {
    pub(super) fn text(&self, locale: Locale) -> Text {
        match self {
            Self::DefinitionMissing { name } => Text::new(say!(
                locale,
                "the cluster does not know {name}",
                "el clúster no conoce {name}",
            ))
            .help(say!(
                locale,
                "install it: ingraft manifests crds | kubectl apply --server-side -f -",
                "instálalo: ingraft manifests crds | kubectl apply --server-side -f -",
            )),
            Self::OperatorMissing => Text::new(say!(
                locale,
                "there is no operator in this cluster: nobody injects pods",
                "no hay ningún operador en este clúster: nadie inyecta pods",
            ))
            .help(say!(
                locale,
                "install one: ingraft manifests all --image IMAGE | kubectl apply --server-side -f -",
                "instala uno: ingraft manifests all --image IMAGEN | kubectl apply --server-side -f -",
            )),
            Self::OperatorOfOthers { deployment } => Text::new(say!(
                locale,
                "the OpenTelemetry Operator ({deployment}) injects here, not Ingraft: this is what Ingraft would say",
                "aquí inyecta el OpenTelemetry Operator ({deployment}), no Ingraft: esto es lo que diría Ingraft",
            )),
            Self::TwoOperators { deployment } => Text::new(say!(
                locale,
                "the OpenTelemetry Operator ({deployment}) injects here too, by the same annotations",
                "el OpenTelemetry Operator ({deployment}) también inyecta aquí, con las mismas anotaciones",
            ))
            .help(say!(locale, "keep one of the two", "quédate con uno de los dos")),
            Self::OperatorNotReady { deployment, why } => {
                let why = if why.is_empty() { String::new() } else { format!(": {why}") };
                Text::new(say!(
                    locale,
                    "no replica of the operator ({deployment}) is ready{why}",
                    "ninguna réplica del operador ({deployment}) está lista{why}",
                ))
                .help(say!(
                    locale,
                    "read what kubectl describe and kubectl logs say of its pods",
                    "lee lo que kubectl describe y kubectl logs dicen de sus pods",
                ))
            }
            Self::OperatorOnlyWatches { mode } => Text::new(say!(
                locale,
                "the operator runs with --mode={mode}, and changes no pod",
                "el operador funciona con --mode={mode} y no cambia ningún pod",
            ))
            .help(say!(locale, "start it with --mode=inject", "inícialo con --mode=inject")),
            Self::RegistrationMissing { name } => Text::new(say!(
                locale,
                "the API server sends no pods to the operator: MutatingWebhookConfiguration {name} is missing or empty",
                "el API server no envía pods al operador: la MutatingWebhookConfiguration {name} no existe o está vacía",
            ))
            .help(say!(
                locale,
                "apply the operator's manifests again, and let nobody else write its webhooks",
                "aplica de nuevo los manifiestos del operador, y no dejes que nadie más escriba sus webhooks",
            )),
            Self::WebhookLater { configuration } => Text::new(say!(
                locale,
                "the webhooks of {configuration} change pods after the operator has",
                "los webhooks de {configuration} cambian los pods después que el operador",
            )),
            Self::WebhookRefuses { configuration, service } => Text::new(say!(
                locale,
                "nobody answers the webhook of {configuration} (Service {service}), so pods that it is asked about are refused",
                "nadie responde al webhook de {configuration} (Service {service}), así que se rechazan los pods por los que se pregunta",
            ))
            .help(say!(
                locale,
                "start what serves it, or remove its configuration",
                "inicia lo que lo sirve, o elimina su configuración",
            )),
            Self::PolicyClosesWebhook { policy, port } => Text::new(say!(
                locale,
                "NetworkPolicy {policy} lets nobody reach port {port} of the operator: reviews do not arrive",
                "la NetworkPolicy {policy} no deja que nadie llegue al puerto {port} del operador: las revisiones no llegan",
            ))
            .help(say!(
                locale,
                "allow ingress to port {port} from everywhere",
                "permite la entrada al puerto {port} desde cualquier lugar",
            )),
            Self::PolicyClosesTelemetry { policy, port, endpoint } => Text::new(say!(
                locale,
                "NetworkPolicy {policy} lets nothing through to port {port}: telemetry for {endpoint} is lost",
                "la NetworkPolicy {policy} no deja pasar nada al puerto {port}: la telemetría para {endpoint} se pierde",
            ))
            .help(say!(
                locale,
                "allow port {port} in a NetworkPolicy",
                "permite el puerto {port} en una NetworkPolicy",
            )),
            Self::PodsRefused { message } => Text::new(say!(
                locale,
                "its pods are refused: {message}",
                "se rechazan sus pods: {message}",
            ))
            .help(say!(
                locale,
                "leave room in the quota, or change what refuses them",
                "deja espacio en la cuota, o cambia lo que los rechaza",
            )),
            Self::CollectorNotReady { service, endpoint } => Text::new(say!(
                locale,
                "no pod is ready behind Service {service}: telemetry for {endpoint} is lost",
                "no hay ningún pod listo detrás del Service {service}: la telemetría para {endpoint} se pierde",
            ))
            .help(say!(
                locale,
                "read the log of the Collector, and see its pods",
                "lee el log del Collector y mira sus pods",
            )),
            Self::CollectorTakesNoTraces { endpoint, why } => {
                Text::new(why.text(endpoint, locale)).help(why.help(locale))
            }
            Self::ServiceLeadsNowhere { endpoint, target: Some(target) } => Text::new(say!(
                locale,
                "no container of its pods has a port \"{target}\": telemetry for {endpoint} is lost",
                "ningún contenedor de sus pods tiene un puerto \"{target}\": la telemetría para {endpoint} se pierde",
            ))
            .help(say!(
                locale,
                "write the name or the number of a port of the container in targetPort",
                "escribe en targetPort el nombre o el número de un puerto del contenedor",
            )),
            Self::ServiceLeadsNowhere { endpoint, target: None } => Text::new(say!(
                locale,
                "its selector selects none of the pods that are here: telemetry for {endpoint} is lost",
                "su selector no selecciona ninguno de los pods que hay aquí: la telemetría para {endpoint} se pierde",
            ))
            .help(say!(
                locale,
                "write labels of the Collector's pods in selector",
                "escribe en selector etiquetas de los pods del Collector",
            )),
            Self::InjectedPodFails { container, cause, why } => {
                let cause = describe(*cause, locale);
                Text::new(say!(
                    locale,
                    "injected pods do not run: container \"{container}\", {cause} ({why})",
                    "los pods inyectados no se ejecutan: contenedor \"{container}\", {cause} ({why})",
                ))
                .help(say!(
                    locale,
                    "kubectl logs POD -c {container} --previous says more",
                    "kubectl logs POD -c {container} --previous dice más",
                ))
            }
            Self::StandbyOn => Text::new(say!(
                locale,
                "standby is on: the API server injects pods while no replica of the operator runs",
                "standby está activado: el API server inyecta pods mientras no funciona ninguna réplica del operador",
            )),
            Self::StandbyPaused => Text::new(say!(
                locale,
                "standby is paused: nothing is injected while no replica of the operator runs",
                "standby está en pausa: no se inyecta nada mientras no funciona ninguna réplica del operador",
            ))
            .help(say!(
                locale,
                "set spec.paused of plan/ingraft to false",
                "pon spec.paused de plan/ingraft a false",
            )),
        }
    }
}

/// Why a Collector takes no traces from other pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoTraces {
    /// It has no receiver for OTLP.
    NoReceiver,
    /// Its receiver listens where only its own pod reaches it.
    ReceiverIsLocal,
    /// No pipeline for traces has the receiver.
    NoPipeline,
}

impl NoTraces {
    fn text(self, endpoint: &str, locale: Locale) -> Said {
        match self {
            Self::NoReceiver => say!(
                locale,
                "it has no receiver for OTLP: telemetry for {endpoint} is lost",
                "no tiene ningún receptor de OTLP: la telemetría para {endpoint} se pierde",
            ),
            Self::ReceiverIsLocal => say!(
                locale,
                "its receiver listens where only its own pod reaches it: telemetry for {endpoint} is lost",
                "su receptor escucha donde solo llega su propio pod: la telemetría para {endpoint} se pierde",
            ),
            Self::NoPipeline => say!(
                locale,
                "no pipeline for traces has its receiver for OTLP: traces for {endpoint} are lost",
                "ninguna pipeline de trazas tiene su receptor de OTLP: las trazas para {endpoint} se pierden",
            ),
        }
    }

    fn help(self, locale: Locale) -> Said {
        match self {
            Self::NoReceiver => say!(
                locale,
                "add the receiver otlp, and name it in the pipeline traces",
                "añade el receptor otlp y nómbralo en la pipeline traces",
            ),
            Self::ReceiverIsLocal => {
                say!(locale, "write 0.0.0.0 in place of the host", "escribe 0.0.0.0 en lugar del host")
            }
            Self::NoPipeline => say!(
                locale,
                "have a pipeline for traces, with otlp among its receivers",
                "define una pipeline de trazas con otlp entre sus receptores",
            ),
        }
    }
}

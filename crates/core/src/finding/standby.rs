//! What the API server can do by itself while no replica of the operator runs, and what it cannot.

use ingraft_api::Language;

use super::{Locale, Said, Text};

family! {
    /// What the API server can do by itself while no replica of the operator runs, and what it cannot.
    StandbyFinding {
        /// While no replica of the operator runs, nothing is injected for a language of an Instrumentation, although standby
        /// injection is on: what it says needs the operator.
        Info: NotPlanned {
            /// The language.
            language: Language,
            /// What needs the operator.
            why: NotPlannable,
        }
            example "An Instrumentation has a literal in `OTEL_EXPORTER_OTLP_HEADERS`. Whoever may read the plan could read it there, so it is not written into it."
            fix "The finding names what needs the operator. Without it, or with two Instrumentations of which one does without, pods are injected while no replica runs. What is missed is told when one is back.",
        /// There are more Instrumentations than one object of Kubernetes can hold. Those of the namespaces with most are left out:
        /// while no replica of the operator runs, nothing is injected from them.
        Warning: PlanTooLarge {
            /// So many bytes those of the namespace take.
            bytes: usize,
            /// So many are possible for all.
            largest: usize,
        }
            example "Hundreds of namespaces have an Instrumentation each, and no two are alike."
            fix "Let namespaces share Instrumentations (`namespace/name` in the annotation of their pods), or write the same in each: what is the same is stored once.",
        /// The API server has refused a trial pod with what would be injected while no replica of the operator runs. That
        /// is left out.
        Warning: PlanRefused {
            /// The language.
            language: Language,
            /// What the API server said.
            error: String,
        }
            example "The API server is older than the operator, and does not know a field that the operator adds."
            fix "The finding says what the API server said. Where a policy or a webhook speaks, exempt the pods `ingraft-standby-trial-…` in the operator's namespace from it: they are tried again each minute, never created. Otherwise update the cluster or report it. Pods are injected as long as a replica runs.",
    }
}

/// What of an Instrumentation needs the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotPlannable {
    /// A literal in a variable whose name is that of credentials.
    Credential,
    /// A variable from a Secret, a ConfigMap or the container's resources.
    Source,
    /// A variable that refers to one that only a pod can have.
    Reference,
    /// Unique ids as attributes.
    UniqueIds,
    /// Attributes that pods have of their own, or that labels decide too.
    Attributes,
    /// A security context for init containers, which not every namespace allows.
    SecurityContext,
    /// A volume claim.
    VolumeClaim,
    /// Resources other than CPU, memory and ephemeral storage.
    Resources,
    /// The name of a Service without its namespace, and a port that may be corrected.
    ShortEndpoint,
    /// Something that is left out of pods, or with which the language cannot work.
    Unusable,
}

impl NotPlannable {
    fn said(self, locale: Locale) -> Said {
        match self {
            Self::Credential => say!(
                locale,
                "a variable for credentials has a literal value; a Secret would keep it from readers, but needs the operator too",
                "una variable para credenciales tiene un valor literal; un Secret lo ocultaría, pero también necesita el operador",
            ),
            Self::Source => say!(
                locale,
                "a variable comes from a Secret, a ConfigMap or the container's resources",
                "una variable procede de un Secret, de un ConfigMap o de los recursos del contenedor",
            ),
            Self::Reference => say!(
                locale,
                "a variable refers to one that only the pod can have",
                "una variable se refiere a otra que solo el pod puede tener",
            ),
            Self::UniqueIds => say!(
                locale,
                "spec.resource.addK8sUIDAttributes asks for unique ids of owners",
                "spec.resource.addK8sUIDAttributes pide identificadores únicos de los propietarios",
            ),
            Self::Attributes => say!(
                locale,
                "spec.resource.resourceAttributes has keys that pods or their labels decide too",
                "spec.resource.resourceAttributes tiene claves que también deciden los pods o sus etiquetas",
            ),
            Self::SecurityContext => say!(
                locale,
                "spec.initContainerSecurityContext has to fit the pod and its namespace",
                "spec.initContainerSecurityContext tiene que ser compatible con el pod y su namespace",
            ),
            Self::VolumeClaim => {
                say!(locale, "its volume is a claim", "su volumen es una reclamación (PersistentVolumeClaim)",)
            }
            Self::Resources => say!(
                locale,
                "its resources are not only CPU, memory and ephemeral storage",
                "sus recursos no son solo CPU, memoria y almacenamiento efímero",
            ),
            Self::ShortEndpoint => say!(
                locale,
                "the endpoint names a Service without its namespace, and its port may have to be corrected",
                "el endpoint nombra un Service sin su namespace, y puede que haya que corregir su puerto",
            ),
            Self::Unusable => {
                say!(locale, "part of it is left out of pods", "una parte de ella no se pone en los pods",)
            }
        }
    }
}

impl StandbyFinding {
    pub(super) fn text(&self, locale: Locale) -> Text {
        match self {
            Self::NotPlanned { language, why } => {
                let why = why.said(locale);
                Text::new(say!(
                    locale,
                    "while no replica of the operator runs, {language} is not injected: {why}",
                    "mientras no se ejecute ninguna réplica del operador, {language} no se inyecta: {why}",
                ))
            }
            Self::PlanTooLarge { bytes, largest } => Text::new(say!(
                locale,
                "while no replica of the operator runs, it is not injected: the Instrumentations of its namespace take {bytes} bytes, \
                 and the API server stores {largest} for all at most",
                "mientras no se ejecute ninguna réplica del operador, no se inyecta: las Instrumentations de su namespace ocupan \
                 {bytes} bytes, y el servidor de la API guarda {largest} para todas como máximo",
            ))
            .help(say!(
                locale,
                "let namespaces share Instrumentations, or write the same in each",
                "haz que los namespaces compartan Instrumentations, o escribe lo mismo en cada una",
            )),
            Self::PlanRefused { language, error } => Text::new(say!(
                locale,
                "while no replica of the operator runs, {language} is not injected: the API server has refused a trial pod: {error}",
                "mientras no se ejecute ninguna réplica del operador, {language} no se inyecta: el servidor de la API ha rechazado \
                 un pod de prueba: {error}",
            ))
            .help(say!(
                locale,
                "correct what it names in the Instrumentation, or update the cluster",
                "corrige lo que indica en la Instrumentation, o actualiza el clúster",
            )),
        }
    }
}

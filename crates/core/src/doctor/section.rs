//! The parts of the way from an annotation to telemetry.

use crate::finding::{
    AnnotationFinding, ChoiceFinding, ClusterFinding, ContainerFinding, InstrumentationFinding, Locale,
    ManifestFinding, Reason, RunningFinding,
};

/// What makes pods, under one name for all its kinds.
pub const WORKLOADS: &str = "workloads";
/// The pods that run, of every workload that is looked at.
pub const PODS: &str = "pods";

/// One of the parts, in the order of
/// <https://opentelemetry.io/docs/platforms/kubernetes/operator/troubleshooting/automatic/>, with what that page leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// The custom resources.
    Installation,
    /// Who injects.
    Operator,
    /// The way of pods from the API server to the operator.
    Path,
    /// What was there first.
    Order,
    /// What annotations say.
    Annotations,
    /// Which language, in which container.
    Language,
    /// Where telemetry goes.
    Endpoint,
    /// Where variables come from.
    Configuration,
    /// What brings the agent.
    Payload,
    /// Whether the application runs.
    Runtime,
    /// Whether telemetry arrives.
    Delivery,
}

impl Section {
    /// All of them, in order.
    pub const ALL: [Self; 11] = [
        Self::Installation,
        Self::Operator,
        Self::Path,
        Self::Order,
        Self::Annotations,
        Self::Language,
        Self::Endpoint,
        Self::Configuration,
        Self::Payload,
        Self::Runtime,
        Self::Delivery,
    ];

    /// The word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Installation => "installation",
            Self::Operator => "operator",
            Self::Path => "path",
            Self::Order => "order",
            Self::Annotations => "annotations",
            Self::Language => "language",
            Self::Endpoint => "endpoint",
            Self::Configuration => "configuration",
            Self::Payload => "payload",
            Self::Runtime => "runtime",
            Self::Delivery => "delivery",
        }
    }

    /// The name for people.
    pub const fn title(self, locale: Locale) -> &'static str {
        let (english, spanish) = match self {
            Self::Installation => ("Instrumentations", "Instrumentations"),
            Self::Operator => ("Operator", "Operador"),
            Self::Path => ("Webhook", "Webhook"),
            Self::Order => ("Order", "Orden"),
            Self::Annotations => ("Annotations", "Anotaciones"),
            Self::Language => ("Language", "Lenguaje"),
            Self::Endpoint => ("Endpoint", "Endpoint"),
            Self::Configuration => ("Variables", "Variables"),
            Self::Payload => ("Agent", "Agente"),
            Self::Runtime => ("Application", "Aplicación"),
            Self::Delivery => ("Delivery", "Entrega"),
        };
        match locale {
            Locale::En => english,
            Locale::Es => spanish,
        }
    }

    /// The kinds of which all objects have to be known in a cluster to say that nothing is wrong.
    pub const fn needs(self) -> &'static [&'static str] {
        match self {
            Self::Installation => &["CustomResourceDefinition", "Instrumentation"],
            Self::Operator => &["Deployment"],
            Self::Path => &["MutatingWebhookConfiguration", "NetworkPolicy"],
            Self::Order | Self::Runtime => &[WORKLOADS, PODS],
            Self::Annotations | Self::Language | Self::Configuration => &[WORKLOADS],
            Self::Endpoint => &[WORKLOADS, "Service"],
            Self::Payload => &[WORKLOADS, PODS, "Event"],
            Self::Delivery => &["Service", "NetworkPolicy"],
        }
    }

    /// The part that a finding is about.
    pub const fn of(reason: &Reason) -> Self {
        match reason {
            Reason::Choice(choice) => match choice {
                ChoiceFinding::InstrumentationMissing { .. } => Self::Installation,
                ChoiceFinding::InstrumentationNotFound { .. }
                | ChoiceFinding::InstrumentationAmbiguous { .. } => Self::Annotations,
                ChoiceFinding::LanguageDisabled { .. }
                | ChoiceFinding::NotInjected { .. }
                | ChoiceFinding::InternalError => Self::Operator,
                _ => Self::Language,
            },
            Reason::Annotation(annotation) => match annotation {
                AnnotationFinding::GoTargetMissing { .. } | AnnotationFinding::PlatformUnknown { .. } => {
                    Self::Language
                }
                AnnotationFinding::SidecarNotServed { .. } => Self::Delivery,
                _ => Self::Annotations,
            },
            Reason::Container(container) => match container {
                ContainerFinding::PodSecurityForbids { .. }
                | ContainerFinding::InjectionWithheld { .. }
                | ContainerFinding::StrictPodRefused { .. }
                | ContainerFinding::NameTaken { .. } => Self::Payload,
                ContainerFinding::LivenessProbeMayKill { .. } => Self::Runtime,
                _ => Self::Language,
            },
            Reason::Image(_) => Self::Language,
            Reason::Variable(_) | Reason::Probe(_) => Self::Configuration,
            Reason::Endpoint(_) | Reason::Reference(_) => Self::Endpoint,
            Reason::Reachability(_) | Reason::Delivery(_) => Self::Delivery,
            Reason::Instrumentation(found) => match found {
                InstrumentationFinding::UpgradeBlocked { .. }
                | InstrumentationFinding::AgentOfOtherLanguage { .. } => Self::Payload,
                _ => Self::Installation,
            },
            Reason::Field(_) => Self::Installation,
            Reason::Running(running) => match running {
                RunningFinding::PodMissed { .. } | RunningFinding::PodOutdated { .. } => Self::Order,
                RunningFinding::PayloadFailed { .. } => Self::Payload,
            },
            Reason::Healing(_) => Self::Order,
            Reason::Crash(_) => Self::Runtime,
            Reason::Admission(_) => Self::Path,
            Reason::Standby(_) => Self::Operator,
            Reason::Manifest(manifest) => {
                match manifest {
                    ManifestFinding::InstrumentationFollows { .. }
                    | ManifestFinding::NamespaceFollows { .. } => Self::Order,
                    ManifestFinding::AnnotationWithoutPods { .. }
                    | ManifestFinding::TemplateUnknown { .. } => Self::Annotations,
                    _ => Self::Installation,
                }
            }
            Reason::Cluster(cluster) => match cluster {
                ClusterFinding::DefinitionMissing { .. } => Self::Installation,
                ClusterFinding::RegistrationMissing { .. }
                | ClusterFinding::WebhookLater { .. }
                | ClusterFinding::WebhookRefuses { .. }
                | ClusterFinding::PolicyClosesWebhook { .. } => Self::Path,
                ClusterFinding::PodsRefused { .. } => Self::Payload,
                ClusterFinding::InjectedPodFails { .. } => Self::Runtime,
                ClusterFinding::CollectorNotReady { .. }
                | ClusterFinding::CollectorTakesNoTraces { .. }
                | ClusterFinding::ServiceLeadsNowhere { .. }
                | ClusterFinding::PolicyClosesTelemetry { .. } => Self::Delivery,
                _ => Self::Operator,
            },
        }
    }
}

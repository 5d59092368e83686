//! What the pods that run show.

use ingraft_api::Language;

use super::{Locale, Said, Text};
use crate::owner::{OwnerKind, WorkloadRef};

family! {
    /// What the pods that run show.
    RunningFinding {
        /// Pods run without what they request: they were created before it could be injected, or while no replica of the
        /// operator was reached.
        Warning: PodMissed {
            /// The language.
            language: Language,
            /// The Instrumentation, as `namespace/name`.
            instrumentation: String,
            /// What makes the pods.
            workload: WorkloadRef,
        }
            example "The workload was applied before the Instrumentation that it names, or its namespace was annotated when its pods were already there."
            fix "Restart the workload, so that its pods are created anew: `kubectl rollout restart deployment/NAME`.",
        /// Pods run with what an Instrumentation meant before it was changed.
        Warning: PodOutdated {
            /// The language.
            language: Language,
            /// The Instrumentation, as `namespace/name`.
            instrumentation: String,
            /// What makes the pods.
            workload: WorkloadRef,
        }
            example "The endpoint of an Instrumentation was changed. Pods that were injected before still send to the old one."
            fix "Restart the workload, so that its pods are created anew: `kubectl rollout restart deployment/NAME`.",
        /// A container that brings the agent does not start, or ends with an error, so the pod does not start either, or is
        /// not instrumented.
        Error: PayloadFailed {
            /// The container.
            container: String,
            /// What the kubelet says.
            why: String,
        }
            example "The node cannot pull the image of the agent, because its registry cannot be reached from there, or wants credentials."
            fix "The finding says what the kubelet says. Where an image cannot be pulled, name one in the Instrumentation that can (`spec.java.image` and the like), or have all of them taken from your own registry: see [private registries](../private-registries.md). Where memory is short, raise `resources` (Java) or `resourceRequirements` (the others) in the language's block. The workload starts without the agent when the annotation is removed.",
    }
}

impl RunningFinding {
    pub(super) fn text(&self, locale: Locale) -> Text {
        match self {
            Self::PodMissed { language, instrumentation, workload } => Text::new(say!(
                locale,
                "pods run without {language} from {instrumentation}: they were created before it could be injected",
                "hay pods que se ejecutan sin {language} de {instrumentation}: se crearon antes de que se pudiera inyectar",
            ))
            .help(restart(workload, locale)),
            Self::PodOutdated { language, instrumentation, workload } => Text::new(say!(
                locale,
                "pods run with {language} from {instrumentation} as it was when they were created",
                "hay pods que se ejecutan con {language} de {instrumentation} tal como era cuando se crearon",
            ))
            .help(restart(workload, locale)),
            Self::PayloadFailed { container, why } => Text::new(say!(
                locale,
                "container \"{container}\", which brings the agent, does not run: {why}",
                "el contenedor \"{container}\", que trae el agente, no se ejecuta: {why}",
            ))
            .help(payload_help(container, why, locale)),
        }
    }
}

/// How pods are created anew.
fn restart(workload: &WorkloadRef, locale: Locale) -> Said {
    match workload.restart() {
        Some(command) => {
            say!(locale, "restart the workload: {command}", "reinicia la carga de trabajo: {command}")
        }
        None if workload.kind == Some(OwnerKind::CronJob) => {
            say!(locale, "the next run has it", "la próxima ejecución lo tendrá")
        }
        None => say!(locale, "create {workload} again", "crea {workload} de nuevo"),
    }
}

/// What helps, by the reasons of the kubelet.
fn payload_help(container: &str, why: &str, locale: Locale) -> Said {
    if why.contains("OOMKilled") {
        say!(
            locale,
            "raise the memory limit of the language in the Instrumentation",
            "aumenta el límite de memoria del lenguaje en la Instrumentation",
        )
    } else if why.contains("Image") || why.contains("Registry") {
        say!(
            locale,
            "name an image in the Instrumentation that the node can pull",
            "indica en la Instrumentation una imagen que el nodo pueda descargar",
        )
    } else {
        say!(
            locale,
            "kubectl logs POD -c {container} says more; without the annotation the workload starts as it was",
            "kubectl logs POD -c {container} dice más; sin la anotación la carga de trabajo arranca como antes",
        )
    }
}

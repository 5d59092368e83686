//! Restarts by which pods get what they request.

use ingraft_api::annotations::{BLOCKED, HEAL, HEALED};

use super::{Locale, Said, Text};
use crate::healing::{Ailment, Obstacle};
use crate::owner::WorkloadRef;

family! {
    /// Restarts by which pods get what they request.
    HealingFinding {
        /// A workload was restarted, as somebody allowed with `ingraft.dev/heal` or `--heal`.
        Info: Healed {
            /// The workload.
            workload: WorkloadRef,
            /// Why.
            ailment: Ailment,
        }
            example "A workload was applied before its Instrumentation, and its namespace has the annotation `ingraft.dev/heal: missed`."
            fix "Nothing: its pods are being replaced, as the workload's own strategy says.",
        /// A workload is not restarted although somebody allowed that.
        Warning: NotHealed {
            /// The workload.
            workload: WorkloadRef,
            /// What speaks against it.
            why: Obstacle,
        }
            example "The strategy of a Deployment is `Recreate`, so that a restart would leave it without any pod for a while."
            fix "The finding says what is in the way. Where it is downtime, allow it on the workload itself with `ingraft.dev/heal: missed` (or `outdated`), or restart it yourself when it suits: `kubectl rollout restart deployment/NAME`.",
    }
}

impl HealingFinding {
    pub(super) fn text(&self, locale: Locale) -> Text {
        match self {
            Self::Healed { workload, ailment } => {
                let why = ailment.text(locale);
                Text::new(say!(locale, "restarted {workload}: {why}", "se ha reiniciado {workload}: {why}"))
            }
            Self::NotHealed { workload, why } => {
                let reason = why.text(locale);
                let text = Text::new(say!(
                    locale,
                    "{workload} is not restarted: {reason}",
                    "{workload} no se reinicia: {reason}",
                ));
                match why.help(workload, locale) {
                    Some(help) => text.help(help),
                    None => text,
                }
            }
        }
    }
}

impl Ailment {
    fn text(self, locale: Locale) -> Said {
        match self {
            Self::Missed => {
                say!(locale, "pods ran without what they request", "había pods sin lo que solicitan")
            }
            Self::Outdated => say!(
                locale,
                "pods ran with what the Instrumentation meant before it was changed",
                "había pods con lo que la Instrumentation significaba antes de cambiarla",
            ),
            Self::Standby => say!(
                locale,
                "pods were injected by the API server while no replica ran",
                "había pods que inyectó el servidor de la API mientras no se ejecutaba ninguna réplica",
            ),
            Self::NewerImage => say!(
                locale,
                "pods ran with an earlier default image",
                "había pods con una imagen predeterminada anterior",
            ),
        }
    }
}

impl Obstacle {
    /// Why a workload is not restarted, in the words of [`HealingFinding::NotHealed`].
    pub fn reason(&self, locale: Locale) -> String {
        self.text(locale).to_string()
    }

    fn text(&self, locale: Locale) -> Said {
        match self {
            Self::NotPermitted => say!(
                locale,
                "the operator has no right to restart workloads",
                "el operador no tiene permiso para reiniciar cargas de trabajo",
            ),
            Self::Kind => say!(
                locale,
                "pods of this kind are not replaced by changing what makes them",
                "los pods de este tipo no se reemplazan al cambiar lo que los crea",
            ),
            Self::Controlled(owner) => {
                say!(locale, "{owner} controls it", "lo controla {owner}")
            }
            Self::Paused => say!(locale, "it is paused", "está en pausa"),
            Self::OnDelete => say!(
                locale,
                "its strategy keeps pods until somebody deletes them",
                "su estrategia conserva los pods hasta que alguien los elimina",
            ),
            Self::Downtime => {
                say!(locale, "no pod would be there for a while", "durante un tiempo no habría ningún pod",)
            }
            Self::Failing => {
                say!(locale, "its last rollout is failing", "su último despliegue está fallando")
            }
            Self::UnderWay => {
                say!(locale, "its last rollout is under way", "su último despliegue está en curso")
            }
            Self::Unready => say!(
                locale,
                "its last rollout has not ended, or not all of its pods are available",
                "su último despliegue no ha terminado, o no todos sus pods están disponibles",
            ),
            Self::TakenBack => say!(
                locale,
                "somebody has taken back what the last restart had written on it",
                "alguien ha deshecho lo que el último reinicio escribió en ella",
            ),
            Self::Refused(message) => say!(
                locale,
                "the API server did not take the change: {message}",
                "el API server no aceptó el cambio: {message}",
            ),
            Self::Budget(name) => say!(
                locale,
                "PodDisruptionBudget {name} allows no further disruption now",
                "el PodDisruptionBudget {name} no permite ahora más interrupciones",
            ),
            Self::Blocked => say!(
                locale,
                "injection is turned off for its template",
                "la inyección está desactivada para su plantilla",
            ),
            Self::HealedBefore => say!(
                locale,
                "it was restarted for the same reason before",
                "ya se reinició antes por el mismo motivo",
            ),
            Self::Halted(count) => say!(
                locale,
                "{count} that were restarted before have not come back",
                "{count} que se reiniciaron antes no han vuelto",
            ),
        }
    }

    fn help(&self, workload: &WorkloadRef, locale: Locale) -> Option<Said> {
        let short = workload.short();
        let namespace = &workload.namespace;
        Some(match self {
            Self::NotPermitted => say!(
                locale,
                "apply what ingraft manifests all --heal prints, or remove {HEAL}",
                "aplica lo que imprime ingraft manifests all --heal, o quita {HEAL}",
            ),
            Self::Downtime => say!(
                locale,
                "allow it: kubectl annotate {short} -n {namespace} {HEAL}=missed",
                "permítelo: kubectl annotate {short} -n {namespace} {HEAL}=missed",
            ),
            Self::Failing | Self::Unready | Self::Halted(_) => say!(
                locale,
                "kubectl rollout status {short} -n {namespace} says more",
                "kubectl rollout status {short} -n {namespace} dice más",
            ),
            Self::Blocked => say!(
                locale,
                "to try again: kubectl annotate {short} -n {namespace} {BLOCKED}-",
                "para intentarlo de nuevo: kubectl annotate {short} -n {namespace} {BLOCKED}-",
            ),
            Self::HealedBefore => say!(
                locale,
                "to try again: kubectl annotate {short} -n {namespace} {HEALED}-",
                "para intentarlo de nuevo: kubectl annotate {short} -n {namespace} {HEALED}-",
            ),
            Self::Kind
            | Self::Controlled(_)
            | Self::Paused
            | Self::OnDelete
            | Self::UnderWay
            | Self::TakenBack
            | Self::Refused(_)
            | Self::Budget(_) => {
                let command = workload.restart()?;
                say!(locale, "restart it yourself: {command}", "reiníciala tú: {command}")
            }
        })
    }
}

//! Pods that crash once they are injected.

use ingraft_api::Language;
use ingraft_api::annotations::{BLOCKED, CONTROL};

use super::{Locale, Said, Text};
use crate::crash::{Cause, Ran};
use crate::owner::WorkloadRef;

family! {
    /// Pods that crash once they are injected.
    CrashFinding {
        /// Pods that were injected do not run, while pods of the same template run without the agent or with another one, or
        /// did until they were restarted.
        Error: CrashAfterInjection {
            /// What was injected into the pods.
            languages: Vec<Language>,
            /// The container that does not run.
            container: String,
            /// Why, as far as its last state tells.
            cause: Cause,
            /// What the kubelet says.
            why: String,
            /// What runs, or ran.
            ran: Ran,
        }
            example "The application sets an option in `JAVA_TOOL_OPTIONS` that the agent does not get on with, or its memory limit has no room for the agent. Pods from before injection still run."
            fix "The finding names the annotation with which the workload runs without the agent. The cause says what to change: raise the memory limit of the application's container, name an image of the agent that suits the application, or correct the option. See [when an application crashes after injection](../crashes.md).",
        /// Pods without the agent crash too, so the crash is not the agent's doing, and injection goes on.
        Info: CrashIsNotOurs {
            /// What makes the pods.
            workload: WorkloadRef,
        }
            example "A database that the application needs is down. A pod that started without the agent crashed like the others."
            fix "Look at the application: `kubectl logs POD --previous`.",
        /// Nothing is injected into pods of this workload until its template changes: injected ones crashed while one without
        /// the agent ran.
        Warning: InjectionBlocked {
            /// What makes the pods.
            workload: WorkloadRef,
            /// The cause, as the annotation `ingraft.dev/blocked` gives it.
            cause: String,
        }
            example "Injected pods of the workload crashed. A pod that was started without the agent, to see what comes of it, ran while they still crashed."
            fix "Remove what made them crash. A changed template is injected again by itself; to have the same one injected again, remove the annotation: `kubectl annotate deployment/NAME ingraft.dev/blocked-`, and restart the workload. See [when an application crashes after injection](../crashes.md).",
        /// A pod starts without the agent, to see whether pods of the workload crash without it too.
        Info: ControlStart {
            /// What makes the pods.
            workload: WorkloadRef,
        }
            example "Injected pods of a workload crash while others of it run, and healing is allowed."
            fix "Nothing needs to be done: what comes of it is told. See [when an application crashes after injection](../crashes.md).",
        /// It was not found out whether the agent is to blame: no pod started without it in time. It is not tried again until
        /// the template changes.
        Warning: ControlUnclear {
            /// What makes the pods.
            workload: WorkloadRef,
        }
            example "A PodDisruptionBudget does not allow that a pod which crashes is evicted, so that none takes its place."
            fix "See what keeps pods from being replaced: a PodDisruptionBudget, or a quota that refuses new ones. Then have it tried again: `kubectl annotate deployment/NAME ingraft.dev/control-`. See [when an application crashes after injection](../crashes.md).",
        /// A pod that crashes with the agent was evicted, so that one without it takes its place.
        Info: PodEvicted {
            /// What makes the pods.
            workload: WorkloadRef,
            /// The name of the pod.
            pod: String,
            /// The container that does not run.
            container: String,
            /// Why, as far as its last state tells.
            cause: Cause,
            /// What the kubelet says.
            why: String,
        }
            example "Injection of the workload is blocked, and a pod of it that was injected before crashes on."
            fix "Nothing: the pod that is made in its place starts without the agent. See [when an application crashes after injection](../crashes.md).",
    }
}

impl CrashFinding {
    pub(super) fn text(&self, locale: Locale) -> Text {
        match self {
            Self::CrashAfterInjection { languages, container, cause, why, ran } => {
                let cause = describe(*cause, locale);
                let keys =
                    languages.iter().map(|language| language.inject_key()).collect::<Vec<_>>().join(", ");
                let ran = match ran {
                    Ran::Untouched => say!(
                        locale,
                        "pods without the agent run, and those with it do not",
                        "los pods sin el agente se ejecutan y los que lo tienen no",
                    ),
                    Ran::Otherwise => say!(
                        locale,
                        "pods with what was injected before run, and those with the new do not",
                        "los pods con lo que se inyectó antes se ejecutan y los que tienen lo nuevo no",
                    ),
                    Ran::Before => say!(
                        locale,
                        "its pods ran until they were restarted to be injected, and do not now",
                        "sus pods se ejecutaban hasta que se reiniciaron para inyectarlos, y ahora no",
                    ),
                };
                Text::new(say!(
                    locale,
                    "{ran}: container \"{container}\", {cause} ({why})",
                    "{ran}: contenedor \"{container}\", {cause} ({why})",
                ))
                .help(say!(
                    locale,
                    "to try without it: {keys}: 'false' in the template",
                    "para probar sin él: {keys}: 'false' en la plantilla",
                ))
            }
            Self::CrashIsNotOurs { workload } => {
                let (short, namespace) = (workload.short(), &workload.namespace);
                Text::new(say!(
                    locale,
                    "pods of {short} crash without the agent too",
                    "los pods de {short} también fallan sin el agente",
                ))
                .help(say!(
                    locale,
                    "look at the application; to have it tried again: kubectl annotate {short} -n {namespace} {CONTROL}-",
                    "revisa la aplicación; para que se pruebe otra vez: kubectl annotate {short} -n {namespace} {CONTROL}-",
                ))
            }
            Self::InjectionBlocked { workload, cause } => {
                let (short, namespace) = (workload.short(), &workload.namespace);
                let known = Cause::ALL.into_iter().find(|known| known.as_str() == cause);
                let cause = describe(known.unwrap_or(Cause::Unknown), locale);
                Text::new(say!(
                    locale,
                    "nothing is injected: pods of {short} crashed with the agent while one without it ran ({cause})",
                    "no se inyecta nada: los pods de {short} fallaban con el agente mientras uno sin él se ejecutaba ({cause})",
                ))
                .help(say!(
                    locale,
                    "to lift it: kubectl annotate {short} -n {namespace} {BLOCKED}-",
                    "para anularlo: kubectl annotate {short} -n {namespace} {BLOCKED}-",
                ))
            }
            Self::ControlStart { workload } => {
                let short = workload.short();
                Text::new(say!(
                    locale,
                    "one pod of {short} starts without the agent, to see whether it crashes without it too",
                    "un pod de {short} arranca sin el agente, para ver si también falla sin él",
                ))
            }
            Self::ControlUnclear { workload } => {
                let (short, namespace) = (workload.short(), &workload.namespace);
                Text::new(say!(
                    locale,
                    "no pod of {short} has started without the agent in time, so it is not known whether that is to blame",
                    "ningún pod de {short} ha arrancado a tiempo sin el agente, así que no se sabe si este es la causa",
                ))
                .help(say!(
                    locale,
                    "to have it tried again: kubectl annotate {short} -n {namespace} {CONTROL}-",
                    "para que se pruebe otra vez: kubectl annotate {short} -n {namespace} {CONTROL}-",
                ))
            }
            Self::PodEvicted { workload, pod, container, cause, why } => {
                let (short, cause) = (workload.short(), describe(*cause, locale));
                Text::new(say!(
                    locale,
                    "pod {pod} of {short} was evicted, so that one without the agent takes its place: container \"{container}\", {cause} ({why})",
                    "se ha desalojado el pod {pod} de {short}, para que uno sin el agente ocupe su lugar: contenedor \"{container}\", {cause} ({why})",
                ))
            }
        }
    }
}

/// A cause in a few words.
pub(super) fn describe(cause: Cause, locale: Locale) -> Said {
    match cause {
        Cause::OptionUnknown => {
            say!(locale, "the JVM does not know an option", "la JVM no reconoce una opción")
        }
        Cause::OptionNotAllowed => say!(
            locale,
            "Node.js does not take what NODE_OPTIONS says",
            "Node.js no acepta lo que dice NODE_OPTIONS",
        ),
        Cause::AgentMissing => {
            say!(locale, "the agent's files are not there", "faltan los archivos del agente")
        }
        Cause::ModuleMissing => say!(locale, "a module is not found", "no se encuentra un módulo"),
        Cause::OutOfMemory => {
            say!(locale, "it took more memory than its limit", "usó más memoria que su límite")
        }
        Cause::Loader => {
            say!(
                locale,
                "a program or library cannot be loaded",
                "no se puede cargar un programa o una biblioteca",
            )
        }
        Cause::ImagePull => say!(locale, "an image cannot be pulled", "no se puede descargar una imagen"),
        Cause::Quota => say!(locale, "a quota is exceeded", "se supera una cuota"),
        Cause::ConfigMissing => say!(
            locale,
            "something that its variables refer to is missing",
            "falta algo a lo que se refieren sus variables",
        ),
        Cause::NotStarted => {
            say!(locale, "its program cannot be started", "no se puede iniciar su programa")
        }
        Cause::Unknown => say!(locale, "the cause is not known", "no se conoce la causa"),
    }
}

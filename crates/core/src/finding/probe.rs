//! What probes found, and why none can look.

use ingraft_api::Language;
use ingraft_api::annotations::{DOTNET_RUNTIME, PYTHON_PLATFORM};
use ingraft_probe_contract::{LONGEST_LINE, LONGEST_VALUE, Refusal, StandDown};

use super::{Locale, Said, Text, list};

family! {
    /// What probes found, and why none can look.
    ProbeFinding {
        /// The probe found that the agent would not work, and did not load it.
        Error: AgentStoodDown {
            /// The language.
            language: Language,
            /// The container.
            container: String,
            /// Why.
            why: StandDown,
            /// Agents of others that are loaded.
            agents: Vec<String>,
            /// The version of the runtime, if it is known.
            version: Option<String>,
        }
            example "A probe ran in the image of an application that has another C library than the agent's files:\n\n```yaml\napiVersion: v1\nkind: Pod\nmetadata:\n  name: cart\n  annotations:\n    instrumentation.opentelemetry.io/inject-python: 'true'\n    instrumentation.opentelemetry.io/otel-python-platform: glibc\nspec:\n  containers:\n    - name: app\n      image: python:3.13-alpine\n```"
            fix "Name the C library of the image, and restart the workload:\n\n```yaml\ninstrumentation.opentelemetry.io/otel-python-platform: musl\n```\n\nWhere the image has no such runtime, or an old one, use another image, or remove the annotation. Where another agent is loaded, remove one of the two.",
        /// The probe found that an agent would not work, but a value in the pod's own list already loads it.
        Error: AgentUnsuitable {
            /// The language.
            language: Language,
            /// The container.
            container: String,
            /// Why.
            why: StandDown,
            /// Agents of others that are loaded.
            agents: Vec<String>,
            /// The version of the runtime, if it is known.
            version: Option<String>,
        }
            example "The container sets the variable by which the agent is loaded, and its image has a runtime that the agent does not support. The value stays in the pod, so only the next pod can start without the agent:\n\n```yaml\nenv:\n  - name: PYTHONPATH\n    value: /app/lib\n```"
            fix "Restart the pod: `kubectl rollout restart deployment/NAME`. What was found is remembered, and the agent is not loaded again into containers of this image. To instrument it, use an image with a supported runtime.",
        /// A shell script at the start of the container, or its command, sets, removes or ignores variables that are injected.
        Warning: EntrypointSets {
            /// The container.
            container: String,
            /// The variables.
            variables: Vec<String>,
        }
            example "The image starts a script that sets a variable by which the agent is loaded, and so replaces the injected value:\n\n```sh\n#!/bin/sh\nexport JAVA_TOOL_OPTIONS=\"-Xmx512m\"\nexec java -jar app.jar\n```"
            fix "Keep what is there:\n\n```sh\nexport JAVA_TOOL_OPTIONS=\"$JAVA_TOOL_OPTIONS -Xmx512m\"\n```",
        /// The probe found a value that the file from which the kubelet takes variables cannot hold.
        Warning: VariableNotJoined {
            /// The container.
            container: String,
            /// The variable.
            variable: String,
            /// What its value holds.
            why: Refusal,
        }
            example "The image sets a variable to a value with a single quote:\n\n```dockerfile\nENV JAVA_TOOL_OPTIONS=\"-Dgreeting=it's\"\n```"
            fix "Set the variable in the container, where it is joined without a file:\n\n```yaml\nenv:\n  - name: JAVA_TOOL_OPTIONS\n    value: \"-Dgreeting=it's\"\n```",
        /// The probe failed, so only agents that a value in the pod's own list loads are loaded.
        Error: ProbeFailed {
            /// The container.
            container: String,
            /// What it said.
            error: String,
        }
            example "The probe is killed because the node has no memory left, or the image cannot run it."
            fix "Restart the workload: `kubectl rollout restart deployment/NAME`. The finding has the error; `kubectl describe pod NAME` shows how the container `ingraft-probe-0` ended. If it happens again, start the operator with `--env-probe=never`, and set the variables of the image in the container's `env`.",
        /// The copier or the probe does not start, so neither does the pod. The next pods have none.
        Error: ProbeNotStarted {
            /// The container that does not start.
            container: String,
            /// What the kubelet says.
            why: String,
        }
            example "The operator's image is in a registry that needs credentials, and the namespace of the application has none."
            fix "Give the ServiceAccount of the pod the credentials (`kubectl patch serviceaccount default -n shop -p '{\"imagePullSecrets\": [{\"name\": \"mirror\"}]}'`), or change what keeps the container from starting, and restart the workload: new pods have no probe and start. To have probes again before seven days are over, remove the key that begins with `copier.` or `probe.` from the ConfigMap `ingraft-facts` of the operator's namespace.",
        /// Another webhook has removed the references to the file of a probe, so the probe was taken back.
        Warning: ReferencesRemoved
            example "A webhook that was built with types older than Kubernetes 1.34 is called after ours, or again, and returns the pod without `fileKeyRef`, which it does not know:\n\n```yaml\nenv:\n  - name: PYTHONPATH\n    valueFrom: {}\n```"
            fix "Update that webhook. For seven days there are no probes in the namespace: what the image and `envFrom` set is overridden there, unless the container's own `env` sets it.",
        /// What image and `envFrom` set is not known, and no probe can look.
        Info: EnvironmentUnknown {
            /// The container.
            container: String,
            /// The variables that are hidden, if they are set there.
            variables: Vec<String>,
            /// Why no probe can look.
            why: Obstacle,
        },
        /// What image and `envFrom` set is not known, and this pod, its namespace or its image cannot have a probe, while others
        /// can.
        Warning: ProbeNotPossible {
            /// The container.
            container: String,
            /// The variables that are hidden, if they are set there.
            variables: Vec<String>,
            /// Why no probe can look.
            why: Obstacle,
        }
            example "The pod asks for a RuntimeClass whose containers run in a virtual machine, where the kubelet may not see what they write:\n\n```yaml\nspec:\n  runtimeClassName: kata\n```"
            fix "Set in the container's own `env` what the image or `envFrom` sets of the variables that the finding lists: it is joined there.",
    }
}

/// Why a container cannot have a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// The operator was told not to use probes.
    SwitchedOff,
    /// No node is known, so no kubelet is known to be new enough.
    NoNode,
    /// No known node fits what the pod asks for.
    NoNodeFits,
    /// A kubelet cannot take variables from a file, or one that could not was there in the last 30 days.
    OldNode,
    /// The pod may run where no ordinary kubelet is.
    VirtualNode,
    /// The pod may run on nodes of a class that has not been seen to take a variable from a file.
    Unproven(String),
    /// A RuntimeClass whose containers the kubelet may share no files with.
    Runtime(String),
    /// The pod is never restarted, so a probe that is killed would fail it.
    NeverRestarted,
    /// A profile of the node's may not allow what the probe does.
    LocalhostProfile,
    /// Another webhook removes the references to the file.
    Stripped,
    /// It did not run lately.
    Failed,
    /// The pod has probes, or their names, already.
    Taken,
}

impl Obstacle {
    /// Whether it is particular to a pod, its namespace or its image.
    pub(crate) const fn is_particular(&self) -> bool {
        match self {
            Self::VirtualNode | Self::Runtime(_) | Self::LocalhostProfile | Self::Stripped | Self::Failed => {
                true
            }
            Self::SwitchedOff
            | Self::NoNode
            | Self::NoNodeFits
            | Self::OldNode
            | Self::Unproven(_)
            | Self::NeverRestarted
            | Self::Taken => false,
        }
    }
}

impl ProbeFinding {
    pub(super) fn text(&self, locale: Locale) -> Text {
        match self {
            Self::AgentStoodDown { language, container, why, agents, version } => {
                let cause = stand_down(*why, agents, version.as_deref(), locale);
                Text::new(say!(
                    locale,
                    "{language} is not loaded in container \"{container}\": {cause}",
                    "{language} no se carga en el contenedor \"{container}\": {cause}",
                ))
                .help(stand_down_help(*why, *language, locale))
            }
            Self::AgentUnsuitable { language, container, why, agents, version } => {
                let cause = stand_down(*why, agents, version.as_deref(), locale);
                Text::new(say!(
                    locale,
                    "{language} was loaded in container \"{container}\" but will not be from the next pod on: {cause}",
                    "{language} se cargó en el contenedor \"{container}\", pero no se cargará a partir del próximo pod: {cause}",
                ))
                .help(stand_down_help(*why, *language, locale))
            }
            Self::EntrypointSets { container, variables } => {
                let all = list(variables);
                Text::new(say!(
                    locale,
                    "the start of container \"{container}\" sets, removes or ignores {all}, so injected values may be lost",
                    "el inicio del contenedor \"{container}\" define, quita o ignora {all}, así que los valores inyectados se pueden perder",
                ))
                .help(say!(
                    locale,
                    "keep what {all} holds, and append to it",
                    "conserva el valor de {all} y añade el tuyo al final",
                ))
            }
            Self::VariableNotJoined { container, variable, why } => {
                let what = refused(*why, locale);
                Text::new(say!(
                    locale,
                    "{variable} of container \"{container}\" has {what}, which the kubelet cannot take from a file",
                    "{variable} del contenedor \"{container}\" tiene {what}, que el kubelet no puede leer de un archivo",
                ))
                .help(say!(
                    locale,
                    "set {variable} in the container's env, then it is joined there",
                    "define {variable} en el env del contenedor, y entonces se combina allí",
                ))
            }
            Self::ProbeFailed { container, error } => Text::new(say!(
                locale,
                "the probe of container \"{container}\" failed, so it loads no agent: {error}",
                "la sonda del contenedor \"{container}\" falló, así que no carga ningún agente: {error}",
            ))
            .help(say!(
                locale,
                "restart the workload; if it happens again, start the operator with --env-probe=never",
                "reinicia la carga de trabajo; si vuelve a ocurrir, inicia el operador con --env-probe=never",
            )),
            Self::ProbeNotStarted { container, why } => Text::new(say!(
                locale,
                "container \"{container}\" does not start, and so neither does the pod: {why}",
                "el contenedor \"{container}\" no arranca, y por eso tampoco el pod: {why}",
            ))
            .help(say!(
                locale,
                "restart the workload: new pods have no probe; see that the operator's image can be pulled and run there",
                "reinicia la carga de trabajo: ya no hay sonda; comprueba que la imagen del operador se pueda usar allí",
            )),
            Self::ReferencesRemoved => Text::new(say!(
                locale,
                "another webhook removed references to the file of a probe, so the pod has no probe",
                "otro webhook eliminó las referencias al archivo de una sonda, así que el pod no tiene sonda",
            ))
            .help(say!(
                locale,
                "update that webhook: it does not know fileKeyRef, which Kubernetes has had since 1.34",
                "actualiza ese webhook: no conoce fileKeyRef, que existe desde Kubernetes 1.34",
            )),
            Self::EnvironmentUnknown { container, variables, why }
            | Self::ProbeNotPossible { container, variables, why } => {
                let (why, all) = (why.text(locale), list(variables));
                Text::new(say!(
                    locale,
                    "values that the image of container \"{container}\" sets may be overridden: {why}",
                    "los valores que define la imagen del contenedor \"{container}\" pueden quedar sustituidos: {why}",
                ))
                .help(say!(
                    locale,
                    "to keep your own values, set these in the container's env: {all}",
                    "para conservar tus valores, define estas variables en el env del contenedor: {all}",
                ))
            }
        }
    }
}

fn stand_down(why: StandDown, agents: &[String], version: Option<&str>, locale: Locale) -> Said {
    match (why, version) {
        (StandDown::Absent, _) => {
            say!(locale, "its image has no such runtime", "su imagen no tiene ese entorno de ejecución",)
        }
        (StandDown::Version, Some(version)) => say!(
            locale,
            "the agent does not support version {version}",
            "el agente no admite la versión {version}",
        ),
        (StandDown::Version, None) => {
            say!(locale, "the agent does not support its version", "el agente no admite su versión",)
        }
        (StandDown::LibcUnknown, _) => say!(
            locale,
            "the C library of its image is not known",
            "no se conoce la biblioteca de C de su imagen",
        ),
        (StandDown::LibcMismatch, _) => say!(
            locale,
            "the agent's files are for another C library",
            "los archivos del agente son para otra biblioteca de C",
        ),
        (StandDown::OtherAgent, _) => {
            let all = list(agents);
            say!(locale, "another agent is loaded: {all}", "hay otro agente cargado: {all}")
        }
        (StandDown::Value, _) => say!(
            locale,
            "a variable has a value that cannot be passed on",
            "una variable tiene un valor que no se puede transmitir",
        ),
    }
}

fn stand_down_help(why: StandDown, language: Language, locale: Locale) -> Said {
    match (why, platform_annotation(language)) {
        (StandDown::OtherAgent, _) => {
            say!(
                locale,
                "remove the other agent, or do not request {language}",
                "quita el otro agente, o no solicites {language}",
            )
        }
        (StandDown::LibcUnknown | StandDown::LibcMismatch, Some(key)) => {
            say!(locale, "set the annotation {key}", "define la anotación {key}")
        }
        _ => say!(
            locale,
            "use an image with a supported runtime, or do not request {language}",
            "usa una imagen con un entorno de ejecución compatible, o no solicites {language}",
        ),
    }
}

/// The annotation that says for which C library a language's files are.
const fn platform_annotation(language: Language) -> Option<&'static str> {
    match language {
        Language::Python => Some(PYTHON_PLATFORM),
        Language::DotNet => Some(DOTNET_RUNTIME),
        _ => None,
    }
}

fn refused(why: Refusal, locale: Locale) -> Said {
    match why {
        Refusal::Quote => say!(locale, "a single quote", "una comilla simple"),
        Refusal::CarriageReturn => say!(locale, "a carriage return", "un retorno de carro"),
        Refusal::Line => say!(
            locale,
            "a line of more than {LONGEST_LINE} bytes",
            "una línea de más de {LONGEST_LINE} bytes",
        ),
        Refusal::Size => say!(locale, "more than {LONGEST_VALUE} bytes", "más de {LONGEST_VALUE} bytes",),
        Refusal::Encoding => {
            say!(locale, "bytes that are not valid text", "bytes que no son texto válido")
        }
        Refusal::Name => say!(
            locale,
            "a name that is not the name of a variable",
            "un nombre que no es el de una variable",
        ),
    }
}

impl Obstacle {
    fn text(&self, locale: Locale) -> Said {
        match self {
            Self::SwitchedOff => say!(locale, "the probe is switched off", "la sonda está desactivada"),
            Self::NoNode => say!(locale, "no node is known", "no se conoce ningún nodo"),
            Self::NoNodeFits => {
                say!(locale, "no known node fits the pod", "ningún nodo conocido se ajusta al pod",)
            }
            Self::OldNode => say!(
                locale,
                "a node is, or was in the last 30 days, older than Kubernetes 1.35",
                "un nodo es, o ha sido en los últimos 30 días, anterior a Kubernetes 1.35",
            ),
            Self::VirtualNode => say!(
                locale,
                "the pod may run on a virtual node",
                "el pod puede ejecutarse en un nodo virtual",
            ),
            Self::Unproven(class) => say!(
                locale,
                "it is not proven yet that a probe works on nodes with {class}",
                "aún no está probado que una sonda funcione en nodos con {class}",
            ),
            Self::Runtime(name) => say!(
                locale,
                "the RuntimeClass \"{name}\" may not share files with the kubelet",
                "es posible que la RuntimeClass \"{name}\" no comparta archivos con el kubelet",
            ),
            Self::NeverRestarted => say!(
                locale,
                "a probe that is killed would fail the pod",
                "si se interrumpe la sonda, el pod fallaría",
            ),
            Self::LocalhostProfile => say!(
                locale,
                "a Localhost profile may not allow it",
                "un perfil Localhost puede no permitirlo",
            ),
            Self::Stripped => say!(
                locale,
                "another webhook removes references to its file in this namespace",
                "otro webhook elimina las referencias a su archivo en este espacio de nombres",
            ),
            Self::Failed => say!(
                locale,
                "one did not start here in the last seven days",
                "una no arrancó aquí en los últimos siete días",
            ),
            Self::Taken => say!(
                locale,
                "the pod has probes, or their names, already",
                "el pod ya tiene sondas, o sus nombres",
            ),
        }
    }
}

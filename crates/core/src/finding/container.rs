//! What is in the way in a container, its image, or its pod.

use ingraft_api::Language;
use ingraft_api::annotations::{NODEJS_ESM, REQUIRE};

use super::{Locale, Text, first, list};
use crate::inject::musl;
use crate::snapshot::PodSecurity;

family! {
    /// What is in the way in a container, its image, or its pod.
    ContainerFinding {
        /// The namespace enforces a level of Pod Security that refuses what the language needs.
        Error: PodSecurityForbids {
            /// The language.
            language: Language,
            /// The level.
            level: PodSecurity,
        },
        /// A field of the pod keeps the containers from seeing each other's processes.
        Error: ProcessesHidden {
            /// The language.
            language: Language,
            /// The field.
            field: &'static str,
            /// Its value.
            value: bool,
        },
        /// The pod already has a volume, mount or container where ours would be.
        Error: NameTaken {
            /// The language.
            language: Language,
            /// What is taken.
            what: Taken,
            /// Its name or path.
            name: String,
        },
        /// A container already loads another installation of the agent.
        Error: OtherAgent {
            /// The language.
            language: Language,
            /// The container.
            container: String,
            /// The variable that shows it.
            variable: &'static str,
        },
        /// A container already loads another profiler, and there can be only one.
        Warning: OtherProfiler {
            /// The language.
            language: Language,
            /// The container.
            container: String,
            /// The variable that shows it.
            variable: &'static str,
        },
        /// A container loads another agent by itself, so everything is instrumented twice, or one of both fails.
        Warning: AgentTwice {
            /// The language.
            language: Language,
            /// The container.
            container: String,
            /// What loads it.
            shown: String,
        }
            example "```yaml\nspec:\n  containers:\n  - name: app\n    image: registry.example.com/app:1.0\n    command: [java, '-javaagent:/opt/opentelemetry-javaagent.jar', -jar, app.jar]\n```"
            fix "Remove the option, or the program that starts the application with an agent: Ingraft brings one. Or keep it, and remove the annotation `instrumentation.opentelemetry.io/inject-java`.",
        /// A Node.js application consists of ES modules, and its version is not known to have hooks for them.
        Warning: ModulesNotHooked {
            /// The container.
            container: String,
        },
        /// The API server refused a pod of this workload after it was injected, so the next ones are left as they are.
        Warning: InjectionWithheld {
            /// What the API server said.
            message: String,
        }
            example "A policy of the cluster allows init containers of certain images only. It refuses the pod once an agent is injected, and accepts it as it was."
            fix "Change what refuses the pod, or the Instrumentation so that it is accepted: the message says why it was refused. With a new pod template or a changed Instrumentation, injection is tried again.",
        /// Pods were refused because they demand injection and nothing was injected into them.
        Error: StrictPodRefused {
            /// What makes the pods, as `deployment/web`.
            workload: String,
            /// Its namespace.
            namespace: String,
            /// The command that has pods made anew.
            retry: String,
        }
            example "Pods have the label `ingraft.dev/require: 'true'`, and no replica of the operator was ready, or something is in the way of injection."
            fix "`ingraft explain deployment/NAME` says whether anything is in the way. Once nothing is, Kubernetes tries again by itself, after up to 17 minutes, or at once with the command that the Event gives.",
        /// The configuration of a web server would not be cloned, so the server is left alone.
        Error: CloneImpossible {
            /// The container.
            container: String,
            /// Why.
            why: CloneObstacle,
        }
            example "A web server's image has no shell, and the operator's program is not proven to run on every kind of node on which the pod may run."
            fix "Use an image with `/bin/sh`. Where the pod's seccomp or AppArmor profile is one of the node's, use `RuntimeDefault`. Where cloning has failed, the finding `CloneFailed` on an earlier pod says why; remove the cause, and the key that begins with `clone.` from the ConfigMap `ingraft-facts` of the operator's namespace, or wait for seven days.",
        /// The configuration of a web server cannot be cloned, so the pod does not start. The next pods are left alone.
        Error: CloneFailed {
            /// The init container.
            container: String,
            /// What the kubelet says.
            why: String,
        }
            example "A web server's image has no shell that could clone the configuration, or the node has no room for it."
            fix "Restart the workload: `kubectl rollout restart deployment/NAME`. New pods start without the module. To have it, remove the cause, and the key that begins with `clone.` from the ConfigMap `ingraft-facts` of the operator's namespace.",
        /// The module was not attached to the configuration of a web server, which runs without it.
        Error: ModuleNotAttached {
            /// The init container.
            container: String,
            /// What it said.
            why: String,
        }
            example "The agent's image has no module for the version of nginx that the application's image has."
            fix "Use a version for which there is a module, or an agent's image that has one (`spec.nginx.image`, `spec.apacheHttpd.image`). Where the main file of the configuration has another name or place, write it into `spec.nginx.configFile` or `spec.apacheHttpd.configPath`.",
        /// The agent makes the application start later, and the liveness probe may end the container before. Only a workload
        /// is told, not each of its pods.
        Warning: LivenessProbeMayKill {
            /// The language.
            language: Language,
            /// The container.
            container: String,
            /// How long it has to start.
            seconds: u64,
        },
        /// The image is one of Alpine by its tag, and nothing says that the agent is to be the one for its C library, musl.
        /// Only a workload is told, not each of its pods.
        Warning: MuslNotNamed {
            /// The language.
            language: Language,
            /// The container.
            container: String,
        }
            example "```yaml\napiVersion: v1\nkind: Pod\nmetadata:\n  name: cart\n  annotations:\n    instrumentation.opentelemetry.io/inject-python: 'true'\nspec:\n  containers:\n  - name: app\n    image: python:3.13-alpine\n```"
            fix "Name the C library:\n\n```yaml\nmetadata:\n  annotations:\n    instrumentation.opentelemetry.io/inject-python: 'true'\n    instrumentation.opentelemetry.io/otel-python-platform: musl\n```\n\nFor .NET it is `instrumentation.opentelemetry.io/otel-dotnet-auto-runtime: linux-musl-x64`. Where a probe of the operator has seen the image, this is done without the annotation, and nothing is told.",
        /// The annotation that names the platform is for another C library than the image has by its tag. Only a workload is
        /// told, not each of its pods.
        Warning: PlatformSeemsWrong {
            /// The language.
            language: Language,
            /// The container.
            container: String,
            /// The value of the annotation.
            value: String,
            /// The value for the image.
            meant: &'static str,
        }
            example "```yaml\napiVersion: v1\nkind: Pod\nmetadata:\n  name: cart\n  annotations:\n    instrumentation.opentelemetry.io/inject-python: 'true'\n    instrumentation.opentelemetry.io/otel-python-platform: musl\nspec:\n  containers:\n  - name: app\n    image: python:3.13-slim\n```"
            fix "Name the C library of the image: musl for Alpine, glibc for Debian and Ubuntu.\n\n```yaml\nmetadata:\n  annotations:\n    instrumentation.opentelemetry.io/inject-python: 'true'\n    instrumentation.opentelemetry.io/otel-python-platform: glibc\n```\n\nFor .NET it is `instrumentation.opentelemetry.io/otel-dotnet-auto-runtime`, with `linux-musl-x64` or `linux-x64`.",
        /// The container runs something else than the language: so a probe found in its image, or its command, the image's
        /// name or a variable that only one language reads says so.
        Warning: LanguageSeemsWrong {
            /// The language.
            language: Language,
            /// The container.
            container: String,
            /// The runtimes that were found.
            found: Vec<String>,
        },
    }
}

/// Why the configuration of a web server would not be cloned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloneObstacle {
    /// The image has no shell, and our program is not known to run.
    NoShell,
    /// A profile of the node's may not allow it.
    LocalhostProfile,
    /// It failed lately.
    Failed,
}

/// What the pod already uses for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// A path of a container.
    MountPath,
    /// The name of a volume.
    Volume,
    /// The name of a container.
    Container,
}

impl ContainerFinding {
    pub(super) fn text(&self, locale: Locale) -> Text {
        match self {
            Self::PodSecurityForbids { language, level } => {
                let (key, level) = (language.inject_key(), level.as_str());
                Text::new(say!(
                    locale,
                    "{language} needs a privileged container, which Pod Security \"{level}\" of the namespace forbids",
                    "{language} necesita un contenedor privilegiado, que el nivel de Pod Security \"{level}\" del espacio de nombres prohíbe",
                ))
                .help(say!(
                    locale,
                    "run it in a namespace that allows it, or remove {key}",
                    "ejecútalo en un espacio de nombres que lo permita, o quita {key}",
                ))
            }
            Self::ProcessesHidden { language, field, value } => Text::new(say!(
                locale,
                "{language} must see the application's process, but the pod has {field}: {value}",
                "{language} debe ver el proceso de la aplicación, pero el pod tiene {field}: {value}",
            ))
            .help(say!(locale, "remove {field} from the pod", "quita {field} del pod")),
            Self::NameTaken { language, what, name } => taken(*language, *what, name, locale),
            Self::OtherAgent { language, container, variable } => Text::new(say!(
                locale,
                "{variable} of container \"{container}\" shows another {language} agent, which is left alone",
                "{variable} del contenedor \"{container}\" muestra otro agente de {language}, que no se toca",
            ))
            .help(say!(
                locale,
                "remove {variable}, or the annotation",
                "quita {variable}, o la anotación",
            )),
            Self::OtherProfiler { language, container, variable } => Text::new(say!(
                locale,
                "{variable} of container \"{container}\" loads another profiler, so {language} is instrumented in part",
                "{variable} del contenedor \"{container}\" carga otro profiler, así que {language} se instrumenta solo en parte",
            ))
            .help(say!(locale, "remove {variable} and its path", "quita {variable} y su ruta")),
            Self::AgentTwice { language, container, shown } => Text::new(say!(
                locale,
                "container \"{container}\" loads another agent for {language} besides: {shown}",
                "el contenedor \"{container}\" carga además otro agente de {language}: {shown}",
            ))
            .help(say!(
                locale,
                "remove what loads it, or the annotation",
                "quita lo que lo carga, o la anotación",
            )),
            Self::ModulesNotHooked { container } => Text::new(say!(
                locale,
                "container \"{container}\" runs ES modules, of which only HTTP is instrumented",
                "el contenedor \"{container}\" ejecuta módulos ES, de los que solo se instrumenta HTTP",
            ))
            .help(say!(
                locale,
                "add {NODEJS_ESM}: 'true' if Node.js is 18.19 or newer",
                "añade {NODEJS_ESM}: 'true' si Node.js es 18.19 o posterior",
            )),
            Self::InjectionWithheld { message } => Text::new(say!(
                locale,
                "nothing is injected, because the API server refused a pod of this workload that was injected: {message}",
                "no se inyecta nada, porque el API server rechazó un pod inyectado de esta carga de trabajo: {message}",
            ))
            .help(say!(
                locale,
                "change what refuses it, or the Instrumentation; then restart the workload",
                "cambia lo que lo rechaza, o la Instrumentation; después reinicia la carga de trabajo",
            )),
            Self::StrictPodRefused { workload, namespace, retry } => Text::new(say!(
                locale,
                "pods were refused: {REQUIRE} demands that they are injected, and nothing was injected",
                "se rechazaron pods: {REQUIRE} exige que se inyecte en ellos, y no se inyectó nada",
            ))
            .help(say!(
                locale,
                "see why with: ingraft explain {workload} -n {namespace}; then, to try again at once: {retry}",
                "averigua por qué: ingraft explain {workload} -n {namespace}; para reintentar ya: {retry}",
            )),
            Self::CloneImpossible { container, why } => {
                let cause = match why {
                    CloneObstacle::NoShell => say!(
                        locale,
                        "its image has no shell, and our program is not proven to run there",
                        "su imagen no tiene shell, y no está demostrado que nuestro programa pueda ejecutarse allí",
                    ),
                    CloneObstacle::LocalhostProfile => say!(
                        locale,
                        "its seccomp or AppArmor profile is one of the node's, which may forbid it",
                        "su perfil de seccomp o AppArmor es uno del nodo, que puede prohibirlo",
                    ),
                    CloneObstacle::Failed => say!(
                        locale,
                        "that failed in another pod of this image",
                        "falló en otro pod de esta imagen",
                    ),
                };
                Text::new(say!(
                    locale,
                    "the server in container \"{container}\" is left alone, since its configuration cannot be cloned: {cause}",
                    "no se toca el servidor del contenedor \"{container}\", porque su configuración no se puede clonar: {cause}",
                ))
                .help(match why {
                    CloneObstacle::Failed => say!(
                        locale,
                        "see the Events CloneFailed of earlier pods",
                        "consulta los eventos CloneFailed de pods anteriores",
                    ),
                    CloneObstacle::NoShell => {
                        say!(locale, "use an image with /bin/sh", "usa una imagen con /bin/sh")
                    }
                    CloneObstacle::LocalhostProfile => say!(
                        locale,
                        "use the profile RuntimeDefault",
                        "usa el perfil RuntimeDefault",
                    ),
                })
            }
            Self::CloneFailed { container, why } => Text::new(say!(
                locale,
                "container \"{container}\" cannot clone the server's configuration, so the pod does not start: {why}",
                "el contenedor \"{container}\" no puede clonar la configuración del servidor, así que el pod no arranca: {why}",
            ))
            .help(say!(
                locale,
                "restart the workload: new pods start without the module",
                "reinicia la carga de trabajo: los pods nuevos arrancan sin el módulo",
            )),
            Self::ModuleNotAttached { container, why } => Text::new(say!(
                locale,
                "the server runs without the module, which container \"{container}\" did not attach: {why}",
                "el servidor funciona sin el módulo, que el contenedor \"{container}\" no añadió: {why}",
            ))
            .help(say!(
                locale,
                "see https://github.com/open-telemetry/opentelemetry-cpp-contrib for the versions that have one",
                "consulta en https://github.com/open-telemetry/opentelemetry-cpp-contrib las versiones que lo tienen",
            )),
            Self::LivenessProbeMayKill { language, container, seconds } => Text::new(say!(
                locale,
                "livenessProbe kills after {seconds} s, and {language} with its agent may start later",
                "livenessProbe mata a los {seconds} s, y {language} con su agente puede arrancar más tarde",
            ))
            .help(say!(
                locale,
                "add a startupProbe to \"{container}\"",
                "añade una startupProbe a \"{container}\"",
            )),
            Self::MuslNotNamed { language, container } => {
                let text = Text::new(say!(
                    locale,
                    "the image of \"{container}\" is Alpine by its tag, but the agent for {language} is that for glibc",
                    "la imagen de \"{container}\" es Alpine según su etiqueta, pero el agente de {language} es el de glibc",
                ));
                match musl(*language) {
                    Some((key, value)) => {
                        text.help(say!(locale, "add {key}: {value}", "añade {key}: {value}"))
                    }
                    None => text,
                }
            }
            Self::PlatformSeemsWrong { language, container, value, meant } => Text::new(say!(
                locale,
                "the platform \"{value}\" of {language} is not that of the image of \"{container}\", by its tag",
                "la plataforma \"{value}\" de {language} no es la de la imagen de \"{container}\", según su etiqueta",
            ))
            .help(say!(locale, "write {meant}", "escribe {meant}")),
            Self::LanguageSeemsWrong { language, container, found } => {
                let (all, first, key) = (list(found), first(found), language.inject_key());
                let text = Text::new(say!(
                    locale,
                    "\"{container}\" seems to run {all}, not {language}",
                    "\"{container}\" parece ejecutar {all}, no {language}",
                ));
                let right = Language::ALL.into_iter().find(|language| language.key() == first);
                text.help(match right.map(Language::inject_key) {
                    Some(right) => say!(locale, "write {right}", "escribe {right}"),
                    None => say!(locale, "remove {key}", "quita {key}"),
                })
            }
        }
    }
}

fn taken(language: Language, what: Taken, name: &str, locale: Locale) -> Text {
    match what {
        Taken::MountPath => Text::new(say!(
            locale,
            "{language} needs mount path \"{name}\", which the pod uses for something else",
            "{language} necesita la ruta de montaje \"{name}\", que el pod usa para otra cosa",
        ))
        .help(say!(locale, "mount it at another path", "móntalo en otra ruta")),
        Taken::Volume => Text::new(say!(
            locale,
            "{language} needs volume \"{name}\", which the pod uses for something else",
            "{language} necesita el volumen \"{name}\", que el pod usa para otra cosa",
        ))
        .help(say!(locale, "rename the pod's volume", "cambia el nombre del volumen del pod")),
        Taken::Container => Text::new(say!(
            locale,
            "{language} needs container \"{name}\", which the pod uses for something else",
            "{language} necesita el contenedor \"{name}\", que el pod usa para otra cosa",
        ))
        .help(say!(locale, "rename the pod's container", "cambia el nombre del contenedor del pod")),
    }
}

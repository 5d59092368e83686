//! Which languages are injected into which containers, from which Instrumentation.

use ingraft_api::Language;

use super::{Locale, Said, Text, first, list};

family! {
    /// Which languages are injected into which containers, from which Instrumentation.
    ChoiceFinding {
        /// Containers were instrumented.
        Info: Injected {
            /// The language.
            language: Language,
            /// The Instrumentation, as `namespace/name`.
            instrumentation: String,
            /// The containers, in the order in which they were treated.
            containers: Vec<String>,
        },
        /// Containers would be instrumented, but the operator only observes, or is off.
        Info: NotInjected {
            /// The language.
            language: Language,
            /// The Instrumentation, as `namespace/name`.
            instrumentation: String,
            /// The containers.
            containers: Vec<String>,
            /// The operator's mode.
            mode: &'static str,
        }
            example "The operator runs with `--mode=observe`, so that people see what it would do before it does anything."
            fix "Start the operator with `--mode=inject`, the default, and restart the workload: `kubectl rollout restart deployment/NAME`.",
        /// Everything that would be injected is already there.
        Info: AlreadyInjected {
            /// The language.
            language: Language,
        },
        /// An annotation says `true`, and the namespace has no Instrumentation.
        Error: InstrumentationMissing {
            /// The language.
            language: Language,
            /// The pod's namespace.
            namespace: String,
            /// Instrumentations of other namespaces, as `namespace/name`.
            elsewhere: Vec<String>,
        },
        /// The Instrumentation that an annotation names does not exist.
        Error: InstrumentationNotFound {
            /// The language.
            language: Language,
            /// What the annotation names, as `namespace/name`.
            reference: String,
            /// Values that may have been meant, most likely first.
            candidates: Vec<String>,
            /// Where there are none, Instrumentations that exist, as they would be written.
            others: Vec<String>,
        },
        /// An annotation says `true`, and the namespace has several Instrumentations.
        Error: InstrumentationAmbiguous {
            /// The language.
            language: Language,
            /// The pod's namespace.
            namespace: String,
            /// Their names.
            names: Vec<String>,
        },
        /// This language is injected only where that is enabled: in the operator, or, where only files are looked at, on the
        /// command line.
        Error: LanguageDisabled {
            /// The language.
            language: Language,
        },
        /// The language is to be detected, and is not known yet.
        Warning: LanguageUnknown {
            /// The container.
            container: String,
            /// The runtimes that were found, if there is not exactly one.
            found: Vec<String>,
        },
        /// Several languages are requested, and this one does not say for which containers.
        Error: ContainersUnnamed {
            /// The language.
            language: Language,
            /// The names that could be given.
            containers: Vec<String>,
            /// The container that the language is for, if one is known to have it and the others are not.
            meant: Option<String>,
        },
        /// A list names a container that the pod does not have.
        Warning: ContainerNotFound {
            /// The language.
            language: Language,
            /// The name in the list.
            name: String,
            /// The names that exist.
            containers: Vec<String>,
        },
        /// No container is left to instrument.
        Error: NoContainer {
            /// The language.
            language: Language,
        },
        /// The language instruments one container of a pod, and several are named, so none is instrumented.
        Error: OneContainerOnly {
            /// The language.
            language: Language,
            /// The containers that are named.
            containers: Vec<String>,
        },
        /// The language instruments one container of a pod, and several are named, so the first is instrumented.
        Warning: FirstContainerOnly {
            /// The language.
            language: Language,
            /// The containers that are named.
            containers: Vec<String>,
        },
        /// The language cannot instrument an init container.
        Error: InitContainerUnsupported {
            /// The language.
            language: Language,
            /// The init container.
            container: String,
        },
        /// A Windows pod is left alone.
        Error: WindowsPod,
        /// Ingraft itself failed. The pod is admitted as it is.
        Error: InternalError
            example "Nothing that you do should cause it: it is a bug in Ingraft."
            fix "Please open an issue, with the operator's log of the moment:\n\n```sh\nkubectl logs -n opentelemetry-operator-system -l app.kubernetes.io/instance=ingraft --tail=-1\n```",
    }
}

impl ChoiceFinding {
    pub(super) fn text(&self, locale: Locale) -> Text {
        match self {
            Self::Injected { language, instrumentation, containers } => {
                let all = list(containers);
                Text::new(say!(
                    locale,
                    "{language} from {instrumentation} into {all}",
                    "{language} de {instrumentation} en {all}",
                ))
            }
            Self::NotInjected { language, instrumentation, containers, mode } => {
                let all = list(containers);
                Text::new(say!(
                    locale,
                    "{language} from {instrumentation} would be injected into {all}, but the operator runs with --mode={mode}",
                    "se inyectaría {language} de {instrumentation} en {all}, pero el operador funciona con --mode={mode}",
                ))
            }
            Self::AlreadyInjected { language } => Text::new(say!(
                locale,
                "{language} is already injected, nothing to do",
                "{language} ya está inyectado, no hay nada que hacer",
            )),
            Self::InstrumentationMissing { language, namespace, elsewhere } => Text::new(say!(
                locale,
                "{language} injection is requested, but namespace \"{namespace}\" has no Instrumentation yet",
                "se solicita inyectar {language}, pero el espacio de nombres \"{namespace}\" todavía no tiene ninguna Instrumentation",
            ))
            .help(missing_help(*language, namespace, elsewhere, locale)),
            Self::InstrumentationNotFound { language, reference, candidates, others } => Text::new(say!(
                locale,
                "{language} injection names Instrumentation \"{reference}\", which does not exist yet",
                "la inyección de {language} nombra la Instrumentation \"{reference}\", que todavía no existe",
            ))
            .help(match (candidates.as_slice(), others.as_slice()) {
                ([first, ..], _) => inject(*language, first, locale),
                ([], []) => say!(
                    locale,
                    "create it unless it follows, or see kubectl get otelinst -A",
                    "créala si no viene después, o mira kubectl get otelinst -A",
                ),
                ([], others) => {
                    let some = some(others);
                    say!(
                        locale,
                        "create it unless it follows, or name one that exists: {some}",
                        "créala si no viene después, o nombra una que exista: {some}",
                    )
                }
            }),
            Self::InstrumentationAmbiguous { language, namespace, names } => {
                let all = list(names);
                Text::new(say!(
                    locale,
                    "{language} injection is requested with \"true\", but namespace \"{namespace}\" has several Instrumentations: {all}",
                    "se solicita inyectar {language} con \"true\", pero el espacio de nombres \"{namespace}\" tiene varias Instrumentations: {all}",
                ))
                .help(inject(*language, first(names), locale))
            }
            Self::LanguageDisabled { language } => Text::new(say!(
                locale,
                "{language} injection is requested, but not enabled",
                "se solicita inyectar {language}, pero no está habilitado",
            ))
            .help(say!(
                locale,
                "start the operator, and ingraft doctor on files, with --enable-{language}-instrumentation=true",
                "inicia el operador, e ingraft doctor con archivos, con --enable-{language}-instrumentation=true",
            )),
            Self::LanguageUnknown { container, found } => unknown_language(container, found, locale),
            Self::ContainersUnnamed { language, containers, meant } => Text::new(say!(
                locale,
                "several languages are requested, and no annotation says which containers to instrument with {language}",
                "se solicitan varios lenguajes y ninguna anotación dice qué contenedores instrumentar con {language}",
            ))
            .help(if containers.len() == 1 {
                // Two agents in one container get in each other's way.
                say!(
                    locale,
                    "the pod has one container: remove all but one of the annotations that request a language",
                    "el pod tiene un contenedor: quita todas menos una de las anotaciones que solicitan un lenguaje",
                )
            } else {
                let container = meant.as_deref().unwrap_or_else(|| first(containers));
                name_container(*language, container, locale)
            }),
            Self::ContainerNotFound { language, name, containers } => {
                let all = list(containers);
                Text::new(say!(
                    locale,
                    "{language} injection names container \"{name}\", but the pod has {all}",
                    "la inyección de {language} nombra el contenedor \"{name}\", pero el pod tiene {all}",
                ))
                .help(say!(locale, "name one of {all}", "nombra uno de estos: {all}"))
            }
            Self::NoContainer { language } => {
                let key = own_list(*language);
                Text::new(say!(
                    locale,
                    "{language} injection is requested, but no container can be instrumented",
                    "se solicita inyectar {language}, pero ningún contenedor se puede instrumentar",
                ))
                .help(say!(locale, "name a container with {key}", "nombra un contenedor con {key}"))
            }
            Self::OneContainerOnly { language, containers } => {
                let all = list(containers);
                Text::new(say!(
                    locale,
                    "{language} instruments one container of a pod, but {all} are named",
                    "{language} instrumenta un solo contenedor del pod, pero se nombran {all}",
                ))
                .help(name_container(*language, first(containers), locale))
            }
            Self::FirstContainerOnly { language, containers } => {
                let all = list(containers);
                Text::new(say!(
                    locale,
                    "{language} instruments only the first of the named containers {all}",
                    "{language} instrumenta solo el primero de los contenedores nombrados {all}",
                ))
                .help(name_container(*language, first(containers), locale))
            }
            Self::InitContainerUnsupported { language, container } => {
                let key = language.inject_key();
                Text::new(say!(
                    locale,
                    "{language} cannot instrument init container \"{container}\"",
                    "{language} no puede instrumentar el contenedor de inicialización \"{container}\"",
                ))
                .help(say!(
                    locale,
                    "name a regular container, or remove {key}",
                    "nombra un contenedor normal, o quita {key}",
                ))
            }
            Self::WindowsPod => Text::new(say!(
                locale,
                "Windows pods cannot be instrumented",
                "los pods de Windows no se pueden instrumentar",
            ))
            .help(say!(
                locale,
                "remove the annotation from Windows workloads",
                "quita la anotación de las cargas de trabajo de Windows",
            )),
            Self::InternalError => Text::new(say!(
                locale,
                "internal error in Ingraft; the pod is unchanged",
                "error interno de Ingraft; el pod queda sin cambios",
            ))
            .help(say!(
                locale,
                "please report it with the operator's log",
                "por favor, repórtalo con el registro del operador",
            )),
        }
    }
}

fn missing_help(language: Language, namespace: &str, elsewhere: &[String], locale: Locale) -> Said {
    match elsewhere {
        [] => say!(
            locale,
            "create one unless it follows: kubectl apply -n {namespace} -f instrumentation.yaml",
            "crea una si no viene después: kubectl apply -n {namespace} -f instrumentation.yaml",
        ),
        [one] => inject(language, one, locale),
        several => {
            let some = some(several);
            say!(
                locale,
                "create one unless it follows, or name one: {some}",
                "crea una si no viene después, o nombra una: {some}",
            )
        }
    }
}

fn unknown_language(container: &str, found: &[String], locale: Locale) -> Text {
    if found.is_empty() {
        return Text::new(say!(
            locale,
            "the language of container \"{container}\" is not known yet",
            "el lenguaje del contenedor \"{container}\" todavía no se conoce",
        ))
        .help(say!(
            locale,
            "name the language: instrumentation.opentelemetry.io/inject-<language>; or run the operator with \
             --env-probe=auto, then restart",
            "nombra el lenguaje: instrumentation.opentelemetry.io/inject-<language>; o inicia el operador con \
             --env-probe=auto y reinicia",
        ));
    }
    let all = list(found);
    Text::new(say!(
        locale,
        "the image of container \"{container}\" has several runtimes: {all}",
        "la imagen del contenedor \"{container}\" tiene varios entornos de ejecución: {all}",
    ))
    .help(say!(
        locale,
        "name the language: instrumentation.opentelemetry.io/inject-<language>",
        "nombra el lenguaje: instrumentation.opentelemetry.io/inject-<language>",
    ))
}

/// As many of several names as fit into a warning.
fn some(names: &[String]) -> String {
    let mut room = 40usize;
    let fits = |name: &&String| {
        let is_first = room == 40;
        room = room.saturating_sub(name.chars().count() + ", ".len());
        is_first || room > 0
    };
    let some: Vec<String> = names.iter().take_while(fits).cloned().collect();
    list(&some)
}

/// To name an Instrumentation in the annotation that requests a language.
fn inject(language: Language, instrumentation: &str, locale: Locale) -> Said {
    let key = language.inject_key();
    say!(locale, "write {key}: '{instrumentation}'", "escribe {key}: '{instrumentation}'")
}

/// To name one container in the annotation of a language.
fn name_container(language: Language, container: &str, locale: Locale) -> Said {
    let key = own_list(language);
    say!(locale, "write {key}: '{container}'", "escribe {key}: '{container}'")
}

/// The annotation that lists the containers of a language.
pub(crate) fn own_list(language: Language) -> &'static str {
    language.container_names_keys().last().copied().unwrap_or_default()
}

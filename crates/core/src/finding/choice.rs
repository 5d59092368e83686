//! Which languages are injected into which containers, from which Instrumentation.

use ingraft_api::Language;

use super::{Locale, Text, first, list};

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
            /// Existing Instrumentations that may have been meant, as they would be written.
            candidates: Vec<String>,
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
        /// The operator was told not to inject this language.
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
        /// A fault in Ingraft itself.
        Error: InternalError,
    }
}

impl ChoiceFinding {
    pub(super) fn text(&self, _: Locale) -> Text {
        match self {
            Self::Injected { language, instrumentation, containers } => {
                Text::new(format!("{language} from {instrumentation} into {}", list(containers)))
            }
            Self::AlreadyInjected { language } => {
                Text::new(format!("{language} is already injected, nothing to do"))
            }
            Self::InstrumentationMissing { language, namespace, elsewhere } => {
                let key = language.inject_key();
                Text::new(format!(
                    "{language} is asked for, but namespace \"{namespace}\" has no Instrumentation"
                ))
                .help(match elsewhere.as_slice() {
                    [] => format!("create one: kubectl apply -n {namespace} -f instrumentation.yaml"),
                    [one] => format!("write {key}: '{one}'"),
                    several => format!("create one in \"{namespace}\", or name one: {}", list(several)),
                })
            }
            Self::InstrumentationNotFound { language, reference, candidates } => {
                let key = language.inject_key();
                Text::new(format!(
                    "{language} asks for Instrumentation \"{reference}\", which does not exist"
                ))
                .help(match candidates.as_slice() {
                    [] => "create it, or list what exists: kubectl get otelinst -A".to_owned(),
                    [first, ..] => format!("write {key}: '{first}'"),
                })
            }
            Self::InstrumentationAmbiguous { language, namespace, names } => {
                let (key, all) = (language.inject_key(), list(names));
                Text::new(format!(
                    "{language} is asked for with \"true\", but namespace \"{namespace}\" has several Instrumentations: {all}"
                ))
                .help(format!("name one: {key}: '{}'", first(names)))
            }
            Self::LanguageDisabled { language } => {
                Text::new(format!("{language} is asked for, but disabled in the operator"))
                    .help(format!("start the operator with --enable-{language}-instrumentation=true"))
            }
            Self::LanguageUnknown { container, found } if found.is_empty() => {
                Text::new(format!("the language of container \"{container}\" is not known yet")).help(
                    "name the language: instrumentation.opentelemetry.io/inject-<language>; or start the operator \
                     with --env-probe=auto, and restart the workload when its probe has run",
                )
            }
            Self::LanguageUnknown { container, found } => {
                let found = list(found);
                Text::new(format!("the image of container \"{container}\" has several runtimes: {found}"))
                    .help("name the language: instrumentation.opentelemetry.io/inject-<language>")
            }
            Self::ContainersUnnamed { language, containers } => Text::new(format!(
                "several languages are asked for, and nothing says which containers are {language}"
            ))
            .help(format!("add {}: '{}'", own_list(*language), first(containers))),
            Self::ContainerNotFound { language, name, containers } => {
                let containers = list(containers);
                Text::new(format!("{language} names container \"{name}\", but the pod has {containers}"))
                    .help(format!("name one of {containers}"))
            }
            Self::NoContainer { language } => {
                Text::new(format!("{language} is asked for, but no container can be instrumented"))
                    .help(format!("name a container with {}", own_list(*language)))
            }
            Self::OneContainerOnly { language, containers } => {
                let all = list(containers);
                Text::new(format!("{language} instruments one container of a pod, but {all} are named"))
                    .help(format!("name one: {}: '{}'", own_list(*language), first(containers)))
            }
            Self::FirstContainerOnly { language, containers } => {
                let all = list(containers);
                Text::new(format!("{language} instruments only the first of the containers {all}"))
                    .help(format!("name one: {}: '{}'", own_list(*language), first(containers)))
            }
            Self::InitContainerUnsupported { language, container } => {
                let key = language.inject_key();
                Text::new(format!("{language} cannot instrument init container \"{container}\""))
                    .help(format!("name a container that is no init container, or remove {key}"))
            }
            Self::WindowsPod => Text::new("Windows pods cannot be instrumented")
                .help("remove the annotation from Windows workloads"),
            Self::InternalError => Text::new("a fault in Ingraft: the pod is left as it was")
                .help("please report it with the operator's log"),
        }
    }
}

/// The annotation that lists the containers of a language.
fn own_list(language: Language) -> &'static str {
    language.container_names_keys().last().copied().unwrap_or_default()
}

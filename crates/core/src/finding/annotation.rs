//! What annotations and labels say.

use ingraft_api::Language;
use ingraft_api::annotations::{GO_TARGET_EXE, HEAL, REQUIRE, SIDECAR};

use super::{Locale, Said, Text};

family! {
    /// What annotations and labels say.
    AnnotationFinding {
        /// An annotation looks like one of ours but is not.
        Warning: AnnotationUnknown {
            /// The key as written.
            key: String,
            /// The key that was probably meant.
            suggestion: Option<String>,
        },
        /// An annotation is on the workload instead of its pod template.
        Error: AnnotationMisplaced {
            /// The key.
            key: String,
            /// The key that is meant, if it is misspelt too.
            meant: Option<String>,
            /// The JSON pointer of the template.
            template: &'static str,
        },
        /// A label has the key of an annotation.
        Error: AnnotationIsLabel {
            /// The key.
            key: String,
            /// The key that is meant, if it is misspelt too.
            meant: Option<String>,
            /// The JSON pointer of the template; empty for a pod or namespace.
            template: &'static str,
        }
            example "```yaml\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: cart\nspec:\n  template:\n    metadata:\n      labels:\n        instrumentation.opentelemetry.io/inject-java: 'true'\n```"
            fix "Write it as an annotation of the pod template:\n\n```yaml\nspec:\n  template:\n    metadata:\n      annotations:\n        instrumentation.opentelemetry.io/inject-java: 'true'\n```",
        /// Pods are to be refused without injection, but this is said where it has no effect.
        Error: RequireMisplaced {
            /// The JSON pointer of the template; empty for a pod or namespace.
            template: &'static str,
        },
        /// Healing is allowed where that has no effect: on a pod, or on the template of pods.
        Warning: HealMisplaced
            example "The pod template of a Deployment has the annotation `ingraft.dev/heal: missed`."
            fix "Write it in `metadata.annotations` of the workload itself, of its namespace, or of its Instrumentation if that is in the same namespace.",
        /// The annotation that allows healing has a value that is not known: nothing is healed.
        Warning: HealUnknown {
            /// The value.
            value: String,
        }
            example "A namespace has the annotation `ingraft.dev/heal: true`."
            fix "Write `missed` (restart what runs without injection), `outdated` (also what runs with an earlier meaning of its Instrumentation) or `off`.",
        /// An annotation says how a language is to be injected, and nothing requests that language.
        Warning: AnnotationAlone {
            /// The key.
            key: String,
            /// The language that it is about, unless it is about all.
            about: Option<Language>,
        },
        /// An annotation that requests a language is empty, which requests nothing.
        Warning: AnnotationEmpty {
            /// The key.
            key: String,
        }
            example "```yaml\nmetadata:\n  annotations:\n    instrumentation.opentelemetry.io/inject-java: ''\n```"
            fix "Write what is meant: `'true'` for the Instrumentation of the namespace, the name of an Instrumentation, or `'false'`.",
        /// An annotation's value is not a string: the API server will refuse the object.
        Error: AnnotationNotText {
            /// The key.
            key: String,
            /// The value, as JSON.
            value: String,
            /// The text that is meant, if that can be told.
            meant: Option<String>,
        },
        /// The platform annotation holds something other than the known values.
        Error: PlatformUnknown {
            /// The language.
            language: Language,
            /// The value.
            value: String,
            /// The known values.
            known: &'static [&'static str],
        },
        /// An annotation requests a Collector as a sidecar, which Ingraft does not add. The OpenTelemetry Operator does, where
        /// it runs besides.
        Warning: SidecarNotServed {
            /// The value.
            value: String,
        },
        /// Nothing says which executable the Go agent is to instrument.
        Error: GoTargetMissing {
            /// The container that runs it.
            container: String,
        },
    }
}

/// The field with the annotations or labels of a template, or of an object that is none.
fn field_of(template: &str, map: &str) -> String {
    format!("{template}/metadata/{map}").trim_start_matches('/').replace('/', ".")
}

fn move_to(meant: Option<&str>, place: &str, locale: Locale) -> Said {
    match meant {
        None => say!(locale, "move it to {place}", "muévela a {place}"),
        Some(key) => say!(locale, "write {key} in {place}", "escribe {key} en {place}"),
    }
}

impl AnnotationFinding {
    /// An annotation that is above the template, and what is meant by its key.
    pub(crate) fn misplaced(key: &str, meant: Option<String>, template: &'static str) -> Self {
        let meant = meant.filter(|meant| meant != key);
        Self::AnnotationMisplaced { key: key.to_owned(), meant, template }
    }

    /// A label that was to be an annotation, and what is meant by its key.
    pub(crate) fn is_label(key: &str, meant: Option<String>, template: &'static str) -> Self {
        let meant = meant.filter(|meant| meant != key);
        Self::AnnotationIsLabel { key: key.to_owned(), meant, template }
    }

    pub(super) fn text(&self, locale: Locale) -> Text {
        match self {
            Self::AnnotationUnknown { key, suggestion } => Text::new(say!(
                locale,
                "annotation \"{key}\" is unknown and has no effect",
                "la anotación \"{key}\" es desconocida y no tiene efecto",
            ))
            .help(match suggestion {
                Some(suggestion) => say!(locale, "write {suggestion}", "escribe {suggestion}"),
                None => say!(locale, "remove it", "quítala"),
            }),
            Self::AnnotationMisplaced { key, meant, template } => {
                let place = field_of(template, "annotations");
                Text::new(say!(
                    locale,
                    "annotation \"{key}\" has no effect here: pods are made from the template",
                    "la anotación \"{key}\" no tiene efecto aquí: los pods se crean a partir de la plantilla",
                ))
                .help(move_to(meant.as_deref(), &place, locale))
            }
            Self::AnnotationIsLabel { key, meant, template } => {
                let mut place = field_of(template, "annotations");
                if template.is_empty() {
                    place += &say!(locale, ", beside it", ", junto a ella").0;
                }
                Text::new(say!(
                    locale,
                    "label \"{key}\" has no effect: it must be an annotation",
                    "la etiqueta \"{key}\" no tiene efecto: debe ser una anotación",
                ))
                .help(move_to(meant.as_deref(), &place, locale))
            }
            Self::RequireMisplaced { template } => {
                let place = field_of(template, "labels");
                Text::new(say!(
                    locale,
                    "{REQUIRE} has no effect here: it must be a label of the pods",
                    "{REQUIRE} no tiene efecto aquí: debe ser una etiqueta de los pods",
                ))
                .help(say!(
                    locale,
                    "write {REQUIRE}: 'true' in {place}",
                    "escribe {REQUIRE}: 'true' en {place}",
                ))
            }
            Self::HealMisplaced => Text::new(say!(
                locale,
                "{HEAL} has no effect on pods: workloads are healed",
                "{HEAL} no tiene efecto en los pods: se sanan cargas de trabajo",
            ))
            .help(say!(
                locale,
                "write it in metadata.annotations of the workload",
                "escríbela en metadata.annotations de la carga de trabajo",
            )),
            Self::HealUnknown { value } => Text::new(say!(
                locale,
                "{HEAL} is \"{value}\", which is unknown: nothing is healed",
                "{HEAL} es \"{value}\", que es desconocido: no se sana nada",
            ))
            .help(say!(
                locale,
                "write missed, outdated or off",
                "escribe missed, outdated u off",
            )),
            Self::AnnotationAlone { key, about } => {
                let wanted = about.map_or("instrumentation.opentelemetry.io/inject-…", Language::inject_key);
                Text::new(say!(
                    locale,
                    "annotation \"{key}\" has no effect: no language that it is about is requested",
                    "la anotación \"{key}\" no tiene efecto: no se solicita ningún lenguaje al que se refiera",
                ))
                .help(say!(locale, "add {wanted}: 'true'", "añade {wanted}: 'true'"))
            }
            Self::AnnotationEmpty { key } => Text::new(say!(
                locale,
                "annotation \"{key}\" is empty, so nothing is requested",
                "la anotación \"{key}\" está vacía, así que no se solicita nada",
            ))
            .help(say!(
                locale,
                "write 'true', the name of an Instrumentation, or 'false'",
                "escribe 'true', el nombre de una Instrumentation o 'false'",
            )),
            Self::AnnotationNotText { key, value, meant } => Text::new(say!(
                locale,
                "annotation \"{key}\" is {value}, but must be a string",
                "la anotación \"{key}\" es {value}, pero debe ser una cadena de texto",
            ))
            .help(match meant {
                Some(meant) if meant == value => {
                    say!(locale, "put it in quotes: '{value}'", "ponla entre comillas: '{value}'")
                }
                Some(meant) => say!(locale, "write '{meant}'", "escribe '{meant}'"),
                None => say!(
                    locale,
                    "write 'true', the name of an Instrumentation, or 'false'",
                    "escribe 'true', el nombre de una Instrumentation o 'false'",
                ),
            }),
            Self::PlatformUnknown { language, value, known } => {
                let known = known.join(", ");
                Text::new(say!(
                    locale,
                    "{language} has no platform \"{value}\"",
                    "{language} no tiene ninguna plataforma \"{value}\"",
                ))
                .help(say!(locale, "write one of {known}", "escribe una de estas: {known}"))
            }
            Self::SidecarNotServed { value } => Text::new(say!(
                locale,
                "annotation \"{SIDECAR}: {value}\" is not for Ingraft: only the OpenTelemetry Operator, if it runs, adds a Collector",
                "la anotación \"{SIDECAR}: {value}\" no es para Ingraft: solo el OpenTelemetry Operator, si funciona, añade un Collector",
            ))
            .help(say!(
                locale,
                "without the OpenTelemetry Operator, send to a Collector that runs as a Deployment or DaemonSet",
                "sin el OpenTelemetry Operator, envía a un Collector que funcione como Deployment o DaemonSet",
            )),
            Self::GoTargetMissing { container } => Text::new(say!(
                locale,
                "nothing says which executable of container \"{container}\" is the Go application",
                "nada indica qué ejecutable del contenedor \"{container}\" es la aplicación de Go",
            ))
            .help(say!(
                locale,
                "add {GO_TARGET_EXE}: '/path/of/the/executable'",
                "añade {GO_TARGET_EXE}: '/path/of/the/executable'",
            )),
        }
    }
}

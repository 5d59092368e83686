//! Documents that are handed to the command line.

use super::{Locale, Text};

family! {
    /// Documents that are handed to the command line.
    ManifestFinding {
        /// A document does not say what kind of object it is.
        Warning: KindMissing,
        /// An annotation is on an object that makes no pods.
        Error: AnnotationWithoutPods {
            /// The key.
            key: String,
            /// The kind of the object.
            kind: String,
        },
        /// Annotations are on a pod template of a kind, or in a place, that is not known.
        Warning: TemplateUnknown {
            /// The kind of the object.
            kind: String,
        },
        /// An Instrumentation counts as missing, because the API server refuses it.
        Error: InstrumentationRefused {
            /// The Instrumentation, as `namespace/name`.
            instrumentation: String,
        },
    }
}

impl ManifestFinding {
    pub(super) fn text(&self, locale: Locale) -> Text {
        match self {
            Self::KindMissing => Text::new(say!(
                locale,
                "apiVersion and kind do not say what this is: kubectl refuses it",
                "apiVersion y kind no dicen qué es esto: kubectl lo rechaza",
            ))
            .help(say!(locale, "write both, as text", "escribe los dos, como texto")),
            Self::AnnotationWithoutPods { key, kind } => Text::new(say!(
                locale,
                "annotation \"{key}\" has no effect on {kind} objects: they make no pods",
                "la anotación \"{key}\" no tiene efecto en objetos {kind}: no crean pods",
            ))
            .help(say!(
                locale,
                "move it to the pod template of a workload, or to the namespace",
                "muévela a la plantilla del pod de una carga de trabajo, o al espacio de nombres",
            )),
            Self::TemplateUnknown { kind } => Text::new(say!(
                locale,
                "this pod template of a {kind} is left as it is: the operator injects its pods when they are created",
                "esta plantilla de pod de un {kind} queda como está: el operador inyecta sus pods cuando se crean",
            )),
            Self::InstrumentationRefused { instrumentation } => Text::new(say!(
                locale,
                "the API server refuses Instrumentation {instrumentation}, so it counts as missing here",
                "el API server rechaza la Instrumentation {instrumentation}, así que aquí cuenta como inexistente",
            ))
            .help(say!(locale, "correct its fields as reported", "corrige sus campos como se indica")),
        }
    }
}

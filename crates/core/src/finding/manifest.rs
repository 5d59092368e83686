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
        Info: TemplateUnknown {
            /// The kind of the object.
            kind: String,
        },
        /// An Instrumentation counts as missing, because the API server refuses it.
        Error: InstrumentationRefused {
            /// The Instrumentation, as `namespace/name`.
            instrumentation: String,
        },
        /// A workload is applied before the Instrumentation that it requests, so its first pods run without.
        Warning: InstrumentationFollows {
            /// The Instrumentation, as `namespace/name`.
            instrumentation: String,
            /// The file that it is in, where that is another one.
            file: Option<String>,
        }
            example "One file has a Deployment, and the Instrumentation after it. `kubectl apply` creates them in this order, and the files of a folder in the order of their names."
            fix "Put the Instrumentation first, as `ingraft doctor -f FILE --fix` does within one file. Give a file of its own a name that comes first. Where both are applied already, restart the workload: `kubectl rollout restart deployment/NAME`.",
        /// An Instrumentation is applied before its Namespace, and a workload that requests it after both: the API server refuses the
        /// Instrumentation, and the workload's first pods run without.
        Warning: NamespaceFollows {
            /// The Namespace.
            namespace: String,
            /// The workload, as `kind/name`.
            workload: String,
            /// The file that the Namespace is in, where that is another one.
            file: Option<String>,
        }
            example "One file has an Instrumentation, then its Namespace, then a Deployment. `kubectl apply` creates them in this order: it says that the namespace is not found, goes on, and creates the other two."
            fix "Put the Namespace first, as `ingraft doctor -f FILE --fix` does within one file. Give a file of its own a name that comes first. Where it is applied already, apply it again and restart the workload: `kubectl rollout restart deployment/NAME`.",
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
            Self::InstrumentationFollows { instrumentation, file: Some(file) } => Text::new(say!(
                locale,
                "this is created before Instrumentation {instrumentation}, which follows in {file}: its first pods run without",
                "esto se crea antes que la Instrumentation {instrumentation}, que viene después, en {file}: sus primeros pods no la tienen",
            ))
            .help(say!(
                locale,
                "apply {file} first, or give it a name that comes first in its folder",
                "aplica primero {file}, o dale un nombre que vaya antes en su carpeta",
            )),
            Self::InstrumentationFollows { instrumentation, file: None } => Text::new(say!(
                locale,
                "this is created before Instrumentation {instrumentation}, which follows: its first pods run without",
                "esto se crea antes que la Instrumentation {instrumentation}, que viene después: sus primeros pods no la tienen",
            ))
            .help(say!(locale, "put the Instrumentation first", "pon primero la Instrumentation")),
            Self::NamespaceFollows { namespace, workload, file } => {
                let help = match file {
                    Some(file) => say!(
                        locale,
                        "apply {file} first, or give it a name that comes first in its folder",
                        "aplica primero {file}, o dale un nombre que vaya antes en su carpeta",
                    ),
                    None => say!(locale, "put the Namespace first", "pon primero el Namespace"),
                };
                Text::new(say!(
                    locale,
                    "Namespace {namespace} follows, so this is refused at first: the first pods of {workload} run without it",
                    "el Namespace {namespace} viene después, así que esto se rechaza al principio: los primeros pods de {workload} no la tienen",
                ))
                .help(help)
            }
        }
    }
}

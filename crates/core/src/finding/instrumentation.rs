//! Fields of an Instrumentation that do not work.

use std::fmt::Write as _;

use ingraft_api::Language;

use super::{Locale, Said, Text};
use crate::snapshot::PodSecurity;

family! {
    /// Fields of an Instrumentation that do not work.
    InstrumentationFinding {
        /// A sampler has an argument and no type.
        Warning: SamplerTypeMissing,
        /// A sampler has an argument that its type does not read.
        Warning: SamplerArgumentUnused {
            /// The type.
            kind: &'static str,
            /// The argument.
            argument: String,
        },
        /// A sampler that takes a share of all traces has an argument that is none.
        Warning: SamplerArgumentNoShare {
            /// The argument.
            argument: String,
        }
            example "```yaml\nspec:\n  sampler:\n    type: parentbased_traceidratio\n    argument: '25'\n```"
            fix "Write a number between 0 and 1:\n\n```yaml\nspec:\n  sampler:\n    type: parentbased_traceidratio\n    argument: '0.25'\n```",
        /// A variable stands in a list twice. In an Instrumentation the first one counts, in a container the last.
        Warning: VariableTwice {
            /// The list, such as `spec.env`.
            field: String,
            /// The variable.
            variable: String,
        },
        /// A field has no effect, because a variable says the same.
        Warning: FieldOverridden {
            /// The field.
            field: &'static str,
            /// The variable.
            variable: &'static str,
        },
        /// The image of a language is that of another language's agent.
        Warning: AgentOfOtherLanguage {
            /// The language.
            language: Language,
            /// The image.
            image: String,
        },
        /// A field of the Instrumentation holds something that would make pods invalid, and is left out.
        Warning: FieldIgnored {
            /// The field, such as `spec.env[2]`.
            field: String,
            /// Its value, or the name of the entry.
            value: String,
            /// What may stand there.
            allowed: Allowed,
        },
        /// A field of the Instrumentation holds something that the language cannot work with.
        Error: FieldUnusable {
            /// The language.
            language: Language,
            /// The field.
            field: &'static str,
            /// Its value.
            value: String,
            /// What may stand there.
            allowed: Allowed,
        },
        /// The API server stored an Instrumentation that cannot be read. It counts as missing.
        Warning: InstrumentationUnreadable {
            /// What is wrong.
            error: String,
        }
            example "A cluster whose custom resource definition is older than the operator accepts, for example, a text where the operator's own has a list."
            fix "Install the definition of the operator's version, then correct what it refuses:\n\n```sh\ningraft manifests crds | kubectl apply --server-side -f -\n```",
        /// A default image is not upgraded, because telemetry would change.
        Warning: UpgradeBlocked {
            /// The language.
            language: Language,
            /// The image.
            from: String,
            /// The operator's image.
            to: String,
            /// The version that changes telemetry.
            version: &'static str,
        },
    }
}

/// What a field may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// The name of a variable.
    VariableName,
    /// A value or a source.
    ValueOrSource,
    /// One source.
    OneSource,
    /// A field of the pod, for a variable.
    PodField,
    /// An amount of the container's own resources, for a variable.
    ContainerResource,
    /// A key of a Secret or ConfigMap.
    ObjectKey,
    /// A variable in a file.
    FileKey,
    /// The name of a Secret or ConfigMap.
    ObjectName,
    /// The template of a volume claim.
    ClaimTemplate,
    /// The size of a volume.
    Size,
    /// Amounts of resources.
    Amounts,
    /// The key of an attribute.
    AttributeKey,
    /// A pull policy.
    PullPolicy,
    /// A security context that a container may have.
    SecurityContext,
    /// A security context that the namespace allows.
    PodSecurity(PodSecurity),
    /// An extension of the Java agent.
    Extension,
    /// A directive of a web server.
    Directive,
    /// Any variable but the one that tells where the files of .NET are.
    NotDotNetHome,
    /// The configuration folder of a web server.
    Folder,
    /// The configuration file of a web server.
    File,
}

impl Allowed {
    fn text(self, locale: Locale) -> Said {
        match self {
            Self::VariableName => say!(
                locale,
                "a name of printable ASCII characters without =",
                "un nombre de caracteres ASCII imprimibles sin =",
            ),
            Self::ValueOrSource => {
                say!(locale, "value or valueFrom, not both", "value o valueFrom, no los dos")
            }
            Self::OneSource => {
                say!(locale, "exactly one source in valueFrom", "exactamente un origen en valueFrom")
            }
            Self::PodField => say!(
                locale,
                "a field of the pod that variables can have, such as metadata.name",
                "un campo del pod que las variables puedan tener, por ejemplo metadata.name",
            ),
            Self::ContainerResource => say!(
                locale,
                "a limit or request of its own cpu, memory or ephemeral-storage, and a divisor such as 1Mi",
                "un límite o una solicitud propios de cpu, memory o ephemeral-storage, y un divisor como 1Mi",
            ),
            Self::ObjectKey => say!(
                locale,
                "the name of a Secret or ConfigMap and one of its keys",
                "el nombre de un Secret o ConfigMap y una de sus claves",
            ),
            Self::FileKey => say!(
                locale,
                "an emptyDir of the pod, a path in it, and the name of a variable as key",
                "un emptyDir del pod, una ruta dentro de él y el nombre de una variable como clave",
            ),
            Self::ObjectName => say!(
                locale,
                "a name that a Secret or ConfigMap can have",
                "un nombre que un Secret o ConfigMap pueda tener",
            ),
            Self::ClaimTemplate => say!(
                locale,
                "access modes and a storage request",
                "modos de acceso y una solicitud de almacenamiento",
            ),
            Self::Size => say!(locale, "a size such as 200Mi", "un tamaño como 200Mi"),
            Self::Amounts => say!(
                locale,
                "amounts of cpu, memory and ephemeral-storage",
                "cantidades de cpu, memory y ephemeral-storage",
            ),
            Self::AttributeKey => say!(
                locale,
                "a key without a reference to a variable",
                "una clave sin referencia a una variable",
            ),
            Self::PullPolicy => {
                say!(locale, "Always, IfNotPresent, Never", "Always, IfNotPresent, Never")
            }
            Self::SecurityContext => {
                say!(locale, "values that the API server accepts", "valores que el API server acepta",)
            }
            Self::PodSecurity(level) => {
                let level = level.as_str();
                say!(
                    locale,
                    "what Pod Security \"{level}\" of the namespace allows",
                    "lo que permite el nivel de Pod Security \"{level}\" del espacio de nombres",
                )
            }
            Self::Extension => say!(
                locale,
                "an image, and a folder in it that is not its root",
                "una imagen, y una carpeta de ella que no sea la raíz",
            ),
            Self::Directive => say!(locale, "a name and a value", "un nombre y un valor"),
            Self::NotDotNetHome => say!(
                locale,
                "any other variable: this one says where the injected files are",
                "cualquier otra variable: esta indica dónde están los archivos inyectados",
            ),
            Self::Folder => say!(
                locale,
                "the absolute path of a folder that is not the root",
                "la ruta absoluta de una carpeta que no sea la raíz",
            ),
            Self::File => say!(
                locale,
                "the absolute path of a file in a folder that is not the root",
                "la ruta absoluta de un archivo en una carpeta que no sea la raíz",
            ),
        }
    }

    fn help(self, locale: Locale) -> Said {
        let allowed = self.text(locale);
        say!(locale, "allowed: {allowed}", "se permite: {allowed}")
    }
}

impl InstrumentationFinding {
    /// A field, at a JSON pointer, that is left out.
    pub(crate) fn ignored(pointer: &str, value: impl Into<String>, allowed: Allowed) -> Self {
        Self::FieldIgnored { field: path(pointer), value: value.into(), allowed }
    }

    pub(super) fn text(&self, locale: Locale) -> Text {
        match self {
            Self::SamplerTypeMissing => Text::new(say!(
                locale,
                "the sampler has an argument but no type, so it has no effect",
                "el sampler tiene un argumento pero ningún tipo, así que no tiene efecto",
            ))
            .help(say!(
                locale,
                "set spec.sampler.type, such as parentbased_traceidratio",
                "define spec.sampler.type, por ejemplo parentbased_traceidratio",
            )),
            Self::SamplerArgumentUnused { kind, argument } => Text::new(say!(
                locale,
                "sampler {kind} does not read its argument \"{argument}\"",
                "el sampler {kind} no lee su argumento \"{argument}\"",
            ))
            .help(say!(
                locale,
                "set spec.sampler.type to parentbased_traceidratio, or remove the argument",
                "define spec.sampler.type como parentbased_traceidratio, o quita el argumento",
            )),
            Self::SamplerArgumentNoShare { argument } => Text::new(say!(
                locale,
                "the sampler's argument \"{argument}\" is no number between 0 and 1",
                "el argumento \"{argument}\" del sampler no es un número entre 0 y 1",
            ))
            .help(say!(
                locale,
                "write a share, such as 0.25",
                "escribe una fracción, por ejemplo 0.25",
            )),
            Self::VariableTwice { field, variable } => Text::new(say!(
                locale,
                "{variable} is listed twice in {field}",
                "{variable} está dos veces en {field}",
            ))
            .help(say!(locale, "remove one of them", "quita una de ellas")),
            Self::FieldOverridden { field, variable } => Text::new(say!(
                locale,
                "{field} has no effect, because spec.env sets {variable}",
                "{field} no tiene efecto, porque spec.env define {variable}",
            ))
            .help(say!(locale, "remove one of them", "quita uno de los dos")),
            Self::AgentOfOtherLanguage { language, image } => {
                let block = language.field();
                Text::new(say!(
                    locale,
                    "spec.{block}.image is the agent of another language: {image}",
                    "spec.{block}.image es el agente de otro lenguaje: {image}",
                ))
                .help(say!(
                    locale,
                    "write an image for {language}, or remove spec.{block}.image",
                    "escribe una imagen para {language}, o quita spec.{block}.image",
                ))
            }
            Self::InstrumentationUnreadable { error } => Text::new(say!(
                locale,
                "the Instrumentation cannot be read: {error}",
                "la Instrumentation no se puede leer: {error}",
            ))
            .help(say!(
                locale,
                "install the operator's definitions: ingraft manifests crds | kubectl apply --server-side -f -",
                "instala sus definiciones: ingraft manifests crds | kubectl apply --server-side -f -",
            )),
            Self::FieldIgnored { field, value, allowed } => {
                let entry = if value.is_empty() { field.clone() } else { format!("{field} \"{value}\"") };
                Text::new(say!(
                    locale,
                    "{entry} cannot be used in pods and is left out",
                    "{entry} no se puede usar en los pods y se omite",
                ))
                .help(allowed.help(locale))
            }
            Self::FieldUnusable { language, field, value, allowed } => Text::new(say!(
                locale,
                "{language} cannot be injected with {field} \"{value}\"",
                "{language} no se puede inyectar con {field} \"{value}\"",
            ))
            .help(allowed.help(locale)),
            Self::UpgradeBlocked { language, from, to, version } => {
                let block = language.field();
                Text::new(say!(
                    locale,
                    "{language} stays at {from}: {to} crosses version {version}, which renamed HTTP attributes",
                    "{language} se queda en {from}: {to} cruza la versión {version}, que cambió los nombres de los atributos HTTP",
                ))
                .help(say!(
                    locale,
                    "adapt dashboards and alerts, then set spec.{block}.image to {to}",
                    "adapta paneles y alertas, y luego define spec.{block}.image como {to}",
                ))
            }
        }
    }
}

/// A JSON pointer as people write paths: `/spec/env/2` is `spec.env[2]`.
pub(crate) fn path(pointer: &str) -> String {
    let mut path = String::new();
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        let is_index = step.bytes().all(|byte| byte.is_ascii_digit());
        let is_plain = step.chars().all(char::is_alphanumeric);
        // Writing to a String cannot fail.
        let _ = match (is_index, is_plain, path.is_empty()) {
            (true, ..) => write!(path, "[{step}]"),
            (false, false, _) => write!(path, "[\"{step}\"]"),
            (false, true, true) => write!(path, "{step}"),
            (false, true, false) => write!(path, ".{step}"),
        };
    }
    path
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn writes_paths_as_people_do() {
        assert_eq!(path("/spec/java/env/2"), "spec.java.env[2]");
        assert_eq!(path("/spec/go/limits/nvidia.com~1gpu"), "spec.go.limits[\"nvidia.com/gpu\"]");
    }
}

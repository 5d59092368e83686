//! Fields of an Instrumentation that do not work.

use std::borrow::Cow;

use ingraft_api::Language;

use super::{Locale, Text};
use crate::snapshot::PodSecurity;

family! {
    /// Fields of an Instrumentation that do not work.
    InstrumentationFinding {
        /// A sampler has an argument and no type.
        Warning: SamplerTypeMissing,
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
    fn text(self, _: Locale) -> Cow<'static, str> {
        match self {
            Self::VariableName => "a name of printable ASCII characters without =".into(),
            Self::ValueOrSource => "value or valueFrom, not both".into(),
            Self::OneSource => "exactly one source in valueFrom".into(),
            Self::PodField => "a field of the pod that variables can have".into(),
            Self::ContainerResource => {
                "a limit or request of cpu, memory or ephemeral-storage of the container itself, and a divisor such as 1m or 1Mi".into()
            }
            Self::ObjectKey => "name and key of an object".into(),
            Self::FileKey => "an emptyDir of the pod, a path in it, and the name of a variable as key".into(),
            Self::ObjectName => "a name that a Secret or ConfigMap can have".into(),
            Self::ClaimTemplate => "access modes and a storage request".into(),
            Self::Size => "a size such as 200Mi".into(),
            Self::Amounts => "amounts of cpu, memory and ephemeral-storage".into(),
            Self::PullPolicy => "Always, IfNotPresent, Never".into(),
            Self::SecurityContext => "values that the API server accepts".into(),
            Self::PodSecurity(level) => {
                format!("what Pod Security {} allows, which the namespace enforces", level.as_str()).into()
            }
            Self::Extension => "an image, and a folder in it that is not its root".into(),
            Self::Directive => "a name and a value".into(),
            Self::NotDotNetHome => "any other variable: this one tells where the injected files are".into(),
            Self::Folder => "the absolute path of a folder that is not the root".into(),
            Self::File => "the absolute path of a file in a folder that is not the root".into(),
        }
    }
}

impl InstrumentationFinding {
    /// A field, at a JSON pointer, that is left out.
    pub(crate) fn ignored(pointer: &str, value: impl Into<String>, allowed: Allowed) -> Self {
        Self::FieldIgnored { field: path(pointer), value: value.into(), allowed }
    }

    pub(super) fn text(&self, locale: Locale) -> Text {
        match self {
            Self::SamplerTypeMissing => {
                Text::new("the sampler has an argument but no type, so it has no effect")
                    .help("set spec.sampler.type, such as parentbased_traceidratio")
            }
            Self::FieldIgnored { field, value, allowed } => {
                let allowed = allowed.text(locale);
                Text::new(match value.as_str() {
                    "" => format!("{field} cannot be used in this pod and is left out"),
                    value => format!("{field} \"{value}\" cannot be used in this pod and is left out"),
                })
                .help(format!("allowed: {allowed}"))
            }
            Self::FieldUnusable { language, field, value, allowed } => {
                let allowed = allowed.text(locale);
                Text::new(format!("{language} cannot be injected with {field} \"{value}\""))
                    .help(format!("allowed: {allowed}"))
            }
            Self::UpgradeBlocked { language, from, to, version } => Text::new(format!(
                "{language} stays at {from}: {to} is past version {version}, which names HTTP attributes differently"
            ))
            .help(format!("adapt dashboards and alerts, then set spec.{}.image to {to}", language.field())),
        }
    }
}

/// A JSON pointer as people write paths: `/spec/env/2` is `spec.env[2]`.
fn path(pointer: &str) -> String {
    let mut path = String::new();
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        let (index, name) = (step.bytes().all(|byte| byte.is_ascii_digit()), |c: char| c.is_alphanumeric());
        path += &if index {
            format!("[{step}]")
        } else if !step.chars().all(name) {
            format!("[\"{step}\"]")
        } else if path.is_empty() {
            step
        } else {
            format!(".{step}")
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

//! What is in the way in a container, its image, or its pod.

use ingraft_api::Language;
use ingraft_api::annotations::NODEJS_ESM;

use super::{Locale, Text, first, list};
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
        /// A Node.js application consists of ES modules, and its version is not known to have hooks for them.
        Warning: ModulesNotHooked {
            /// The container.
            container: String,
        },
        /// The image has other runtimes, and not that of the language.
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

impl Taken {
    const fn word(self, _: Locale) -> &'static str {
        match self {
            Self::MountPath => "mount path",
            Self::Volume => "volume",
            Self::Container => "container",
        }
    }
}

impl ContainerFinding {
    pub(super) fn text(&self, locale: Locale) -> Text {
        match self {
            Self::PodSecurityForbids { language, level } => {
                let (key, level) = (language.inject_key(), level.as_str());
                Text::new(format!(
                    "{language} needs a privileged container, which Pod Security \"{level}\" of the namespace forbids"
                ))
                .help(format!("run it in a namespace that allows it, or remove {key}"))
            }
            Self::ProcessesHidden { language, field, value } => Text::new(format!(
                "{language} must see the application's process, but the pod has {field}: {value}"
            ))
            .help(format!("remove {field} from the pod")),
            Self::NameTaken { language, what, name } => {
                let word = what.word(locale);
                Text::new(format!("{language} needs {word} \"{name}\", which the pod uses for something else"))
                    .help(match what {
                        Taken::MountPath => "mount it at another path".to_owned(),
                        Taken::Volume | Taken::Container => format!("rename the {word} of the pod"),
                    })
            }
            Self::OtherAgent { language, container, variable } => Text::new(format!(
                "{variable} of container \"{container}\" shows another {language} agent, which is left alone"
            ))
            .help(format!("remove {variable}, or the annotation")),
            Self::OtherProfiler { language, container, variable } => Text::new(format!(
                "{variable} of container \"{container}\" loads another profiler, so {language} is instrumented in part"
            ))
            .help(format!("remove {variable} and its path")),
            Self::ModulesNotHooked { container } => Text::new(format!(
                "container \"{container}\" runs ES modules, of which only HTTP is instrumented"
            ))
            .help(format!("add {NODEJS_ESM}: 'true' if Node.js is 18.19 or newer")),
            Self::LanguageSeemsWrong { language, container, found } => {
                let all = list(found);
                Text::new(format!("{language} is asked for, but the image of container \"{container}\" has {all}"))
                    .help(format!("write instrumentation.opentelemetry.io/inject-{}", first(found)))
            }
        }
    }
}

//! What annotations of the pod say.

use ingraft_api::Language;
use ingraft_api::annotations::GO_TARGET_EXE;

use super::{Locale, Text};

family! {
    /// What annotations of the pod say.
    AnnotationFinding {
        /// An annotation looks like one of ours and is not.
        Warning: AnnotationUnknown {
            /// The key as written.
            key: String,
            /// The key that was probably meant.
            suggestion: Option<String>,
        },
        /// An annotation's value is not a string: the API server will refuse the object.
        Error: AnnotationNotText {
            /// The key.
            key: String,
            /// The value, as JSON.
            value: String,
        },
        /// The platform annotation holds something else than the known values.
        Error: PlatformUnknown {
            /// The language.
            language: Language,
            /// The value.
            value: String,
            /// The known values.
            known: &'static [&'static str],
        },
        /// Nothing says which executable the Go agent is to instrument.
        Error: GoTargetMissing {
            /// The container that runs it.
            container: String,
        },
    }
}

impl AnnotationFinding {
    pub(super) fn text(&self, _: Locale) -> Text {
        match self {
            Self::AnnotationUnknown { key, suggestion } => {
                Text::new(format!("annotation \"{key}\" is unknown and has no effect")).help(match suggestion
                {
                    Some(suggestion) => format!("write {suggestion}"),
                    None => "remove it".to_owned(),
                })
            }
            Self::AnnotationNotText { key, value } => {
                Text::new(format!("annotation \"{key}\" is {value}, but must be text"))
                    .help(format!("put it in quotes: '{value}'"))
            }
            Self::PlatformUnknown { language, value, known } => {
                Text::new(format!("{language} has no platform \"{value}\""))
                    .help(format!("write one of {}", known.join(", ")))
            }
            Self::GoTargetMissing { container } => Text::new(format!(
                "nothing says which executable of container \"{container}\" is the Go application"
            ))
            .help(format!("add {GO_TARGET_EXE}: '/path/of/the/executable'")),
        }
    }
}

//! Documents that are handed to the command line.

use super::{Locale, Text};

family! {
    /// Documents that are handed to the command line.
    ManifestFinding {
        /// An annotation is on the workload instead of its pod template.
        Error: AnnotationMisplaced {
            /// The key.
            key: String,
            /// The JSON pointer of the template.
            template: &'static str,
        },
    }
}

impl ManifestFinding {
    pub(super) fn text(&self, _: Locale) -> Text {
        match self {
            Self::AnnotationMisplaced { key, template } => {
                let template = template.replace('/', ".");
                let template = template.trim_start_matches('.');
                Text::new(format!("annotation \"{key}\" has no effect here: pods are made from the template"))
                    .help(format!("move it to {template}.metadata.annotations"))
            }
        }
    }
}

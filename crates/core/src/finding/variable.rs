//! Environment variables of containers.

use super::{Locale, Text, list};

family! {
    /// Environment variables of containers.
    VariableFinding {
        /// A container sets variables that the agent, which runs in another container, does not see.
        Warning: VariablesNotSeen {
            /// The container.
            container: String,
            /// The variables.
            variables: Vec<String>,
        },
        /// A variable comes from a source that may turn out to be absent, so nothing can be joined to it.
        Error: VariableNotMergeable {
            /// The container.
            container: String,
            /// The variable.
            variable: String,
        },
        /// A variable that we set hides one that comes from `envFrom`.
        Warning: VariableHides {
            /// The container.
            container: String,
            /// The variable.
            variable: String,
        },
        /// A variable that we set would override one from `envFrom`, whose sources are not known.
        Info: VariableMayHide {
            /// The container.
            container: String,
            /// The variable.
            variable: String,
        },
    }
}

impl VariableFinding {
    pub(super) fn text(&self, _: Locale) -> Text {
        match self {
            Self::VariablesNotSeen { container, variables } => {
                let all = list(variables);
                Text::new(format!(
                    "the agent, in a container of its own, does not see {all} of container \"{container}\""
                ))
                .help("set them in spec.go.env, or as annotations resource.opentelemetry.io/…")
            }
            Self::VariableNotMergeable { container, variable } => Text::new(format!(
                "{variable} of container \"{container}\" has a source that may be absent, nothing can be added to it"
            ))
            .help(format!("give {variable} as a value, or remove \"optional: true\" from its source")),
            Self::VariableHides { container, variable } => {
                Text::new(format!("{variable}, now set in container \"{container}\", hides the value from envFrom"))
                    .help(format!("set {variable} in the container's env instead, then it is joined"))
            }
            Self::VariableMayHide { container, variable } => Text::new(format!(
                "{variable}, now set in container \"{container}\", hides one from envFrom, if there is one"
            ))
            .help(format!("set {variable} in the container's env instead, then it is joined")),
        }
    }
}

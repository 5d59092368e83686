//! Environment variables of containers.

use super::{Locale, Said, Text, list};

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
        /// The image sets the variable that loads the agent, and no probe can join both, so the agent is not loaded.
        Warning: VariableOfImage {
            /// The container.
            container: String,
            /// The variable.
            variable: String,
        }
            example "A probe found that the image sets `PYTHONPATH`. Since then a node has joined on which it is not proven yet that a probe works."
            fix "Set the variable in the container's `env`, where it is joined without a probe:\n\n```yaml\nenv:\n  - name: PYTHONPATH\n    value: /srv/lib\n```",
        /// A variable that we set would override one from `envFrom`, whose sources are not known.
        Info: VariableMayHide {
            /// The container.
            container: String,
            /// The variable.
            variable: String,
        },
        /// A variable of an Instrumentation refers to one that nothing sets before it. The reference is left out, because
        /// the application would get it as text, and some, such as Java, do not start then.
        Warning: ReferenceLeftOut {
            /// The container.
            container: String,
            /// The variable.
            variable: String,
            /// The variable that it refers to.
            reference: String,
        },
    }
}

impl VariableFinding {
    pub(super) fn text(&self, locale: Locale) -> Text {
        match self {
            Self::VariablesNotSeen { container, variables } => {
                let all = list(variables);
                Text::new(say!(
                    locale,
                    "the agent, in a container of its own, does not see {all} of container \"{container}\"",
                    "el agente, en su propio contenedor, no ve {all} del contenedor \"{container}\"",
                ))
                .help(say!(
                    locale,
                    "set them in spec.go.env, or as annotations resource.opentelemetry.io/…",
                    "defínelas en spec.go.env, o como anotaciones resource.opentelemetry.io/…",
                ))
            }
            Self::VariableNotMergeable { container, variable } => Text::new(say!(
                locale,
                "{variable} of container \"{container}\" has a source that may be absent, so nothing can be added to it",
                "{variable} del contenedor \"{container}\" tiene un origen que puede faltar, así que no se le puede añadir nada",
            ))
            .help(say!(
                locale,
                "set {variable} to a literal value, or remove \"optional: true\" from its source",
                "define {variable} con un valor literal, o quita \"optional: true\" de su origen",
            )),
            Self::VariableHides { container, variable } => Text::new(say!(
                locale,
                "{variable}, now set in container \"{container}\", overrides the value from envFrom",
                "{variable}, ahora definida en el contenedor \"{container}\", sustituye el valor de envFrom",
            ))
            .help(joined(variable, locale)),
            Self::VariableOfImage { container, variable } => Text::new(say!(
                locale,
                "the image of container \"{container}\" sets {variable}, and no probe can join it, so the agent is not loaded",
                "la imagen del contenedor \"{container}\" define {variable}, y ninguna sonda puede combinarla, así que el agente no se carga",
            ))
            .help(joined(variable, locale)),
            Self::VariableMayHide { container, variable } => Text::new(say!(
                locale,
                "{variable}, now set in container \"{container}\", would override a value from envFrom",
                "{variable}, ahora definida en el contenedor \"{container}\", sustituiría un valor de envFrom",
            ))
            .help(joined(variable, locale)),
            Self::ReferenceLeftOut { container, variable, reference } => Text::new(say!(
                locale,
                "{variable} refers to $({reference}), which may not be set before it in container \"{container}\", so what refers to it is left out",
                "{variable} se refiere a $({reference}), que puede no estar definida antes en el contenedor \"{container}\", así que se omite lo que se refiere a ella",
            ))
            .help(if variable == reference {
                say!(
                    locale,
                    "remove $({reference}) from {variable}",
                    "quita $({reference}) de {variable}",
                )
            } else {
                say!(
                    locale,
                    "remove $({reference}) from {variable}, or set {reference} in the container's env",
                    "quita $({reference}) de {variable}, o define {reference} en el env del contenedor",
                )
            }),
        }
    }
}

fn joined(variable: &str, locale: Locale) -> Said {
    say!(
        locale,
        "set {variable} in the container's env instead, then it is joined",
        "define {variable} en el env del contenedor, y entonces se combina",
    )
}

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
            /// Whether the container itself says so; an Instrumentation may have brought the source.
            optional: bool,
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
        /// An endpoint refers to a variable that nothing sets before it. The agent gets the reference as text.
        Warning: ReferenceUndefined {
            /// The container.
            container: String,
            /// The variable.
            variable: String,
            /// The variable that it refers to.
            reference: String,
        }
            example "```yaml\nenv:\n- name: OTEL_EXPORTER_OTLP_ENDPOINT\n  value: http://$(HOST_IP):4318\n```\n\nNothing sets `HOST_IP`, or only an entry behind this one."
            fix "Set it before:\n\n```yaml\nenv:\n- name: HOST_IP\n  valueFrom:\n    fieldRef:\n      fieldPath: status.hostIP\n- name: OTEL_EXPORTER_OTLP_ENDPOINT\n  value: http://$(HOST_IP):4318\n```\n\nIn an Instrumentation, `$(OTEL_NODE_IP)` and `$(OTEL_POD_IP)` are always set.",
        /// A setting keeps traces from being made or sent.
        Warning: TracesSwitchedOff {
            /// The variable, or the field.
            setting: String,
            /// Its value.
            value: String,
        }
            example "```yaml\napiVersion: opentelemetry.io/v1alpha1\nkind: Instrumentation\nmetadata:\n  name: base\nspec:\n  exporter:\n    endpoint: http://otel-collector.opentelemetry.svc.cluster.local:4318\n  env:\n  - name: OTEL_SDK_DISABLED\n    value: 'true'\n```"
            fix "Remove the variable. Where only metrics or logs are wanted, say so with the annotation `ingraft.dev/ignore: 'TracesSwitchedOff: metrics only'`.",
        /// No SDK reads a variable, whose name is almost that of one that all read. Other names are an application's own.
        Warning: VariableMisspelt {
            /// The variable.
            variable: String,
            /// The one that was probably meant.
            meant: String,
        }
            example "```yaml\nenv:\n- name: OTEL_EXPORTER_OLTP_ENDPOINT\n  value: http://otel-collector.opentelemetry.svc.cluster.local:4318\n```"
            fix "Write the name as [the specification](https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/) has it:\n\n```yaml\nenv:\n- name: OTEL_EXPORTER_OTLP_ENDPOINT\n  value: http://otel-collector.opentelemetry.svc.cluster.local:4318\n```",
        /// A variable that SDKs read has a value that is almost one that they know.
        Warning: ValueMisspelt {
            /// The variable.
            variable: String,
            /// The value.
            value: String,
            /// The one that was probably meant.
            meant: String,
        }
            example "```yaml\nenv:\n- name: OTEL_PROPAGATORS\n  value: tracecontex,baggage\n```"
            fix "Write `tracecontext,baggage`.",
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
            Self::VariableNotMergeable { container, variable, optional } => Text::new(say!(
                locale,
                "{variable} of container \"{container}\" has a source that may be absent, so nothing can be added to it",
                "{variable} del contenedor \"{container}\" tiene un origen que puede faltar, así que no se le puede añadir nada",
            ))
            .help(if *optional {
                say!(
                    locale,
                    "set {variable} to a literal value, or remove \"optional: true\" from its source",
                    "define {variable} con un valor literal, o quita \"optional: true\" de su origen",
                )
            } else {
                say!(
                    locale,
                    "set {variable} to a literal value",
                    "define {variable} con un valor literal",
                )
            }),
            Self::VariableHides { container, variable } => Text::new(say!(
                locale,
                "{variable}, now set in container \"{container}\", overrides the value from envFrom",
                "{variable}, ahora definida en el contenedor \"{container}\", sustituye el valor de envFrom",
            ))
            .help(say!(
                locale,
                "set {variable} in the container's env instead, then it is kept",
                "define {variable} en el env del contenedor, y entonces se conserva",
            )),
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
            Self::ReferenceUndefined { container, variable, reference } => Text::new(say!(
                locale,
                "nothing sets {reference} before {variable} in container \"{container}\", so $({reference}) stays as text",
                "nada define {reference} antes de {variable} en el contenedor \"{container}\", así que $({reference}) queda como texto",
            ))
            .help(say!(
                locale,
                "set {reference} in the container's env, before {variable}",
                "define {reference} en el env del contenedor, antes de {variable}",
            )),
            Self::TracesSwitchedOff { setting, value } => Text::new(say!(
                locale,
                "{setting} is \"{value}\", so no traces are sent",
                "{setting} es \"{value}\", así que no se envían trazas",
            ))
            .help(say!(
                locale,
                "remove {setting}, or set it so that there are traces",
                "quita {setting}, o define otro valor para que haya trazas",
            )),
            Self::VariableMisspelt { variable, meant } => Text::new(say!(
                locale,
                "no SDK reads {variable}, which is almost {meant}",
                "ningún SDK lee {variable}, que es casi {meant}",
            ))
            .help(say!(locale, "write {meant}", "escribe {meant}")),
            Self::ValueMisspelt { variable, value, meant } => Text::new(say!(
                locale,
                "\"{value}\" in {variable} is unknown",
                "\"{value}\" en {variable} es desconocido",
            ))
            .help(say!(locale, "write {meant}", "escribe {meant}")),
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

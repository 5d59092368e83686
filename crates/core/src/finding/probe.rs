//! What probes found, and why none can look.

use ingraft_api::Language;
use ingraft_api::annotations::{DOTNET_RUNTIME, PYTHON_PLATFORM};
use ingraft_probe_contract::{LONGEST_LINE, LONGEST_VALUE, Refusal, StandDown};

use super::{Locale, Text, list};

family! {
    /// What probes found, and why none can look.
    ProbeFinding {
        /// The probe found that the agent would not work, and did not load it.
        Error: AgentStoodDown {
            /// The language.
            language: Language,
            /// The container.
            container: String,
            /// Why.
            why: StandDown,
            /// Agents of others that are loaded.
            agents: Vec<String>,
            /// The version of the runtime, if it is known.
            version: Option<String>,
        },
        /// A shell script at the start of the container sets variables of its own.
        Warning: EntrypointSets {
            /// The container.
            container: String,
            /// The variables.
            variables: Vec<String>,
        },
        /// The probe found a value that the file from which the kubelet takes variables cannot hold.
        Warning: VariableNotJoined {
            /// The container.
            container: String,
            /// The variable.
            variable: String,
            /// What its value holds.
            why: Refusal,
        },
        /// The probe did not do what it is for: no agent is loaded.
        Error: ProbeFailed {
            /// The container.
            container: String,
            /// What it said.
            error: String,
        },
        /// What image and `envFrom` set is not known, and no probe can look.
        Info: EnvironmentUnknown {
            /// The container.
            container: String,
            /// The variables that are hidden, if they are set there.
            variables: Vec<String>,
            /// Why no probe can look.
            why: Obstacle,
        },
    }
}

/// Why a container cannot have a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The operator was told not to use probes.
    SwitchedOff,
    /// No node is known, so no kubelet is known to be new enough.
    NoNode,
    /// A kubelet cannot take variables from a file.
    OldNode,
    /// The pod is never restarted, so a probe that is killed would fail it.
    NeverRestarted,
    /// A profile of the node's may not allow what the probe does.
    LocalhostProfile,
    /// The pod has probes, or their names, already.
    Taken,
}

impl ProbeFinding {
    pub(super) fn text(&self, locale: Locale) -> Text {
        match self {
            Self::AgentStoodDown { language, container, why, agents, version } => {
                let found = version.as_deref().unwrap_or("found");
                let cause = match why {
                    StandDown::Absent => "its image has no such runtime".to_owned(),
                    StandDown::Version => format!("the agent does not support version {found}"),
                    StandDown::LibcUnknown => "the C library of its image is not known".to_owned(),
                    StandDown::LibcMismatch => "the agent's files are for another C library".to_owned(),
                    StandDown::OtherAgent => format!("another agent is loaded: {}", list(agents)),
                    StandDown::Value => "a variable holds what cannot be passed on".to_owned(),
                };
                Text::new(format!("{language} is not loaded in container \"{container}\": {cause}"))
                    .help(stand_down_help(*why, *language, locale))
            }
            Self::EntrypointSets { container, variables } => {
                let all = list(variables);
                Text::new(format!(
                    "a script at the start of container \"{container}\" sets {all}, which may hide ours"
                ))
                .help(format!("let the script append to {all} instead"))
            }
            Self::VariableNotJoined { container, variable, why } => {
                let what = refused(*why, locale);
                Text::new(format!(
                    "{variable} of container \"{container}\" holds {what}, which the kubelet cannot take from a file"
                ))
                .help(format!("set {variable} as a value in the container's env, then it is joined there"))
            }
            Self::ProbeFailed { container, error } => Text::new(format!(
                "the probe of container \"{container}\" failed, so no agent is loaded: {error}"
            ))
            .help("restart the workload; if it happens again, start the operator with --env-probe=never"),
            Self::EnvironmentUnknown { container, variables, why } => {
                let why = why.why(locale);
                Text::new(format!(
                    "variables that the image of container \"{container}\" sets may be hidden: {why}"
                ))
                .help(format!("what the container's own env sets is kept: {}", list(variables)))
            }
        }
    }
}

fn stand_down_help(why: StandDown, language: Language, _: Locale) -> String {
    match (why, platform_annotation(language)) {
        (StandDown::OtherAgent, _) => "remove the other agent, or the annotation".to_owned(),
        (StandDown::LibcUnknown | StandDown::LibcMismatch, Some(key)) => format!("set {key}"),
        _ => "use an image with a supported runtime, or remove the annotation".to_owned(),
    }
}

/// The annotation that says for which C library a language's files are.
const fn platform_annotation(language: Language) -> Option<&'static str> {
    match language {
        Language::Python => Some(PYTHON_PLATFORM),
        Language::DotNet => Some(DOTNET_RUNTIME),
        _ => None,
    }
}

fn refused(why: Refusal, _: Locale) -> String {
    match why {
        Refusal::Quote => "a single quote".to_owned(),
        Refusal::CarriageReturn => "a carriage return".to_owned(),
        Refusal::Line => format!("a line of more than {LONGEST_LINE} bytes"),
        Refusal::Size => format!("more than {LONGEST_VALUE} bytes"),
        Refusal::Encoding | Refusal::Name => "what is no text".to_owned(),
    }
}

impl Obstacle {
    const fn why(self, _: Locale) -> &'static str {
        match self {
            Self::SwitchedOff => "the probe is switched off",
            Self::NoNode => "no node is known",
            Self::OldNode => "a node is older than Kubernetes 1.35",
            Self::NeverRestarted => "a probe that is killed would fail the pod",
            Self::LocalhostProfile => "a Localhost profile may not allow it",
            Self::Taken => "the pod has probes, or their names, already",
        }
    }
}

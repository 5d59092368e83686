//! The names of agents, C libraries and variables.

use serde::{Deserialize, Serialize};

/// An agent that is loaded into the application's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Agent {
    /// OpenTelemetry's Java agent.
    Java,
    /// OpenTelemetry for Node.js.
    Nodejs,
    /// OpenTelemetry for Python.
    Python,
    /// OpenTelemetry for .NET.
    Dotnet,
}

impl Agent {
    /// Every agent.
    pub const ALL: [Self; 4] = [Self::Java, Self::Nodejs, Self::Python, Self::Dotnet];

    /// The name on the command line and in reports; the same as in annotations.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Java => "java",
            Self::Nodejs => "nodejs",
            Self::Python => "python",
            Self::Dotnet => "dotnet",
        }
    }

    /// The agent of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|agent| agent.name() == name)
    }
}

/// A C library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Libc {
    /// GNU.
    Glibc,
    /// Alpine's.
    Musl,
    /// The image has none: its programs are static.
    None,
}

impl Libc {
    const ALL: [Self; 3] = [Self::Glibc, Self::Musl, Self::None];

    /// The name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Glibc => "glibc",
            Self::Musl => "musl",
            Self::None => "none",
        }
    }

    /// The library of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|libc| libc.name() == name)
    }
}

/// Variables besides those that begin with `OTEL_` for which an Instrumentation stands back where the image or `envFrom`
/// sets them.
const YIELDING_VARIABLES: [&str; 10] = [
    "JAVA_TOOL_OPTIONS",
    "NODE_OPTIONS",
    "PYTHONPATH",
    "CORECLR_ENABLE_PROFILING",
    "CORECLR_PROFILER",
    "CORECLR_PROFILER_PATH",
    "DOTNET_STARTUP_HOOKS",
    "DOTNET_ADDITIONAL_DEPS",
    "DOTNET_SHARED_STORE",
    "LD_LIBRARY_PATH",
];

/// Variables that the probe reports besides, because they show agents of others or change how one is loaded.
const REVEALING_VARIABLES: [&str; 8] = [
    "LD_PRELOAD",
    "JDK_JAVA_OPTIONS",
    "_JAVA_OPTIONS",
    "JAVA_OPTS",
    "CATALINA_OPTS",
    "DOTNET_EnableDiagnostics",
    "PYTHONHOME",
    "NODE_PATH",
];

/// Variables that the probe always reports when the image or `envFrom` sets them, besides those of its plan and those
/// whose names begin with `OTEL_`.
pub fn observed_variables() -> impl Iterator<Item = &'static str> {
    YIELDING_VARIABLES.into_iter().chain(REVEALING_VARIABLES)
}

/// Whether an Instrumentation's value of a variable stands back where the image or `envFrom` sets it. The probe reports
/// all of these: if the report does not name one, the image does not set it.
pub fn yields_to_image(variable: &str) -> bool {
    variable.starts_with("OTEL_") || YIELDING_VARIABLES.contains(&variable)
}

//! The languages that can be instrumented.

use std::fmt;

/// A language that can be instrumented, or `sdk`: the environment alone, for applications that bring
/// their own OpenTelemetry SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// Java, by the Java agent.
    Java,
    /// Node.js.
    NodeJs,
    /// Python.
    Python,
    /// .NET.
    DotNet,
    /// Go, by an eBPF sidecar.
    Go,
    /// Apache httpd.
    ApacheHttpd,
    /// nginx.
    Nginx,
    /// Environment variables only.
    Sdk,
}

impl Language {
    /// Every language, in the order in which they are looked up and injected.
    pub const ALL: [Self; 8] = [
        Self::Java,
        Self::NodeJs,
        Self::Python,
        Self::DotNet,
        Self::Go,
        Self::ApacheHttpd,
        Self::Nginx,
        Self::Sdk,
    ];

    /// The languages that an agent image exists for: all but `sdk`.
    pub fn with_image() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|language| *language != Self::Sdk)
    }

    /// The name as it stands in annotation keys and flags: `apache-httpd`.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Java => "java",
            Self::NodeJs => "nodejs",
            Self::Python => "python",
            Self::DotNet => "dotnet",
            Self::Go => "go",
            Self::ApacheHttpd => "apache-httpd",
            Self::Nginx => "nginx",
            Self::Sdk => "sdk",
        }
    }

    /// The name of its block under `spec` of an Instrumentation: `apacheHttpd`.
    pub const fn field(self) -> &'static str {
        match self {
            Self::ApacheHttpd => "apacheHttpd",
            other => other.key(),
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

//! The languages that can be instrumented: the one table of their names.

use std::fmt;

use crate::instrumentation::{AgentBlock, InstrumentationSpec};

/// For each language: its name in keys of annotations and in flags, the name of its block under `spec` of an
/// Instrumentation, the field that holds the block (`sdk` has none), and keys of container lists that do not follow the
/// pattern of all others.
macro_rules! languages {
    ($($(#[$doc:meta])* $variant:ident($key:literal, $block:literal) $(in $field:ident)? $(, also $list:literal)?;)*) => {
        /// A language that can be instrumented, or `sdk`: the environment alone, for applications that bring their own
        /// OpenTelemetry SDK.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Language {
            $($(#[$doc])* $variant,)*
        }

        impl Language {
            /// Every language, in the order in which they are looked up and injected.
            pub const ALL: [Self; [$($key),*].len()] = [$(Self::$variant,)*];

            /// The name as it stands in annotation keys and flags: `apache-httpd`.
            pub const fn key(self) -> &'static str {
                match self { $(Self::$variant => $key,)* }
            }

            /// The name of its block under `spec` of an Instrumentation: `apacheHttpd`.
            pub const fn field(self) -> &'static str {
                match self { $(Self::$variant => $block,)* }
            }

            /// The key that requests this language.
            pub const fn inject_key(self) -> &'static str {
                match self { $(Self::$variant => concat!("instrumentation.opentelemetry.io/inject-", $key),)* }
            }

            /// The keys that name this language's containers. nginx has two: the one that the reference reads and the
            /// one that follows the pattern of all others.
            pub const fn container_names_keys(self) -> &'static [&'static str] {
                match self {
                    $(Self::$variant => &[
                        $(concat!("instrumentation.opentelemetry.io/", $list),)?
                        concat!("instrumentation.opentelemetry.io/", $key, "-container-names"),
                    ],)*
                }
            }

            /// The block of an Instrumentation for this language; an empty one where there is none.
            pub fn block(self, spec: &InstrumentationSpec) -> AgentBlock<'_> {
                let block = match self {
                    $(Self::$variant => None$(.or(spec.$field.as_ref().map(|block| block.common())))?,)*
                };
                block.unwrap_or_default()
            }

            /// Whether an agent image exists for this language: for all but `sdk`.
            pub const fn has_image(self) -> bool {
                match self { $(Self::$variant => !stringify!($($field)?).is_empty(),)* }
            }
        }
    };
}

languages! {
    /// Java, by the Java agent.
    Java("java", "java") in java;
    /// Node.js.
    NodeJs("nodejs", "nodejs") in nodejs;
    /// Python.
    Python("python", "python") in python;
    /// .NET.
    DotNet("dotnet", "dotnet") in dotnet;
    /// Go, by an eBPF sidecar.
    Go("go", "go") in go;
    /// Apache httpd.
    ApacheHttpd("apache-httpd", "apacheHttpd") in apache_httpd;
    /// nginx.
    Nginx("nginx", "nginx") in nginx, also "inject-nginx-container-names";
    /// Environment variables only.
    Sdk("sdk", "sdk");
}

impl Language {
    /// The languages that an agent image exists for.
    pub fn with_image() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|language| language.has_image())
    }

    /// The key on an Instrumentation that holds the default image of the operator that wrote it.
    pub fn default_image_key(self) -> String {
        format!("instrumentation.opentelemetry.io/default-auto-instrumentation-{self}-image")
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

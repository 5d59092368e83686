//! What is particular to a language, as plain data: each file of a language has one, `PROFILE`.

use ingraft_api::InstrumentationSpec;

/// A language's own values. What they are for stands at each field.
#[derive(Debug)]
pub(crate) struct Profile {
    /// The image of the OpenTelemetry Operator 0.158.0 (docs/reference/instrumentation.md 3); empty where there is
    /// none.
    pub(crate) default_image: &'static str,
    /// Whether it is injected unless somebody says otherwise.
    pub(crate) enabled: bool,
    /// Default requests of its containers, cpu and memory (docs/reference/instrumentation.md 4 to 6).
    pub(crate) requests: [&'static str; 2],
    /// The field of its block that holds the resources.
    pub(crate) resources_field: &'static str,
    /// Fields of its block that the defaulting webhook writes down besides, with their values.
    pub(crate) defaults: &'static [(&'static str, &'static str)],
    /// What its agent can send.
    pub(crate) otlp: OtlpProtocols,
    /// The version of its agent that sends over HTTP by default, where earlier ones sent over gRPC.
    pub(crate) http_since: Option<&'static str>,
    /// The variables by which its agent is loaded.
    pub(crate) loading_variables: &'static [&'static str],
    /// Keys of annotations that it alone reads.
    pub(crate) annotations: &'static [&'static str],
    /// The values that the first of these may have, where it names the platform that the files are for.
    pub(crate) platforms: &'static [&'static str],
    /// The architectures that its image is published for, as registries name them.
    pub(crate) architectures: &'static [&'static str],
    /// The version of the agent that changes what telemetry looks like so much that nobody should get it unasked.
    pub(crate) breaking_version: Option<&'static str>,
    /// How many seconds later the application may start because its agent is loaded first. A liveness probe that gives
    /// less is likely to end it.
    pub(crate) start_seconds: u64,
    /// What else of an Instrumentation changes what is injected, as text.
    pub(crate) particulars: fn(&InstrumentationSpec) -> String,
}

impl Profile {
    /// A language that has only what all have: a file of a language says what is different.
    pub(crate) const PLAIN: Self = Self {
        default_image: "",
        enabled: true,
        requests: ["50m", "64Mi"],
        resources_field: "resourceRequirements",
        defaults: &[],
        otlp: OtlpProtocols::HttpAndGrpc,
        http_since: None,
        loading_variables: &[],
        annotations: &[],
        platforms: &[],
        // <https://github.com/open-telemetry/opentelemetry-operator/tree/main/.github/workflows>, the files `publish-autoinstrumentation-…`
        architectures: &["amd64", "arm64", "s390x", "ppc64le"],
        breaking_version: None,
        start_seconds: 0,
        particulars: |_| String::new(),
    };
}

/// The OTLP protocols that a language's agent can send.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum OtlpProtocols {
    /// HTTP unless told otherwise, and gRPC.
    HttpAndGrpc,
    /// HTTP only.
    Http,
    /// gRPC only.
    Grpc,
    /// The application brings its own SDK.
    Unknown,
}

/// A part of an Instrumentation as text.
pub(crate) fn text(part: &impl serde::Serialize) -> String {
    // Turning these types to JSON cannot fail.
    serde_json::to_string(part).unwrap_or_default()
}

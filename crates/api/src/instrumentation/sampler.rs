//! Sampling and propagation: values of the SDK specification,
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which traces are kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sampler {
    /// The kind of sampler: becomes OTEL_TRACES_SAMPLER. Default: the SDK's, `parentbased_always_on`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<SamplerType>,
    /// What the sampler needs: becomes OTEL_TRACES_SAMPLER_ARG. For `traceidratio` and `parentbased_traceidratio` the
    /// share of traces to keep, from 0 to 1. For `jaeger_remote` a list such as
    /// `endpoint=http://jaeger:14250,pollingIntervalMs=5000,initialSamplingRate=0.25`. Example: `"0.25"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argument: Option<String>,
}

macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        pub enum $type {
            $($(#[$variant_doc])* #[serde(rename = $name)] $variant,)*
        }

        impl $type {
            /// The value as the SDK's variable takes it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

names! {
    /// A kind of sampler.
    SamplerType {
        /// Keep everything.
        AlwaysOn = "always_on",
        /// Keep nothing.
        AlwaysOff = "always_off",
        /// Keep a share, by trace id.
        TraceIdRatio = "traceidratio",
        /// As the parent span decided; keep everything that has no parent.
        ParentBasedAlwaysOn = "parentbased_always_on",
        /// As the parent span decided; keep nothing that has no parent.
        ParentBasedAlwaysOff = "parentbased_always_off",
        /// As the parent span decided; keep a share of what has no parent.
        ParentBasedTraceIdRatio = "parentbased_traceidratio",
        /// As a Jaeger server says.
        JaegerRemote = "jaeger_remote",
        /// As AWS X-Ray says.
        Xray = "xray",
    }
}

names! {
    /// A format in which trace context travels.
    Propagator {
        /// W3C Trace Context.
        TraceContext = "tracecontext",
        /// W3C Baggage.
        Baggage = "baggage",
        /// B3, one header.
        B3 = "b3",
        /// B3, several headers.
        B3Multi = "b3multi",
        /// Jaeger.
        Jaeger = "jaeger",
        /// AWS X-Ray.
        Xray = "xray",
        /// OT Trace.
        OtTrace = "ottrace",
        /// No propagation.
        None = "none",
    }
}

//! `Instrumentation` v1alpha1: how applications of a namespace are instrumented.
//!
//! The fields, their names and their meaning are those of the OpenTelemetry Operator
//! (docs/reference/instrumentation.md 2). The comments on fields are user documentation:
//! `kubectl explain otelinst.spec` prints them.

mod crd;
mod exporter;
mod languages;
mod sampler;
mod status;

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EnvVar, SecurityContext};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::NamespaceResourceScope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use exporter::{Exporter, Tls};
pub use languages::{AgentBlock, ApacheHttpd, DotNet, Extension, Go, Java, Nginx, NodeJs, Python};
pub use sampler::{Propagator, Sampler, SamplerType};
pub use status::{FirstWorkloads, InstrumentationStatus, WorkloadCounts};

/// The API group of all custom resources.
pub const GROUP: &str = "opentelemetry.io";
/// The only served and stored version of Instrumentation.
pub const VERSION: &str = "v1alpha1";
/// The kind.
pub const KIND: &str = "Instrumentation";
/// The resource name in URLs.
pub const PLURAL: &str = "instrumentations";

/// How the applications of a namespace, or those that name this object, are instrumented.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Instrumentation {
    /// Standard object metadata.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What to inject. Absent means all defaults.
    #[serde(default)]
    pub spec: InstrumentationSpec,
    /// What Ingraft reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<InstrumentationStatus>,
}

/// What is injected into pods that ask for instrumentation, and where their telemetry goes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstrumentationSpec {
    /// Where telemetry is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exporter: Option<Exporter>,
    /// Attributes of the resource that telemetry is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceAttributes>,
    /// How trace context travels between services, in this order: becomes OTEL_PROPAGATORS. Default: the SDK's,
    /// `tracecontext` and `baggage`. Example: `[tracecontext, baggage, b3]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagators: Option<Vec<Propagator>>,
    /// Which traces are kept. Default: the SDK's, `parentbased_always_on`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampler: Option<Sampler>,
    /// Switches that change how defaults are found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defaults: Option<Defaults>,
    /// Environment variables for every language. A variable that the container or a language's own `env` sets wins.
    /// Example: `[{name: OTEL_BSP_SCHEDULE_DELAY, value: "500"}]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<EnvVar>>,
    /// Pull policy of the injected images: `Always`, `IfNotPresent` or `Never`. Default: Kubernetes' own, by image tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<String>,
    /// Security context of the injected init containers, except those of web servers, which have that of the server.
    /// Default: that of the instrumented container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_container_security_context: Option<SecurityContext>,
    /// Java.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub java: Option<Java>,
    /// Node.js.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodejs: Option<NodeJs>,
    /// Python.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<Python>,
    /// .NET.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dotnet: Option<DotNet>,
    /// Go, by an eBPF sidecar that needs a privileged container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub go: Option<Go>,
    /// Apache httpd.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apache_httpd: Option<ApacheHttpd>,
    /// nginx.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nginx: Option<Nginx>,
}

/// Attributes of the resource that telemetry is about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceAttributes {
    /// Attributes for every instrumented container. What a container, a pod annotation
    /// `resource.opentelemetry.io/<key>` or Kubernetes itself says about the same key wins.
    /// Example: `{deployment.environment.name: production}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_attributes: Option<BTreeMap<String, String>>,
    /// Also add the unique ids of pod and owners, such as `k8s.pod.uid` and `k8s.deployment.uid`. Default: false.
    #[serde(default, rename = "addK8sUIDAttributes", skip_serializing_if = "Option::is_none")]
    pub add_k8s_uid_attributes: Option<bool>,
}

/// Switches that change how defaults are found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Defaults {
    /// Take `service.name` from the pod labels `app.kubernetes.io/instance` or `app.kubernetes.io/name`, and
    /// `service.version` from `app.kubernetes.io/version`, where they exist. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_labels_for_resource_attributes: Option<bool>,
}

impl InstrumentationSpec {
    /// The certificates that exporters use, if any are named.
    pub fn tls(&self) -> Option<&Tls> {
        self.exporter.as_ref()?.tls.as_ref()
    }
}

impl Instrumentation {
    /// The CustomResourceDefinition, ready to be applied.
    pub fn crd() -> Value {
        crd::definition()
    }

    /// `namespace/name`, as it is written in an annotation.
    pub fn reference(&self) -> String {
        let namespace = self.metadata.namespace.as_deref().unwrap_or_default();
        let name = self.metadata.name.as_deref().unwrap_or_default();
        format!("{namespace}/{name}")
    }
}

impl Resource for Instrumentation {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        KIND.into()
    }

    fn group((): &()) -> Cow<'_, str> {
        GROUP.into()
    }

    fn version((): &()) -> Cow<'_, str> {
        VERSION.into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        PLURAL.into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests;

//! What Ingraft reports about an Instrumentation.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What Ingraft reports about an Instrumentation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstrumentationStatus {
    /// Languages whose image is not upgraded, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade_blocked_versions: Option<BTreeMap<String, String>>,
    /// The generation that the rest of the status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready` is False where telemetry cannot arrive as it is, for the reason that the condition names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<Condition>>,
    /// The workloads that request this Instrumentation: of each that is counted below `asked`, the worst of its languages
    /// counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workloads: Option<WorkloadCounts>,
    /// The first names behind the counts, as `kubectl` takes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<FirstWorkloads>,
}

/// How many workloads fare how. Those that have no pods, and are not refused, are in `asked` only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkloadCounts {
    /// Request this Instrumentation.
    pub asked: u32,
    /// All their pods run with what it means.
    pub injected: u32,
    /// A pod runs without: it was created before it could be injected.
    pub missed: u32,
    /// A pod runs with what the Instrumentation meant before it was changed.
    pub outdated: u32,
    /// A container that brings the agent does not run.
    pub failed: u32,
    /// Nothing is injected, for a reason that an Event of the workload and `ingraft explain` tell.
    pub refused: u32,
    /// Of the injected ones, those whose pods run with an earlier default image than new pods would.
    pub newer_image: u32,
}

/// The first workloads that fare in each way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FirstWorkloads {
    /// Injected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub injected: Vec<String>,
    /// Missed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missed: Vec<String>,
    /// Outdated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outdated: Vec<String>,
    /// Failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<String>,
    /// Refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
    /// With an earlier default image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub newer_image: Vec<String>,
}

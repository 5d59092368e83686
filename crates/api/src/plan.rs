//! `Plan` v1alpha1: what the API server needs to inject pods by itself, while no replica of the operator runs
//! (docs/standby.md). Ingraft writes it; nobody else has to.
//!
//! Its values go into pods, so every field is typed as that of a pod is, and nothing unknown is kept: a pod that does not
//! decode is refused (<https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/>).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::schema::structural;

/// The API group of what only Ingraft has.
pub const GROUP: &str = "ingraft.dev";
/// The only version of Plan.
pub const VERSION: &str = "v1alpha1";
/// The kind.
pub const KIND: &str = "Plan";
/// The resource name in URLs.
pub const PLURAL: &str = "plans";
/// What the fields of a plan mean. Policies of another release read none of it: a field that they look for elsewhere would be absent,
/// and with it what holds injection back.
pub const FORMAT: u32 = 1;
/// The name of the one plan of a cluster.
pub const NAME: &str = "ingraft";

/// What the API server injects into pods.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PlanSpec {
    /// What the fields here mean: 1.
    pub format: u32,
    /// `true` stops it: no pod is injected by the API server. Ingraft never changes this field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// What the mark of a pod must say for it to be injected. Empty: pods need no mark.
    pub token: String,
    /// Whether lists of containers for single languages count.
    pub lists_per_language: bool,
    /// For each Instrumentation, as `namespace/name`, and each language, what is injected.
    pub instrumentations: BTreeMap<String, BTreeMap<String, PlannedLanguage>>,
    /// For each namespace that has just one Instrumentation, this one.
    pub sole: BTreeMap<String, String>,
    /// What is particular to languages, by the names that planned languages have for it: many share it.
    pub agents: BTreeMap<String, Agent>,
    /// What is particular to Instrumentations, in the same way.
    pub telemetry: BTreeMap<String, Telemetry>,
    /// Workloads whose pods are left alone, as `namespace/Kind/name`.
    pub skipped_workloads: Vec<String>,
    /// Namespaces whose pods are left alone, because injected ones were refused there.
    pub skipped_namespaces: Vec<String>,
    /// Repositories, as `namespace/repository`, from which images are left alone in that namespace, because Ingraft knows of one
    /// that what it holds matters.
    pub skipped_images: Vec<String>,
}

impl PlanSpec {
    /// The plan as the API server takes it.
    ///
    /// ```
    /// let plan = ingraft_api::plan::PlanSpec::default().document();
    /// assert_eq!(plan["metadata"]["name"], "ingraft");
    /// ```
    pub fn document(&self) -> Value {
        json!({
            "apiVersion": format!("{GROUP}/{VERSION}"), "kind": KIND, "metadata": {"name": NAME}, "spec": self,
        })
    }
}

/// The CustomResourceDefinition of Plan.
pub fn crd() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{PLURAL}.{GROUP}"),
            "labels": {"app.kubernetes.io/name": "opentelemetry-operator", "app.kubernetes.io/instance": "ingraft"},
        },
        "spec": {
            "group": GROUP,
            "scope": "Cluster",
            "names": {"kind": KIND, "listKind": format!("{KIND}List"), "plural": PLURAL, "singular": "plan"},
            "versions": [{
                "name": VERSION,
                "served": true,
                "storage": true,
                "additionalPrinterColumns": [
                    {"name": "Paused", "type": "boolean", "jsonPath": ".spec.paused"},
                    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                ],
                "schema": {"openAPIV3Schema": {
                    "description": "Plan holds what the API server injects into pods while no replica of Ingraft \
                                    runs. Ingraft writes it.",
                    "type": "object",
                    "required": ["spec"],
                    "properties": {
                        "apiVersion": {"type": "string"},
                        "kind": {"type": "string"},
                        "metadata": {"type": "object"},
                        "spec": structural::<PlanSpec>(),
                    },
                }},
            }],
        },
    })
}

/// What is injected for one language of an Instrumentation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PlannedLanguage {
    /// The name of what is particular to the language.
    pub agent: String,
    /// The name of what is particular to the Instrumentation.
    pub telemetry: String,
    /// Changes with what the Instrumentation means for the language: `hash` in `ingraft.dev/injected`.
    pub hash: String,
}

/// What is particular to a language. Words such as `__INGRAFT_CONTAINER__` in texts stand for what is known of a pod only
/// when it is created.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Agent {
    /// Variables that are put at the front of a container's list one after the other, so that the last one ends up first.
    pub prepended: Vec<Variable>,
    /// Variables that go behind the container's own.
    pub env: Vec<Variable>,
    /// Where containers mount volumes.
    pub mounts: Vec<Mount>,
    /// Volumes of the pod.
    pub volumes: Vec<Volume>,
    /// Init containers, which are added behind those of the pod. The first has the agent's image.
    pub init_containers: Vec<InitContainer>,
    /// Their resources.
    pub resources: Resources,
}

/// What is particular to an Instrumentation: where telemetry goes, and what it is about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Telemetry {
    /// Variables that go behind those of the agent.
    pub env: Vec<Variable>,
    /// The parts of `__INGRAFT_ATTRIBUTES__`; those about something that a pod does not have are left out.
    pub attributes: Vec<String>,
    /// Whether labels of a pod say what its service is.
    pub uses_labels: bool,
    /// Mounts that go behind those of the agent.
    pub mounts: Vec<Mount>,
    /// Volumes that go before those of the agent.
    pub volumes: Vec<Volume>,
}

/// A variable of a container.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Where its value comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_from: Option<Source>,
}

/// Where a variable's value comes from. What is in a Secret or ConfigMap is not planned.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// A field of the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_ref: Option<FieldRef>,
}

/// A field of the pod.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldRef {
    /// Its path.
    pub field_path: String,
}

/// Where a container mounts a volume.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mount {
    /// The volume.
    pub name: String,
    /// The folder.
    pub mount_path: String,
    /// Whether it cannot be written to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
}

/// A volume: an empty folder, or material for TLS.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// An empty folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub empty_dir: Option<EmptyDir>,
    /// What is in a Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretVolume>,
    /// What is in a ConfigMap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_map: Option<ConfigMapVolume>,
}

/// An empty folder.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmptyDir {
    /// How large it may become.
    pub size_limit: String,
}

/// What is in a Secret.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretVolume {
    /// Its name.
    pub secret_name: String,
    /// Whether it may be missing.
    pub optional: bool,
}

/// What is in a ConfigMap.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapVolume {
    /// Its name.
    pub name: String,
    /// Whether it may be missing.
    pub optional: bool,
}

/// An init container that copies files.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InitContainer {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// When the image is pulled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<String>,
    /// What it runs.
    pub command: Vec<String>,
    /// The volume that it fills.
    pub volume: String,
    /// Where it mounts this volume.
    pub mount_path: String,
}

/// The resources of init containers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Resources {
    /// Limits, by resource.
    pub limits: BTreeMap<String, String>,
    /// Requests, by resource.
    pub requests: BTreeMap<String, String>,
    /// `limits`, `requests`, or both: where the target has its own, these are used instead of those here.
    pub of_container: Vec<String>,
}

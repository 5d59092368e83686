//! The per-language blocks of an Instrumentation.

use k8s_openapi::api::core::v1::{EnvVar, ResourceRequirements, SecurityContext};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::schema;

/// Java.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Java {
    /// Image that holds the agent. Default: the operator's image for Java.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Template of a PersistentVolumeClaim that holds the agent's files instead of an emptyDir. Not
    /// together with `volumeLimitSize`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::persistent_volume_claim_template")]
    pub volume_claim_template: Option<Value>,
    /// Size limit of the emptyDir that holds the agent's files. Default: `200Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_limit_size: Option<Quantity>,
    /// Environment variables for Java alone. A variable that the container sets wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<EnvVar>>,
    /// Resources of the injected init container. Default: limits 500m CPU and 256Mi, requests 50m CPU and 64Mi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// Extensions of the Java agent, each copied by an init container of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extensions: Option<Vec<Extension>>,
}

/// An extension of the Java agent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Extension {
    /// Image that holds the extension.
    pub image: String,
    /// Folder in the image whose files are copied. Example: `/extensions`.
    pub dir: String,
}

/// Node.js.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeJs {
    /// Image that holds the agent. Default: the operator's image for Node.js.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Template of a PersistentVolumeClaim that holds the agent's files instead of an emptyDir. Not
    /// together with `volumeLimitSize`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::persistent_volume_claim_template")]
    pub volume_claim_template: Option<Value>,
    /// Size limit of the emptyDir that holds the agent's files. Default: `200Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_limit_size: Option<Quantity>,
    /// Environment variables for Node.js alone. A variable that the container sets wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<EnvVar>>,
    /// Resources of the injected init container. Default: limits 500m CPU and 256Mi, requests 50m CPU and 128Mi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_requirements: Option<ResourceRequirements>,
}

/// Python.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Python {
    /// Image that holds the agent. Default: the operator's image for Python.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Template of a PersistentVolumeClaim that holds the agent's files instead of an emptyDir. Not
    /// together with `volumeLimitSize`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::persistent_volume_claim_template")]
    pub volume_claim_template: Option<Value>,
    /// Size limit of the emptyDir that holds the agent's files. Default: `200Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_limit_size: Option<Quantity>,
    /// Environment variables for Python alone. A variable that the container sets wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<EnvVar>>,
    /// Resources of the injected init container. Default: limits 500m CPU and 256Mi, requests 50m CPU and 64Mi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_requirements: Option<ResourceRequirements>,
}

/// .NET.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DotNet {
    /// Image that holds the agent. Default: the operator's image for .NET.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Template of a PersistentVolumeClaim that holds the agent's files instead of an emptyDir. Not
    /// together with `volumeLimitSize`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::persistent_volume_claim_template")]
    pub volume_claim_template: Option<Value>,
    /// Size limit of the emptyDir that holds the agent's files. Default: `200Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_limit_size: Option<Quantity>,
    /// Environment variables for .NET alone. A variable that the container sets wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<EnvVar>>,
    /// Resources of the injected init container. Default: limits 500m CPU and 256Mi, requests 50m CPU and 128Mi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_requirements: Option<ResourceRequirements>,
}

/// Go, by an eBPF sidecar.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Go {
    /// Image that holds the agent. Default: the operator's image for Go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Template of a PersistentVolumeClaim that holds the agent's files instead of an emptyDir; not used for this language. Not
    /// together with `volumeLimitSize`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::persistent_volume_claim_template")]
    pub volume_claim_template: Option<Value>,
    /// Size limit of the emptyDir that holds the agent's files; not used for this language. Default: `200Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_limit_size: Option<Quantity>,
    /// Environment variables for Go alone. A variable that the container sets wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<EnvVar>>,
    /// Resources of the sidecar. Default: limits 500m CPU and 256Mi, requests 50m CPU and 64Mi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_requirements: Option<ResourceRequirements>,
    /// Security context of the sidecar. Default: privileged, user 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_context: Option<SecurityContext>,
}

/// Apache httpd.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApacheHttpd {
    /// Image that holds the agent. Default: the operator's image for Apache httpd.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Template of a PersistentVolumeClaim that holds the agent's files instead of an emptyDir. Not
    /// together with `volumeLimitSize`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::persistent_volume_claim_template")]
    pub volume_claim_template: Option<Value>,
    /// Size limit of the emptyDir that holds the agent's files. Default: `200Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_limit_size: Option<Quantity>,
    /// Environment variables for Apache httpd alone. A variable that the container sets wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<EnvVar>>,
    /// Directives for the module, `name` and `value` each; they win over the built-in ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attrs: Option<Vec<EnvVar>>,
    /// Version of the server: `2.4` or `2.2`. Default: `2.4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Folder of the server's configuration. Default: `/usr/local/apache2/conf`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9._/-]*$"), length(max = 256))]
    pub config_path: Option<String>,
    /// Resources of the injected init containers. Default: limits 500m CPU and 256Mi, requests 1m CPU and 128Mi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_requirements: Option<ResourceRequirements>,
}

/// nginx.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Nginx {
    /// Image that holds the agent. Default: the operator's image for nginx.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Template of a PersistentVolumeClaim that holds the agent's files instead of an emptyDir; not used for this language. Not
    /// together with `volumeLimitSize`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::persistent_volume_claim_template")]
    pub volume_claim_template: Option<Value>,
    /// Size limit of the emptyDir that holds the agent's files; not used for this language. Default: `200Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_limit_size: Option<Quantity>,
    /// Environment variables for nginx alone. A variable that the container sets wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<EnvVar>>,
    /// Directives for the module, `name` and `value` each; they win over the built-in ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attrs: Option<Vec<EnvVar>>,
    /// The server's main configuration file. Default: `/etc/nginx/nginx.conf`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9._/-]*$"), length(max = 256))]
    pub config_file: Option<String>,
    /// Resources of the injected init containers. Default: limits 500m CPU and 256Mi, requests 1m CPU and 128Mi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_requirements: Option<ResourceRequirements>,
}

//! The per-language blocks of an Instrumentation.

use k8s_openapi::api::core::v1::{EnvVar, ResourceRequirements, SecurityContext};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::schema;

/// What the blocks of all languages have in common.
#[derive(Debug, Clone, Copy, Default)]
pub struct AgentBlock<'a> {
    /// Image that holds the agent.
    pub image: Option<&'a str>,
    /// Template of a PersistentVolumeClaim that holds the agent's files.
    pub volume_claim_template: Option<&'a Value>,
    /// Size limit of the emptyDir that holds the agent's files.
    pub volume_limit_size: Option<&'a str>,
    /// Environment variables for the language alone.
    pub env: &'a [EnvVar],
    /// Resources of the injected containers.
    pub resources: Option<&'a ResourceRequirements>,
}

/// A block: its doc comment, the language's name, what more the text on its volume says, the field for resources and
/// what it is about, and fields that no other language has.
macro_rules! block {
    (
        $(#[$doc:meta])* $type:ident, $name:literal, volume $volume:literal,
        $resources:ident $of:literal {$($(#[$extra_doc:meta])* $extra:ident: $extra_type:ty,)*}
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase")]
        pub struct $type {
            #[doc = concat!("Image that holds the agent. Default: the operator's image for ", $name, ".")]
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub image: Option<String>,
            #[doc = concat!(
                "Template of a PersistentVolumeClaim that holds the agent's files instead of an emptyDir", $volume,
                ". Not\ntogether with `volumeLimitSize`."
            )]
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(schema_with = "schema::persistent_volume_claim_template")]
            pub volume_claim_template: Option<Value>,
            #[doc = concat!("Size limit of the emptyDir that holds the agent's files", $volume, ". Default: `200Mi`.")]
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub volume_limit_size: Option<Quantity>,
            #[doc = concat!("Environment variables for ", $name, " alone. A variable that the container sets wins.")]
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub env: Option<Vec<EnvVar>>,
            #[doc = concat!("Resources of the ", $of, ".")]
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub $resources: Option<ResourceRequirements>,
            $(
                $(#[$extra_doc])*
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $extra: Option<$extra_type>,
            )*
        }

        impl $type {
            pub(crate) fn common(&self) -> AgentBlock<'_> {
                AgentBlock {
                    image: self.image.as_deref(),
                    volume_claim_template: self.volume_claim_template.as_ref(),
                    volume_limit_size: self.volume_limit_size.as_ref().map(|size| size.0.as_str()),
                    env: self.env.as_deref().unwrap_or_default(),
                    resources: self.$resources.as_ref(),
                }
            }
        }
    };
}

block! {
    /// Java.
    Java, "Java", volume "",
    resources "injected init container. Default: limits 500m CPU and 256Mi, requests 50m CPU and 64Mi" {
        /// Extensions of the Java agent, each copied by an init container of its own.
        extensions: Vec<Extension>,
    }
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

block! {
    /// Node.js.
    NodeJs, "Node.js", volume "",
    resource_requirements "injected init container. Default: limits 500m CPU and 256Mi, requests 50m CPU and 128Mi" {}
}

block! {
    /// Python.
    Python, "Python", volume "",
    resource_requirements "injected init container. Default: limits 500m CPU and 256Mi, requests 50m CPU and 64Mi" {}
}

block! {
    /// .NET.
    DotNet, ".NET", volume "",
    resource_requirements "injected init container. Default: limits 500m CPU and 256Mi, requests 50m CPU and 128Mi" {}
}

block! {
    /// Go, by an eBPF sidecar.
    Go, "Go", volume "; not used for this language",
    resource_requirements "sidecar. Default: limits 500m CPU and 256Mi, requests 50m CPU and 64Mi" {
        /// Security context of the sidecar. Default: privileged, user 0.
        security_context: SecurityContext,
    }
}

block! {
    /// Apache httpd.
    ApacheHttpd, "Apache httpd", volume "",
    resource_requirements "injected init containers. Default: limits 500m CPU and 256Mi, requests 1m CPU and 128Mi" {
        /// Directives for the module, `name` and `value` each; they win over the built-in ones.
        attrs: Vec<EnvVar>,
        /// Version of the server: `2.4` or `2.2`. Default: `2.4`.
        version: String,
        /// Folder of the server's configuration. Default: `/usr/local/apache2/conf`.
        #[schemars(regex(pattern = r"^[A-Za-z0-9._/-]*$"), length(max = 256))]
        config_path: String,
    }
}

block! {
    /// nginx.
    Nginx, "nginx", volume "; not used for this language",
    resource_requirements "injected init containers. Default: limits 500m CPU and 256Mi, requests 1m CPU and 128Mi" {
        /// Directives for the module, `name` and `value` each; they win over the built-in ones.
        attrs: Vec<EnvVar>,
        /// The server's main configuration file. Default: `/etc/nginx/nginx.conf`.
        #[schemars(regex(pattern = r"^[A-Za-z0-9._/-]*$"), length(max = 256))]
        config_file: String,
    }
}

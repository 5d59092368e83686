//! Where telemetry is sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where telemetry is sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exporter {
    /// URL of the OTLP receiver, usually the Service of a Collector: becomes OTEL_EXPORTER_OTLP_ENDPOINT. Port 4317
    /// usually speaks gRPC, port 4318 HTTP; Python needs 4318. Without it an SDK sends to `localhost`, where nobody
    /// listens. `$(OTEL_NODE_IP)` and `$(OTEL_POD_IP)` can be used.
    /// Example: `http://otel-collector.opentelemetry.svc.cluster.local:4318`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Certificates for an `https://` endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

/// Certificates for an `https://` endpoint, from a Secret and a ConfigMap in the namespace of the pod.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// Secret in the pod's namespace that holds certificate, key and, without `configMapName`, the CA. It is mounted
    /// at `/otel-auto-instrumentation-secret-<secretName>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_name: Option<String>,
    /// ConfigMap in the pod's namespace that holds the CA. It is mounted at
    /// `/otel-auto-instrumentation-configmap-<configMapName>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_name: Option<String>,
    /// Key of the CA certificate in the ConfigMap or Secret, or an absolute path in the container. Example: `ca.crt`.
    #[serde(default, rename = "ca_file", skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// Key of the client certificate in the Secret, or an absolute path in the container. Example: `tls.crt`.
    #[serde(default, rename = "cert_file", skip_serializing_if = "Option::is_none")]
    pub cert_file: Option<String>,
    /// Key of the client's private key in the Secret, or an absolute path in the container. Example: `tls.key`.
    #[serde(default, rename = "key_file", skip_serializing_if = "Option::is_none")]
    pub key_file: Option<String>,
}

//! Secrets and ConfigMaps that an Instrumentation names, and TLS.

use super::{Locale, Text};
use crate::snapshot::ReferenceKind;

family! {
    /// Secrets and ConfigMaps that an Instrumentation names, and TLS.
    ReferenceFinding {
        /// A Secret or ConfigMap that the Instrumentation names does not exist where the pod is, or lacks a key.
        Warning: ReferenceMissing {
            /// Secret or ConfigMap.
            kind: ReferenceKind,
            /// Its name.
            name: String,
            /// The key, where one is named.
            key: Option<String>,
            /// The pod's namespace.
            namespace: String,
        },
        /// The endpoint is `https`, and nothing says which CA to trust.
        Warning: TlsUnset,
        /// Only one of certificate and key is set.
        Warning: TlsHalfAPair,
        /// Certificates are given, but the endpoint is not `https`.
        Warning: TlsWithoutHttps,
    }
}

impl ReferenceFinding {
    pub(super) fn text(&self, _: Locale) -> Text {
        match self {
            Self::ReferenceMissing { kind, name, key: None, namespace } => {
                let kind = kind.as_str();
                Text::new(format!("{kind} \"{name}\" does not exist in namespace \"{namespace}\"")).help(
                    format!(
                        "create it: pods read the {kind} \"{name}\" of their own namespace, \"{namespace}\""
                    ),
                )
            }
            Self::ReferenceMissing { kind, name, key: Some(key), namespace } => {
                let kind = kind.as_str();
                Text::new(format!(
                    "there is no {kind} \"{name}\" with key \"{key}\" in namespace \"{namespace}\""
                ))
                .help(format!(
                    "add \"{key}\" to the {kind} \"{name}\" of the pod's own namespace, \"{namespace}\""
                ))
            }
            Self::TlsUnset => Text::new(
                "the endpoint is https without tls: only CAs that the agent itself knows are trusted",
            )
            .help("name the CA: spec.exporter.tls.configMapName and ca_file"),
            Self::TlsHalfAPair => {
                Text::new("only one of cert_file and key_file is set").help("set both, or neither")
            }
            Self::TlsWithoutHttps => Text::new("tls is set, but the endpoint does not begin with https://")
                .help("write https:// in the endpoint, or remove tls"),
        }
    }
}

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
        /// The endpoint is `https` at a host of the cluster or a private address, and nothing says which CA to trust.
        Warning: TlsUnset,
        /// Only one of certificate and key is set.
        Warning: TlsHalfAPair,
        /// Certificates are given, but the endpoint is not `https`.
        Warning: TlsWithoutHttps,
    }
}

impl ReferenceFinding {
    pub(super) fn text(&self, locale: Locale) -> Text {
        match self {
            Self::ReferenceMissing { kind, name, key: None, namespace } => {
                let kind = kind.as_str();
                Text::new(say!(
                    locale,
                    "{kind} \"{name}\" does not exist in namespace \"{namespace}\"",
                    "el {kind} \"{name}\" no existe en el espacio de nombres \"{namespace}\"",
                ))
                .help(say!(
                    locale,
                    "create it: pods read the {kind} \"{name}\" of their own namespace, \"{namespace}\"",
                    "créalo: los pods leen el {kind} \"{name}\" de su propio espacio de nombres, \"{namespace}\"",
                ))
            }
            Self::ReferenceMissing { kind, name, key: Some(key), namespace } => {
                let kind = kind.as_str();
                Text::new(say!(
                    locale,
                    "there is no {kind} \"{name}\" with key \"{key}\" in namespace \"{namespace}\"",
                    "no hay ningún {kind} \"{name}\" con la clave \"{key}\" en el espacio de nombres \"{namespace}\"",
                ))
                .help(say!(
                    locale,
                    "add \"{key}\" to the {kind} \"{name}\" of the pod's own namespace, \"{namespace}\"",
                    "añade \"{key}\" al {kind} \"{name}\" del espacio de nombres del pod, \"{namespace}\"",
                ))
            }
            Self::TlsUnset => Text::new(say!(
                locale,
                "the endpoint is https at a private host without tls: only CAs that the agent itself knows are trusted",
                "el endpoint es https en un host privado y falta tls: solo se confía en las CA que el propio agente conoce",
            ))
            .help(say!(
                locale,
                "name the CA in spec.exporter.tls: configMapName and ca_file",
                "nombra la CA en spec.exporter.tls: configMapName y ca_file",
            )),
            Self::TlsHalfAPair => Text::new(say!(
                locale,
                "only one of cert_file and key_file is set",
                "solo está definido uno de cert_file y key_file",
            ))
            .help(say!(locale, "set both, or neither", "define los dos, o ninguno")),
            Self::TlsWithoutHttps => Text::new(say!(
                locale,
                "tls is set, but the endpoint does not begin with https://",
                "tls está definido, pero el endpoint no empieza por https://",
            ))
            .help(say!(
                locale,
                "write https:// in the endpoint, or remove spec.exporter.tls",
                "escribe https:// en el endpoint, o quita spec.exporter.tls",
            )),
        }
    }
}

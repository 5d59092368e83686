//! Samples of findings about endpoints, and about what they refer to.

use ingraft_api::Language;

use super::{text, texts};
use crate::Reason;
use crate::finding::{EndpointFinding as F, ReferenceFinding};
use crate::snapshot::ReferenceKind;

pub(super) fn add(samples: &mut Vec<Reason>) {
    let language = Language::Nginx;
    let endpoint = text("http://collector-1:4317");
    let reference = |key: Option<&str>| ReferenceFinding::ReferenceMissing {
        kind: ReferenceKind::ConfigMap,
        name: text("name-1"),
        key: key.map(str::to_owned),
        namespace: text("shop-1"),
    };
    samples.extend(
        [
            F::EndpointMissing { container: None },
            F::EndpointMissing { container: Some(text("app-1")) },
            F::EndpointPortIsGrpc { language, endpoint: endpoint.clone() },
            F::EndpointPortNotForAll {
                endpoint: endpoint.clone(),
                http: vec![language],
                grpc: vec![Language::Nginx],
            },
            F::EndpointPortIsHttp { language, endpoint: endpoint.clone() },
            F::EndpointPortCorrected {
                language,
                endpoint: endpoint.clone(),
                corrected: text("http://c-2:4318"),
            },
            F::ProtocolUnsupported { language, protocol: text("protocol-1"), variable: "VARIABLE_1" },
            F::EndpointNotAUrl { endpoint: text("collector-1") },
            F::EndpointIsLocal { endpoint: endpoint.clone() },
            F::EndpointHasSignalPath { endpoint: endpoint.clone(), path: "/v1/traces" },
            F::SignalPathMissing {
                variable: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
                endpoint: endpoint.clone(),
                path: "/v1/traces",
            },
            F::ProtocolUnknown { protocol: text("protocol-1") },
            F::ProtocolNotOfPort { protocol: text("grpc-1"), endpoint, port: 4317 },
            F::EndpointServiceMissing { service: text("obs-1/collector-1"), candidates: Vec::new() },
            F::EndpointServiceMissing {
                service: text("obs-1/collector-1"),
                candidates: texts(["collector-2.obs-1"]),
            },
            F::EndpointWithoutNamespace { host: text("host-1"), namespace: text("shop-1") },
            F::EndpointPortNotServed { service: text("obs-1/collector-1"), port: 1, ports: vec![4317, 4318] },
            F::EndpointPortNotServed { service: text("obs-1/collector-1"), port: 4318, ports: vec![4317] },
        ]
        .map(Reason::from),
    );
    samples.extend(
        [
            reference(None),
            reference(Some("key-1")),
            ReferenceFinding::TlsUnset,
            ReferenceFinding::TlsHalfAPair,
            ReferenceFinding::TlsWithoutHttps,
        ]
        .map(Reason::from),
    );
}

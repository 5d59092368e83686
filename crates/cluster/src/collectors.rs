//! The Services that the OpenTelemetry Operator makes for Collectors, as far as a manifest shows them.

use ingraft_core::{GRPC_PORT, HTTP_PORT};
use serde_json::Value;

use crate::documents;

/// The Service of a Collector that others send to, and its ports; none where not all of them are known.
/// <https://github.com/open-telemetry/opentelemetry-operator/blob/main/docs/api/opentelemetrycollectors.md>
pub(crate) fn service(collector: &Value) -> Option<(String, Vec<u16>)> {
    let name = collector.pointer("/metadata/name")?.as_str()?;
    let is_sidecar = collector.pointer("/spec/mode").and_then(Value::as_str) == Some("sidecar");
    (!is_sidecar).then(|| (format!("{name}-collector"), ports(collector).unwrap_or_default()))
}

fn ports(collector: &Value) -> Option<Vec<u16>> {
    let spec = collector.get("spec")?;
    let parsed;
    let config = match spec.get("config")? {
        // That of v1alpha1.
        Value::String(text) => {
            parsed = documents::parse(text).ok()?;
            &parsed
        }
        config => config,
    };
    let mut ports = Vec::new();
    for (id, receiver) in config.get("receivers")?.as_object()? {
        if id.split('/').next() != Some("otlp") {
            return None;
        }
        for (protocol, settings) in receiver.get("protocols")?.as_object()? {
            let usual = match protocol.as_str() {
                "grpc" => GRPC_PORT,
                "http" => HTTP_PORT,
                _ => return None,
            };
            let endpoint = settings.get("endpoint").and_then(Value::as_str);
            // Nobody else reaches it there.
            if endpoint
                .is_some_and(|endpoint| endpoint.starts_with("localhost:") || endpoint.starts_with("127."))
            {
                continue;
            }
            ports.push(endpoint.map_or(Some(usual), |endpoint| endpoint.rsplit_once(':')?.1.parse().ok())?);
        }
    }
    for port in spec.get("ports").and_then(Value::as_array).into_iter().flatten() {
        ports.push(port.get("port")?.as_u64()?.try_into().ok()?);
    }
    Some(ports)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(spec: &Value) -> Option<(String, Vec<u16>)> {
        service(&json!({"metadata": {"name": "otel"}, "spec": spec}))
    }

    #[test]
    fn ports_are_those_of_receivers() {
        let known = |ports: &[u16]| Some(("otel-collector".to_owned(), ports.to_vec()));
        let config = |receivers: Value| json!({"config": {"receivers": receivers}});
        let both = json!({"otlp": {"protocols": {"grpc": null, "http": {"endpoint": "0.0.0.0:14318"}}}});
        assert_eq!(of(&config(both)), known(&[4317, 14318]));
        let own = json!({"otlp": {"protocols": {"grpc": null, "http": {"endpoint": "localhost:4318"}}}});
        assert_eq!(of(&config(own)), known(&[4317]));
        let text = "receivers:\n  otlp:\n    protocols:\n      http:\n";
        assert_eq!(of(&json!({"config": text, "ports": [{"port": 80}]})), known(&[4318, 80]));
        for unknown in [
            json!({"otlp": {"protocols": {"grpc": {"endpoint": "${env:ENDPOINT}"}}}}),
            json!({"otlp": {"protocols": {"grpc": null}}, "zipkin": null}),
            json!({"otlp": null}),
        ] {
            assert_eq!(of(&config(unknown)), known(&[]));
        }
        assert_eq!(of(&json!({"config": ": ["})), known(&[]));
        assert_eq!(of(&json!({"mode": "sidecar"})), None);
    }
}

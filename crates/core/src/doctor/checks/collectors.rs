//! Collectors of the OpenTelemetry Operator that take no traces from those who send to them. What their configuration leaves to
//! the environment is not judged.

use serde_json::{Map, Value};

use super::object;
use crate::doctor::{Diagnosis, Scene};
use crate::endpoint::Endpoint;
use crate::finding::{ClusterFinding, NoTraces};
use crate::inject;
use crate::json::{list, pointer_step, string_at};

/// The kind of a Collector.
pub const COLLECTOR: &str = "OpenTelemetryCollector";
/// What follows the name of a Collector in that of its Service.
const END: &str = "-collector";
/// Receivers that surely take no OTLP: <https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/receiver>.
const OF_OTHERS: [&str; 15] = [
    "filelog",
    "hostmetrics",
    "jaeger",
    "journald",
    "k8s_cluster",
    "k8s_events",
    "k8sobjects",
    "kafka",
    "kubeletstats",
    "opencensus",
    "prometheus",
    "statsd",
    "syslog",
    "tcplog",
    "zipkin",
];

/// With one of these, traces may go elsewhere, or nowhere.
const ELSEWHERE: [&str; 3] =
    ["OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];

pub(super) fn check(scene: &Scene<'_>) -> Vec<Diagnosis> {
    let mut found = Vec::new();
    for collector in scene.resources.of(COLLECTOR) {
        let own = object(collector);
        let Some(url) = sent_to(scene, &own.namespace, &format!("{}{END}", own.name)) else { continue };
        if let Some((why, pointer)) = flaw(collector) {
            found.push(Diagnosis::at(
                ClusterFinding::CollectorTakesNoTraces { endpoint: url, why },
                own,
                &pointer,
            ));
        }
    }
    found
}

/// Whether there is a Collector that the OpenTelemetry Operator adds to pods.
pub(in crate::doctor) fn has_sidecar(scene: &Scene<'_>) -> bool {
    scene.resources.of(COLLECTOR).any(|collector| string_at(collector, "/spec/mode") == Some("sidecar"))
}

/// The endpoint of the first Instrumentation that sends traces to a Service.
fn sent_to(scene: &Scene<'_>, namespace: &str, name: &str) -> Option<String> {
    scene.snapshot.instrumentations.entries().find_map(|(own, _, instrumentation)| {
        let mut variables = instrumentation.spec.env.iter().flatten();
        if variables.any(|variable| ELSEWHERE.contains(&&*variable.name)) {
            return None;
        }
        let url = inject::endpoint(&instrumentation.spec)?;
        (Endpoint::parse(url)?.service(own)? == (namespace, name)).then(|| url.to_owned())
    })
}

/// The Collector, as namespace and name, whose Service this would be.
pub fn collector_of(service: &(String, String)) -> Option<(&str, &str)> {
    let (namespace, name) = service;
    Some((namespace, name.strip_suffix(END)?))
}

/// Why a Collector takes no traces, and the field that says so.
fn flaw(collector: &Value) -> Option<(NoTraces, String)> {
    const RECEIVERS: &str = "/spec/config/receivers";
    const PIPELINES: &str = "/spec/config/service/pipelines";
    let is_elsewhere = collector.pointer("/spec/args/config").is_some();
    // A sidecar is sent to where it is.
    if is_elsewhere || string_at(collector, "/spec/mode") == Some("sidecar") {
        return None;
    }
    let receivers = collector.pointer(RECEIVERS)?.as_object()?;
    let pipelines = collector.pointer(PIPELINES)?.as_object()?;
    let otlp: Vec<_> = receivers.iter().filter(|(id, _)| kind(id) == "otlp").collect();
    if otlp.is_empty() {
        let are_known = receivers.keys().all(|id| OF_OTHERS.contains(&kind(id)));
        return are_known.then(|| (NoTraces::NoReceiver, RECEIVERS.to_owned()));
    }
    // Another container of the pod may take it and pass it on.
    let is_alone = ["additionalContainers", "initContainers"]
        .iter()
        .all(|field| list(collector.get("spec").unwrap_or(&Value::Null), field).is_empty());
    if let Some(pointer) = local(&otlp).filter(|_| is_alone) {
        return Some((NoTraces::ReceiverIsLocal, format!("{RECEIVERS}/{pointer}")));
    }
    let takes_traces = |(id, pipeline): (&String, &Value)| {
        let own = pipeline.get("receivers").and_then(Value::as_array);
        let is_otlp = |own: &Value| own.as_str().is_some_and(|own| kind(own) == "otlp" || own.contains('$'));
        (kind(id) == "traces" && own.into_iter().flatten().any(is_otlp)) || id.contains('$')
    };
    (!pipelines.iter().any(takes_traces)).then(|| (NoTraces::NoPipeline, PIPELINES.to_owned()))
}

/// The type of a component or pipeline, whose name may follow.
fn kind(id: &str) -> &str {
    id.split('/').next().unwrap_or(id)
}

/// Where the first of some receivers listens, if all listen where only their pod reaches them. Where none is said, the
/// OpenTelemetry Operator has them listen to all: <https://github.com/open-telemetry/opentelemetry-operator/pull/3133>.
fn local(otlp: &[(&String, &Value)]) -> Option<String> {
    let mut first = None;
    for (id, receiver) in otlp {
        let protocols: &Map<String, Value> = receiver.get("protocols")?.as_object()?;
        for (protocol, settings) in protocols {
            let endpoint = settings.get("endpoint")?.as_str()?;
            let host = endpoint.rsplit_once(':')?.0;
            if host != "localhost" && host != "[::1]" && !host.starts_with("127.") {
                return None;
            }
            first.get_or_insert_with(|| {
                format!("{}/protocols/{}/endpoint", pointer_step(id), pointer_step(protocol))
            });
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::checks::tests::Known;

    fn collector(spec: &Value) -> Value {
        json!({"kind": COLLECTOR, "metadata": {"namespace": "obs", "name": "otel"}, "spec": spec})
    }

    #[test]
    fn a_collector_that_takes_no_traces_is_told_where_somebody_sends_them() {
        let told = |endpoint: &str| {
            let spec = json!({"config": {"receivers": {"zipkin": null}, "service": {"pipelines": {}}}});
            let mut known = Known::of([collector(&spec)]);
            let object = json!({
                "metadata": {"namespace": "shop", "name": "base"}, "spec": {"exporter": {"endpoint": endpoint}},
            });
            let object = serde_json::from_value(object).unwrap();
            known.snapshot.instrumentations.insert("shop".into(), "base".into(), object);
            known.said(check)
        };
        let expected = ["CollectorTakesNoTraces opentelemetrycollector/otel -n obs"];
        assert_eq!(told("http://otel-collector.obs:4318"), expected);
        assert_eq!(told("http://otel.obs:4318"), [""; 0]);
        assert_eq!(told("http://otel-collector:4318"), [""; 0]);
    }

    #[test]
    fn receivers_and_pipelines_are_judged() {
        let pipelines = json!({"traces": {"receivers": ["otlp"]}});
        let of = |receivers: &Value, pipelines: &Value| {
            let config = json!({"receivers": receivers, "service": {"pipelines": pipelines}});
            flaw(&collector(&json!({"config": config})))
        };
        let grpc = |endpoint: &str| json!({"otlp": {"protocols": {"grpc": {"endpoint": endpoint}}}});
        for (receivers, pipelines, expected) in [
            (grpc("0.0.0.0:4317"), pipelines.clone(), None),
            (grpc("${env:POD_IP}:4317"), pipelines.clone(), None),
            (json!({"otlp": {"protocols": {"http": null}}}), pipelines.clone(), None),
            (
                grpc("localhost:4317"),
                pipelines.clone(),
                Some((NoTraces::ReceiverIsLocal, "/spec/config/receivers/otlp/protocols/grpc/endpoint")),
            ),
            (
                json!({"otlp": {"protocols": {"grpc": {"endpoint": "127.0.0.1:4317"}, "http": {"endpoint": "0.0.0.0:4318"}}}}),
                pipelines.clone(),
                None,
            ),
            (
                json!({"zipkin": null, "prometheus/own": {}}),
                pipelines.clone(),
                Some((NoTraces::NoReceiver, "/spec/config/receivers")),
            ),
            (json!({"zipkin": null, "company": {}}), pipelines, None),
            (
                grpc("0.0.0.0:4317"),
                json!({"metrics": {"receivers": ["otlp"]}, "traces": {"receivers": ["zipkin"]}}),
                Some((NoTraces::NoPipeline, "/spec/config/service/pipelines")),
            ),
            (grpc("0.0.0.0:4317"), json!({"traces/2": {"receivers": ["zipkin", "otlp/2"]}}), None),
        ] {
            let expected = expected.map(|(why, pointer)| (why, pointer.to_owned()));
            assert_eq!(of(&receivers, &pipelines), expected, "{receivers} {pipelines}");
        }
        for spec in [
            json!({"config": "receivers: {}"}),
            json!({"additionalContainers": [{}], "config": {"receivers": grpc("localhost:4317"),
                "service": {"pipelines": {"traces": {"receivers": ["otlp"]}}}}}),
            json!({"mode": "sidecar", "config": {"receivers": {}, "service": {"pipelines": {}}}}),
            json!({"args": {"config": "/a"}, "config": {"receivers": {}, "service": {"pipelines": {}}}}),
        ] {
            assert_eq!(flaw(&collector(&spec)), None, "{spec}");
        }
    }
}

//! The Collector of tests and the demo: where applications send to, and where a test reads what arrived.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::Value;

use crate::{Kubectl, Progress};

/// Namespace, configuration, Deployment and Service `otel-collector` in the namespace `opentelemetry`.
const MANIFESTS: &str = include_str!("../manifests/collector.yaml");

/// A span that the Collector received.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// What the service said of itself, `service.name` among it.
    pub resource: BTreeMap<String, Value>,
    /// The instrumentation that made it.
    pub scope: String,
    /// Its name.
    pub name: String,
    /// Its kind as OTLP counts: 2 is a server's, 3 a client's.
    pub kind: u64,
    /// The trace that it belongs to, in hexadecimal.
    pub trace_id: String,
    /// Its own attributes.
    pub attributes: BTreeMap<String, Value>,
}

impl Span {
    /// The service's name, empty if it has none.
    pub fn service(&self) -> &str {
        self.resource.get("service.name").and_then(Value::as_str).unwrap_or_default()
    }
}

/// Installs the Collector, whose image must be loaded, and waits until it is ready.
///
/// # Errors
/// When it does not become ready.
pub fn install_collector(kubectl: &Kubectl, progress: Progress) -> anyhow::Result<()> {
    progress.step("installing the Collector", || {
        kubectl.apply(MANIFESTS)?;
        let deployment = "deployment/otel-collector";
        kubectl.run(&["rollout", "status", "-n", "opentelemetry", deployment, "--timeout=60s"])?;
        Ok(())
    })
}

/// The spans that arrived so far, in the order of their arrival.
///
/// # Errors
/// When the Collector's log cannot be read.
pub fn received_spans(kubectl: &Kubectl) -> anyhow::Result<Vec<Span>> {
    let log = kubectl.run(&["logs", "-n", "opentelemetry", "deployment/otel-collector", "--tail=-1"])?;
    spans(&log)
}

fn spans(log: &str) -> anyhow::Result<Vec<Span>> {
    let mut spans = Vec::new();
    // Long lines are written in parts: the last one may not be whole yet.
    let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
    for line in whole.lines().filter(|line| line.starts_with("{\"resourceSpans\"")) {
        let batch: Value = serde_json::from_str(line).context("read a line of the Collector")?;
        for resource in list(&batch, "resourceSpans") {
            let attributes = attributes(resource.get("resource"));
            for scope in list(resource, "scopeSpans") {
                let scope_name = scope.get("scope").map(|scope| text(scope, "name")).unwrap_or_default();
                spans.extend(list(scope, "spans").iter().map(|span| read(span, &attributes, &scope_name)));
            }
        }
    }
    Ok(spans)
}

fn read(span: &Value, resource: &BTreeMap<String, Value>, scope: &str) -> Span {
    Span {
        resource: resource.clone(),
        scope: scope.to_owned(),
        name: text(span, "name"),
        kind: span.get("kind").and_then(Value::as_u64).unwrap_or_default(),
        trace_id: text(span, "traceId"),
        attributes: attributes(Some(span)),
    }
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value, field: &str) -> String {
    value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// OTLP wraps each value in an object that names its type; only the value is of interest.
fn attributes(holder: Option<&Value>) -> BTreeMap<String, Value> {
    let entries = holder.map(|holder| list(holder, "attributes")).unwrap_or_default();
    entries
        .iter()
        .map(|entry| {
            let typed = entry.get("value").and_then(Value::as_object);
            let value = typed.and_then(|typed| typed.values().next()).cloned().unwrap_or_default();
            (text(entry, "key"), value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_spans_between_lines_of_the_log() {
        let log = concat!(
            "2026-01-01T00:00:00Z\tinfo\tTraces\n",
            r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","#,
            r#""value":{"stringValue":"shop"}}]},"scopeSpans":[{"scope":{"name":"flask"},"#,
            r#""spans":[{"traceId":"ab","name":"GET /","kind":2,"attributes":[{"key":"port","#,
            r#""value":{"intValue":"80"}}]}]}]}]}"#,
            "\n{\"resourceLogs\":[]}\n",
        );
        let spans = spans(log).unwrap();
        assert_eq!(spans.len(), 1);
        assert_eq!(spans[0].service(), "shop");
        assert_eq!((spans[0].scope.as_str(), spans[0].name.as_str(), spans[0].kind), ("flask", "GET /", 2));
        assert_eq!(spans[0].attributes["port"], "80");
    }
}

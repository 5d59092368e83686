//! What a Collector counts, from the page that it shows to Prometheus.

/// Where a Collector shows its own metrics:
/// <https://opentelemetry.io/docs/collector/internal-telemetry/#configure-internal-metrics>.
pub const METRICS_PORT: u16 = 8888;
/// What it has accepted. The name may have a suffix for the unit, and one for the kind of metric:
/// <https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/#metric-metadata-1>.
const ACCEPTED: &str = "otelcol_receiver_accepted_spans";
/// The beginning of the names of all its metrics.
const OF_COLLECTOR: &str = "otelcol_";

/// How many spans a Collector has accepted, by all its receivers; `None` where a page is no Collector's. Before the first
/// span there is no such number.
pub fn accepted_spans(page: &str) -> Option<f64> {
    let is_sample = |line: &&str| line.starts_with(OF_COLLECTOR);
    let samples: Vec<&str> = page.lines().map(str::trim).filter(is_sample).collect();
    if samples.is_empty() {
        return None;
    }
    Some(samples.into_iter().filter_map(accepted).sum())
}

/// The value of a sample, if it is of that metric.
fn accepted(sample: &str) -> Option<f64> {
    let rest = sample.strip_prefix(ACCEPTED)?;
    let name_end = rest.find(|c: char| c == '{' || c.is_ascii_whitespace())?;
    let (suffix, rest) = rest.split_at_checked(name_end)?;
    if !matches!(suffix, "" | "_total" | "_spans" | "_spans_total" | "__spans_" | "__spans__total") {
        return None;
    }
    // A value of a label may hold braces; what follows the last is the number, and maybe a time.
    let numbers = rest.rsplit_once('}').map_or(rest, |(_, numbers)| numbers);
    numbers.split_ascii_whitespace().next()?.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_all_receivers_whatever_the_suffix() {
        let page = r#"
# HELP otelcol_receiver_accepted_spans Number of spans successfully pushed into the pipeline.
# TYPE otelcol_receiver_accepted_spans counter
otelcol_receiver_accepted_spans{receiver="otlp",transport="grpc"} 5
otelcol_receiver_accepted_spans_total{receiver="a}b",transport="http"} 1.2e+01 1700000000000
otelcol_receiver_accepted_spans_created{receiver="otlp"} 1.7e9
otelcol_receiver_accepted_metric_points{receiver="otlp"} 900
otelcol_receiver_accepted_spans NaN
"#;
        assert_eq!(accepted_spans(page), Some(17.0));
    }

    #[test]
    fn before_the_first_span_there_is_none_and_other_pages_are_not_read() {
        assert_eq!(accepted_spans("otelcol_process_uptime_total 1\n"), Some(0.0));
        assert_eq!(accepted_spans("go_goroutines 1\n"), None);
        assert_eq!(accepted_spans("<html>"), None);
    }
}

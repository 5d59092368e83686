//! Logs: one JSON object a line on standard output, with OpenTelemetry's names for what it is about.

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;

/// Starts logging.
pub fn init(level: LevelFilter) {
    fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_max_level(level)
        .init();
}

//! The validating webhook for Instrumentations: warns of what will lose telemetry, and refuses nothing.
//!
//! What must be refused is refused by the rules in the custom resource's definition, also while the operator is away.
//! Deleting is never asked about.

use ingraft_api::Instrumentation;
use ingraft_core::{Finding, Severity};

use crate::Context;
use crate::review::{Answer, Request};

/// Warns, for `kubectl apply` to print.
pub(crate) fn answer(context: &Context, request: Request) -> Answer {
    let warnings: Vec<String> = match serde_json::from_value::<Instrumentation>(request.object) {
        Ok(instrumentation) => {
            let findings = ingraft_core::review(&instrumentation, &context.store.read(), &context.settings);
            findings.iter().filter(|finding| finding.severity() > Severity::Info).map(with_help).collect()
        }
        Err(error) => vec![format!("InstrumentationUnreadable: {error}")],
    };
    context
        .metrics
        .review("instrumentation-warnings", if warnings.is_empty() { "unchanged" } else { "warned" });
    Answer::allow(request.uid, &[], warnings)
}

/// A warning is read by the person who can act on it at once, so it also says how, where there is room.
fn with_help(finding: &Finding) -> String {
    let short = finding.short();
    match finding.help() {
        Some(help) if short.len() + help.len() < 240 => format!("{short}; {help}"),
        _ => short,
    }
}

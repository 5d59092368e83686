//! The validating webhook for Instrumentations: warns of what will lose telemetry, and refuses nothing.
//!
//! What must be refused is refused by the rules in the custom resource's definition, also while the operator is away.
//! Deleting is never asked about.

use ingraft_api::Instrumentation;
use ingraft_core::finding::InstrumentationFinding;
use ingraft_core::{Finding, Severity, Subject};

use crate::Context;
use crate::review::{Answer, Request};

/// Warns, for `kubectl apply` to print.
pub(crate) fn answer(context: &Context, request: Request) -> Answer {
    let findings = match serde_json::from_value::<Instrumentation>(request.object) {
        Ok(instrumentation) => {
            ingraft_core::review(&instrumentation, &context.store.read(), &context.settings)
        }
        Err(error) => vec![unreadable(&error)],
    };
    let findings = findings.iter().filter(|finding| finding.severity() > Severity::Info);
    let warnings: Vec<String> =
        findings.map(|finding| finding.warning_with_remedy(context.settings.locale)).collect();
    context
        .metrics
        .review("instrumentation-warnings", if warnings.is_empty() { "unchanged" } else { "warned" });
    Answer::allow(request.uid, &[], warnings)
}

fn unreadable(error: &serde_json::Error) -> Finding {
    let reason = InstrumentationFinding::InstrumentationUnreadable { error: error.to_string() };
    Finding {
        reason: reason.into(),
        subject: Subject::Instrumentation(String::new()),
        pointer: String::new(),
    }
}

//! The validating webhook for Instrumentations: warns of what will lose telemetry, and refuses nothing.
//!
//! What must be refused is refused by the rules in the custom resource's definition, also while the operator is away.
//! Deleting is never asked about.

use ingraft_api::Instrumentation;
use ingraft_core::finding::InstrumentationFinding;
use ingraft_core::{Finding, Subject};

use crate::Context;
use crate::review::{Answer, Request};
use crate::warn::warn;

/// Warns, for `kubectl apply` to print.
pub(crate) fn answer(context: &Context, request: Request) -> Answer {
    let review = || match serde_json::from_value::<Instrumentation>(request.object) {
        Ok(instrumentation) => {
            ingraft_core::review(&instrumentation, &context.store.read(), &context.settings)
        }
        Err(error) => vec![unreadable(&error)],
    };
    Answer::allow(request.uid, &[], warn(context, "instrumentation-warnings", review))
}

fn unreadable(error: &serde_json::Error) -> Finding {
    let reason = InstrumentationFinding::InstrumentationUnreadable { error: error.to_string() };
    Finding {
        reason: reason.into(),
        subject: Subject::Instrumentation(String::new()),
        pointer: String::new(),
    }
}

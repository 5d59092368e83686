//! The defaulting webhook for Instrumentations: writes down the defaults of absent fields, for people to read.

use ingraft_core::{Mode, defaulting};

use crate::Context;
use crate::review::{Answer, Request};

/// Fills in what is absent. Whatever else the object says stays as it is.
pub(crate) fn answer(context: &Context, request: Request) -> Answer {
    let edits = if request.object.is_object() && context.settings.mode == Mode::Inject {
        defaulting::missing(&request.object, &context.settings)
    } else {
        Vec::new()
    };
    context.metrics.review("instrumentation", if edits.is_empty() { "unchanged" } else { "defaulted" });
    Answer::allow(request.uid, &edits, Vec::new())
}

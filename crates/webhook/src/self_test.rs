//! Answers reviews of the pod that the leader has the API server try (`ingraft_core::admission_path`): nothing is decided,
//! counted or told, and the annotation that is added says who was asked. The connection ends with the answer, so that the
//! next try needs a new one: a firewall that lets none through may keep those that are open.

use ingraft_core::admission_path::{Registration, is_tested, mark};

use crate::Context;
use crate::review::{Answer, Request};

/// Whether a review for all pods is about the one that is tried.
pub(crate) fn concerns(context: &Context, request: &Request) -> bool {
    request.dry_run && request.namespace == context.namespace && is_tested(&request.object)
}

/// The answer to a review for all pods that is about it.
pub(crate) fn answer_for_pods(context: &Context, request: Request) -> Answer {
    marked(context, request, Registration::Pods)
}

/// The answer to a review for it alone.
pub(crate) fn answer(context: &Context, request: Request) -> Answer {
    marked(context, request, Registration::SelfTest)
}

fn marked(context: &Context, request: Request, registration: Registration) -> Answer {
    let edits = mark(&request.object, registration, &context.replica);
    Answer::allow(request.uid, &edits, Vec::new()).last()
}

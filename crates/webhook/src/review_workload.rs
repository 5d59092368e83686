//! The validating webhook for what makes pods, and for namespaces: warns of what keeps pods from being instrumented, at the
//! moment when somebody applies it. It refuses nothing.

use ingraft_core::{Workload, unused_annotations};

use crate::Context;
use crate::review::{Answer, Request};
use crate::warn::warn;

/// Warns, for `kubectl apply` to print.
pub(crate) fn answer(context: &Context, request: Request) -> Answer {
    let review = || match Workload::of(&request.object) {
        Some(workload) => {
            workload.inject(&request.namespace, &context.store.read(), &context.settings).findings
        }
        None => unused_annotations(&request.object, &context.store.read(), &context.settings),
    };
    Answer::allow(request.uid, &[], warn(context, "workload-warnings", review))
}

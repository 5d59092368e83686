//! The validating webhook for what makes pods, and for namespaces: warns of what keeps pods from being instrumented, at the
//! moment when somebody applies it. It refuses nothing.

use ingraft_core::{Finding, Workload, unused_annotations};

use crate::Context;
use crate::review::{Answer, Request};
use crate::warn::warn;

/// More are not read by anybody.
const WARNINGS: usize = 10;

/// Warns, for `kubectl apply` to print.
pub(crate) fn answer(context: &Context, request: Request) -> Answer {
    let review = || match Workload::of(&request.object) {
        Some(workload) => {
            workload.inject(&request.namespace, &context.store.read(), &context.settings).findings
        }
        None => unused_annotations(&request.object),
    };
    let mut warnings = warn(context, "workload-warnings", review, Finding::warning);
    warnings.truncate(WARNINGS);
    Answer::allow(request.uid, &[], warnings)
}

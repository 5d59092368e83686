//! The validating webhook for what makes pods, and for namespaces: warns of what keeps pods from being instrumented, at the
//! moment when somebody applies it. It refuses nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ingraft_core::{Severity, Workload, unused_annotations};

use crate::Context;
use crate::review::{Answer, Request};

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
    // A panic is a fault of ours, and no reason for anybody to wait.
    let findings = catch_unwind(AssertUnwindSafe(review)).unwrap_or_default();
    let findings = findings.iter().filter(|finding| finding.severity() > Severity::Info).take(WARNINGS);
    let warnings: Vec<String> = findings.map(|finding| finding.warning(context.settings.locale)).collect();
    context.metrics.review("workload-warnings", if warnings.is_empty() { "unchanged" } else { "warned" });
    Answer::allow(request.uid, &[], warnings)
}

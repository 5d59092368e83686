//! Warnings for whoever applies an object.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ingraft_core::finding::ChoiceFinding;
use ingraft_core::{Finding, Locale, Severity};

use crate::Context;

/// What a review found that somebody should know, as it is to be printed. A panic is a fault of ours, and no reason to
/// refuse the object.
pub(crate) fn warn(
    context: &Context,
    webhook: &'static str,
    review: impl FnOnce() -> Vec<Finding>,
    render: fn(&Finding, Locale) -> String,
) -> Vec<String> {
    let findings = catch_unwind(AssertUnwindSafe(review))
        .unwrap_or_else(|_| vec![Finding::pod(ChoiceFinding::InternalError, "")]);
    let findings = findings.iter().filter(|finding| finding.severity() > Severity::Info);
    let warnings: Vec<String> = findings.map(|finding| render(finding, context.settings.locale)).collect();
    context.metrics.review(webhook, if warnings.is_empty() { "unchanged" } else { "warned" });
    warnings
}

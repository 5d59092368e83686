//! Warnings for whoever applies an object.

use std::cmp::Reverse;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ingraft_core::finding::ChoiceFinding;
use ingraft_core::{Finding, Locale, Severity};

use crate::Context;

/// More are not read by anybody.
const WARNINGS: usize = 10;

/// What a review found that somebody should know, as it is to be printed. A panic is a fault of ours, and no reason to
/// refuse the object.
pub(crate) fn warn(
    context: &Context,
    webhook: &'static str,
    review: impl FnOnce() -> Vec<Finding>,
) -> Vec<String> {
    let findings = catch_unwind(AssertUnwindSafe(review))
        .unwrap_or_else(|_| vec![Finding::pod(ChoiceFinding::InternalError, "")]);
    let warnings = warnings(&findings, context.settings.locale);
    context.metrics.review(webhook, if warnings.is_empty() { "unchanged" } else { "warned" });
    warnings
}

/// Findings as they are to be printed: the worst first, and no more than are read.
pub(crate) fn warnings(findings: &[Finding], locale: Locale) -> Vec<String> {
    let mut findings: Vec<_> =
        findings.iter().filter(|finding| finding.severity() > Severity::Info).collect();
    findings.sort_by_key(|finding| Reverse(finding.severity()));
    findings.into_iter().take(WARNINGS).map(|finding| finding.warning(locale)).collect()
}

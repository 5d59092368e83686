//! The pod webhook.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use ingraft_cluster::report::Report;
use ingraft_core::finding::ChoiceFinding;
use ingraft_core::{Finding, Halt, Outcome, Owner, Reason, Severity, inject, owner};
use serde_json::Value;

use crate::Context;
use crate::review::{Answer, Request};

/// How long to wait for what was created a moment ago: the namespace, which exists, or the API server would not ask,
/// and the Deployment that the pod's name and labels speak of. Their watch events are on the way.
const WAIT: Duration = Duration::from_secs(1);

/// Decides about one pod. The pod is allowed whatever happens.
pub(crate) async fn answer(context: &Context, request: Request) -> Answer {
    let start = Instant::now();
    let namespace = request.namespace.as_str();
    let known = |snapshot: &ingraft_core::Snapshot| {
        snapshot.namespace(namespace).is_some() && owner::is_known(&request.object, namespace, snapshot)
    };
    if !known(&context.store.read()) {
        context.store.wait_until(WAIT, known).await;
    }
    let (outcome, owners) = decide(context, &request);
    let warnings = outcome.findings.iter().filter(|finding| finding.severity() > Severity::Info);
    let warnings = warnings.map(|finding| finding.warning(context.settings.locale)).collect();
    context.metrics.review("pod", if outcome.edits.is_empty() { "unchanged" } else { "injected" });
    report(context, &request, owners, &outcome);
    if outcome.is_stripped && !request.dry_run && context.store.read().namespace(namespace).is_some() {
        context.store.note_halt(Halt::Stripped(namespace.to_owned()));
    }
    if let Some(attempt) = outcome.attempt.filter(|_| !request.dry_run) {
        context.store.attempts.note(attempt);
    }
    let answer = Answer::allow(request.uid, &outcome.edits, warnings);
    context.metrics.duration(start.elapsed().as_secs_f64());
    answer
}

/// Asks the core. A panic there is a fault of ours, and no reason to refuse the pod.
fn decide(context: &Context, request: &Request) -> (Outcome, Vec<Owner>) {
    let decide = || {
        let snapshot = context.store.read();
        let owners = owner::owners(&request.object, &request.namespace, &snapshot);
        let outcome = inject(&ingraft_core::Request {
            pod: &request.object,
            namespace: &request.namespace,
            owners: &owners,
            snapshot: &snapshot,
            settings: &context.settings,
        });
        (outcome, owners)
    };
    catch_unwind(AssertUnwindSafe(decide)).unwrap_or_else(|_| {
        let findings = vec![Finding::pod(ChoiceFinding::InternalError, "")];
        (Outcome { findings, ..Outcome::default() }, Vec::new())
    })
}

/// Tells logs, metrics and Events. A dry run leaves no Event.
fn report(context: &Context, request: &Request, owners: Vec<Owner>, outcome: &Outcome) {
    let metadata = |key: &str| request.object.pointer(&format!("/metadata/{key}")).and_then(Value::as_str);
    let pod = metadata("name").or_else(|| metadata("generateName")).unwrap_or_default();
    for finding in &outcome.findings {
        let (code, severity) = (finding.code(), finding.severity());
        context.metrics.finding(code, severity.as_str());
        let message = finding.message(context.settings.locale);
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    code,
                    k8s.namespace.name = request.namespace,
                    k8s.pod.name = pod,
                    "{message}"
                )
            };
        }
        match severity {
            Severity::Info => log!(info),
            Severity::Warning => log!(warn),
            Severity::Error => log!(error),
        }
    }
    let is_told = |finding: &&Finding| {
        finding.severity() > Severity::Info
            || matches!(finding.reason, Reason::Choice(ChoiceFinding::Injected { .. }))
    };
    let findings: Vec<Finding> = outcome.findings.iter().filter(is_told).cloned().collect();
    if findings.is_empty() || request.dry_run {
        return;
    }
    let report =
        Report { namespace: request.namespace.clone(), pod: pod.to_owned(), pod_uid: None, owners, findings };
    if !context.reports.send(report) {
        context.metrics.report_dropped();
    }
}

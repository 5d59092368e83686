//! The pod webhook.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use ingraft_cluster::report::Report;
use ingraft_core::finding::ChoiceFinding;
use ingraft_core::{Finding, Halt, Outcome, Owner, Reason, Severity, advise, inject, owner};
use serde_json::Value;

use crate::review::{Answer, Request};
use crate::warn::warnings;
use crate::{Context, self_test};

/// How long to wait for what was created a moment ago: the namespace, which exists, or the API server would not ask,
/// and the Deployment that the pod's name and labels speak of. Their watch events are on the way.
const WAIT: Duration = Duration::from_secs(1);

/// Decides about one pod. The pod is allowed whatever happens.
pub(crate) async fn answer(context: &Context, request: Request) -> Answer {
    if self_test::concerns(context, &request) {
        return self_test::answer_for_pods(context, request);
    }
    let start = Instant::now();
    let namespace = request.namespace.as_str();
    let known = |snapshot: &ingraft_core::Snapshot| {
        snapshot.namespace(namespace).is_some() && owner::is_known(&request.object, namespace, snapshot)
    };
    if !known(&context.store.read()) {
        context.store.wait_until(WAIT, known).await;
    }
    let (mut outcome, owners) = decide(context, &request);
    let warnings = warnings(&outcome.findings, context.settings.locale);
    context.metrics.review("pod", if outcome.edits.is_empty() { "unchanged" } else { "injected" });
    report(context, &request, owners, std::mem::take(&mut outcome.findings));
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
        let question = ingraft_core::Request {
            pod: &request.object,
            namespace: &request.namespace,
            owners: &owners,
            snapshot: &snapshot,
            settings: &context.settings,
        };
        let mut outcome = inject(&question);
        // Somebody made it by hand; of others, the workload is told.
        if owners.is_empty() {
            outcome.findings.extend(advise(&question, &outcome.findings));
        }
        (outcome, owners)
    };
    catch_unwind(AssertUnwindSafe(decide)).unwrap_or_else(|_| {
        let findings = vec![Finding::pod(ChoiceFinding::InternalError, "")];
        (Outcome { findings, ..Outcome::default() }, Vec::new())
    })
}

/// Tells logs, metrics and Events. A dry run leaves no Event.
fn report(context: &Context, request: &Request, owners: Vec<Owner>, findings: Vec<Finding>) {
    let metadata = |key: &str| request.object.pointer(&format!("/metadata/{key}")).and_then(Value::as_str);
    let pod = metadata("name").or_else(|| metadata("generateName")).unwrap_or_default().to_owned();
    for finding in &findings {
        context.metrics.finding(finding);
    }
    let mut report = Report { namespace: request.namespace.clone(), pod, pod_uid: None, owners, findings };
    if request.dry_run {
        return context.reports.log_dry_run(&report);
    }
    context.reports.log(&report);
    report.findings.retain(|finding| {
        finding.severity() > Severity::Info
            || matches!(finding.reason, Reason::Choice(ChoiceFinding::Injected { .. }))
    });
    if !report.findings.is_empty() && !context.reports.send(report) {
        context.metrics.report_dropped();
    }
}

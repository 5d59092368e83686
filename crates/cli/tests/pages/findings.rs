//! What pages show of clusters: findings that read as the program tells them.

use ingraft_api::Language;
use ingraft_core::crash::Cause;
use ingraft_core::finding::{ClusterFinding, Lines, RunningFinding};
use ingraft_core::{Finding, Locale, OwnerKind, WorkloadRef};

use crate::page::line_fits;

/// The findings of the pages, about what their examples are about.
fn samples() -> Vec<Finding> {
    let operator = "opentelemetry-operator-system/ingraft-operator".to_owned();
    let other = "opentelemetry-operator-system/opentelemetry-operator-controller-manager".to_owned();
    let container = "py-otel-server".to_owned();
    let of_cluster = [
        ClusterFinding::OperatorMissing,
        ClusterFinding::OperatorOfOthers { deployment: other },
        ClusterFinding::OperatorNotReady { deployment: operator, why: "ImagePullBackOff".to_owned() },
        ClusterFinding::RegistrationMissing { name: "zz-ingraft-operator".to_owned() },
        ClusterFinding::CollectorNotReady {
            service: "opentelemetry/otel-collector".to_owned(),
            endpoint: "http://otel-collector.opentelemetry.svc.cluster.local:4318".to_owned(),
        },
        ClusterFinding::InjectedPodFails {
            container: container.clone(),
            cause: Cause::OutOfMemory,
            why: "OOMKilled".to_owned(),
        },
    ];
    let running = [
        RunningFinding::PodMissed {
            language: Language::Python,
            instrumentation: "opentelemetry/my-instrumentation".to_owned(),
            workload: WorkloadRef {
                kind: Some(OwnerKind::Deployment),
                namespace: "application".into(),
                name: container.into(),
            },
        },
        RunningFinding::PayloadFailed {
            container: "opentelemetry-auto-instrumentation-python".to_owned(),
            why: "ImagePullBackOff".to_owned(),
        },
    ];
    let of_cluster = of_cluster.map(|reason| Finding::pod(reason, ""));
    of_cluster.into_iter().chain(running.map(|reason| Finding::pod(reason, ""))).collect()
}

/// The lines with findings, and with help, that the program does not print so.
pub(crate) fn wrong(lines: &[String], locale: Locale) -> Vec<String> {
    let told: Vec<Lines> = samples().iter().map(|finding| finding.lines(locale)).collect();
    let mut wrong = Vec::new();
    let mut last = None;
    for line in lines.iter().map(|line| line.trim_end_matches(" [--fix]")) {
        let is_help = line.starts_with("    help: ") || line.starts_with("    ayuda: ");
        if line.starts_with("  ") && line.contains("]: ") {
            let fits = |lines: &&Lines| line_fits(line, &format!("  {}: {}", lines.title, lines.message));
            last = told.iter().find(fits);
        } else if is_help {
            let help = last.and_then(|lines| lines.help.as_deref()).unwrap_or_default();
            last = last.filter(|_| line_fits(line, &format!("    {help}")));
        } else {
            continue;
        }
        if last.is_none() {
            wrong.push(format!("this is not what the program says: {line}"));
        }
    }
    wrong
}

//! Findings on their way to where users look: logs, metrics, Events.

use std::sync::{Arc, Mutex, PoisonError};

use ingraft_api::Language;
use ingraft_core::{Finding, Locale, Owner, Severity, WorkloadRef};
use tokio::sync::mpsc;

use crate::recent::Recent;

/// Reports that wait to become Events; more are counted and dropped, so that a flood never costs memory.
const QUEUE: usize = 1024;

/// What was found about one pod.
#[derive(Debug, Clone)]
pub struct Report {
    /// The namespace of the pod.
    pub namespace: String,
    /// The name of the pod, or the prefix that its name will be made from.
    pub pod: String,
    /// Its unique id, if it exists.
    pub pod_uid: Option<String>,
    /// The owners of the pod, nearest first.
    pub owners: Vec<Owner>,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Report {
    /// What was found about a workload with this unique id, whichever of its pods shows it.
    pub fn about(workload: &WorkloadRef, uid: Option<&str>, findings: Vec<Finding>) -> Self {
        let owner = |kind| Owner { kind, name: workload.name.to_string(), uid: uid.map(str::to_owned) };
        Self {
            namespace: workload.namespace.to_string(),
            pod: workload.name.to_string(),
            pod_uid: uid.map(str::to_owned),
            owners: workload.kind.map(owner).into_iter().collect(),
            findings,
        }
    }
}

/// Where reports go.
#[derive(Debug, Clone)]
pub struct Reports {
    sender: mpsc::Sender<Arc<Report>>,
    locale: Locale,
    /// What was logged, by all that share this.
    logged: Arc<Mutex<Recent>>,
}

impl Reports {
    /// A queue of reports, and its end to read from. They are logged in this language.
    pub fn new(locale: Locale) -> (Self, mpsc::Receiver<Arc<Report>>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self { sender, locale, logged: Arc::default() }, receiver)
    }

    /// Queues a report. Returns whether there was room.
    pub fn send(&self, report: Report) -> bool {
        self.sender.try_send(Arc::new(report)).is_ok()
    }

    /// The same for what can be told later: leaves room for what cannot.
    pub fn send_later(&self, report: Report) -> bool {
        self.sender.capacity() > QUEUE / 2 && self.send(report)
    }

    /// Logs each finding in a line of its own, the same about one workload once a minute.
    pub fn log(&self, report: &Report) {
        self.log_once(report, false);
    }

    /// The same for a dry run, which is about one pod.
    pub fn log_dry_run(&self, report: &Report) {
        self.log_once(report, true);
    }

    fn log_once(&self, report: &Report, dry_run: bool) {
        let Report { namespace, pod, owners, .. } = report;
        let workload = WorkloadRef::of(pod, namespace, owners);
        // What is about a workload by itself is about no pod.
        let is_about_a_pod = owners.is_empty() || *workload.name != **pod;
        for finding in &report.findings {
            let (code, severity, message) =
                (finding.code(), finding.severity(), finding.message(self.locale));
            let pointer = finding.pointer.as_str();
            let told = (&workload, dry_run.then_some(pod), code, &message, pointer);
            if !self.logged.lock().unwrap_or_else(PoisonError::into_inner).is_due(told) {
                continue;
            }
            macro_rules! log {
                ($level:ident) => {
                    tracing::$level!(
                        code,
                        severity = severity.as_str(),
                        language = finding.language().map(Language::key),
                        k8s.namespace.name = namespace,
                        workload = workload.short(),
                        k8s.pod.name = is_about_a_pod.then_some(pod),
                        pointer = (!pointer.is_empty()).then_some(pointer),
                        dry_run = dry_run.then_some(true),
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
    }
}

//! Findings as they are collected: each is told once.

use ingraft_api::Instrumentation;

use super::{Finding, Reason, Subject};

/// Findings in the order in which they were noticed, without duplicates: two languages in one container notice the
/// same things.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings {
    found: Vec<Finding>,
    noticed: usize,
}

impl Findings {
    /// Adds a finding unless it is there.
    pub fn push(&mut self, finding: Finding) {
        self.noticed += 1;
        if !self.found.contains(&finding) {
            self.found.push(finding);
        }
    }

    /// Adds one about a field of the pod.
    pub fn pod(&mut self, reason: impl Into<Reason>, pointer: impl Into<String>) {
        self.add(reason.into(), Subject::Pod, pointer.into());
    }

    /// Adds one about a field of the workload that makes the pods.
    pub fn workload(&mut self, reason: impl Into<Reason>, pointer: impl Into<String>) {
        self.add(reason.into(), Subject::Workload, pointer.into());
    }

    /// Adds one about a field of the pod's namespace.
    pub fn namespace(&mut self, reason: impl Into<Reason>, pointer: impl Into<String>) {
        self.add(reason.into(), Subject::Namespace, pointer.into());
    }

    /// Adds one about a field of an Instrumentation.
    pub fn about(
        &mut self,
        instrumentation: &Instrumentation,
        reason: impl Into<Reason>,
        pointer: impl Into<String>,
    ) {
        self.add(reason.into(), Subject::Instrumentation(instrumentation.reference()), pointer.into());
    }

    fn add(&mut self, reason: Reason, subject: Subject, pointer: String) {
        self.push(Finding { reason, subject, pointer });
    }

    /// Takes back what does not fit.
    pub fn retain(&mut self, fits: impl Fn(&Reason) -> bool) {
        self.found.retain(|finding| fits(&finding.reason));
    }

    /// How often something was noticed, duplicates included.
    pub fn noticed(&self) -> usize {
        self.noticed
    }

    /// The findings.
    pub fn into_vec(self) -> Vec<Finding> {
        self.found
    }
}

impl Extend<Finding> for Findings {
    fn extend<T: IntoIterator<Item = Finding>>(&mut self, findings: T) {
        findings.into_iter().for_each(|finding| self.push(finding));
    }
}

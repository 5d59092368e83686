//! Findings on their way to where users look: logs, metrics, Events.

use std::sync::Arc;

use ingraft_core::{Finding, Owner};
use tokio::sync::mpsc;

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

/// Where reports go.
#[derive(Debug, Clone)]
pub struct Reports {
    sender: mpsc::Sender<Arc<Report>>,
}

impl Reports {
    /// A queue of reports, and its end to read from.
    pub fn new() -> (Self, mpsc::Receiver<Arc<Report>>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self { sender }, receiver)
    }

    /// Queues a report. Returns whether there was room.
    pub fn send(&self, report: Report) -> bool {
        self.sender.try_send(Arc::new(report)).is_ok()
    }
}

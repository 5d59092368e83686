//! Proof of delivery: a span goes to the endpoint that a workload has, and what became of it is told. Here is decided what is
//! sent from where, and what follows from what was seen; a shell makes the pod, and the program in the pod sends.
//!
//! ```text
//!  pod or template, injected ─► Place ─► pod or ephemeral container ─► lines of the program ─► Trace
//! ```
//!
//! The pod has nothing of the workload's labels, or it would get its traffic. It has what decides whether a span arrives: the
//! variables of the exporter, the files for TLS, the service account, DNS, and where it may run.

mod counter;
mod line;
mod pick;
mod place;
mod pod;
mod policies;
mod progress;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::finding::{Caveat, DeliveryFinding, Fault, Finding, Locale, Stage, Subject, Uncounted, Unsent};

pub use counter::{METRICS_PORT, accepted_spans};
pub use line::{Line, lines};
pub use place::{NamedService, Origin, Place, service};
pub use pod::{Order, ephemeral_container, labels, pod};
pub use policies::{selecting_one, who_let_in_one};
pub use progress::{Progress, progress};

/// What has sent a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    /// A pod of its own, which is gone.
    Pod {
        /// Its name.
        name: String,
        /// The node that it ran on; empty where it did not run.
        node: String,
    },
    /// A container in a pod of the workload.
    Container {
        /// Its name.
        name: String,
        /// The pod.
        pod: String,
    },
}

/// What the Collector has counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Count {
    /// So many more spans.
    Rose {
        /// The Service, as `namespace/name`.
        service: String,
        /// How many.
        by: u64,
    },
    /// Why that is not known.
    Unknown(Uncounted),
}

/// NetworkPolicies that treat the pod that has sent otherwise than the pods of the workload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policies {
    /// As `namespace/name`.
    pub differing: Vec<String>,
    /// What the API server says of those that may not be listed.
    pub unseen: Option<String>,
}

/// What became of a span that was sent from beside a workload.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// The workload, such as `deployment/web`.
    pub workload: String,
    /// Its namespace.
    pub namespace: String,
    /// Where the settings come from.
    pub origin: Origin,
    /// The container that has them.
    pub container: String,
    /// What has sent.
    pub sender: Sender,
    /// The trace of the span.
    pub trace_id: String,
    /// The value of the attribute `ingraft.trace`.
    pub mark: String,
    /// What the program has told, or why it has not run.
    pub lines: Result<Vec<Line>, Unsent>,
    /// What the Collector has counted; `None` where nothing arrived that it could have.
    pub count: Option<Count>,
    /// What treats the workload otherwise.
    pub policies: Policies,
    /// What limits the answer.
    pub caveats: Vec<Caveat>,
}

impl Trace {
    /// Whether a span was accepted where the workload sends to.
    pub fn is_delivered(&self) -> bool {
        self.fault().is_ok_and(|fault| fault.is_none())
    }

    /// What kept the span from being accepted; nothing if it was.
    fn fault(&self) -> Result<Option<Fault>, Unsent> {
        let lines = self.lines.as_ref().map_err(Clone::clone)?;
        if let Some(fault) = lines.iter().find_map(|line| line.fault.as_ref()) {
            return Ok(Some(fault.clone()));
        }
        let is_accepted = lines.iter().any(|line| line.stage == Stage::Accept);
        let last = lines.last().map_or(Stage::Settings, |line| line.stage);
        let ended = || Unsent::Ended { why: format!("after \"{}\"", last.as_str()) };
        if is_accepted { Ok(None) } else { Err(ended()) }
    }

    /// Where the span was sent to, as the program has read it; empty where it has not.
    pub fn endpoint(&self) -> &str {
        let lines = self.lines.as_deref().unwrap_or_default();
        let settings = lines.iter().find(|line| line.stage == Stage::Settings && line.fault.is_none());
        settings.map_or("", |line| line.detail.split(' ').next().unwrap_or_default())
    }

    /// What was found, the result first.
    pub fn findings(&self) -> Vec<Finding> {
        let endpoint = match self.endpoint() {
            "" => "OTEL_EXPORTER_OTLP_ENDPOINT",
            endpoint => endpoint,
        };
        let endpoint = endpoint.to_owned();
        let result = match self.fault() {
            Ok(None) => DeliveryFinding::SpanDelivered { endpoint, trace: self.trace_id.clone() },
            Ok(Some(fault)) => DeliveryFinding::SpanNotDelivered { endpoint, fault },
            Err(why) => DeliveryFinding::SpanNotSent { why },
        };
        let count = self.count.clone().map(|count| match count {
            Count::Rose { service, by: 0 } => DeliveryFinding::SpanNotCounted { service },
            Count::Rose { service, by } => DeliveryFinding::SpanCounted { service, by },
            Count::Unknown(why) => DeliveryFinding::SpanCountUnknown { why },
        });
        // Where nothing was sent, they are no matter.
        let none = Policies::default();
        let Policies { differing, unseen } = if self.lines.is_ok() { &self.policies } else { &none };
        let policies =
            (!differing.is_empty()).then(|| DeliveryFinding::PoliciesDiffer { policies: differing.clone() });
        let unseen = unseen.clone().map(|why| DeliveryFinding::PoliciesUnseen { why });
        let all = std::iter::once(result).chain(count).chain(policies).chain(unseen);
        let about = |reason: DeliveryFinding| Finding {
            reason: reason.into(),
            subject: Subject::Workload,
            pointer: String::new(),
        };
        all.map(about).collect()
    }

    /// All of it, for people.
    pub fn text(&self, locale: Locale) -> String {
        let mut text = format!("{}\n", crate::finding::headline(self, locale));
        for Line { stage, detail, fault } in self.lines.iter().flatten() {
            let sign = if fault.is_some() { '✗' } else { '✓' };
            let word = stage.text(locale);
            text.push_str(format!("  {sign} {word:<12}{detail}").trim_end());
            text.push('\n');
        }
        // Writing to a String cannot fail.
        for finding in self.findings() {
            let lines = finding.lines(locale);
            let _ = writeln!(text, "{}: {}", lines.title, lines.message);
            if let Some(help) = lines.help {
                let _ = writeln!(text, "  {help}");
            }
        }
        for caveat in &self.caveats {
            let _ = writeln!(text, "{}", crate::finding::noted(caveat, locale));
        }
        text
    }

    /// All of it, for programs.
    pub fn json(&self, locale: Locale) -> Value {
        let steps: Vec<Value> = self.lines.iter().flatten().map(Line::json).collect();
        let finding = |finding: &Finding| {
            let text = finding.reason.text(locale);
            json!({
                "severity": finding.severity().as_str(), "code": finding.code(), "message": text.message,
                "help": text.help,
            })
        };
        let (sender, node) = match &self.sender {
            Sender::Pod { name, node } => (json!({"pod": name}), Some(node).filter(|node| !node.is_empty())),
            Sender::Container { name, pod } => (json!({"pod": pod, "ephemeralContainer": name}), None),
        };
        let source = match &self.origin {
            Origin::Pod { name } => json!({"pod": name}),
            Origin::Template => json!({"template": self.workload}),
        };
        let counted = match &self.count {
            Some(Count::Rose { service, by }) => json!({"service": service, "by": by}),
            Some(Count::Unknown(_)) | None => Value::Null,
        };
        json!({
            "delivered": self.is_delivered(),
            "workload": self.workload,
            "namespace": self.namespace,
            "settingsFrom": source,
            "container": self.container,
            "sender": sender,
            "node": node,
            "endpoint": self.endpoint(),
            "traceId": self.trace_id,
            "mark": self.mark,
            "steps": steps,
            "counted": counted,
            "policies": self.policies.differing,
            "findings": self.findings().iter().map(finding).collect::<Vec<_>>(),
            "notes": self.caveats.iter().map(|caveat| caveat.text(locale)).collect::<Vec<_>>(),
        })
    }
}

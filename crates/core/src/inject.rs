//! What is injected into a pod: the steps, in order.
//!
//! ```text
//!  asks      annotations of pod and namespace            choose.rs
//!  choices   which Instrumentation, which containers     choose.rs
//!  targets   variables, mounts, attributes               target.rs, env.rs, resource.rs, exporter.rs
//!  languages what is particular to each                  languages.rs
//!  payload   init containers and volumes                 payload.rs
//!  edits     what changed, as RFC 6902                   draft.rs
//! ```
//!
//! Injecting twice is injecting once: each step looks at what it finds in the pod and adds only what is missing.
//! Languages and containers are independent: what is refused for one changes nothing for another.

mod annotations;
mod choose;
mod draft;
mod env;
mod exporter;
mod injected;
mod injection;
mod languages;
mod payload;
pub(crate) mod probe;
mod profile;
mod references;
mod resource;
mod security;
mod target;
mod telemetry;
mod valid;

pub(crate) use languages::profile;
pub use references::references;

use serde_json::Value;

use crate::edit::Edit;
use crate::finding::{ChoiceFinding, Finding, Findings};
use crate::json::annotation_pointer;
use crate::owner::{Owner, is_mirror, is_windows};
use crate::settings::Settings;
use crate::snapshot::Snapshot;

/// Everything that the decision may depend on.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The pod, or a template as it would become one, as received.
    pub pod: &'a Value,
    /// The namespace that the pod is created in.
    pub namespace: &'a str,
    /// Who owns the pod, nearest first: see [`crate::owner::owners`].
    pub owners: &'a [Owner],
    /// What is known of the cluster.
    pub snapshot: &'a Snapshot,
    /// What the person who runs Ingraft chose.
    pub settings: &'a Settings,
}

/// What to change, and what was decided.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// The changes, in order.
    pub edits: Vec<Edit>,
    /// The decisions.
    pub findings: Vec<Finding>,
}

/// Decides what is injected into a pod.
///
/// Total: every document gets an answer, and one that is no pod, or asks for nothing, gets no edits.
///
/// ```
/// use ingraft_core::{Request, Settings, Snapshot, inject};
/// let pod = serde_json::json!({
///     "metadata": {"annotations": {"instrumentation.opentelemetry.io/inject-sdk": "true"}},
///     "spec": {"containers": [{"name": "app", "image": "app:1"}]},
/// });
/// let request = Request {
///     pod: &pod,
///     namespace: "shop",
///     owners: &[],
///     snapshot: &Snapshot::default(),
///     settings: &Settings::default(),
/// };
/// let outcome = inject(&request);
/// assert!(outcome.edits.is_empty());
/// assert_eq!(outcome.findings[0].code(), "InstrumentationMissing");
/// ```
pub fn inject(request: &Request<'_>) -> Outcome {
    let mut findings = Findings::default();
    annotations::lint(request.pod, &mut findings);
    let mut asks = choose::asks(request);
    let mut unknown = None;
    match choose::found(request) {
        Some(Ok(found)) if asks.iter().all(|asked| asked.language != found.language) => asks.push(found),
        Some(Err((container, reason))) if asks.is_empty() => unknown = Some((container, reason)),
        _ => {}
    }
    if (asks.is_empty() && unknown.is_none()) || is_mirror(request.pod) {
        return Outcome { edits: Vec::new(), findings: findings.into_vec() };
    }
    if is_windows(request.pod) {
        findings.pod(ChoiceFinding::WindowsPod, "/spec");
        return Outcome { edits: Vec::new(), findings: findings.into_vec() };
    }
    let choices = choose::choices(request, &asks, &mut findings);
    let mut draft = draft::Draft::new(request);
    if let Some((container, reason)) = unknown {
        findings.pod(reason, annotation_pointer(ingraft_api::annotations::INJECT));
        draft.look_into(container.name);
    }
    let mut injected = injected::Injected::default();
    for choice in &choices {
        let noticed = findings.noticed();
        let containers = languages::inject(request, choice, &mut draft, &mut findings);
        if !containers.is_empty() {
            injected.add(choice, &containers, request.settings);
            let reason = ChoiceFinding::Injected {
                language: choice.language,
                instrumentation: choice.instrumentation.reference(),
                containers,
            };
            findings.pod(reason, choice.pointer());
        } else if findings.noticed() == noticed {
            let reason = ChoiceFinding::AlreadyInjected { language: choice.language };
            findings.pod(reason, choice.pointer());
        }
    }
    probe::route(request, &mut draft, &mut findings);
    Outcome { edits: draft.into_edits(&injected), findings: findings.into_vec() }
}

//! Findings that an object shows by itself, told by the API server: `kubectl apply` prints them, and the object is
//! accepted.
//!
//! Each hint is a finding of the catalogue with its text, and an expression that is true where the operator would say it
//! too, with default settings and once the Instrumentation that is named exists. What depends on other objects has none.
//! `tests/apiserver` compares both.

mod instrumentation;
mod workload;

use ingraft_api::instrumentation::{GROUP, PLURAL, VERSION};
use serde_json::{Value, json};

use super::cel::{said, text, texts};
use super::{Policy, rule};
use crate::finding::Reason;
use crate::workload::PARTS;

/// The annotation of the budget that says that the API server does not reach any replica, although some are ready.
pub const ADMISSION_PATH: (&str, &str) = ("ingraft.dev/admission-path", "broken");
/// What it says where some reviews arrive: enough for hints, and not for the API server to inject instead.
pub const PARTLY_BROKEN: &str = "partly-broken";

/// A finding and when it is said.
struct Hint {
    reason: Reason,
    /// True of an object that has the mistake.
    when: String,
}

impl Hint {
    fn new(reason: impl Into<Reason>, when: impl Into<String>) -> Self {
        Self { reason: reason.into(), when: when.into() }
    }

    fn validation(&self) -> Value {
        json!({
            "expression": format!("!({})", self.when),
            "messageExpression": said(&self.reason),
            // If there is none, for whatever reason.
            "message": format!("{0}: see docs/findings/{0}.md", self.reason.code()),
        })
    }
}

/// The policies and their bindings. With the operator's namespace they speak only while no replica is ready, or none is
/// reached; without it always.
///
/// ```
/// let names = ingraft_core::policies::hints(None).map(|document| document["metadata"]["name"].clone());
/// assert_eq!(names[..2], ["ingraft-hints", "accepted-anyway"]);
/// ```
pub fn hints(operator: Option<&str>) -> [Value; 4] {
    let rule = |group, version, resources| rule(group, version, resources, &["CREATE", "UPDATE"]);
    let mut workloads = policy(["ingraft-hints", "accepted-anyway"], operator, &workload::hints());
    workloads.constraints = json!({"resourceRules": [
        rule("apps", "v1", &["deployments", "statefulsets", "daemonsets", "replicasets"]),
        rule("batch", "v1", &["jobs", "cronjobs"]),
        rule("argoproj.io", "v1alpha1", &["rollouts"]),
        rule("", "v1", &["pods", "namespaces"]),
    ]});
    workloads.conditions.push(("key-looks-like-ours", key_looks_like_ours()));
    workloads.variables = workload::variables();
    let names = ["ingraft-hints-instrumentation", "instrumentation-accepted-anyway"];
    let mut instrumentations = policy(names, operator, &instrumentation::hints());
    instrumentations.constraints = json!({"resourceRules": [rule(GROUP, VERSION, &[PLURAL])]});
    instrumentations.variables = instrumentation::variables();
    let [[one, two], [three, four]] = [workloads, instrumentations].map(|policy| policy.documents(operator));
    [one, two, three, four]
}

/// What both have in common.
fn policy([name, binding]: [&'static str; 2], operator: Option<&str>, hints: &[Hint]) -> Policy {
    let (key, broken) = (text(ADMISSION_PATH.0), texts([ADMISSION_PATH.1, PARTLY_BROKEN]));
    let unreached = format!(
        "params.?status.?currentHealthy.orValue(0) == 0 || \
         params.metadata.?annotations[?{key}].orValue('') in {broken}"
    );
    let unreached = operator.map(|_| ("no-replica-is-reached", unreached));
    let uncontrolled = ("nobody-controls-it", nobody_controls_it().to_owned());
    Policy {
        name,
        binding,
        action: "Warn",
        failure: "Ignore",
        constraints: Value::Null,
        conditions: unreached.into_iter().chain([uncontrolled]).collect(),
        variables: Vec::new(),
        validations: hints.iter().map(Hint::validation).collect(),
    }
}

/// A condition in CEL, of what makes pods and of namespaces: some annotation or label, of it or of its template, looks
/// like one of ours.
pub fn key_looks_like_ours() -> String {
    let metadata = ["", "?spec.?template.?", "?spec.?jobTemplate.?", "?spec.?jobTemplate.?spec.?template.?"];
    let maps = metadata.iter().flat_map(|path| {
        let path = format!("object.{path}metadata");
        ["annotations", "labels"].map(|map| format!("{path}.?{map}.orValue({{}})"))
    });
    let maps = maps.collect::<Vec<_>>().join(", ");
    let looks = format!("key.matches('(?i){}')", PARTS.join("|").replace('.', "[.]"));
    format!("[{maps}].exists(keys, keys.exists(key, {looks}))")
}

/// A condition in CEL: no controller makes the object, so a person applies it.
pub const fn nobody_controls_it() -> &'static str {
    "!object.metadata.?ownerReferences.orValue([]).exists(owner, owner.?controller.orValue(false))"
}

#[cfg(test)]
mod tests;

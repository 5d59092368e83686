//! What probes say at the end of their run: the termination messages of their containers (crates/probe/src/facts.rs).

use ingraft_api::Language;
use serde::Deserialize;
use serde_json::Value;

use crate::facts::ImageFacts;
use crate::finding::{Finding, Findings, ProbeFinding, Refusal, StandDown};
use crate::inject::probe::command;
use crate::json::{list, named, string};

/// What one probe reported.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeReport {
    /// The container that the probe ran for.
    pub container: String,
    /// Its image, as the pod names it.
    pub image: String,
    /// The image that was run, by digest.
    pub id: String,
    /// What was found, unless the probe said nothing.
    pub found: Option<Found>,
    /// What went wrong.
    pub error: Option<String>,
}

/// What a probe said.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Found {
    /// The architecture that it ran on.
    #[serde(rename = "arch")]
    pub architecture: String,
    /// What holds for the image.
    #[serde(flatten)]
    pub facts: ImageFacts,
    /// What holds for this pod: variables that could not be handed over.
    #[serde(default)]
    pub omitted: Vec<Omitted>,
    /// What went wrong, if anything did.
    #[serde(default)]
    error: Option<String>,
}

/// A variable that a probe could not hand over.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Omitted {
    /// Its name.
    pub name: String,
    /// What its value holds, in one word.
    pub why: String,
}

/// What the probes of a pod reported, as far as they are ours: whoever may create a pod could give a container of it
/// any name.
pub fn reports(pod: &Value, probe_image: &str) -> Vec<ProbeReport> {
    let spec = pod.get("spec").unwrap_or(&Value::Null);
    let containers = list(spec, "initContainers");
    let copier = named(containers, command::COPIER);
    if copier.and_then(|copier| string(copier, "image")) != Some(probe_image) || probe_image.is_empty() {
        return Vec::new();
    }
    let statuses = pod.pointer("/status/initContainerStatuses").and_then(Value::as_array);
    let report = |status: &Value| {
        let container = named(containers, string(status, "name")?)?;
        let probed = command::probed(container)?.to_owned();
        let ended = status.pointer("/state/terminated")?;
        let message = string(ended, "message").unwrap_or_default();
        let mut found = serde_json::from_str::<Found>(message).ok();
        if let Some(Found { facts, .. }) = &mut found {
            // The image may set what the pod's own list sets too, and the probe does not tell.
            facts.sets.extend(command::own_variables(container).map(str::to_owned));
        }
        let nothing = || {
            let code = ended.get("exitCode").and_then(Value::as_i64).unwrap_or_default();
            format!("it ended without a report, with exit code {code}")
        };
        Some(ProbeReport {
            container: probed,
            image: string(container, "image")?.to_owned(),
            id: string(status, "imageID")?.to_owned(),
            error: found.as_mut().map_or_else(|| Some(nothing()), |found| found.error.take()),
            found,
        })
    };
    statuses.into_iter().flatten().filter_map(report).collect()
}

impl ProbeReport {
    /// What a probe found that people should know.
    pub fn review(&self) -> Vec<Finding> {
        let mut findings = Findings::default();
        let mut add = |reason| findings.pod(reason, "/spec/containers");
        let container = || self.container.clone();
        if let Some(error) = &self.error {
            add(ProbeFinding::ProbeFailed { container: container(), error: error.clone() });
        }
        let Some(Found { facts, omitted, .. }) = &self.found else {
            return findings.into_vec();
        };
        for (key, why) in &facts.stood_down {
            let Some(language) = Language::ALL.into_iter().find(|language| language.key() == key) else {
                continue;
            };
            let (agents, version) = (facts.agents.clone(), facts.runtimes.get(key).cloned().flatten());
            let why = StandDown::of(why);
            add(ProbeFinding::AgentStoodDown { language, container: container(), why, agents, version });
        }
        for Omitted { name, why } in omitted {
            let (variable, why) = (name.clone(), Refusal::of(why));
            add(ProbeFinding::VariableNotJoined { container: container(), variable, why });
        }
        if !facts.entrypoint.is_empty() {
            add(ProbeFinding::EntrypointSets { container: container(), variables: facts.entrypoint.clone() });
        }
        findings.into_vec()
    }
}

//! What probes say at the end of their run: the termination messages of their containers.

use ingraft_probe_contract::{Agent, Omitted, Report};
use serde_json::Value;

use crate::facts::language;
use crate::finding::{Finding, Findings, ProbeFinding};
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
    /// Agents that values in the pod's own list load, whatever the probe finds.
    pub loaded: Vec<Agent>,
    /// What it said, or else how it ended.
    pub said: Result<Report, String>,
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
        let plan = command::plan(container)?;
        let ended = status.pointer("/state/terminated")?;
        let message = string(ended, "message").unwrap_or_default();
        let mut said = serde_json::from_str::<Report>(message).map_err(|_| {
            let code = ended.get("exitCode").and_then(Value::as_i64).unwrap_or_default();
            format!("it ended without a report, with exit code {code}")
        });
        if let Ok(Report { facts, .. }) = &mut said {
            // The image may set what the pod's own list sets too, and the probe does not report that.
            facts.sets.extend(plan.env_names.iter().cloned());
        }
        Some(ProbeReport {
            container: command::probed(&plan)?.to_owned(),
            image: string(container, "image")?.to_owned(),
            id: string(status, "imageID")?.to_owned(),
            loaded: plan
                .agents
                .iter()
                .filter(|agent| agent.is_loaded_by_pod())
                .map(|agent| agent.agent)
                .collect(),
            said,
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
        if let Some(error) = self.said.as_ref().map_or_else(Some, |report| report.error.as_ref()) {
            add(ProbeFinding::ProbeFailed { container: container(), error: error.clone() });
        }
        let Ok(Report { facts, omitted, .. }) = &self.said else {
            return findings.into_vec();
        };
        for (&agent, &why) in &facts.stood_down {
            let Some(language) = language(agent) else { continue };
            let (agents, version) = (facts.agents.clone(), facts.runtimes.get(&agent).cloned().flatten());
            let container = container();
            add(if self.loaded.contains(&agent) {
                ProbeFinding::AgentUnsuitable { language, container, why, agents, version }
            } else {
                ProbeFinding::AgentStoodDown { language, container, why, agents, version }
            });
        }
        for Omitted { name, why } in omitted {
            let (variable, why) = (name.clone(), *why);
            add(ProbeFinding::VariableNotJoined { container: container(), variable, why });
        }
        if !facts.entrypoint.is_empty() {
            add(ProbeFinding::EntrypointSets { container: container(), variables: facts.entrypoint.clone() });
        }
        findings.into_vec()
    }
}

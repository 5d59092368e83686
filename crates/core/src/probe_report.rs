//! What probes say at the end of their run, the termination messages of their containers; and what keeps init containers
//! of ours from running.

use ingraft_probe_contract::{Agent, Omitted, Report};
use serde_json::Value;

use crate::Halt;
use crate::facts::language;
use crate::finding::{ContainerFinding, Finding, Findings, ProbeFinding, Reason};
use crate::inject::probe::command;
use crate::inject::resource;
use crate::inject::{is_attach, is_clone, is_script, why_not_attached};
use crate::json::{list, named, string, string_at};

/// What the names of containers that bring an agent begin with.
const PAYLOAD: &str = "opentelemetry-auto-instrumentation";

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
        let mut said = serde_json::from_str::<Report>(message)
            .map_err(|_| format!("it ended without a report, with exit code {}", exit_code(ended)));
        if let Ok(Report { facts, .. }) = &mut said {
            // The image may set what the pod's own list sets too, and the probe does not report that.
            facts.hidden = plan.env_names.iter().cloned().collect();
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

/// A copier, probe or clone that keeps a pod from starting, and where there are to be no more of them.
#[derive(Debug, Clone, PartialEq)]
pub struct StartFailure {
    /// Where there are to be none.
    pub halt: Halt,
    /// What people should know.
    pub finding: Finding,
}

/// What keeps an init container of ours from running. What would keep the application's container waiting too is no fault
/// of ours.
pub fn failure(pod: &Value, namespace: &str, probe_image: &str) -> Option<StartFailure> {
    // What is being removed, and what was evicted, ends as it may.
    if pod.pointer("/metadata/deletionTimestamp").is_some()
        || string_at(pod, "/status/phase") == Some("Failed")
    {
        return None;
    }
    let containers = list(pod.get("spec")?, "initContainers");
    let copier = named(containers, command::COPIER).and_then(|copier| string(copier, "image"));
    let has_copier = copier == Some(probe_image) && !probe_image.is_empty();
    let statuses = list(pod.get("status")?, "initContainerStatuses");
    statuses.iter().find_map(|status| {
        let name = string(status, "name")?;
        let (container, why) = (name.to_owned(), failed_state(status)?);
        let of_copier = has_copier && name == command::COPIER;
        let running = named(containers, name).filter(|_| of_copier || !is_about_the_pod(status))?;
        let image = string(running, "image")?;
        let (halt, reason): (Halt, Reason) = if of_copier {
            let halt = Halt::Copier(namespace.to_owned());
            (halt, ProbeFinding::ProbeNotStarted { container, why }.into())
        } else if has_copier && command::plan(running).is_some() {
            (Halt::of_probe(namespace, image), ProbeFinding::ProbeNotStarted { container, why }.into())
        } else if is_clone(name) && is_ours(&words(running, "command"), &words(running, "args")) {
            (Halt::of_clone(namespace, image), ContainerFinding::CloneFailed { container, why }.into())
        } else {
            return None;
        };
        Some(StartFailure { halt, finding: Finding::pod(reason, "/spec/initContainers") })
    })
}

/// Whether an init container is called with our program, or with a script of ours: others give theirs the same names.
pub fn is_ours(command: &[String], args: &[String]) -> bool {
    command.first() == Some(&command::program(command::FOLDER)) || is_script(command, args)
}

fn words(container: &Value, key: &str) -> Vec<String> {
    list(container, key).iter().filter_map(|word| word.as_str().map(str::to_owned)).collect()
}

/// Whether a container waits for its image, which is the application's own, or for something that its variables refer
/// to: the application would wait for it without us too. The reasons are those of
/// <https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/kubelet/images/types.go> and, next to it,
/// `kuberuntime/kuberuntime_container.go`.
fn is_about_the_pod(status: &Value) -> bool {
    let reason = string_at(status, "/state/waiting/reason").unwrap_or_default();
    reason.contains("Image")
        || ["RegistryUnavailable", "SignatureValidationFailed", "CreateContainerConfigError"]
            .contains(&reason)
}

/// What the init containers that attach modules to the configuration of web servers left undone.
pub fn not_attached(pod: &Value) -> Vec<Finding> {
    let statuses = pod.get("status").map_or(&[][..], |status| list(status, "initContainerStatuses"));
    let finding = |status: &Value| {
        let name = string(status, "name").filter(|name| is_attach(name))?;
        let why = why_not_attached(string_at(status, "/state/terminated/message")?)?.to_owned();
        let reason = ContainerFinding::ModuleNotAttached { container: name.to_owned(), why };
        Some(Finding::pod(reason, "/spec/initContainers"))
    };
    statuses.iter().filter_map(finding).collect()
}

/// A container of ours that does not run, or has ended with an error, and what the kubelet says: whatever brings an
/// agent, and what probes need.
pub(crate) fn failing(pod: &Value) -> Option<(String, String)> {
    let status = pod.get("status")?;
    let statuses = ["initContainerStatuses", "containerStatuses"].map(|key| list(status, key));
    statuses.concat().iter().find_map(|status| {
        let name = string(status, "name").filter(|name| name.starts_with(PAYLOAD) || is_telling(name))?;
        let ended =
            || status.pointer("/state/terminated").filter(|ended| exit_code(ended) != 0).map(describe_end);
        Some((name.to_owned(), failed_state(status).or_else(ended)?))
    })
}

/// Whether a pod has a container that brings an agent, or one with the variables that injection gives to SDKs.
pub(crate) fn has_payload(pod: &Value) -> bool {
    let spec = pod.get("spec").unwrap_or(&Value::Null);
    let mut containers = ["initContainers", "containers"].iter().flat_map(|key| list(spec, key));
    containers.any(|container| {
        let has_variable =
            || list(container, "env").iter().any(|entry| string(entry, "name") == Some(resource::POD_NAME));
        string(container, "name").is_some_and(is_payload) || has_variable()
    })
}

/// Whether a container of that name brings an agent.
pub(crate) fn is_payload(name: &str) -> bool {
    name.starts_with(PAYLOAD) || is_attach(name)
}

/// Whether an init container of that name may be one whose state says something.
pub fn is_telling(name: &str) -> bool {
    name.starts_with(command::NAMES) || is_clone(name) || is_attach(name)
}

/// Why a container does not run, in the words of the kubelet; `None` while it may still start: the kubelet tries again
/// what has ended badly, and waits before it does so a second time.
pub(crate) fn failed_state(status: &Value) -> Option<String> {
    let waiting = status.pointer("/state/waiting")?;
    let reason = string(waiting, "reason").unwrap_or_default();
    if matches!(reason, "" | "PodInitializing" | "ContainerCreating") {
        return None;
    }
    let ended = status.pointer("/lastState/terminated").map(describe_end);
    // That it is tried again later says less than how it ended.
    Some(ended.filter(|_| reason == "CrashLoopBackOff").unwrap_or_else(|| describe(waiting)))
}

fn describe(state: &Value) -> String {
    let [reason, message] = ["reason", "message"].map(|key| string(state, key).unwrap_or_default());
    format!("{reason}: {message}").trim_end_matches([':', ' ']).to_owned()
}

/// How a container ended, in the words of the kubelet.
pub(crate) fn describe_end(ended: &Value) -> String {
    format!("{}, exit code {}", describe(ended).trim(), exit_code(ended))
}

/// The exit code of a container that ended.
pub(crate) fn exit_code(ended: &Value) -> i64 {
    ended.get("exitCode").and_then(Value::as_i64).unwrap_or_default()
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

//! How the pods that run stand to what is decided about their workload.
//!
//! Pods that request something else than the workload's template by now are being replaced, and tell nothing: whoever
//! counts leaves them out (see [`asks`]).

use ingraft_api::Language;
use ingraft_api::annotations::{CONTROL, INJECT, INJECTED, PREFIX};
use serde_json::Value;

use crate::crash::{Cause, Crash, running_since};
use crate::finding::{ContainerFinding, Finding, RunningFinding};
use crate::fnv::Fnv;
use crate::inject::{Decision, Injected, POLICY, injected};
use crate::json::{annotation, label, list, string};
use crate::owner::WorkloadRef;
use crate::probe_report::{failing, has_payload, is_payload};
use crate::refusal::{Refusal, Verdict};
use crate::snapshot::Snapshot;
use crate::upgrade::is_downgrade;

/// What the kernel says of a program for another architecture: <https://man7.org/linux/man-pages/man2/execve.2.html> (ENOEXEC).
const OTHER_ARCHITECTURE: &str = "exec format error";

/// How a workload fares with one language that it requests. The later, the more it needs somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// No pod runs.
    Idle,
    /// All its pods run with what the Instrumentation means.
    Injected,
    /// A pod runs with what the Instrumentation meant before it was changed, or with another Instrumentation.
    Outdated,
    /// A pod runs without.
    Missed,
    /// Nothing is injected, and a finding says why.
    Refused,
    /// A container that brings the agent does not run.
    Failed,
}

/// A number that changes with the annotations by which a pod, or a template, requests something.
pub fn asks(pod: &Value) -> u64 {
    let annotations = pod.pointer("/metadata/annotations").and_then(Value::as_object);
    let mut ours: Vec<_> = annotations
        .into_iter()
        .flatten()
        .filter(|(key, _)| key.starts_with(PREFIX) || *key == INJECT)
        .collect();
    // A map may keep the order in which it was written.
    ours.sort_by_key(|(key, _)| *key);
    let mut hasher = Fnv::new();
    hasher.add(&ours);
    hasher.number()
}

/// What matters of a pod that runs, or is about to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningPod {
    /// What it requests: see [`asks`].
    pub asks: u64,
    injected: Box<[(Language, Injected)]>,
    /// It has a container that brings an agent, and nobody wrote down what was injected: another operator did it.
    pub is_of_others: bool,
    /// A container of ours that does not run, and what the kubelet says.
    failing: Option<Box<(String, String)>>,
    /// The revision of its workload that it was made from; empty where its labels do not say.
    pub revision: Box<str>,
    /// The kubelet says that it is ready.
    pub is_ready: bool,
    /// It was let start without injection, to see whether it crashes without it too.
    pub is_control: bool,
    /// Since when all its containers have run, in seconds since 1970; `None` where one does not, or was started again.
    pub running_since: Option<u32>,
    /// A container that does not run, whoever brought it.
    pub crash: Option<Box<Crash>>,
}

impl RunningPod {
    /// Reads a pod. Nothing is expected any more of one that has ended, or is being removed.
    pub fn of(pod: &Value) -> Option<Self> {
        let phase = pod.pointer("/status/phase").and_then(Value::as_str);
        if pod.pointer("/metadata/deletionTimestamp").is_some()
            || matches!(phase, Some("Succeeded" | "Failed"))
        {
            return None;
        }
        Some(Self {
            asks: asks(pod),
            is_of_others: annotation(pod, INJECTED).is_empty() && has_payload(pod),
            injected: injected(pod).into_iter().collect(),
            failing: failing(pod).map(Box::new),
            revision: revision(pod).into(),
            is_ready: is_ready(pod),
            is_control: !annotation(pod, CONTROL).is_empty(),
            running_since: running_since(pod),
            crash: Crash::of(pod).map(Box::new),
        })
    }

    /// What was injected for a language.
    pub fn injected(&self, language: Language) -> Option<&Injected> {
        self.injected.iter().find(|(known, _)| *known == language).map(|(_, injected)| injected)
    }

    /// Whether anything was injected.
    pub fn is_injected(&self) -> bool {
        !self.injected.is_empty() || self.is_of_others
    }

    /// Whether the same was injected into another pod.
    pub fn is_injected_like(&self, other: &Self) -> bool {
        self.injected == other.injected && self.is_of_others == other.is_of_others
    }

    /// Whether the API server has injected it by itself, while no replica ran.
    pub fn is_by_policy(&self) -> bool {
        self.injected.iter().any(|(_, injected)| injected.by.as_deref() == Some(POLICY))
    }

    /// Whether it was injected, and a container does not run that was injected into, or that we have brought: what others
    /// have brought, and an image of the application's own that cannot be pulled or is for another architecture, is no matter
    /// of injection.
    pub fn fails_injected(&self) -> bool {
        let is_concerned = |crash: &Crash| {
            let is_target = |(_, injected): &(Language, Injected)| {
                injected.containers.iter().any(|container| **container == *crash.container)
            };
            let is_of_image = crash.cause == Cause::ImagePull || crash.why.contains(OTHER_ARCHITECTURE);
            is_payload(&crash.container) || !is_of_image && self.injected.iter().any(is_target)
        };
        !self.injected.is_empty() && !self.is_ready && self.crash.as_deref().is_some_and(is_concerned)
    }

    /// A container of ours that does not run, and what the kubelet says.
    pub fn failing(&self) -> Option<(&str, &str)> {
        self.failing.as_deref().map(|(container, why)| (container.as_str(), why.as_str()))
    }

    /// How it fares with a language.
    pub fn standing(&self, decision: &Decision) -> Standing {
        let Some(expected) = &decision.injected else { return Standing::Refused };
        let Some(found) = self.injected(decision.language) else {
            return if self.is_of_others { Standing::Injected } else { Standing::Missed };
        };
        // An earlier build wrote down no image, and its hash covered something else.
        let is_comparable = found.image.is_some() == expected.image.is_some();
        if self.failing.is_some() {
            Standing::Failed
        } else if found.instrumentation != expected.instrumentation
            || is_comparable && found.hash != expected.hash
        {
            Standing::Outdated
        } else {
            Standing::Injected
        }
    }
}

/// The label by which controllers tell the pods of one revision from those of others:
/// <https://github.com/kubernetes/api/blob/v0.35.4/apps/v1/types.go>, and for Argo Rollouts
/// <https://argo-rollouts.readthedocs.io/en/stable/features/specification/>.
fn revision(pod: &Value) -> &str {
    let labels = ["rollouts-pod-template-hash", "pod-template-hash", "controller-revision-hash"];
    labels.into_iter().map(|key| label(pod, key)).find(|value| !value.is_empty()).unwrap_or_default()
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod.get("status").map_or(&[][..], |status| list(status, "conditions"));
    let ready = conditions.iter().find(|condition| string(condition, "type") == Some("Ready"));
    ready.is_some_and(|condition| string(condition, "status") == Some("True"))
}

/// How a workload fares with a language, by the pods of it that run.
pub fn standing<'a>(decision: &Decision, pods: impl IntoIterator<Item = &'a RunningPod>) -> Standing {
    let worst = pods.into_iter().map(|pod| pod.standing(decision)).max().unwrap_or(Standing::Idle);
    if decision.injected.is_none() { Standing::Refused } else { worst }
}

/// Whether pods run with an earlier image of the agent, and nothing else has changed: the operator has a newer default.
pub fn has_newer_image<'a>(decision: &Decision, pods: impl IntoIterator<Item = &'a RunningPod>) -> bool {
    let Some(expected) = &decision.injected else { return false };
    pods.into_iter().any(|pod| {
        let found = pod.injected(decision.language);
        // What was injected by an earlier release does not say.
        found.is_some_and(|found| {
            let images = found.image.as_deref().zip(expected.image.as_deref());
            found.hash == expected.hash
                && images.is_some_and(|(old, new)| old != new && !is_downgrade(old, new))
        })
    })
}

/// Takes back what is decided about a workload whose pods are left as they are, because the API server has refused
/// injected ones, and says so. A template does not show that: its pods do.
pub fn withhold<'a>(
    workload: &WorkloadRef,
    decisions: &mut [Decision],
    pods: impl IntoIterator<Item = &'a RunningPod, IntoIter: Clone>,
    snapshot: &Snapshot,
) -> Option<Finding> {
    let pods = pods.into_iter();
    let is_about = |refusal: &&Refusal| refusal.concerns(workload) && refusal.verdict == Verdict::Withheld;
    let refusal = snapshot.refusals.values().find(is_about)?;
    let missed = decisions.iter_mut().filter(|decision| standing(decision, pods.clone()) == Standing::Missed);
    let withheld = missed.map(|decision| decision.injected = None).count();
    let reason = ContainerFinding::InjectionWithheld { message: refusal.message.clone() };
    (withheld > 0).then(|| Finding::pod(reason, ""))
}

/// What people should know of how a workload fares.
pub fn review<'a>(
    workload: &WorkloadRef,
    decision: &Decision,
    pods: impl IntoIterator<Item = &'a RunningPod, IntoIter: Clone>,
) -> Option<Finding> {
    let pods = pods.into_iter();
    let standing = standing(decision, pods.clone());
    let (language, workload) = (decision.language, workload.clone());
    let instrumentation = decision.instrumentation.clone()?;
    let (reason, pointer) = match standing {
        Standing::Idle | Standing::Injected | Standing::Refused => return None,
        Standing::Outdated => {
            let found = pods.clone().find_map(|pod| {
                pod.injected(language).filter(|_| pod.standing(decision) == Standing::Outdated)
            });
            // That of the pod, which may be another one.
            let instrumentation = found.map_or(instrumentation, |found| found.instrumentation.clone());
            (RunningFinding::PodOutdated { language, instrumentation, workload }, "")
        }
        Standing::Missed => (RunningFinding::PodMissed { language, instrumentation, workload }, ""),
        Standing::Failed => {
            let (container, why) = pods.clone().find_map(|pod| pod.failing.as_deref().cloned())?;
            (RunningFinding::PayloadFailed { container, why }, "/spec/initContainers")
        }
    };
    Some(Finding::pod(reason, pointer))
}

#[cfg(test)]
pub(crate) mod samples;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::samples::{decision, injected};
    use super::*;

    fn expected() -> Decision {
        decision("h2", "java:2")
    }

    fn pod(hash: &str, instrumentation: &str, image: &str) -> Value {
        let entry = injected(hash, instrumentation, image);
        json!({"metadata": {"annotations": {"ingraft.dev/injected": entry.to_string()}}, "spec": {}, "status": {}})
    }

    #[test]
    fn the_pod_that_fares_worst_counts() {
        let fares = |pods: &[Value]| {
            let pods: Vec<RunningPod> = pods.iter().filter_map(RunningPod::of).collect();
            standing(&expected(), &pods)
        };
        let current = pod("h2", "shop/base", "java:2");
        assert_eq!(fares(&[]), Standing::Idle);
        assert_eq!(fares(std::slice::from_ref(&current)), Standing::Injected);
        assert_eq!(fares(&[current.clone(), pod("h1", "shop/base", "java:2")]), Standing::Outdated);
        assert_eq!(fares(&[current.clone(), pod("h2", "shop/other", "java:2")]), Standing::Outdated);
        assert_eq!(fares(&[current.clone(), json!({})]), Standing::Missed);
        let by_others = |container: Value| json!({"spec": {"containers": [container]}});
        let sdk = json!({"name": "app", "env": [{"name": "OTEL_RESOURCE_ATTRIBUTES_POD_NAME"}]});
        assert_eq!(fares(&[by_others(sdk)]), Standing::Injected, "it has the variables, and no agent");
        assert_eq!(fares(&[by_others(json!({"name": "app", "env": []}))]), Standing::Missed);
        let mut ended = json!({"status": {"phase": "Succeeded"}});
        assert_eq!(fares(std::slice::from_ref(&ended)), Standing::Idle);
        ended["status"]["phase"] = "Running".into();
        ended["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        assert_eq!(fares(&[ended]), Standing::Idle);
        let mut stuck = current;
        stuck["status"]["initContainerStatuses"] = json!([{
            "name": "opentelemetry-auto-instrumentation-java",
            "state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}},
        }]);
        assert_eq!(fares(&[stuck]), Standing::Failed);
        let refused = Decision { injected: None, ..expected() };
        assert_eq!(standing(&refused, []), Standing::Refused);

        // By the OpenTelemetry Operator, and by an earlier build.
        let container = json!([{"name": "opentelemetry-auto-instrumentation-java"}]);
        assert_eq!(fares(&[json!({"spec": {"initContainers": container}})]), Standing::Injected);
        let mut earlier = pod("h0", "shop/base", "");
        let entry = r#"{"java": {"containers": ["app"], "hash": "h0", "instrumentation": "shop/base"}}"#;
        earlier["metadata"]["annotations"]["ingraft.dev/injected"] = entry.into();
        assert_eq!(fares(&[earlier]), Standing::Injected);
    }

    #[test]
    fn another_default_image_makes_nothing_outdated() {
        let pods = [pod("h2", "shop/base", "java:1")].iter().filter_map(RunningPod::of).collect::<Vec<_>>();
        assert_eq!(standing(&expected(), &pods), Standing::Injected);
        assert!(has_newer_image(&expected(), &pods));
        let current = [RunningPod::of(&pod("h2", "shop/base", "java:2")).unwrap()];
        assert!(!has_newer_image(&expected(), &current));
    }
}

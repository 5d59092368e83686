//! The chain from an annotation to the pods that run, as a person would ask.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ingraft_api::Instrumentation;
use ingraft_core::explanation::{ChangedVariables, Said, changed_variables, counts, said};
use ingraft_core::{Decision, Finding, Locale, RunningPod, Snapshot, Standing, WorkloadRef, standing};
use serde_json::{Value, json};

use super::treatment::Treatment;
use crate::output::finding_as_json;

/// A pod that runs.
pub(super) struct NamedPod {
    pub(super) name: String,
    pub(super) state: RunningPod,
}

/// What there is to say about one workload.
pub(super) struct Chain<'a> {
    /// Which.
    pub(super) workload: WorkloadRef,
    /// What its pods are made from, and what one that starts now would be.
    pub(super) template: &'a Value,
    pub(super) injected: &'a Value,
    /// The path of the template's annotations, for people.
    pub(super) annotations: &'a str,
    pub(super) namespace: &'a str,
    pub(super) snapshot: &'a Snapshot,
    pub(super) decisions: &'a [Decision],
    /// Its pods; `None` if they may not be seen.
    pub(super) pods: Option<Vec<NamedPod>>,
    /// What is done about them, where something is requested; `None` for a pod that something else makes.
    pub(super) treatment: Option<Treatment>,
}

impl Chain<'_> {
    fn said(&self) -> Vec<Said> {
        said(self.template, self.namespace, self.snapshot)
    }

    fn changed(&self) -> Vec<ChangedVariables> {
        changed_variables(self.template, self.injected)
    }

    /// Whether a pod is made from what the workload says now.
    fn is_current(&self, pod: &NamedPod) -> bool {
        pod.state.asks == standing::asks(self.template)
    }

    fn current(&self) -> impl Iterator<Item = &RunningPod> + Clone {
        self.pods.iter().flatten().filter(|pod| self.is_current(pod)).map(|pod| &pod.state)
    }

    /// How the workload fares with a language.
    pub(super) fn standing(&self, decision: &Decision) -> Standing {
        standing::standing(decision, self.current())
    }

    /// What people should know of the pods that run.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let review = |decision| standing::review(&self.workload, decision, self.current());
        let treated = self.treatment.iter().flat_map(Treatment::findings);
        self.decisions.iter().filter_map(review).chain(treated).collect()
    }

    /// How many of its pods fare how, and how many request something else than it does by now.
    fn counts(&self) -> Option<Vec<(&'static str, usize)>> {
        let all = self.pods.as_ref()?.len();
        let mut counted: Vec<_> = counts(self.decisions, self.current())
            .into_iter()
            .map(|(standing, count)| (word(standing), count))
            .collect();
        let earlier = all - self.current().count();
        counted.extend((earlier > 0).then_some(("of an earlier template", earlier)));
        Some(counted)
    }

    fn instrumentation(&self, reference: &str) -> Option<&Instrumentation> {
        let (namespace, name) = reference.split_once('/')?;
        self.snapshot.instrumentations.get(namespace, name)
    }

    /// What has its pods created anew, if that would help.
    pub(super) fn restart(&self) -> Option<String> {
        let helps =
            |decision: &Decision| matches!(self.standing(decision), Standing::Missed | Standing::Outdated);
        self.decisions.iter().any(helps).then(|| self.workload.restart()).flatten()
    }

    /// What to do next, if anything helps that is not said by a finding.
    fn next(&self) -> Option<String> {
        if let Some(restart) = self.restart() {
            return Some(restart);
        }
        if self.said().is_empty() {
            let Self { annotations, namespace, .. } = self;
            return Some(format!(
                "to have it instrumented, add an annotation such as instrumentation.opentelemetry.io/inject-java: \"true\" \
                 to {annotations}, or to namespace {namespace}"
            ));
        }
        None
    }

    /// All of it, for people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |topic: &str, what: String| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{topic:<14}{what}");
        };
        let said = self.said();
        if said.is_empty() {
            line("requested", "nothing, neither by the pod template nor by the namespace".to_owned());
        }
        for one in &said {
            line("requested", request(one));
        }
        for decision in self.decisions {
            let Decision { language, instrumentation, injected } = decision;
            match instrumentation.as_deref().and_then(|reference| self.instrumentation(reference)) {
                Some(found) => {
                    let generation = found.metadata.generation.unwrap_or_default();
                    line(
                        "found",
                        format!(
                            "Instrumentation {}, generation {generation}, for {language}",
                            found.reference()
                        ),
                    );
                }
                None => line("found", format!("no Instrumentation for {language}: a finding says why")),
            }
            line(
                "decided",
                match injected {
                    Some(injected) => format!(
                        "{language} into {}, whenever a pod is created",
                        injected.containers.join(", ")
                    ),
                    None => format!("{language} is not injected: a finding says why"),
                },
            );
        }
        for ChangedVariables { container, added, joined } in self.changed() {
            if !joined.is_empty() {
                line("joined", format!("{} of {container}", joined.join(", ")));
            }
            if !added.is_empty() {
                line("added", format!("{} to {container}", added.join(", ")));
            }
        }
        match &self.pods {
            None => {}
            Some(pods) if pods.is_empty() => line("pods", "none runs".to_owned()),
            Some(pods) => {
                if self.treatment.is_some() {
                    line("pods", listed(&self.counts().unwrap_or_default()));
                }
                for pod in pods {
                    line("pod", format!("{}: {}", pod.name, self.fate(pod)));
                }
            }
        }
        match &self.treatment {
            Some(treatment) => {
                for (topic, what) in treatment.lines() {
                    line(topic, what);
                }
            }
            None if !self.decisions.is_empty() && self.workload.restart().is_some() => {
                line("healing", format!("ingraft explain {} says more", self.workload));
            }
            None => {}
        }
        if let Some(next) = self.next() {
            line("next", next);
        }
        text
    }

    /// How a pod fares, in words.
    fn fate(&self, pod: &NamedPod) -> String {
        if !self.is_current(pod) {
            return "requests something else than the template does by now: it is being replaced, or nothing replaces it".to_owned();
        }
        let fates = self.decisions.iter().map(|decision| {
            let language = decision.language;
            let from = |state: &RunningPod| {
                let injected = state.injected(language);
                injected.map(|injected| injected.instrumentation.clone()).unwrap_or_default()
            };
            match pod.state.standing(decision) {
                Standing::Injected => format!("has {language} from {}, as it is now", from(&pod.state)),
                Standing::Outdated => {
                    format!("has {language} from {}, as it was before a change", from(&pod.state))
                }
                Standing::Missed if pod.state.is_control => {
                    format!("starts without {language}, to see whether it crashes without it too")
                }
                Standing::Missed => {
                    format!("runs without {language}: it was created before it could be injected")
                }
                Standing::Refused | Standing::Idle => format!("without {language}"),
                Standing::Failed => match pod.state.failing() {
                    Some((container, why)) => format!("waits for {container}: {why}"),
                    None => format!("{language} fails"),
                },
            }
        });
        let fates: Vec<String> = fates.collect();
        if fates.is_empty() { "nothing is requested".to_owned() } else { fates.join("; ") }
    }

    /// All of it, for programs.
    pub(super) fn json(&self, locale: Locale) -> Value {
        let running: Vec<Value> =
            self.findings().iter().map(|finding| finding_as_json(finding, locale)).collect();
        let said: Vec<Value> = self.said().into_iter().map(|Said { key, by_pod, by_namespace }| {
            json!({"key": key, "byTemplate": by_pod, "byNamespace": by_namespace})
        }).collect();
        let decisions: Vec<Value> = self
            .decisions
            .iter()
            .map(|decision| {
                let Decision { language, instrumentation, injected } = decision;
                json!({
                    "language": language.key(), "instrumentation": instrumentation, "injected": injected,
                    "standing": word(self.standing(decision)),
                })
            })
            .collect();
        let changed: Vec<Value> = self.changed().into_iter().map(|ChangedVariables { container, added, joined }| {
            json!({"container": container, "added": added, "joined": joined})
        }).collect();
        let pods = self.pods.as_ref().map(|pods| {
            pods.iter().map(|pod| json!({"name": pod.name, "fate": self.fate(pod)})).collect::<Vec<_>>()
        });
        let counts = self.counts().map(|counts| counts.into_iter().collect::<BTreeMap<_, _>>());
        let healing = self.treatment.as_ref().map(|treatment| treatment.json(locale));
        json!({
            "requested": said, "decisions": decisions, "variables": changed, "pods": pods, "counts": counts,
            "running": running, "healing": healing, "next": self.next(),
        })
    }
}

/// An annotation, and who says what.
fn request(Said { key, by_pod, by_namespace }: &Said) -> String {
    match (by_pod.as_str(), by_namespace.as_str()) {
        (own, "") => format!("{key}: {own:?}, by the pod template"),
        ("", of_namespace) => format!("{key}: {of_namespace:?}, by the namespace"),
        (own, of_namespace) => {
            format!("{key}: {own:?}, by the pod template; the namespace says {of_namespace:?}")
        }
    }
}

/// Numbers in words.
fn listed(counts: &[(&str, usize)]) -> String {
    let counts: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    counts.join(", ")
}

/// The word for how a workload fares.
pub(super) const fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Idle => "no pod runs",
        Standing::Injected => "injected",
        Standing::Outdated => "outdated",
        Standing::Missed => "missed",
        Standing::Refused => "refused",
        Standing::Failed => "failed",
    }
}

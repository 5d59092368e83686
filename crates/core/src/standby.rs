//! What the API server needs to inject pods by itself, while no replica runs: a [plan](PlanSpec), compiled from
//! Instrumentations, which the policies of [`crate::policies::standby`] read.
//!
//! What is planned is what [`inject`](crate::inject()) adds to a pod that stands for all: words of ours are in the places of what
//! only a pod shows, and the policy puts that there. So both give the same pod, or the policy leaves it alone.
//! `tests/apiserver` compares them. What depends on more of a pod than the policy can look at is not planned.

mod entry;
mod size;
mod trial;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use ingraft_api::annotations::{DOTNET_RUNTIME, PYTHON_PLATFORM};
use ingraft_api::plan::{self, PlanSpec, PlannedLanguage};
use ingraft_api::{Instrumentation, Language};
use ingraft_probe_contract::{Agent, Libc};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::facts::agent;
pub use crate::finding::NotPlannable;
use crate::finding::{Findings, StandbyFinding};
use crate::image::ImageReference;
use crate::inject::profile;
use crate::settings::{EnvProbe, Mode, Settings};
use crate::snapshot::Snapshot;
use crate::{Finding, Subject, Verdict, WorkloadRef};
pub use trial::{parts, trial_pod};
pub(crate) use words::{PREFIX, Word};

/// The languages that are planned: the others change more than containers and volumes.
pub const LANGUAGES: [Language; 5] =
    [Language::Java, Language::NodeJs, Language::Python, Language::DotNet, Language::Sdk];
/// A plan that takes more bytes is not published. etcd takes 1.5 MiB, whole requests included:
/// <https://etcd.io/docs/v3.6/dev-guide/limit/>.
pub const LARGEST: usize = 1024 * 1024;
/// What the places begin with where volumes of ours are mounted: a container that has such a place already is left alone.
pub(crate) const FOLDERS: &str = "/otel-auto-instrumentation";
/// What the names of trial pods begin with.
pub const TRIAL: &str = "ingraft-standby-trial-";

/// The plan for what is known of a cluster, and what is not in it. With an empty `token`, pods need no mark.
///
/// ```
/// use ingraft_core::{Settings, Snapshot, standby};
/// let (plan, findings) = standby::compile(&Snapshot::default(), &Settings::default(), "");
/// assert!(plan.instrumentations.is_empty() && findings.is_empty());
/// ```
pub fn compile(snapshot: &Snapshot, settings: &Settings, token: &str) -> (PlanSpec, Vec<Finding>) {
    let mut compiler = Compiler::new(settings, token);
    snapshot.instrumentations.iter().for_each(|instrumentation| compiler.add(instrumentation, snapshot));
    compiler.finish(snapshot)
}

/// Makes a plan of one Instrumentation after the other, for those who have other things to do in between.
#[derive(Debug)]
pub struct Compiler {
    plan: PlanSpec,
    findings: Findings,
    settings: Settings,
}

impl Compiler {
    /// Begins a plan.
    pub fn new(settings: &Settings, token: &str) -> Self {
        let plan = PlanSpec {
            format: plan::FORMAT,
            token: token.to_owned(),
            lists_per_language: settings.multi_instrumentation,
            ..PlanSpec::default()
        };
        let mut settings = settings.clone();
        settings.env_probe = EnvProbe::Never;
        Self { plan, findings: Findings::default(), settings }
    }

    /// Adds what can be planned of an Instrumentation.
    pub fn add(&mut self, instrumentation: &Instrumentation, snapshot: &Snapshot) {
        if self.settings.mode != Mode::Inject {
            return;
        }
        let has_words = entry::has_words(instrumentation);
        for language in LANGUAGES.into_iter().filter(|language| self.settings.enabled(*language)) {
            let others = platforms(language).into_iter().flat_map(|(_, all)| all.iter().copied().skip(1));
            for platform in std::iter::once(None).chain(others.map(Some)) {
                let planned = if has_words {
                    Err(NotPlannable::Unusable)
                } else {
                    entry::of(instrumentation, language, platform, snapshot, &self.settings)
                };
                match planned {
                    Ok((agent, telemetry, injected)) => {
                        let planned = PlannedLanguage {
                            agent: shared(&mut self.plan.agents, agent),
                            telemetry: shared(&mut self.plan.telemetry, telemetry),
                            hash: injected.hash,
                        };
                        let key = platform.map(|platform| format!("{}/{platform}", language.key()));
                        let key = key.unwrap_or_else(|| language.key().to_owned());
                        let all = self.plan.instrumentations.entry(instrumentation.reference()).or_default();
                        all.insert(key, planned);
                    }
                    Err(why) => {
                        let reason = StandbyFinding::NotPlanned { language, why };
                        self.findings.about(instrumentation, reason, "");
                    }
                }
            }
        }
    }

    /// Adds what holds injection back, and leaves out what is too much.
    pub fn finish(self, snapshot: &Snapshot) -> (PlanSpec, Vec<Finding>) {
        let Self { mut plan, mut findings, settings } = self;
        if settings.mode != Mode::Inject {
            return (plan, findings.into_vec());
        }
        for (namespace, _, instrumentation) in snapshot.instrumentations.entries() {
            if snapshot.instrumentations.in_namespace(namespace).count() == 1 {
                plan.sole.insert(namespace.to_owned(), instrumentation.reference());
            }
        }
        plan.skipped_workloads = skipped_workloads(snapshot).into_iter().collect();
        plan.skipped_namespaces = skipped_namespaces(snapshot).into_iter().collect();
        plan.skipped_images = skipped_images(snapshot).into_iter().collect();
        for (namespace, bytes) in size::fit(&mut plan, LARGEST) {
            for (_, instrumentation) in snapshot.instrumentations.in_namespace(&namespace) {
                let reason = StandbyFinding::PlanTooLarge { bytes, largest: LARGEST };
                findings.about(instrumentation, reason, "");
            }
        }
        (plan, findings.into_vec())
    }
}

/// The platforms of a language, the usual one first, and the annotation that names one.
pub(crate) fn platforms(language: Language) -> Option<(&'static str, &'static [&'static str])> {
    let key = match language {
        Language::Python => PYTHON_PLATFORM,
        Language::DotNet => DOTNET_RUNTIME,
        _ => return None,
    };
    Some((key, profile(language).platforms))
}

/// The name of something that may be there already. Nobody can write something else that has the same name: whoever may write
/// Instrumentations in one namespace has no say in others.
fn shared<T: Serialize>(known: &mut BTreeMap<String, T>, part: T) -> String {
    let digest = Sha256::digest(serde_json::to_vec(&part).unwrap_or_default());
    let name = digest.iter().take(16).fold(String::new(), |name, byte| format!("{name}{byte:02x}"));
    known.entry(name.clone()).or_insert(part);
    name
}

/// Leaves out the parts that the API server has refused in a trial, or has not tried yet, which have no text. Says of the former
/// what they were for.
pub fn leave_out(plan: &mut PlanSpec, refused: &BTreeMap<String, Option<String>>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (instrumentation, languages) in &mut plan.instrumentations {
        languages.retain(|language, planned| {
            let error = refused.get(&planned.agent).or_else(|| refused.get(&planned.telemetry));
            let key = language.split('/').next();
            let language = LANGUAGES.into_iter().find(|known| Some(known.key()) == key);
            if let Some((language, error)) = language.zip(error.cloned().flatten()) {
                findings.push(Finding {
                    reason: StandbyFinding::PlanRefused { language, error }.into(),
                    subject: Subject::Instrumentation(instrumentation.clone()),
                    pointer: String::new(),
                });
            }
            error.is_none()
        });
    }
    plan.agents.retain(|name, _| !refused.contains_key(name));
    plan.telemetry.retain(|name, _| !refused.contains_key(name));
    findings
}

/// The workloads whose pods are left alone, because injected ones crash.
fn skipped_workloads(snapshot: &Snapshot) -> BTreeSet<String> {
    let guarded = snapshot.guards.iter().filter(|(workload, guard)| guard.hold(workload).is_some());
    let name = |(workload, _): (&WorkloadRef, _)| {
        Some(format!("{}/{}/{}", workload.namespace, workload.kind?.as_str(), workload.name))
    };
    guarded.filter_map(name).collect()
}

/// The namespaces in which injected pods were refused. Nobody would learn that the next ReplicaSet has no pods.
fn skipped_namespaces(snapshot: &Snapshot) -> BTreeSet<String> {
    let refused = snapshot.refusals.values().filter(|refusal| refusal.verdict == Verdict::Withheld);
    refused.map(|refusal| refusal.maker.namespace.clone()).collect()
}

/// The repositories of images of which probes have found something that matters, and that only a probe of each pod could
/// heed. The next tag is no other in this.
fn skipped_images(snapshot: &Snapshot) -> BTreeSet<String> {
    let found = snapshot.facts.images(|facts| {
        // Where no runtime is known, there may be any.
        let may_run = |agent| facts.runtimes.is_empty() || facts.runtimes.contains_key(&agent);
        let languages = LANGUAGES.into_iter().filter(|language| agent(*language).is_some_and(may_run));
        let mut variables = languages.flat_map(|language| profile(language).loading_variables);
        // Their agents have native code.
        let heeds_libc = [Agent::Python, Agent::Dotnet].into_iter().any(may_run);
        facts.stood_down.keys().any(|agent| may_run(*agent))
            || (facts.libc == Some(Libc::Musl) && heeds_libc)
            || facts.esm == Some(true)
            || facts.cut
            || variables.any(|name| facts.may_set(name))
            || facts.sets.iter().any(|name| name.starts_with("OTEL_"))
    });
    found
        .into_iter()
        .map(|(namespace, image)| format!("{namespace}/{}", ImageReference::parse(image).repository))
        .collect()
}

#[cfg(test)]
mod tests;

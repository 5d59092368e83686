//! The workloads whose injected pods do not run.

use std::collections::BTreeSet;

use ingraft_core::crash::{Crash, Guarded, Step, Templates, is_to_be_compared, step};
use ingraft_core::guard::GUARDED;
use ingraft_core::{Guard, WorkloadRef};

use super::{Fleet, Held};

/// A pod that is to be evicted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evicted {
    /// Its name.
    pub(crate) name: String,
    /// Its unique id: another one may have its name by then.
    pub(crate) uid: String,
    /// What is wrong with it.
    pub(crate) crash: Crash,
}

impl Held {
    fn has_failing(&self) -> bool {
        self.pods.iter().any(|pod| pod.state.fails_injected())
    }
}

impl Fleet {
    /// The workloads of which injected pods fail while others run.
    pub(crate) fn crashing(&self) -> Vec<WorkloadRef> {
        let guarded = self.workloads.iter().filter(|(workload, held)| {
            workload.kind.is_some_and(|kind| GUARDED.contains(&kind)) && held.has_failing()
        });
        let crashing = guarded.filter(|(_, held)| {
            is_to_be_compared(&held.named_pods().collect::<Vec<_>>(), held.treatment.healed_at())
        });
        crashing.map(|(workload, _)| workload.clone()).collect()
    }

    /// Whether an injected pod of a workload does not run.
    pub(crate) fn has_failing(&self, workload: &WorkloadRef) -> bool {
        self.workloads.get(workload).is_some_and(Held::has_failing)
    }

    /// The revisions of a workload's pods whose templates are not known yet.
    pub(crate) fn unread_revisions(&self, workload: &WorkloadRef) -> BTreeSet<String> {
        let Some(held) = self.workloads.get(workload) else { return BTreeSet::new() };
        let known = self.templates.get(workload);
        let is_unread = |revision: &&str| {
            !revision.is_empty() && known.is_none_or(|known| !known.contains_key(*revision))
        };
        let revisions = held.pods.iter().map(|pod| &*pod.state.revision);
        revisions.filter(is_unread).map(str::to_owned).collect()
    }

    /// Takes up the templates of revisions of a workload.
    pub(crate) fn learn_templates(&mut self, workload: &WorkloadRef, templates: Templates) {
        if self.workloads.contains_key(workload) {
            self.templates.entry(workload.clone()).or_default().extend(templates);
            self.put_off(workload.clone());
        }
    }

    /// Forgets the templates of all other workloads.
    pub(crate) fn keep_only_templates(&mut self, of: &BTreeSet<WorkloadRef>) {
        self.templates.retain(|workload, _| of.contains(workload));
    }

    /// What to do next about the pods of a workload that do not run, and with which pod.
    pub(crate) fn next_step(
        &self,
        workload: &WorkloadRef,
        (replicas, is_excluded): (u64, bool),
        guard: &Guard,
        now: u64,
    ) -> Option<(Step, Option<Evicted>)> {
        let held = self.workloads.get(workload)?;
        let (pods, none) = (held.named_pods().collect::<Vec<_>>(), Templates::new());
        let templates = self.templates.get(workload).unwrap_or(&none);
        let healed_at = held.treatment.healed_at();
        let pods = &pods;
        let step =
            step(&Guarded { workload, replicas, is_excluded, guard, pods, templates, healed_at, now })?;
        let evicted = match &step {
            Step::Evict(name) => held.pods.iter().find(|pod| *pod.name == **name),
            Step::Control(_) | Step::Block { .. } => None,
        };
        let evicted = evicted.and_then(|pod| {
            let crash = pod.state.crash.as_deref()?.clone();
            Some(Evicted { name: pod.name.to_string(), uid: pod.uid.to_string(), crash })
        });
        Some((step, evicted))
    }
}

//! What the leader has tried: whether the API server reaches a replica, and whether endpoints answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ingraft_core::instrumentation_status::Trial;

/// What keeps it from being told whether the way is whole, although reviews were seen to arrive.
const ARRIVES: [&str; 2] = ["ReplicaSilent", "SelfTestUnregistered"];

/// What came of the latest trials; tasks share it, and none of them waits while it holds it.
#[derive(Debug, Clone, Default)]
pub struct Trials(Arc<Mutex<Latest>>);

/// The latest result of each trial.
#[derive(Debug, Default)]
struct Latest {
    /// About the way from the API server to a replica: the same for all Instrumentations.
    admission_path: Option<Trial>,
    /// About the endpoint of each Instrumentation, by its reference.
    endpoints: BTreeMap<String, Trial>,
    /// Grows with everything that a status may show.
    revision: u64,
}

impl Trials {
    fn latest(&self) -> MutexGuard<'_, Latest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up whether the API server reaches a replica.
    pub(crate) fn see_admission_path(&self, trial: Trial) {
        let mut latest = self.latest();
        if latest.admission_path.as_ref() != Some(&trial) {
            latest.admission_path = Some(trial);
            latest.revision += 1;
        }
    }

    /// Takes up which endpoints answer; of those that are not named nothing is known any more.
    pub(crate) fn see_endpoints(&self, endpoints: BTreeMap<String, Trial>) {
        let mut latest = self.latest();
        if latest.endpoints != endpoints {
            latest.endpoints = endpoints;
            latest.revision += 1;
        }
    }

    /// What is known of the endpoint of an Instrumentation.
    pub(crate) fn endpoint(&self, instrumentation: &str) -> Option<Trial> {
        self.latest().endpoints.get(instrumentation).cloned()
    }

    /// Whether reviews arrived when that was tried last: also where the leader could not ask each replica by itself, or the
    /// registration that tries is missing.
    pub(crate) fn reviews_arrive(&self) -> bool {
        let arrives = |trial: &Trial| {
            trial.worked == Some(true) || trial.worked.is_none() && ARRIVES.contains(&trial.reason.as_str())
        };
        self.latest().admission_path.as_ref().is_some_and(arrives)
    }

    /// What is known that concerns an Instrumentation.
    pub(crate) fn about(&self, instrumentation: &str) -> Vec<Trial> {
        let latest = self.latest();
        let endpoint = latest.endpoints.get(instrumentation);
        latest.admission_path.iter().chain(endpoint).cloned().collect()
    }

    /// Grows with everything that a status may show.
    pub(crate) fn revision(&self) -> u64 {
        self.latest().revision
    }
}

//! A scene to break.

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;
use crate::doctor::Resources;
use crate::owner::WorkloadRef;
use crate::settings::Settings;
use crate::snapshot::Snapshot;
use crate::standing::RunningPod;

/// What is known in a test.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) resources: Resources,
    pub(crate) snapshot: Snapshot,
    pub(crate) settings: Settings,
    pub(crate) pods: BTreeMap<WorkloadRef, Vec<RunningPod>>,
}

impl Known {
    /// A cluster with these objects, of whose kinds all are known.
    pub(crate) fn of<const N: usize>(objects: [Value; N]) -> Self {
        let mut known = Self::default();
        for object in objects {
            known.resources.set_complete(object["kind"].as_str().unwrap());
            known.resources.add(object);
        }
        known
    }

    pub(crate) fn complete(mut self, kinds: &[&str]) -> Self {
        for kind in kinds {
            self.resources.set_complete(kind);
        }
        self
    }

    /// What a check says: code and object of each.
    pub(crate) fn said(&self, check: fn(&Scene<'_>) -> Vec<Diagnosis>) -> Vec<String> {
        let Self { resources, snapshot, settings, pods } = self;
        let found = check(&Scene { snapshot, settings, resources, pods });
        found.iter().map(|found| format!("{} {}", found.finding.code(), found.object)).collect()
    }
}

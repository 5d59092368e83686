//! The order in which manifests are applied.

use std::collections::BTreeMap;
use std::path::Path;

use ingraft_core::Reason;
use ingraft_core::doctor::{self, Diagnosis, ObjectRef, Scene};
use ingraft_core::finding::ManifestFinding;

use super::{Collected, Source};
use crate::doctor::kustomize::is_of_kustomize;

impl Collected {
    /// What stands too late. Files are applied in the order in which they are named, and those of a folder in the order of their
    /// names, as by `kubectl apply -f FILE -f FOLDER`. Helm and Kustomize put documents into an order of their own; and in which
    /// order somebody applies folders within a folder, nobody can tell.
    pub(super) fn order(&self, sources: &[Source<'_>], scene: &Scene<'_>) -> Vec<Diagnosis> {
        let mut of_kustomize: BTreeMap<Option<&Path>, bool> = BTreeMap::new();
        // One after the other, unless folders within folders were looked at.
        let mut runs: BTreeMap<Option<&Path>, Vec<_>> = BTreeMap::new();
        for source in sources {
            let Some((_, document, _)) = &source.written else { continue };
            let folder = Path::new(&document.file).parent();
            let is_of_kustomize =
                *of_kustomize.entry(folder).or_insert_with(|| folder.is_some_and(is_of_kustomize));
            if document.template().is_none() && !is_of_kustomize {
                let run = runs.entry(folder.filter(|_| self.is_recursive)).or_default();
                run.push((document.file.as_str(), source.object));
            }
        }
        let found = runs.into_values().flat_map(|run| doctor::order(run, &self.namespace, scene));
        found.filter(|found| !self.is_there(found)).collect()
    }

    /// Whether the cluster already has what stands too late.
    fn is_there(&self, found: &Diagnosis) -> bool {
        let Reason::Manifest(reason) = &found.finding.reason else { return false };
        let object = match reason {
            ManifestFinding::InstrumentationFollows { instrumentation, .. } => {
                let (namespace, name) = instrumentation.split_once('/').unwrap_or_default();
                ObjectRef::new("Instrumentation", namespace, name)
            }
            ManifestFinding::NamespaceFollows { namespace, .. } => ObjectRef::new("Namespace", "", namespace),
            _ => return false,
        };
        self.applied.contains(&object)
    }
}

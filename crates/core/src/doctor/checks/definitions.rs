//! Whether the cluster knows the custom resource.

use crate::doctor::{Diagnosis, ObjectRef, Scene};
use crate::finding::ClusterFinding;

const KIND: &str = "CustomResourceDefinition";
const NAME: &str = "instrumentations.opentelemetry.io";

pub(super) fn check(scene: &Scene<'_>) -> Vec<Diagnosis> {
    let is_missing = scene.resources.is_complete(KIND) && scene.resources.get(KIND, "", NAME).is_none();
    let reason = ClusterFinding::DefinitionMissing { name: NAME.to_owned() };
    is_missing.then(|| Diagnosis::of(reason, ObjectRef::new(KIND, "", NAME))).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::checks::tests::Known;

    #[test]
    fn a_definition_that_is_not_there_is_missing() {
        let told = ["DefinitionMissing customresourcedefinition/instrumentations.opentelemetry.io"];
        assert_eq!(Known::default().complete(&[KIND]).said(check), told);
        assert_eq!(Known::default().said(check), [""; 0], "nobody was allowed to look");
        let known = Known::of([json!({"kind": KIND, "metadata": {"name": NAME}})]);
        assert_eq!(known.said(check), [""; 0]);
    }
}

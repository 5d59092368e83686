//! What is applied first. A pod that is created before its Instrumentation runs without, until it is created anew.

use serde_json::Value;

use crate::doctor::{Diagnosis, ObjectRef, Scene};
use crate::finding::ManifestFinding;
use crate::json::annotation;
use crate::workload::Workload;

/// What is applied too late, among objects, each with the file that it is in: an Instrumentation after a workload that requests
/// it, or the Namespace of one between both.
pub fn order<'a>(
    objects: impl IntoIterator<Item = (&'a str, &'a Value)>,
    namespace: &str,
    scene: &Scene<'_>,
) -> Vec<Diagnosis> {
    let (mut found, mut waiting) = (Vec::new(), Vec::<(&str, ObjectRef, Vec<String>)>::new());
    // The Instrumentations so far, each with its file and that of its Namespace, once it has followed.
    let mut early = Vec::<(&str, ObjectRef, Option<&str>)>::new();
    let other = |file: &str, than: &str| (file != than).then(|| file.to_owned());
    for (file, object) in objects {
        if is_ordered_elsewhere(object) {
            continue;
        }
        let own = ObjectRef::of(object, namespace);
        if own.kind == "Instrumentation" {
            let reference = reference(&own);
            let before = waiting.iter().filter(|(_, _, requested)| requested.contains(&reference));
            found.extend(before.map(|(earlier, workload, _)| {
                let (instrumentation, file) = (reference.clone(), other(file, earlier));
                Diagnosis::of(
                    ManifestFinding::InstrumentationFollows { instrumentation, file },
                    workload.clone(),
                )
            }));
            early.push((file, own, None));
        } else if own.kind == "Namespace" {
            let refused =
                early.iter_mut().filter(|(_, one, since)| one.namespace == own.name && since.is_none());
            refused.for_each(|(_, _, since)| *since = Some(file));
        } else if let Some(workload) = Workload::of(object) {
            let decisions = workload.inject(&own.namespace, scene.snapshot, scene.settings).decisions;
            let requested: Vec<String> =
                decisions.into_iter().filter_map(|decision| decision.instrumentation).collect();
            // Each is told once.
            early.retain(|(earlier, instrumentation, since)| {
                let Some(since) = since.filter(|_| requested.contains(&reference(instrumentation))) else {
                    return true;
                };
                let (namespace, workload) = (instrumentation.namespace.clone(), own.short());
                let follows =
                    ManifestFinding::NamespaceFollows { namespace, workload, file: other(since, earlier) };
                found.push(Diagnosis::of(follows, instrumentation.clone()));
                false
            });
            waiting.push((file, own, requested));
        }
    }
    found
}

/// Whether Argo CD or Helm puts an object in order: <https://argo-cd.readthedocs.io/en/stable/user-guide/sync-waves/>,
/// <https://helm.sh/docs/topics/charts_hooks/>.
fn is_ordered_elsewhere(object: &Value) -> bool {
    let keys = ["argocd.argoproj.io/sync-wave", "argocd.argoproj.io/hook", "helm.sh/hook"];
    keys.iter().any(|key| !annotation(object, key).is_empty())
}

fn reference(instrumentation: &ObjectRef) -> String {
    format!("{}/{}", instrumentation.namespace, instrumentation.name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::checks::tests::Known;

    #[test]
    fn what_comes_after_the_workload_that_needs_it_is_told() {
        let instrumentation =
            json!({"kind": "Instrumentation", "metadata": {"namespace": "shop", "name": "base"}, "spec": {}});
        let workload = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {"template": {
                "metadata": {"annotations": {"instrumentation.opentelemetry.io/inject-python": "true"}},
                "spec": {"containers": [{"name": "app", "image": "app:1"}]},
            }},
        });
        let mut known = Known::default();
        let stored = serde_json::from_value(instrumentation.clone()).unwrap();
        known.snapshot.instrumentations.insert("shop".into(), "base".into(), stored);
        let Known { resources, snapshot, settings, pods } = &known;
        let scene = Scene { snapshot, settings, resources, pods };
        let told = |later: Option<&str>| {
            let (instrumentation, file) = ("shop/base".to_owned(), later.map(str::to_owned));
            let follows = ManifestFinding::InstrumentationFollows { instrumentation, file };
            [Diagnosis::of(follows, ObjectRef::new("Deployment", "shop", "web"))]
        };
        let of = |objects: &[(&'static str, &Value)]| order(objects.iter().copied(), "shop", &scene);
        assert_eq!(of(&[("a", &workload), ("a", &instrumentation)]), told(None));
        assert_eq!(of(&[("a", &workload), ("b", &instrumentation)]), told(Some("b")));
        assert_eq!(of(&[("a", &instrumentation), ("a", &workload)]), []);
        assert_eq!(of(&[("a", &workload)]), []);

        let shop = json!({"kind": "Namespace", "metadata": {"name": "shop"}});
        let (namespace, workload_name) = ("shop".to_owned(), "deployment/web".to_owned());
        let follows = |file: Option<&str>| ManifestFinding::NamespaceFollows {
            namespace: namespace.clone(),
            workload: workload_name.clone(),
            file: file.map(str::to_owned),
        };
        let told = |file: Option<&str>| {
            [Diagnosis::of(follows(file), ObjectRef::new("Instrumentation", "shop", "base"))]
        };
        assert_eq!(
            of(&[("a", &instrumentation), ("a", &shop), ("a", &workload), ("a", &workload)]),
            told(None)
        );
        assert_eq!(of(&[("a", &instrumentation), ("b", &shop), ("c", &workload)]), told(Some("b")));
        assert_eq!(of(&[("a", &shop), ("a", &instrumentation), ("a", &workload)]), []);
        assert_eq!(of(&[("a", &instrumentation), ("a", &workload), ("a", &shop)]), []);
    }
}

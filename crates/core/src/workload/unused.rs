//! Annotations on what is not known to make pods.

use serde_json::Value;

use super::Workload;
use crate::finding::{Finding, Findings, ManifestFinding};
use crate::inject::{annotations, review_namespace};
use crate::json::{annotation_pointer, keys_of, pointer_step, string, string_at};
use crate::settings::Settings;
use crate::snapshot::Snapshot;

/// Annotations of ours in a document that is not a [`Workload`], and that have no effect: those of a namespace that are
/// misspelt or name what cannot be found, and those on an object of Kubernetes that makes no pods, or on a pod template in
/// a place that is not known.
pub fn unused_annotations(document: &Value, snapshot: &Snapshot, settings: &Settings) -> Vec<Finding> {
    let mut findings = Findings::default();
    let kind = string(document, "kind").unwrap_or_default();
    let group = string(document, "apiVersion").unwrap_or_default().split('/').next().unwrap_or_default();
    match group {
        _ if Workload::of(document).is_some() => {}
        "v1" if kind == "Namespace" => {
            annotations::lint(document, &mut findings);
            let name = string_at(document, "/metadata/name").unwrap_or_default();
            review_namespace(document, name, snapshot, settings, &mut findings);
        }
        "v1" => {
            for key in keys(document) {
                let reason =
                    ManifestFinding::AnnotationWithoutPods { key: key.clone(), kind: kind.to_owned() };
                findings.workload(reason, annotation_pointer(key));
            }
        }
        // All of their kinds that make pods are known.
        "apps" | "batch" => {}
        _ => review_templates(document, "", kind, &mut findings),
    }
    findings.into_vec()
}

fn review_templates(value: &Value, pointer: &str, kind: &str, findings: &mut Findings) {
    let has_containers = value.pointer("/spec/containers").is_some_and(Value::is_array);
    if let Some(key) = keys(value).find(|_| has_containers) {
        let reason = ManifestFinding::TemplateUnknown { kind: kind.to_owned() };
        findings.workload(reason, format!("{pointer}{}", annotation_pointer(key)));
    }
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                review_templates(value, &format!("{pointer}/{}", pointer_step(name)), kind, findings);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                review_templates(value, &format!("{pointer}/{index}"), kind, findings);
            }
        }
        _ => {}
    }
}

fn keys(object: &Value) -> impl Iterator<Item = &String> {
    keys_of(object, "annotations").filter(|key| annotations::look(key) != annotations::Look::Foreign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn unused(document: &Value) -> Vec<Finding> {
        unused_annotations(document, &Snapshot::default(), &Settings::default())
    }

    #[test]
    fn reports_annotations_where_no_pod_will_see_them() {
        let metadata = json!({"annotations": {"instrumentation.opentelemetry.io/inject-java": "true"}});
        let template = json!({"metadata": metadata, "spec": {"containers": []}});
        for (document, code, pointer) in [
            (
                json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata}),
                "AnnotationWithoutPods",
                "/metadata/annotations/instrumentation.opentelemetry.io~1inject-java",
            ),
            (
                json!({"apiVersion": "v1", "kind": "Service", "metadata": {"annotations": {"ingraft.dev/inject": "true"}}}),
                "AnnotationWithoutPods",
                "/metadata/annotations/ingraft.dev~1inject",
            ),
            (
                json!({"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet",
                       "spec": {"replicatedJobs": [{"template": {"spec": {"template": template}}}]}}),
                "TemplateUnknown",
                "/spec/replicatedJobs/0/template/spec/template/metadata/annotations/instrumentation.opentelemetry.io~1inject-java",
            ),
        ] {
            let findings = unused(&document);
            let found: Vec<_> =
                findings.iter().map(|finding| (finding.code(), finding.pointer.as_str())).collect();
            assert_eq!(found, [(code, pointer)]);
        }
        for document in [
            json!({"apiVersion": "opentelemetry.io/v1alpha1", "kind": "Instrumentation", "metadata": metadata}),
            json!({"apiVersion": "v1", "kind": "ReplicationController", "spec": {"template": template}}),
            json!(null),
        ] {
            assert_eq!(unused(&document), []);
        }
    }
}

//! Annotations on what is not known to make pods.

use ingraft_api::annotations::HEAL;
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
        "v1" | "autoscaling" | "policy" | "networking.k8s.io" | "rbac.authorization.k8s.io" => {
            without_pods(document, kind, &mut findings);
        }
        // Of those without a template, what `spec.workloadRef` names makes the pods:
        // <https://argo-rollouts.readthedocs.io/en/stable/migrating/>.
        "argoproj.io" if kind == "Rollout" => without_pods(document, kind, &mut findings),
        // All of their kinds that make pods are known.
        "apps" | "batch" => {}
        _ => {
            review_templates(document, "", kind, &mut findings);
            for pointer in TEMPLATES {
                if let Some(template) = document.pointer(pointer).filter(|template| makes_pods(template)) {
                    Workload { document, kind, name: "", namespace: None, pointer, template }
                        .review_within_template(&mut findings);
                }
            }
        }
    }
    findings.into_vec()
}

fn without_pods(document: &Value, kind: &str, findings: &mut Findings) {
    // A Rollout is restarted itself.
    let is_right = |key: &str| annotations::is_right_anywhere(key) || (kind == "Rollout" && key == HEAL);
    for key in keys(document).filter(|key| !is_right(key)) {
        let reason = ManifestFinding::AnnotationWithoutPods { key: key.clone(), kind: kind.to_owned() };
        findings.workload(reason, annotation_pointer(key));
    }
}

/// Where the templates of most kinds are, such as a Service of Knative, a CloneSet of OpenKruise, or a ScaledJob of KEDA.
const TEMPLATES: [&str; 2] = ["/spec/template", "/spec/jobTargetRef/template"];

fn makes_pods(template: &Value) -> bool {
    template.pointer("/spec/containers").is_some_and(Value::is_array)
}

fn review_templates(value: &Value, pointer: &str, kind: &str, findings: &mut Findings) {
    if makes_pods(value) {
        let is_right = |key: &&String| annotations::look(key) == annotations::Look::Known;
        if let Some(key) = keys(value).find(is_right) {
            let reason = ManifestFinding::TemplateUnknown { kind: kind.to_owned() };
            findings.workload(reason, format!("{pointer}{}", annotation_pointer(key)));
        }
        let mut of_template = Findings::default();
        annotations::lint(value, &mut of_template);
        for Finding { reason, pointer: field, .. } in of_template.into_vec() {
            findings.workload(reason, format!("{pointer}{field}"));
        }
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
    fn names_misspelt_keys_in_templates_of_other_kinds() {
        let key = "instrumentation.opentelemetry.io/inject-jvaa";
        let found = |kind: &str, place: &str, map: &str| {
            let template = json!({
                "metadata": {map: {key.replace("jvaa", if map == "annotations" { "jvaa" } else { "java" }): "true"}},
                "spec": {"containers": [{"name": "app"}]},
            });
            let spec = if place == "template" {
                json!({place: template})
            } else {
                json!({place: {"template": template}})
            };
            let document = json!({"apiVersion": "example.com/v1", "kind": kind, "spec": spec});
            let found = unused(&document);
            found.iter().map(|finding| format!("{} {}", finding.code(), finding.pointer)).collect::<Vec<_>>()
        };
        let field = |field: &str| format!("{field}/instrumentation.opentelemetry.io~1inject-");
        assert_eq!(
            found("CloneSet", "template", "annotations"),
            [format!("AnnotationUnknown {}jvaa", field("/spec/template/metadata/annotations"))]
        );
        assert_eq!(
            found("ScaledJob", "jobTargetRef", "annotations"),
            [format!("AnnotationUnknown {}jvaa", field("/spec/jobTargetRef/template/metadata/annotations"))]
        );
        assert_eq!(
            found("Service", "template", "anotations"),
            [format!("AnnotationMisplaced {}java", field("/spec/template/metadata/anotations"))]
        );
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
                json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata}),
                "AnnotationWithoutPods",
                "/metadata/annotations/instrumentation.opentelemetry.io~1inject-java",
            ),
            (
                json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
                       "metadata": {"annotations": {"instrumentation.opentelemetry.io/inject-java": "true", HEAL: "off"}},
                       "spec": {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}}),
                "AnnotationWithoutPods",
                "/metadata/annotations/instrumentation.opentelemetry.io~1inject-java",
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
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"annotations": {"ingraft.dev/ignore": "EndpointIsLocal: known"}}}),
            json!({"apiVersion": "v1", "kind": "ReplicationController", "spec": {"template": template}}),
            json!(null),
        ] {
            assert_eq!(unused(&document), []);
        }
    }
}

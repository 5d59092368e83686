//! Documents that make pods: where their pod template is, and what is wrong with their own annotations.

mod advice;
mod settings;
mod template_hash;
mod unused;

use ingraft_api::annotations::{HEAL, REQUIRE, RESOURCE_PREFIX};
use serde_json::Value;

use crate::finding::{AnnotationFinding, Finding, Findings};
use crate::guard::Guard;
use crate::inject::annotations::{Look, heal_unknown, is_right_anywhere, labels_of_ours, look, meant};
use crate::inject::{Outcome, Request, WithoutInjection, inject};
use crate::json::{annotation_pointer, keys_of, label, label_pointer, pointer_step, string, string_at};
use crate::owner::{Owner, OwnerKind, WorkloadRef, owners};
use crate::settings::Settings;
use crate::snapshot::Snapshot;

pub use advice::advise;
pub use template_hash::{RESTARTED_AT, template_hash};
pub use unused::unused_annotations;

/// What keys contain that look like ours, in lower case.
pub(crate) const PARTS: [&str; 4] = ["opentelemetry", "otel.", "ingraft.dev", "inject-"];

/// Whether anything may have to be said about a workload whose namespace requests nothing: it has an annotation or label
/// that looks like one of ours, as in the conditions of the webhook that warns.
pub fn may_concern(document: &Value) -> bool {
    let templates = ["", "/spec/template", "/spec/jobTemplate", "/spec/jobTemplate/spec/template"];
    let mut objects = templates.iter().filter_map(|pointer| document.pointer(pointer));
    objects.any(|object| {
        let mut keys = ["annotations", "labels"].into_iter().flat_map(|map| keys_of(object, map));
        keys.any(|key| {
            let key = key.to_ascii_lowercase();
            PARTS.iter().any(|part| key.contains(part))
        })
    })
}

/// A document that is a pod or makes pods.
#[derive(Debug, Clone, Copy)]
pub struct Workload<'a> {
    /// The whole document.
    pub document: &'a Value,
    /// Its kind, as written.
    pub kind: &'a str,
    /// Its name; empty if it has none yet.
    pub name: &'a str,
    /// Its namespace, if it says one.
    pub namespace: Option<&'a str>,
    /// The JSON pointer of the pod or template in the document; empty for a pod.
    pub pointer: &'static str,
    /// The pod or template.
    pub template: &'a Value,
}

impl<'a> Workload<'a> {
    /// Recognises Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob, Argo Rollout, ReplicationController
    /// and DeploymentConfig. Templates of other kinds stay as they are: their API may refuse what a pod may have, as a
    /// Knative Service does (<https://knative.dev/docs/serving/configuration/feature-flags/>).
    pub fn of(document: &'a Value) -> Option<Self> {
        let group = string(document, "apiVersion")?.split('/').next().unwrap_or_default();
        let kind = string(document, "kind")?;
        let pointer = match (group, kind) {
            ("v1", "Pod") => "",
            ("batch", "CronJob") => "/spec/jobTemplate/spec/template",
            ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
            | ("batch", "Job")
            | ("argoproj.io", "Rollout")
            // The pods of these belong to ReplicationControllers, which name nothing.
            | ("v1", "ReplicationController")
            | ("apps.openshift.io", "DeploymentConfig") => "/spec/template",
            _ => return None,
        };
        Some(Self {
            document,
            kind,
            name: string_at(document, "/metadata/name").unwrap_or_default(),
            namespace: string_at(document, "/metadata/namespace").filter(|namespace| !namespace.is_empty()),
            pointer,
            template: document.pointer(pointer)?,
        })
    }

    /// Decides about the pods of this workload, which is in `namespace`. Edits are those of the whole document;
    /// pointers of findings are relative to what each is about.
    pub fn inject(&self, namespace: &str, snapshot: &Snapshot, settings: &Settings) -> Outcome {
        let owners = self.owners(namespace, snapshot);
        let pod = self.template;
        let request = Request { pod, namespace, owners: &owners, snapshot, settings };
        let mut outcome = inject(&request);
        if let Some(held) = self.block(namespace).filter(|_| !outcome.edits.is_empty()) {
            outcome = held.applied(outcome, pod);
        }
        let Outcome { edits, findings: of_pod, decisions, .. } = outcome;
        let advice = advise(&request, &of_pod);
        let findings = self.misplaced_annotations().into_iter().chain(of_pod).chain(advice).collect();
        let edits = edits.into_iter().map(|edit| edit.under(self.pointer)).collect();
        Outcome { edits, findings, decisions, ..Outcome::default() }
    }

    /// Why its new pods are left as they are, because injected ones crashed. A control start changes no decision.
    fn block(&self, namespace: &str) -> Option<WithoutInjection> {
        let guard = Guard::of_document(self.document, self.template)?;
        let kind = OwnerKind::parse(self.kind);
        let workload = WorkloadRef { kind, namespace: namespace.into(), name: self.name.into() };
        Guard { control: String::new(), ..guard }.hold(&workload)
    }

    /// The owners that a pod of this workload will have, as far as they are known before it exists.
    fn owners(&self, namespace: &str, snapshot: &Snapshot) -> Vec<Owner> {
        match OwnerKind::parse(self.kind) {
            Some(kind) => vec![Owner {
                kind,
                name: self.name.to_owned(),
                uid: string_at(self.document, "/metadata/uid").map(str::to_owned),
            }],
            None => owners(self.template, namespace, snapshot),
        }
    }

    /// Annotations, and labels that were meant to be some, that have no effect where they stand, because pods are made
    /// from the template only.
    fn misplaced_annotations(&self) -> Vec<Finding> {
        let (template, mut findings) = (self.pointer, Findings::default());
        if template.is_empty() {
            return Vec::new();
        }
        let no_template = Value::Null;
        let job = self.document.pointer("/spec/jobTemplate").unwrap_or(&no_template);
        for (object, place) in [(self.document, ""), (job, "/spec/jobTemplate")] {
            let annotations = object.pointer("/metadata/annotations").and_then(Value::as_object);
            for (key, value) in annotations.into_iter().flatten().filter(|(key, _)| !is_right_anywhere(key)) {
                let reason = match look(key) {
                    _ if key == REQUIRE => AnnotationFinding::RequireMisplaced { template },
                    _ if key == HEAL && place.is_empty() => match heal_unknown(key, value) {
                        Some(reason) => reason,
                        None => continue,
                    },
                    // Nothing would come of moving it.
                    Look::Misspelt(None) => {
                        AnnotationFinding::AnnotationUnknown { key: key.clone(), suggestion: None }
                    }
                    Look::Foreign if !key.starts_with(RESOURCE_PREFIX) => continue,
                    _ => AnnotationFinding::misplaced(key, meant(key), template),
                };
                findings.workload(reason, format!("{place}{}", annotation_pointer(key)));
            }
            for key in labels_of_ours(object) {
                let reason = AnnotationFinding::is_label(key, meant(key), template);
                findings.workload(reason, format!("{place}{}", label_pointer(key)));
            }
        }
        self.review_elsewhere(&mut findings);
        if !label(self.document, REQUIRE).is_empty() && label(self.template, REQUIRE).is_empty() {
            findings.workload(AnnotationFinding::RequireMisplaced { template }, label_pointer(REQUIRE));
        }
        findings.into_vec()
    }
}

impl Workload<'_> {
    /// Annotations in a place where there are none: `spec.metadata.annotations`, `spec.annotations`, and whatever else people
    /// write.
    fn review_elsewhere(&self, findings: &mut Findings) {
        let own = format!("{}/metadata/annotations", self.pointer);
        let known = [own.as_str(), "/metadata/annotations", "/spec/jobTemplate/metadata/annotations"];
        for (key, value) in self.document.as_object().into_iter().flatten() {
            let pointer = format!("/{}", pointer_step(key));
            match key.as_str() {
                // Others write there what they like.
                "status" => {}
                "metadata" => self.review_keys(value, &pointer, findings),
                _ => self.review_below(value, &pointer, &known, findings),
            }
        }
    }

    /// Annotations in a wrong place of the template of a kind that is not known otherwise.
    fn review_within_template(&self, findings: &mut Findings) {
        let own = format!("{}/metadata/annotations", self.pointer);
        self.review_below(self.template, self.pointer, &[own.as_str()], findings);
    }

    fn review_below(&self, value: &Value, pointer: &str, known: &[&str], findings: &mut Findings) {
        let name = pointer.rsplit('/').next().unwrap_or_default();
        // Labels are looked at elsewhere, nodes may have any, and a Rollout gives its pods more (`canaryMetadata`).
        let is_other =
            ["labels", "matchLabels", "nodeSelector"].contains(&name) || name.ends_with("Metadata");
        if is_other || known.contains(&pointer) {
            return;
        }
        self.review_keys(value, pointer, findings);
        let mut below = |step: &str, value: &Value| {
            self.review_below(value, &format!("{pointer}/{step}"), known, findings);
        };
        match value {
            Value::Object(fields) => fields.iter().for_each(|(key, value)| below(&pointer_step(key), value)),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| below(&index.to_string(), item));
            }
            _ => {}
        }
    }

    fn review_keys(&self, value: &Value, pointer: &str, findings: &mut Findings) {
        let fields = value.as_object().into_iter().flatten();
        for (key, _) in fields.filter(|(key, value)| key.contains('/') && !value.is_object()) {
            let meant = meant(key).filter(|meant| !is_right_anywhere(meant));
            if meant.is_some() || key.starts_with(RESOURCE_PREFIX) {
                let reason = AnnotationFinding::misplaced(key, meant, self.pointer);
                findings.workload(reason, format!("{pointer}/{}", pointer_step(key)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn finds_annotations_wherever_they_were_written() {
        let key = "instrumentation.opentelemetry.io/inject-python";
        let place = "instrumentation.opentelemetry.io~1inject-python";
        for at in [
            "/spec/metadata/annotations",
            "/spec/annotations",
            "/spec/template/annotations",
            "/spec/template/metadata",
            "/spec/template/spec/annotations",
            "/spec/template/spec/metadata/annotations",
            "/spec/template/spec/containers/0/annotations",
            "/metadata",
            "/annotations",
        ] {
            let mut document = json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "managedFields": [{key: "a"}]},
                "spec": {"template": {
                    "metadata": {"annotations": {key: "true"}, "labels": {"a": "b"}},
                    "spec": {"nodeSelector": {key: "true"}, "containers": [{"name": "app"}]},
                }},
                "status": {key: "a"},
            });
            assert!(Workload::of(&document).unwrap().misplaced_annotations().is_empty());
            let mut node = &mut document;
            for step in at.split('/').skip(1) {
                node = match step.parse::<usize>() {
                    Ok(index) => &mut node[index],
                    Err(_) => &mut node[step],
                };
            }
            node[key] = "true".into();
            let found = Workload::of(&document).unwrap().misplaced_annotations();
            let found: Vec<_> = found.iter().map(|found| (found.code(), found.pointer.as_str())).collect();
            assert_eq!(found, [("AnnotationMisplaced", format!("{at}/{place}").as_str())]);
        }
    }

    #[test]
    fn finds_the_template_of_every_kind() {
        for (api_version, kind, pointer) in [
            ("v1", "Pod", ""),
            ("apps/v1", "Deployment", "/spec/template"),
            ("apps/v1", "StatefulSet", "/spec/template"),
            ("apps/v1", "DaemonSet", "/spec/template"),
            ("apps/v1", "ReplicaSet", "/spec/template"),
            ("batch/v1", "Job", "/spec/template"),
            ("batch/v1", "CronJob", "/spec/jobTemplate/spec/template"),
            ("argoproj.io/v1alpha1", "Rollout", "/spec/template"),
        ] {
            let template = json!({"metadata": {"labels": {"app": "a"}}});
            let document = json!({
                "apiVersion": api_version, "kind": kind, "metadata": {"name": "a"},
                "spec": {"template": template, "jobTemplate": {"spec": {"template": template}}},
            });
            assert_eq!(Workload::of(&document).unwrap().pointer, pointer, "{kind}");
        }
    }

    #[test]
    fn knows_only_kinds_whose_templates_may_be_changed() {
        let pod = json!({"spec": {"containers": [{"name": "app"}]}});
        for (api_version, kind, pointer) in [
            ("v1", "ReplicationController", Some("/spec/template")),
            ("apps.openshift.io/v1", "DeploymentConfig", Some("/spec/template")),
            ("serving.knative.dev/v1", "Service", None),
            ("example.com/v1", "Deployment", None),
        ] {
            let document = json!({"apiVersion": api_version, "kind": kind, "spec": {"template": pod}});
            assert_eq!(Workload::of(&document).map(|workload| workload.pointer), pointer, "{kind}");
        }
    }

    /// Moving it as it is would not help.
    #[test]
    fn a_key_that_is_misspelt_too_is_told_as_it_should_be() {
        let document = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {
                "annotations": {"ingraft.dev/color": "red", "opentelemetry.io/inject-python": "true"},
                "labels": {"inject-python": "true"},
            },
            "spec": {"template": {}},
        });
        let findings = Workload::of(&document).unwrap().misplaced_annotations();
        let told = findings.iter().map(|finding| finding.warning(crate::Locale::En)).collect::<Vec<_>>();
        let write =
            "write instrumentation.opentelemetry.io/inject-python in spec.template.metadata.annotations";
        assert_eq!(
            told,
            [
                "AnnotationUnknown: annotation \"ingraft.dev/color\" is unknown and has no effect; remove it",
                &format!("AnnotationMisplaced: {write}"),
                &format!("AnnotationIsLabel: {write}"),
            ]
        );
    }

    #[test]
    fn reports_annotations_above_the_template() {
        let document = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"annotations": {"instrumentation.opentelemetry.io/inject-python": "true", "a": "b"}},
            "spec": {"template": {}},
        });
        let findings = Workload::of(&document).unwrap().misplaced_annotations();
        assert_eq!(findings.len(), 1);
        assert_eq!(
            findings[0].pointer,
            "/metadata/annotations/instrumentation.opentelemetry.io~1inject-python"
        );
    }
}

//! What the operator may write on workloads where it heals: annotations of ours and that of `kubectl rollout restart`,
//! whatever its role permits. Kubernetes cannot permit less than to patch the whole object.
//!
//! `failurePolicy` is `Fail`, and the policy has no parameter: it is about requests of our ServiceAccount alone, and
//! whatever cannot be evaluated is refused to us, never to anybody else.

use ingraft_api::annotations::OWN_PREFIX;
use serde_json::{Value, json};

use super::cel::text;
use super::{NAME, Policy, rule};
use crate::workload::RESTARTED_AT;

/// What the API server writes by itself.
const WRITTEN: [&str; 3] = ["managedFields", "generation", "resourceVersion"];
/// The same among the annotations of a DaemonSet, whenever its template changes:
/// <https://github.com/kubernetes/kubernetes/blob/v1.35.4/staging/src/k8s.io/api/apps/v1/types.go> (`DeprecatedTemplateGeneration`).
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

/// The policy and its binding, for an operator in `namespace`.
///
/// ```
/// let [policy, binding] = ingraft_core::policies::heal("observability");
/// assert_eq!(policy["spec"]["failurePolicy"], "Fail");
/// assert_eq!(binding["spec"]["validationActions"][0], "Deny");
/// ```
pub fn heal(namespace: &str) -> [Value; 2] {
    let all = ["CREATE", "UPDATE", "DELETE"];
    let constraints = json!({"resourceRules": [
        rule("apps", "v1", &["deployments", "statefulsets", "daemonsets", "deployments/*", "statefulsets/*", "daemonsets/*"], &all),
        rule("argoproj.io", "v1alpha1", &["rollouts", "rollouts/*"], &all),
    ]});
    let account = text(&format!("system:serviceaccount:{namespace}:{NAME}"));
    let ours =
        |key: &str| format!("({key}.startsWith({}) || {key} == {})", text(OWN_PREFIX), text(RESTARTED_AT));
    // Of two maps, whatever the one has that may not differ, the other has too.
    let same = |one: &str, other: &str, may_differ: &str| {
        format!("{one}.all(key, {may_differ} || key in {other} && {one}[key] == {other}[key])")
    };
    let both = |new: &str, old: &str, may_differ: &str| {
        format!("{} && {}", same(new, old, may_differ), same(old, new, may_differ))
    };
    let parts = |of: &str, object: &str| {
        let spec = format!("variables.{of}.?spec.orValue({{}})");
        let template = format!("variables.{of}.?spec.?template.orValue({{}})");
        [
            (of.to_owned(), format!("{object} == null ? {{}} : dyn({object})")),
            (format!("{of}Spec"), spec),
            (format!("{of}Template"), template),
            (format!("{of}Metadata"), format!("variables.{of}.?metadata.orValue({{}})")),
            (format!("{of}Annotations"), format!("variables.{of}Metadata.?annotations.orValue({{}})")),
            (format!("{of}TemplateMetadata"), format!("variables.{of}Template.?metadata.orValue({{}})")),
            (
                format!("{of}TemplateAnnotations"),
                format!("variables.{of}TemplateMetadata.?annotations.orValue({{}})"),
            ),
        ]
    };
    let pair = |part: &str, may_differ: &str| {
        both(&format!("variables.new{part}"), &format!("variables.old{part}"), may_differ)
    };
    let is_one_of = |keys: &[&str]| format!("key in {}", super::cel::texts(keys.iter().copied()));
    // Kubernetes knows no restartAt but that of an Argo Rollout.
    let spec = "key == 'template' || key == 'restartAt' && object.kind == 'Rollout'";
    let metadata = is_one_of(&[&WRITTEN[..], &["annotations"]].concat());
    let rules = [
        "request.operation == 'UPDATE' && request.?subResource.orValue('') == ''".to_owned(),
        pair("Metadata", &metadata),
        pair("Annotations", &format!("{} || key == {}", ours("key"), text(TEMPLATE_GENERATION))),
        pair("Spec", spec),
        pair("Template", "key == 'metadata'"),
        pair("TemplateMetadata", "key == 'annotations'"),
        pair("TemplateAnnotations", &ours("key")),
    ];
    let message = "the operator may only change annotations whose keys begin with ingraft.dev/, and \
                   kubectl.kubernetes.io/restartedAt";
    let validations =
        rules.into_iter().map(|expression| json!({"expression": expression, "message": message})).collect();
    Policy {
        name: "ingraft-heal",
        binding: "ingraft-heal",
        action: "Deny",
        failure: "Fail",
        constraints,
        conditions: vec![("the-operator-asks", format!("request.userInfo.username == {account}"))],
        variables: [parts("new", "object"), parts("old", "oldObject")].concat(),
        validations,
    }
    .documents(None)
}

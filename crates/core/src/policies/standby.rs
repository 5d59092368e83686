//! Injection by the API server itself, while no replica runs: it reads the [plan](crate::standby) and changes pods by an
//! expression (<https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/>).
//!
//! ```text
//!  switch     while no replica is ready, or none is reached: marks pods that request something
//!  injection  of marked pods (or all, where the plan has no token): what the plan says of them
//! ```
//!
//! One policy has one parameter, so there are two. Policies run in no fixed order, and again where another has changed the
//! pod. A mark that a pod brings with it does not say what the operator has written into plan and budget, and counts for nothing.
//!
//! What can go wrong leaves the pod as it is: `failurePolicy` is `Ignore`, and there is one mutation, because those before one
//! that fails would stay. The exception is a pod that does not decode afterwards, which the API server refuses: so
//! values of the plan are typed as those of pods, and what is copied from the pod is copied field by field.

mod container;
mod guards;
mod pod;
mod resources;
mod security;

use ingraft_api::annotations::{INJECTED, SAFE_TO_EVICT_LOCAL_VOLUMES, STANDBY, STANDBY_TOKEN};
use ingraft_api::plan;
use serde_json::{Value, json};

use super::cel::text;
use super::{ADMISSION_PATH, NAME, document, rule};

/// The policy that marks pods.
const SWITCH: &str = "ingraft-standby-switch";
/// The mark has no more bytes, key and text.
const LONGEST_MARK: usize = 128;
/// The policy that injects.
const INJECTION: &str = "ingraft-standby";

/// The policies and their bindings, in a version of `admissionregistration.k8s.io`: `v1` from Kubernetes 1.36 on. With the
/// operator's namespace pods are injected while no replica of it is ready or reached, otherwise always.
///
/// ```
/// let documents = ingraft_core::policies::standby("v1", None);
/// assert_eq!(documents.len(), 2);
/// assert_eq!(documents[0]["spec"]["failurePolicy"], "Ignore");
/// ```
pub fn standby(version: &str, operator: Option<&str>) -> Vec<Value> {
    let mut documents = vec![];
    if let Some(namespace) = operator {
        documents.extend(switch(namespace));
    }
    documents.extend(injection());
    for document in &mut documents {
        super::set(document, "apiVersion", format!("admissionregistration.k8s.io/{version}").into());
    }
    documents
}

/// Names and expressions that a policy can use, in order.
type Variables = Vec<(&'static str, String)>;

fn policy(
    name: &str,
    parameter: (&str, &str),
    reference: &Value,
    conditions: &[(&str, String)],
    variables: &Variables,
    patches: &str,
) -> [Value; 2] {
    let named = |(name, expression): &(&str, String)| json!({"name": name, "expression": expression});
    let (version, kind) = parameter;
    let policy = json!({
        "failurePolicy": "Ignore",
        "reinvocationPolicy": "IfNeeded",
        "paramKind": {"apiVersion": version, "kind": kind},
        "matchConstraints": {"resourceRules": [rule("", "v1", &["pods"], &["CREATE"])]},
        "matchConditions": conditions.iter().map(named).collect::<Vec<_>>(),
        "variables": variables.iter().map(named).collect::<Vec<_>>(),
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": patches}}],
    });
    let binding = json!({"policyName": name, "paramRef": reference});
    [
        document("MutatingAdmissionPolicy", name, &policy),
        document("MutatingAdmissionPolicyBinding", name, &binding),
    ]
}

/// Marks pods that request something, while no replica is ready or reached.
fn switch(namespace: &str) -> [Value; 2] {
    let reference = json!({"name": NAME, "namespace": namespace, "parameterNotFoundAction": "Allow"});
    let (key, broken) = ADMISSION_PATH;
    // A budget that counts nothing yet says nothing of replicas: unlike a hint, an injection by mistake would stay.
    let alone = format!(
        "has(params.metadata.annotations) && {token} in params.metadata.annotations && \
         ((params.status.?observedGeneration.orValue(0) > 0 && params.status.currentHealthy == 0) || \
         ({key} in params.metadata.annotations && params.metadata.annotations[{key}] == {broken}))",
        token = text(STANDBY_TOKEN),
        key = text(key),
        broken = text(broken),
    );
    let mark = add(&annotation(STANDBY), &format!("params.metadata.annotations[{}]", text(STANDBY_TOKEN)));
    let patches = format!(
        "variables.asked.size() == 0 || variables.injectedBefore || \
         variables.sizeOfAnnotations > {most} ? [] : {list} + [{mark}]",
        // The mark goes again when something is injected.
        most = pod::LONGEST_ANNOTATIONS - LONGEST_MARK,
        list = annotation_list(),
    );
    let conditions = [("no-replica", alone)];
    policy(SWITCH, ("policy/v1", "PodDisruptionBudget"), &reference, &conditions, &pod::asks(), &patches)
}

/// Injects what the plan says.
fn injection() -> [Value; 2] {
    let reference = json!({"name": plan::NAME, "parameterNotFoundAction": "Allow"});
    let parameter = format!("{}/{}", plan::GROUP, plan::VERSION);
    let mut variables = pod::asks();
    variables.extend(pod::planned());
    variables.extend(pod::owner());
    variables.extend(container::targets());
    variables.extend(resources::variables());
    variables.extend(security::variables());
    variables.extend(guards::guards());
    variables.extend(container::values());
    variables.extend(pod::additions());
    let patches = format!(
        "!variables.on || variables.agent.size() + variables.telemetry.size() < 2 || !variables.fits || \
         !variables.fitsAnnotations ? [] : {targets} + {init} + {volumes}{annotations}",
        targets = container::patches(),
        init = pod::init_containers(),
        volumes = pod::volumes(),
        annotations = annotations(),
    );
    policy(INJECTION, (&parameter, plan::KIND), &reference, &[], &variables, &patches)
}

/// The patches for annotations of the pod.
fn annotations() -> String {
    format!(
        " + {list} + (variables.evictable == '' ? [] : [{evictable}]) + \
         [{injected}] + ({standby} in variables.annotations ? [JSONPatch{{op: 'remove', path: {mark}}}] : [])",
        list = annotation_list(),
        evictable = add(&annotation(SAFE_TO_EVICT_LOCAL_VOLUMES), "variables.evictable"),
        injected = add(&annotation(INJECTED), "variables.injected"),
        standby = text(STANDBY),
        mark = annotation(STANDBY),
    )
}

/// Where an annotation is.
fn annotation(key: &str) -> String {
    format!("'/metadata/annotations/' + jsonpatch.escapeKey({})", text(key))
}

/// The patch after which there are annotations, if there are none.
fn annotation_list() -> String {
    format!("(has(object.metadata.annotations) ? [] : [{}])", add("'/metadata/annotations'", "{}"))
}

/// A patch that adds something.
fn add(path: &str, value: &str) -> String {
    format!("JSONPatch{{op: 'add', path: {path}, value: {value}}}")
}

/// A map whose values may be of any type. Those of optional entries, whose keys begin with `?`, are optional.
fn map<K: AsRef<str>, V: AsRef<str>>(entries: &[(K, V)]) -> String {
    let entry = |(key, value): &(K, V)| match (key.as_ref().strip_prefix('?'), value.as_ref()) {
        (Some(key), value) => format!("?{}: {value}", text(key)),
        (None, value) => format!("{}: dyn({value})", text(key.as_ref())),
    };
    format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
}

/// A field that may be absent, as it goes into a map.
fn field(object: &str, name: &str) -> String {
    format!("{object}.?{name}.optMap(it, dyn(it))")
}

/// The first item of a list, as it goes into a map, or nothing.
fn first(list: &str) -> String {
    format!("({list}.size() == 0 ? optional.none() : optional.of(dyn({list}[0])))")
}

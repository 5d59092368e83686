//! What the API server does for users while no replica runs: policies that it evaluates by itself
//! (<https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/>).
//!
//! ```text
//!  hints()   the findings that an object shows by itself, as warnings; refuses nothing
//!  strict()  refuses pods that demand injection and have none
//!  heal()    refuses to the operator whatever healing does not need
//!  standby() has the API server inject pods
//! ```
//!
//! The expressions of the first three use only what Kubernetes 1.30 has; standby needs 1.36, or 1.35 where it serves
//! `v1beta1`. The parameter of the first two is the operator's PodDisruptionBudget: whose
//! `status` Kubernetes keeps, and which is gone when Ingraft is.

mod cel;
mod heal;
mod hints;
mod standby;
mod strict;

pub use heal::heal;
pub use hints::{ADMISSION_PATH, PARTLY_BROKEN, hints, key_looks_like_ours, nobody_controls_it};
use serde_json::{Value, json};
pub use standby::standby;
pub use strict::{is_strict_refusal, strict, strict_pod_refused};

/// The name of the operator's ServiceAccount and of its PodDisruptionBudget.
const NAME: &str = "ingraft-operator";

/// A policy with its one binding.
struct Policy {
    name: &'static str,
    binding: &'static str,
    /// What a failed validation does: `Warn` or `Deny`.
    action: &'static str,
    /// What an expression that cannot be evaluated does: `Ignore` or `Fail`.
    failure: &'static str,
    /// Which requests: `matchConstraints`.
    constraints: Value,
    /// Names and expressions that must all be true of an object.
    conditions: Vec<(&'static str, String)>,
    /// Names and values for the expressions behind them.
    variables: Vec<(String, String)>,
    validations: Vec<Value>,
}

impl Policy {
    /// The policy and its binding. `budget` is the namespace of the parameter, if there is one.
    fn documents(self, budget: Option<&str>) -> [Value; 2] {
        let named = |(name, expression): (String, String)| json!({"name": name, "expression": expression});
        let conditions = self.conditions.into_iter().map(|(name, expression)| (name.to_owned(), expression));
        let mut policy = json!({
            "failurePolicy": self.failure,
            "matchConstraints": self.constraints,
            "matchConditions": conditions.map(named).collect::<Vec<_>>(),
            "variables": self.variables.into_iter().map(named).collect::<Vec<_>>(),
            "validations": self.validations,
        });
        let mut binding = json!({"policyName": self.name, "validationActions": [self.action]});
        if let Some(namespace) = budget {
            let reference = json!({"name": NAME, "namespace": namespace, "parameterNotFoundAction": "Allow"});
            set(&mut policy, "paramKind", json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget"}));
            set(&mut binding, "paramRef", reference);
        }
        [
            document("ValidatingAdmissionPolicy", self.name, &policy),
            document("ValidatingAdmissionPolicyBinding", self.binding, &binding),
        ]
    }
}

fn set(spec: &mut Value, key: &str, value: Value) {
    spec.as_object_mut().map(|spec| spec.insert(key.to_owned(), value));
}

fn document(kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/name": "opentelemetry-operator", "app.kubernetes.io/instance": "ingraft"},
        },
        "spec": spec,
    })
}

/// Which requests a rule is about.
fn rule(group: &str, version: &str, resources: &[&str], operations: &[&str]) -> Value {
    json!({"apiGroups": [group], "apiVersions": [version], "resources": resources, "operations": operations})
}

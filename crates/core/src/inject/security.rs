//! The security context of what we add: never weaker than the application's, never a reason to refuse the pod.

use ingraft_api::InstrumentationSpec;
use ingraft_api::annotations::OPENSHIFT_UID_RANGE;
use serde_json::{Map, Value, json};

use super::Request;
use super::choose::namespace_annotation;
use super::target::Container;
use crate::json::list;

/// The user of a payload container that must not run as root, where nobody says which user: any number but 0 can
/// copy files.
const NON_ROOT_USER: u32 = 65532;

/// What a payload container may not lack if the application has it: the fields that Pod Security *restricted* looks
/// at (<https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted>).
const RESTRICTED: [&str; 4] = ["allowPrivilegeEscalation", "capabilities", "runAsNonRoot", "seccompProfile"];

/// The security context of a payload container: the Instrumentation's, completed by what the target has of
/// *restricted*, or else the target's own.
pub(crate) fn context(
    request: &Request<'_>,
    spec: &InstrumentationSpec,
    target: Container<'_>,
) -> Option<Value> {
    let inherited = target.json.get("securityContext").and_then(Value::as_object);
    let chosen =
        spec.init_container_security_context.as_ref().and_then(|context| serde_json::to_value(context).ok());
    let mut context = match (chosen, inherited) {
        (Some(Value::Object(mut chosen)), Some(inherited)) => {
            for key in RESTRICTED {
                if let Some(value) = inherited.get(key)
                    && !chosen.contains_key(key)
                    && !contradicts(&chosen, key)
                {
                    chosen.insert(key.to_owned(), value.clone());
                }
            }
            Some(chosen)
        }
        (Some(Value::Object(chosen)), None) => Some(chosen),
        (_, inherited) => inherited.cloned(),
    };
    if needs_user(request, context.as_ref()) {
        context.get_or_insert_default().insert("runAsUser".to_owned(), NON_ROOT_USER.into());
    }
    context.map(Value::Object)
}

/// Whether a field of *restricted* would contradict what the Instrumentation chose: the API server refuses
/// `allowPrivilegeEscalation: false` beside privileges, the kubelet `runAsNonRoot` beside user 0.
fn contradicts(chosen: &Map<String, Value>, key: &str) -> bool {
    match key {
        "allowPrivilegeEscalation" => {
            let added = chosen.get("capabilities").map_or(&[][..], |capabilities| list(capabilities, "add"));
            chosen.get("privileged") == Some(&json!(true)) || added.contains(&json!("CAP_SYS_ADMIN"))
        }
        "runAsNonRoot" => chosen.get("runAsUser") == Some(&json!(0)),
        _ => false,
    }
}

/// Whether the container must not run as root and nobody says as whom: its image's user is root, so it would not
/// start. OpenShift chooses a user itself.
fn needs_user(request: &Request<'_>, context: Option<&Map<String, Value>>) -> bool {
    let pod_context = request.pod.pointer("/spec/securityContext");
    let setting = |key: &str| {
        let own = context.and_then(|context| context.get(key)).filter(|value| !value.is_null());
        own.or_else(|| pod_context?.get(key)).filter(|value| !value.is_null())
    };
    setting("runAsNonRoot") == Some(&json!(true))
        && setting("runAsUser").is_none()
        && namespace_annotation(request, OPENSHIFT_UID_RANGE).is_empty()
}

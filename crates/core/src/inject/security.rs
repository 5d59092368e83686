//! The security context of what we add: never weaker than the application's, never a reason to refuse the pod.

use ingraft_api::annotations::OPENSHIFT_UID_RANGE;
use serde_json::{Map, Value, json};

use super::language_context::LanguageContext;
use super::pod::{Container, Pod};
use super::valid;
use crate::finding::{Allowed, Findings};
use crate::json::{list, string};
use crate::snapshot::PodSecurity;

/// The user of a payload container that must not run as root, where nobody says which user: any number but 0 can
/// copy files.
pub(crate) const NON_ROOT_USER: u32 = 65532;

/// What a payload container may not lack if the application has it: the fields that Pod Security *restricted* looks
/// at (<https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted>).
const RESTRICTED: [&str; 4] = ["allowPrivilegeEscalation", "capabilities", "runAsNonRoot", "seccompProfile"];

/// The security context of a payload container: what is chosen for it, with a user where one is required, since the user
/// of an agent's image is root.
pub(crate) fn of_payload(
    context: &LanguageContext<'_, '_>,
    target: Container<'_>,
    findings: &mut Findings,
) -> Option<Value> {
    with_user(context.pod, chosen(context, target, findings))
}

/// The security context of an init container with the target's image, which reads what the target reads: it is the
/// target's own, whatever the Instrumentation chooses for other init containers. Privileges are of no use for that.
pub(crate) fn of_clone(target: Container<'_>) -> Option<Value> {
    let mut own = target.json.get("securityContext").and_then(Value::as_object).cloned()?;
    for privilege in ["privileged", "procMount"] {
        own.remove(privilege);
    }
    Some(Value::Object(own))
}

/// The Instrumentation's, completed by what the target has of *restricted*, or else the target's own. One that no pod
/// of this namespace may have is left out, with a finding.
fn chosen(
    context: &LanguageContext<'_, '_>,
    target: Container<'_>,
    findings: &mut Findings,
) -> Option<Map<String, Value>> {
    let pod = context.pod;
    let inherited = target.json.get("securityContext").and_then(Value::as_object).cloned();
    let chosen = context.spec().init_container_security_context.as_ref();
    match chosen.and_then(|chosen| serde_json::to_value(chosen).ok()) {
        Some(Value::Object(mut chosen)) => {
            complete(&mut chosen, inherited.as_ref());
            let refused = valid::invalid_security_context(&chosen, pod.json)
                .map(|field| (field, Allowed::SecurityContext))
                .or_else(|| violation(pod.security(), &chosen, pod.json));
            match refused {
                Some((field, allowed)) => {
                    context.ignore("/spec/initContainerSecurityContext", field, allowed, findings);
                    inherited
                }
                None => Some(chosen),
            }
        }
        _ => inherited,
    }
}

fn with_user(pod: &Pod<'_>, mut security: Option<Map<String, Value>>) -> Option<Value> {
    if needs_user(pod, security.as_ref()) {
        security.get_or_insert_default().insert("runAsUser".to_owned(), NON_ROOT_USER.into());
    }
    security.map(Value::Object)
}

/// The security context of the init container that attaches a module to a clone: that of the clone, since it changes what
/// the clone has written; with a user where one is required.
pub(crate) fn of_attach(context: &LanguageContext<'_, '_>, target: Container<'_>) -> Option<Value> {
    let own = of_clone(target).and_then(|own| own.as_object().cloned());
    with_user(context.pod, own)
}

/// The security context of a probe and its copier: the user of the application, and no right that they do not need.
pub(crate) fn of_probe(target: &Value) -> Value {
    const KEPT: [&str; 6] =
        ["runAsUser", "runAsGroup", "runAsNonRoot", "seLinuxOptions", "seccompProfile", "appArmorProfile"];
    let own = target.get("securityContext");
    let kept = KEPT.iter().filter_map(|key| Some(((*key).to_owned(), own?.get(key)?.clone())));
    let mut context: Map<String, Value> = kept.filter(|(_, value)| !value.is_null()).collect();
    context.insert("allowPrivilegeEscalation".to_owned(), false.into());
    context.insert("capabilities".to_owned(), json!({"drop": ["ALL"]}));
    Value::Object(context)
}

/// The security context of the Go agent: the Instrumentation's, or else what eBPF needs.
pub(crate) fn of_go(context: &LanguageContext<'_, '_>, findings: &mut Findings) -> Value {
    let pod = context.pod;
    let chosen = context.spec().go.as_ref().and_then(|go| go.security_context.as_ref());
    let mut security = match chosen.and_then(|chosen| serde_json::to_value(chosen).ok()) {
        Some(Value::Object(chosen)) => match valid::invalid_security_context(&chosen, pod.json) {
            None => chosen,
            Some(field) => {
                context.ignore("/spec/go/securityContext", field, Allowed::SecurityContext, findings);
                privileged()
            }
        },
        _ => privileged(),
    };
    // The pod's own demand would keep root from starting, and the pod from becoming ready.
    let non_root = pod.security_context("runAsNonRoot") == Some(&json!(true));
    if non_root && security.get("runAsUser") == Some(&json!(0)) && !security.contains_key("runAsNonRoot") {
        security.insert("runAsNonRoot".to_owned(), false.into());
    }
    Value::Object(security)
}

fn privileged() -> Map<String, Value> {
    Map::from_iter([("runAsUser".to_owned(), 0.into()), ("privileged".to_owned(), true.into())])
}

/// Adds what the target has of *restricted*, where the Instrumentation says nothing.
fn complete(chosen: &mut Map<String, Value>, inherited: Option<&Map<String, Value>>) {
    for key in RESTRICTED {
        if let Some(value) = inherited.and_then(|inherited| inherited.get(key))
            && !chosen.contains_key(key)
            && !contradicts(chosen, key)
        {
            chosen.insert(key.to_owned(), value.clone());
        }
    }
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

/// A field of a container's security context that a level of Pod Security refuses, and the level:
/// <https://kubernetes.io/docs/concepts/security/pod-security-standards/>.
fn violation(
    level: PodSecurity,
    context: &Map<String, Value>,
    pod: &Value,
) -> Option<(&'static str, Allowed)> {
    const BASELINE: [&str; 13] = [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ];
    const SELINUX: [&str; 5] =
        ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];
    let profile =
        |key: &str| context.get(key).and_then(|profile| string(profile, "type")).unwrap_or_default();
    let capabilities = |kind: &str| context.get("capabilities").map_or(&[][..], |all| list(all, kind));
    let added_only = |allowed: &[&str]| {
        capabilities("add").iter().all(|added| added.as_str().is_some_and(|added| allowed.contains(&added)))
    };
    let se_linux = |key: &str| context.get("seLinuxOptions").and_then(|options| string(options, key));
    let baseline = [
        ("privileged", context.get("privileged") != Some(&json!(true))),
        ("capabilities", added_only(&BASELINE)),
        ("seccompProfile", profile("seccompProfile") != "Unconfined"),
        ("appArmorProfile", profile("appArmorProfile") != "Unconfined"),
        ("procMount", matches!(context.get("procMount").and_then(Value::as_str), None | Some("Default"))),
        (
            "seLinuxOptions",
            SELINUX.contains(&se_linux("type").unwrap_or_default())
                && se_linux("user").unwrap_or_default().is_empty()
                && se_linux("role").unwrap_or_default().is_empty(),
        ),
    ];
    let effective = |key: &str| {
        let of_pod = || pod.pointer(&format!("/spec/securityContext/{key}"));
        context.get(key).or_else(of_pod).unwrap_or(&Value::Null)
    };
    let seccomp = string(effective("seccompProfile"), "type").unwrap_or_default();
    let restricted = [
        ("allowPrivilegeEscalation", context.get("allowPrivilegeEscalation") == Some(&json!(false))),
        ("runAsNonRoot", effective("runAsNonRoot") == &json!(true)),
        ("runAsUser", context.get("runAsUser") != Some(&json!(0))),
        ("seccompProfile", matches!(seccomp, "RuntimeDefault" | "Localhost")),
        ("capabilities", capabilities("drop").contains(&json!("ALL")) && added_only(&["NET_BIND_SERVICE"])),
    ];
    let broken =
        |rules: &[(&'static str, bool)]| rules.iter().find(|(_, holds)| !holds).map(|(field, _)| *field);
    let broken = match level {
        PodSecurity::Privileged => None,
        PodSecurity::Baseline => broken(&baseline),
        PodSecurity::Restricted => broken(&baseline).or_else(|| broken(&restricted)),
    };
    broken.map(|field| (field, Allowed::PodSecurity(level)))
}

/// Whether the container must not run as root and nobody says as whom: its image's user is root, so it would not
/// start. OpenShift chooses a user itself.
fn needs_user(pod: &Pod<'_>, security: Option<&Map<String, Value>>) -> bool {
    let setting = |key: &str| {
        let own = security.and_then(|security| security.get(key)).filter(|value| !value.is_null());
        own.or_else(|| pod.security_context(key)).filter(|value| !value.is_null())
    };
    setting("runAsNonRoot") == Some(&json!(true))
        && setting("runAsUser").is_none()
        && pod.namespace_annotation(OPENSHIFT_UID_RANGE).is_empty()
}

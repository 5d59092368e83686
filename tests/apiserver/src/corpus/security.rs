//! Security contexts of containers and pod.

use serde_json::{Value, json};

use super::Change;

fn context(pod: &mut Value, context: &Value) {
    for container in pod["spec"]["containers"].as_array_mut().unwrap() {
        container["securityContext"] = context.clone();
    }
}

/// Security contexts of containers and pod.
pub(crate) const SECURITY: &[Change] = &[
    ("no security context", |pod| {
        for container in pod["spec"]["containers"].as_array_mut().unwrap() {
            container.as_object_mut().unwrap().remove("securityContext");
        }
        pod["spec"].as_object_mut().unwrap().remove("securityContext");
    }),
    ("everything on the container", |pod| {
        pod["spec"].as_object_mut().unwrap().remove("securityContext");
        context(
            pod,
            &json!({
                "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
                "runAsNonRoot": true, "runAsUser": 1000, "runAsGroup": 1000, "readOnlyRootFilesystem": true,
                "seccompProfile": {"type": "RuntimeDefault"}, "seLinuxOptions": {"level": "s0:c1,c2"},
                "appArmorProfile": {"type": "RuntimeDefault"}, "privileged": false,
            }),
        );
    }),
    ("different contexts", |pod| {
        pod["spec"].as_object_mut().unwrap().remove("securityContext");
        context(
            pod,
            &json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"},
            "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}),
        );
        pod["spec"]["containers"][1]["securityContext"]["runAsUser"] = 7.into();
    }),
    ("root", |pod| {
        pod["spec"]["securityContext"] = json!({"runAsUser": 0, "runAsNonRoot": false, "fsGroup": 0});
        context(pod, &json!({}));
    }),
    ("non-root, and the container root", |pod| context(pod, &json!({"runAsUser": 0, "runAsNonRoot": false}))),
    ("privileged", |pod| {
        pod["spec"].as_object_mut().unwrap().remove("securityContext");
        context(pod, &json!({"privileged": true}));
    }),
    ("all capabilities", |pod| {
        context(pod, &json!({"capabilities": {"add": ["SYS_ADMIN", "CAP_SYS_ADMIN", "NET_ADMIN"]}}));
    }),
    ("users of its own and an unmasked /proc", |pod| {
        pod["spec"]["hostUsers"] = false.into();
        context(pod, &json!({"procMount": "Unmasked"}));
    }),
    ("everything on the pod", |pod| {
        pod["spec"]["securityContext"] = json!({
            "runAsNonRoot": true, "runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000, "supplementalGroups": [1],
            "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": {"type": "Localhost", "localhostProfile": "p"},
            "sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}], "supplementalGroupsPolicy": "Strict",
        });
    }),
    ("Windows options beside others", |pod| {
        context(pod, &json!({"windowsOptions": {"runAsUserName": "me"}, "runAsUser": 1000}));
    }),
];

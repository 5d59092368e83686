//! What sends the span: a pod of its own, or a container in a pod that runs.

use ingraft_api::Language;
use ingraft_api::annotations::{INJECT, SIDECAR};
use serde_json::{Map, Value, json};

use super::pick::Picked;
use super::place::Place;
use crate::LimitRange;

/// What the container may use. A quota may ask for both, and requests that are limits fit most policies.
const RESOURCES: [(&str, &str); 2] = [("cpu", "100m"), ("memory", "64Mi")];
/// What is taken over from the pod, because it decides who it is, where it runs, or how names resolve.
const TAKEN_OVER: [&str; 10] = [
    "dnsConfig",
    "dnsPolicy",
    "enableServiceLinks",
    "hostAliases",
    "hostNetwork",
    "imagePullSecrets",
    "nodeSelector",
    "runtimeClassName",
    "serviceAccountName",
    "tolerations",
];
/// Who the containers of the pod are, which decides who may read the files in its volumes.
const IDENTITY: [&str; 2] = ["runAsUser", "runAsGroup"];
const GROUPS: [&str; 2] = ["fsGroup", "supplementalGroups"];
/// The user of the operator's image.
const USER: i64 = 65532;

/// What is to be sent, and with which program.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The name of the pod or container.
    pub name: &'a str,
    /// The namespace.
    pub namespace: &'a str,
    /// The operator's image.
    pub image: &'a str,
    /// What is started, where that is not what the image says.
    pub command: &'a [String],
    /// When the image is pulled, if it is said.
    pub pull_policy: Option<&'a str>,
    /// The longest that the pod may be there.
    pub seconds: u64,
    /// The trace, in hexadecimal.
    pub trace_id: &'a str,
    /// The value of the attribute `ingraft.trace`.
    pub mark: &'a str,
    /// The service, where no variable names it.
    pub service: &'a str,
}

/// The labels of the pod: nothing selects it that selects the workload.
pub fn labels() -> Value {
    json!({"app.kubernetes.io/managed-by": "ingraft"})
}

/// The pod that sends. It is admitted where Pod Security is restricted, unless the workload uses the network of its node.
pub fn pod<'r>(
    place: &Place<'_>,
    order: &Order<'_>,
    ranges: impl IntoIterator<Item = &'r LimitRange>,
) -> Value {
    let picked = place.picked();
    let (mounts, volumes) = picked.mounts(place);
    let from = place.pod.get("spec").unwrap_or(&Value::Null);
    let mut container = container(place, order, &picked, &mounts, false);
    container.insert("resources".to_owned(), resources(ranges));
    let mut spec = json!({
        "restartPolicy": "Never",
        "activeDeadlineSeconds": order.seconds,
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": false,
        "securityContext": security_context(place, from),
        "containers": [container],
        "volumes": volumes,
        "affinity": affinity(from),
    });
    for key in TAKEN_OVER {
        if let Some(value) = from.get(key).filter(|value| !value.is_null()) {
            set(&mut spec, key, value.clone());
        }
    }
    let no = |key: &'static str| (key.to_owned(), json!("false"));
    let keys = Language::ALL.into_iter().map(Language::inject_key).chain([INJECT, SIDECAR]);
    let mut annotations: Map<String, Value> = keys.map(no).collect();
    annotations.insert("cluster-autoscaler.kubernetes.io/safe-to-evict".to_owned(), json!("true"));
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": order.name, "namespace": order.namespace, "labels": labels(), "annotations": annotations,
        },
        "spec": spec,
    })
}

/// The container that sends, in a pod that runs. It shares nothing but the network.
pub fn ephemeral_container(place: &Place<'_>, order: &Order<'_>) -> Value {
    let picked = place.picked();
    let (mut mounts, _) = picked.mounts(place);
    // https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#EphemeralContainer
    mounts.retain(|mount| mount.get("subPath").is_none() && mount.get("subPathExpr").is_none());
    Value::Object(container(place, order, &picked, &mounts, true))
}

fn container(
    place: &Place<'_>,
    order: &Order<'_>,
    picked: &Picked,
    mounts: &[Value],
    in_pod: bool,
) -> Map<String, Value> {
    let mut words = vec!["send-span".to_owned()];
    let values = [
        ("trace-id", order.trace_id),
        ("mark", order.mark),
        ("service", order.service),
        ("protocol", place.protocol()),
    ];
    words.extend(values.map(|(flag, value)| format!("--{flag}={value}")));
    words.extend(picked.defaults.iter().map(|(name, value)| format!("--default={name}={value}")));
    words.extend(in_pod.then(|| "--in-pod".to_owned()));
    let mut security = json!({
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"},
    });
    if in_pod {
        let from = place.pod.get("spec").unwrap_or(&Value::Null);
        for (key, value) in identity(place, from) {
            set(&mut security, key, value);
        }
        if user(place, from) == Some(0) {
            set(&mut security, "runAsUser", json!(USER));
        }
    }
    let mut container = Map::from_iter(
        [
            ("name", json!(order.name)),
            ("image", json!(order.image)),
            ("args", json!(words)),
            ("env", json!(picked.env)),
            ("envFrom", json!(picked.env_from)),
            ("volumeMounts", json!(mounts)),
            ("securityContext", security),
            // Of a program that does not know what it is asked for, this is what it complains of.
            ("terminationMessagePolicy", json!("FallbackToLogsOnError")),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    );
    if !order.command.is_empty() {
        container.insert("command".to_owned(), json!(order.command));
    }
    if let Some(policy) = order.pull_policy {
        container.insert("imagePullPolicy".to_owned(), json!(policy));
    }
    container
}

/// Requests and limits, as far as the namespace allows them.
fn resources<'r>(ranges: impl IntoIterator<Item = &'r LimitRange>) -> Value {
    let map = || Map::from_iter(RESOURCES.map(|(key, value)| (key.to_owned(), json!(value))));
    let mut both = [map(), map()];
    for range in ranges {
        range.fit(&mut both);
    }
    let [limits, _] = both;
    json!({"limits": limits, "requests": limits})
}

/// The user of the workload, if it is none that Pod Security refuses, and its groups.
fn security_context(place: &Place<'_>, from: &Value) -> Value {
    let mut context = json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}});
    for (key, value) in identity(place, from) {
        set(&mut context, key, value);
    }
    for key in GROUPS {
        if let Some(value) = from.pointer(&format!("/securityContext/{key}")) {
            set(&mut context, key, value.clone());
        }
    }
    context
}

fn identity(place: &Place<'_>, from: &Value) -> Vec<(&'static str, Value)> {
    if user(place, from).is_none_or(|user| user == 0) {
        return Vec::new();
    }
    IDENTITY.into_iter().filter_map(|key| Some((key, of_context(place, from, key)?.clone()))).collect()
}

fn user(place: &Place<'_>, from: &Value) -> Option<i64> {
    of_context(place, from, "runAsUser")?.as_i64()
}

/// A field of the security context of the container, or else of the pod.
fn of_context<'a>(place: &Place<'a>, from: &'a Value, key: &str) -> Option<&'a Value> {
    let pointer = format!("/securityContext/{key}");
    place.sender.pointer(&pointer).or_else(|| from.pointer(&pointer)).filter(|value| !value.is_null())
}

/// Which nodes the pod may run on, and best the one that the workload's pod is on. Rules about other pods are left out: they
/// are about the workload's labels.
fn affinity(from: &Value) -> Value {
    let mut nodes =
        from.pointer("/affinity/nodeAffinity").cloned().filter(Value::is_object).unwrap_or_else(|| json!({}));
    if let Some(node) = from.get("nodeName").filter(|node| node.is_string()) {
        let same = json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]});
        let preferred = json!([{"weight": 100, "preference": same}]);
        set(&mut nodes, "preferredDuringSchedulingIgnoredDuringExecution", preferred);
    }
    json!({"nodeAffinity": nodes})
}

fn set(object: &mut Value, key: &str, value: Value) {
    if let Value::Object(object) = object {
        object.insert(key.to_owned(), value);
    }
}

//! A pod of our own that shows whether a variable arrives from a probe's file on a node of some class, before any
//! application depends on it.
//!
//! It is made like a pod with a probe: the copier makes an empty file in a volume in memory, a probe writes the
//! variable, and the container takes it from there. It succeeds only if the value has arrived.

use ingraft_probe_contract::{Check, Command, Join, Plan, Rule};
use serde_json::{Value, json};

use super::command::{COPIER, FOLDER, of_copier, program, started};
use crate::inject::env::{VOLUME, from_file};
use crate::json::{list, string};
use crate::node::{Node, Taint};

/// The variable that is to arrive.
const VARIABLE: &str = "INGRAFT_CANARY";
const ARRIVED: &str = "arrived from the file";
const FILE: &str = "canary.env";

/// The longest that it may take, the pull of its image included.
pub const DEADLINE_SECONDS: u32 = 120;

/// The pod for a node, whose image is the operator's own. It is bound to the node, and has nothing that a Service or a
/// budget of ours selects, no credentials, and an end.
pub fn canary(name: &str, node_name: &str, node: &Node, image: &str) -> Value {
    let rule = Rule { name: VARIABLE.to_owned(), join: Join::default(ARRIVED) };
    let plan = Plan { rules: vec![rule], ..Plan::new(format!("{FOLDER}/{FILE}")) };
    let check = Check { name: VARIABLE.to_owned(), value: ARRIVED.to_owned() };
    let mount = json!([{"name": VOLUME, "mountPath": FOLDER}]);
    let container = |name: &str, command: Vec<String>, mounts: &Value, env: Value| {
        json!({
            "name": name, "image": image, "command": command, "env": env, "volumeMounts": mounts,
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
            "securityContext": {
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
            },
        })
    };
    let tolerate =
        |Taint { key, value, effect }: &Taint| json!({"key": key, "value": value, "effect": effect});
    let variable = json!([{"name": VARIABLE, "valueFrom": from_file(VARIABLE, FILE)}]);
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": {
                "app.kubernetes.io/name": "opentelemetry-operator", "app.kubernetes.io/component": "canary",
                "sidecar.istio.io/inject": "false",
            },
            // It needs no mesh, and keeps no node from being removed.
            "annotations": {
                "cluster-autoscaler.kubernetes.io/safe-to-evict": "true", "linkerd.io/inject": "disabled",
            },
        },
        "spec": {
            "nodeName": node_name,
            "tolerations": node.taints.iter().map(tolerate).collect::<Vec<Value>>(),
            "restartPolicy": "Never",
            "activeDeadlineSeconds": DEADLINE_SECONDS,
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            // As the user that the image names, or that OpenShift assigns.
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [super::volume()],
            "initContainers": [
                container(COPIER, of_copier(vec![FILE.to_owned()]), &mount, json!([])),
                container(&super::name(0), started(program(FOLDER), &Command::Probe(plan)), &mount, json!([])),
            ],
            "containers": [container("canary", started(program(""), &Command::Check(check)), &json!([]), variable)],
        },
    })
}

/// What has become of the pod: whether the variable arrived, or else why that is not known; `None` while it runs.
pub fn canary_result(pod: &Value) -> Option<Result<(), String>> {
    let status = pod.get("status").unwrap_or(&Value::Null);
    match string(status, "phase") {
        Some("Succeeded") => Some(Ok(())),
        Some("Failed") => Some(Err(why(status))),
        _ => None,
    }
}

/// What a pod that has not succeeded says of itself, or of the first container that has not.
pub fn why(status: &Value) -> String {
    let containers = ["initContainerStatuses", "containerStatuses"];
    let mut all = containers.into_iter().flat_map(|key| list(status, key));
    let of_container = all.find_map(|container| {
        let name = string(container, "name").unwrap_or_default();
        let state = container.get("state")?;
        if let Some(waiting) = state.get("waiting")
            && string(waiting, "reason").is_some_and(|reason| reason != "PodInitializing")
        {
            let [reason, message] = ["reason", "message"].map(|key| string(waiting, key).unwrap_or_default());
            return Some(format!("container {name} waits: {reason}: {message}"));
        }
        let ended = state.get("terminated")?;
        let code = ended.get("exitCode").and_then(Value::as_i64).filter(|code| *code != 0)?;
        Some(format!("container {name} ended with exit code {code}"))
    });
    let [reason, message] = ["reason", "message"].map(|key| string(status, key).unwrap_or_default());
    let of_pod = || (!reason.is_empty()).then(|| format!("{reason}: {message}"));
    of_container.or_else(of_pod).unwrap_or_else(|| "it has not ended".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_bound_to_its_node_and_does_what_probes_do() {
        let taint = Taint { key: "gpu".to_owned(), value: "yes".to_owned(), effect: "NoSchedule".to_owned() };
        let node = Node { taints: vec![taint], ..Node::default() };
        let pod = canary("canary", "n1", &node, "example.com/ingraft:1");
        assert_eq!(pod["spec"]["nodeName"], "n1");
        assert_eq!(
            pod["spec"]["tolerations"],
            json!([{"key": "gpu", "value": "yes", "effect": "NoSchedule"}])
        );
        let commands: Vec<Command> = ["initContainers", "containers"]
            .into_iter()
            .flat_map(|key| list(&pod["spec"], key))
            .map(|container| {
                let words = list(container, "command").iter().skip(1);
                Command::parse(words.filter_map(Value::as_str).map(str::to_owned)).unwrap()
            })
            .collect();
        assert!(
            matches!(commands[..], [Command::Install(_), Command::Probe(_), Command::Check(_)]),
            "{commands:?}"
        );
        let source = &pod["spec"]["containers"][0]["env"][0]["valueFrom"]["fileKeyRef"];
        assert_eq!((&source["key"], &source["path"]), (&json!(VARIABLE), &json!(FILE)));
    }

    #[test]
    fn tells_what_kept_the_variable_from_arriving() {
        let result = |status: Value| canary_result(&json!({"status": status}));
        assert_eq!(result(json!({"phase": "Pending"})), None);
        assert_eq!(result(json!({"phase": "Succeeded"})), Some(Ok(())));
        let ended = |code: u8| json!({"name": "canary", "state": {"terminated": {"exitCode": code}}});
        let failed =
            json!({"phase": "Failed", "initContainerStatuses": [ended(0)], "containerStatuses": [ended(1)]});
        assert_eq!(result(failed), Some(Err("container canary ended with exit code 1".to_owned())));
        let late = json!({"phase": "Failed", "reason": "DeadlineExceeded", "message": "too long"});
        assert_eq!(result(late), Some(Err("DeadlineExceeded: too long".to_owned())));
        let waiting = json!({"reason": "ImagePullBackOff", "message": "Back-off pulling image"});
        let status = json!({"initContainerStatuses": [{"name": "c", "state": {"waiting": waiting}}]});
        assert_eq!(why(&status), "container c waits: ImagePullBackOff: Back-off pulling image");
        assert_eq!(why(&json!({})), "it has not ended");
    }
}

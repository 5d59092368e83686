//! How far the container is that sends, as its pod shows it.

use serde_json::Value;

use crate::json::{list, named, string, string_at};

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It has not started; what keeps it, or nothing.
    Waits(String),
    /// It will not start without somebody's help.
    Stuck(String),
    /// It runs.
    Runs,
    /// It has ended, and told this.
    Told(String),
    /// It has ended without a word; what is known of that.
    Ended(String),
}

/// Reasons for which waiting does not help: an image that was pulled in vain, and what cannot be started as it is written.
/// <https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/kubelet/images/types.go>.
const STUCK: [&str; 6] = [
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
];

/// How far a container of a pod is. What others add to the pod, such as a mesh, may run on.
pub fn progress(pod: &Value, container: &str) -> Progress {
    let status = pod.get("status").unwrap_or(&Value::Null);
    let lists = ["containerStatuses", "ephemeralContainerStatuses"];
    let state = lists.into_iter().find_map(|key| named(list(status, key), container)?.get("state"));
    let state = state.unwrap_or(&Value::Null);
    if let Some(ended) = state.get("terminated") {
        return match string(ended, "message").map(str::trim).filter(|message| !message.is_empty()) {
            Some(message) => Progress::Told(message.to_owned()),
            None => Progress::Ended(how(ended)),
        };
    }
    if state.get("running").is_some() {
        return Progress::Runs;
    }
    if matches!(string(status, "phase"), Some("Failed" | "Succeeded")) {
        return Progress::Ended(reason_and_message(status));
    }
    let others = ["initContainerStatuses", "containerStatuses"];
    let waiting = state.get("waiting").filter(|waiting| says_something(waiting));
    let of_others = || {
        let mut all = others.into_iter().flat_map(|key| list(status, key));
        all.find_map(|one| one.pointer("/state/waiting").filter(|waiting| says_something(waiting)))
    };
    match waiting.or_else(of_others) {
        Some(waiting) if STUCK.contains(&string(waiting, "reason").unwrap_or_default()) => {
            Progress::Stuck(reason_and_message(waiting))
        }
        Some(waiting) => Progress::Waits(reason_and_message(waiting)),
        None => Progress::Waits(unscheduled(status)),
    }
}

fn says_something(waiting: &Value) -> bool {
    !matches!(string(waiting, "reason"), None | Some("" | "ContainerCreating" | "PodInitializing"))
}

/// Why no node takes the pod; empty if one does.
fn unscheduled(status: &Value) -> String {
    let is_it = |condition: &&Value| {
        string(condition, "type") == Some("PodScheduled") && string(condition, "status") == Some("False")
    };
    list(status, "conditions").iter().find(is_it).map(reason_and_message).unwrap_or_default()
}

fn how(ended: &Value) -> String {
    let code = ended.get("exitCode").and_then(Value::as_i64).unwrap_or_default();
    format!("{}, exit code {code}", string_at(ended, "/reason").unwrap_or("?"))
}

fn reason_and_message(of: &Value) -> String {
    match (string(of, "reason").unwrap_or_default(), string(of, "message").unwrap_or_default()) {
        ("", message) => message.to_owned(),
        (reason, "") => reason.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tells_what_keeps_the_container() {
        let of = |status: Value| progress(&json!({"status": status}), "trace");
        let state = |state: Value| json!({"containerStatuses": [{"name": "trace", "state": state}]});
        let waiting = |reason: &str| state(json!({"waiting": {"reason": reason, "message": "m"}}));
        assert_eq!(of(json!({})), Progress::Waits(String::new()));
        assert_eq!(of(waiting("ContainerCreating")), Progress::Waits(String::new()));
        assert_eq!(of(waiting("ErrImagePull")), Progress::Waits("ErrImagePull: m".to_owned()));
        assert_eq!(of(waiting("ImagePullBackOff")), Progress::Stuck("ImagePullBackOff: m".to_owned()));
        let condition =
            json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3"});
        assert_eq!(of(json!({"conditions": [condition]})), Progress::Waits("Unschedulable: 0/3".to_owned()));
        assert_eq!(of(state(json!({"running": {}}))), Progress::Runs);
        let ended = |message: &str| {
            state(json!({"terminated": {"reason": "Error", "exitCode": 1, "message": message}}))
        };
        assert_eq!(of(ended("{}\n")), Progress::Told("{}".to_owned()));
        assert_eq!(of(ended("")), Progress::Ended("Error, exit code 1".to_owned()));
        let evicted = json!({"phase": "Failed", "reason": "Evicted", "message": "disk"});
        assert_eq!(of(evicted), Progress::Ended("Evicted: disk".to_owned()));
        let mesh = json!({"initContainerStatuses": [{"name": "mesh", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]});
        assert_eq!(of(mesh), Progress::Stuck("ImagePullBackOff".to_owned()));
        let ephemeral = json!({"ephemeralContainerStatuses": [{"name": "trace", "state": {"running": {}}}]});
        assert_eq!(of(ephemeral), Progress::Runs);
    }
}

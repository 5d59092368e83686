//! Pods for the API server to try: what it refuses in one of them, it would refuse in pods of others.

use ingraft_api::plan::{Agent, PlanSpec, Telemetry};
use serde_json::{Value, json};

use super::TRIAL;

/// The names of all parts of a plan.
pub fn parts(plan: &PlanSpec) -> impl Iterator<Item = &str> {
    plan.agents.keys().chain(plan.telemetry.keys()).map(String::as_str)
}

/// A pod with these parts, each in a container of its own. Names in parts hold no words, so it can be created as it is.
pub fn trial_pod<'a>(plan: &PlanSpec, parts: impl Iterator<Item = &'a str>, image: &str) -> Value {
    // An operator that does not know its own image has no probes.
    let image = if image.is_empty() { "trial" } else { image };
    // The operator's namespace enforces Pod Security *restricted*.
    let security = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    // What a quota may demand of every container.
    let own = json!({"limits": {"cpu": "10m", "memory": "16Mi", "ephemeral-storage": "16Mi"}});
    let (no_agent, no_telemetry) = (Agent::default(), Telemetry::default());
    let (mut init_containers, mut containers, mut volumes) = (Vec::new(), Vec::new(), Vec::new());
    let parts: Vec<&str> = parts.collect();
    for (number, part) in parts.iter().enumerate() {
        let agent = plan.agents.get(*part).unwrap_or(&no_agent);
        let telemetry = plan.telemetry.get(*part).unwrap_or(&no_telemetry);
        // All have the same few names. Alone, one that is as long as may be stays valid.
        let numbered =
            |name: &str| if parts.len() == 1 { name.to_owned() } else { format!("{name}-{number}") };
        for container in &agent.init_containers {
            init_containers.push(json!({
                "name": numbered(&container.name), "image": container.image,
                "imagePullPolicy": container.image_pull_policy, "command": container.command, "securityContext": security,
                "resources": if agent.resources.limits.is_empty() { own.clone() } else { json!({"limits": agent.resources.limits}) },
                "volumeMounts": [{"name": numbered(&container.volume), "mountPath": container.mount_path}],
            }));
        }
        let env: Vec<_> = agent.prepended.iter().chain(&agent.env).chain(&telemetry.env).collect();
        let mut mounts = Vec::new();
        for mount in agent.mounts.iter().chain(&telemetry.mounts) {
            let mut mount = json!(mount);
            rename(&mut mount, numbered);
            mounts.push(mount);
        }
        for volume in telemetry.volumes.iter().chain(&agent.volumes) {
            let mut volume = json!(volume);
            rename(&mut volume, numbered);
            volumes.push(volume);
        }
        containers.push(json!({
            "name": numbered("trial"), "image": image, "env": env, "volumeMounts": mounts, "resources": own,
            "securityContext": security,
        }));
    }
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": TRIAL},
        "spec": {
            "automountServiceAccountToken": false,
            "initContainers": init_containers,
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": containers,
            "volumes": volumes,
        },
    })
}

fn rename(item: &mut Value, named: impl Fn(&str) -> String) {
    if let Some(name) = item.get_mut("name") {
        *name = named(name.as_str().unwrap_or_default()).into();
    }
}

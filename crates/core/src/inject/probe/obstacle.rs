//! What keeps a container from having a probe (docs/reference/merging.md 14).
//!
//! Where the file of a probe does not reach the kubelet, the application would lose variables or not start. So there
//! are probes only where nothing is known to be in the way, and where every node on which the pod may run is of a class
//! that has been seen to take a variable from a file.

use serde_json::Value;

use crate::Halts;
use crate::finding::Obstacle;
use crate::json::string;
use crate::node::{Node, OLDEST_WITH_FILES, Placement};
use crate::settings::{EnvProbe, Settings};
use crate::snapshot::Snapshot;

/// Handlers of a RuntimeClass that run containers in the node's own kernel, where the kubelet sees their files. Others
/// may keep volumes inside a virtual machine.
const ORDINARY_HANDLERS: [&str; 3] = ["runc", "crun", "nvidia"];

/// What keeps all containers of a pod from having a probe.
pub(crate) fn of_pod(spec: &Value, snapshot: &Snapshot, settings: &Settings) -> Option<Obstacle> {
    if !settings.probes() {
        return Some(Obstacle::SwitchedOff);
    }
    let of_spec = || {
        if string(spec, "restartPolicy") == Some("Never") {
            Some(Obstacle::NeverRestarted)
        } else {
            of_security_context(spec.get("securityContext")).or_else(|| of_runtime(spec, snapshot))
        }
    };
    of_nodes(spec, snapshot, settings).or_else(of_spec)
}

/// The same for what went wrong with probes in a namespace, or in an image there.
pub(crate) fn of_halts(halts: &Halts, namespace: &str, image: &str) -> Option<Obstacle> {
    if halts.0.is_empty() {
        None
    } else if halts.are_stripped(namespace) {
        Some(Obstacle::Stripped)
    } else {
        let failed = halts.has_no_copier(namespace) || halts.has_no_probe(namespace, image);
        failed.then_some(Obstacle::Failed)
    }
}

/// The same for what a security context of a pod or container asks for.
pub(crate) fn of_security_context(context: Option<&Value>) -> Option<Obstacle> {
    let is_localhost =
        |key: &str| context.and_then(|context| string(context.get(key)?, "type")) == Some("Localhost");
    ["seccompProfile", "appArmorProfile"].into_iter().any(is_localhost).then_some(Obstacle::LocalhostProfile)
}

fn of_nodes(spec: &Value, snapshot: &Snapshot, settings: &Settings) -> Option<Obstacle> {
    let needs_proof = settings.env_probe != EnvProbe::Always;
    let oldest = |nodes: &mut dyn Iterator<Item = &Node>| nodes.map(|node| node.class.minor()).min();
    let is_old = |minor: Option<u16>| minor.is_some_and(|minor| minor < OLDEST_WITH_FILES);
    let mut ordinary = snapshot.nodes.iter().filter(|node| node.is_ordinary());
    if needs_proof && snapshot.nodes.iter().next().is_none() {
        return Some(Obstacle::NoNode);
    }
    if is_old(oldest(&mut ordinary)) || needs_proof && is_old(snapshot.proofs.oldest_minor()) {
        return Some(Obstacle::OldNode);
    }
    let placement = Placement::of(spec);
    let mut nodes = placement.nodes(&snapshot.nodes).peekable();
    if placement.is_for_virtual_nodes() {
        return Some(Obstacle::VirtualNode);
    }
    if needs_proof && nodes.peek().is_none() {
        return Some(Obstacle::NoNodeFits);
    }
    let mut proven = None;
    nodes.find_map(|node| {
        if node.is_virtual() {
            return Some(Obstacle::VirtualNode);
        }
        let is_proven = !needs_proof || proven == Some(&node.class) || snapshot.proofs.is_proven(&node.class);
        if !is_proven {
            return Some(Obstacle::Unproven(node.class.to_string()));
        }
        // Most nodes are like the one before.
        proven = Some(&node.class);
        None
    })
}

fn of_runtime(spec: &Value, snapshot: &Snapshot) -> Option<Obstacle> {
    let name = string(spec, "runtimeClassName").filter(|name| !name.is_empty())?;
    let handler = snapshot.runtime_classes.get("", name);
    let is_ordinary = handler.is_some_and(|handler| ORDINARY_HANDLERS.contains(&&**handler));
    (!is_ordinary).then(|| Obstacle::Runtime(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::NodeClass;
    use crate::node::Taint;

    fn settings(when: EnvProbe) -> Settings {
        let mut settings = Settings::default();
        settings.env_probe = when;
        "example.com/ingraft:1".clone_into(&mut settings.probe_image);
        settings
    }

    fn node(kubelet: &str, pool: &str) -> Node {
        let class = NodeClass { kubelet: kubelet.to_owned(), ..NodeClass::default() };
        Node { class, labels: [("pool".into(), pool.into())].into(), ..Node::default() }
    }

    /// Nodes of these versions and pools, none of which is proven.
    fn cluster(nodes: &[(&str, &str)]) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for (index, (kubelet, pool)) in nodes.iter().enumerate() {
            snapshot.nodes.insert(String::new(), format!("n{index}"), node(kubelet, pool));
        }
        snapshot
    }

    fn obstacle(spec: &Value, snapshot: &Snapshot) -> Option<Obstacle> {
        of_pod(spec, snapshot, &settings(EnvProbe::Auto))
    }

    #[test]
    fn every_class_that_the_pod_may_run_on_is_proven() {
        let any = json!({});
        assert_eq!(obstacle(&any, &cluster(&[])), Some(Obstacle::NoNode));
        let mut snapshot = cluster(&[("v1.36.1", "a"), ("v1.37.0", "b")]);
        snapshot.proofs.prove(&node("v1.36.1", "a").class, 1);
        assert_eq!(obstacle(&any, &snapshot), Some(Obstacle::Unproven("v1.37.0".to_owned())));
        assert_eq!(obstacle(&json!({"nodeSelector": {"pool": "a"}}), &snapshot), None);
        assert_eq!(obstacle(&json!({"nodeSelector": {"pool": "c"}}), &snapshot), Some(Obstacle::NoNodeFits));
        snapshot.proofs.prove(&node("v1.37.0", "b").class, 1);
        assert_eq!(obstacle(&any, &snapshot), None);
    }

    #[test]
    fn a_pool_of_old_nodes_that_is_empty_today_counts() {
        let mut snapshot = cluster(&[("v1.36.1", "a")]);
        snapshot.proofs.prove(&node("v1.36.1", "a").class, 9);
        snapshot.proofs.see(std::iter::once(&node("v1.34.9", "old")), 9);
        assert_eq!(obstacle(&json!({}), &snapshot), Some(Obstacle::OldNode));
    }

    #[test]
    fn without_the_proof_only_what_is_known_to_be_in_the_way_counts() {
        let always = settings(EnvProbe::Always);
        assert_eq!(of_pod(&json!({}), &cluster(&[]), &always), None);
        assert_eq!(of_pod(&json!({}), &cluster(&[("v1.36.1", "a")]), &always), None);
        assert_eq!(of_pod(&json!({}), &cluster(&[("v1.34.1", "a")]), &always), Some(Obstacle::OldNode));
        let never = json!({"restartPolicy": "Never"});
        assert_eq!(of_pod(&never, &cluster(&[]), &always), Some(Obstacle::NeverRestarted));
        let off = settings(EnvProbe::Never);
        assert_eq!(of_pod(&json!({}), &cluster(&[]), &off), Some(Obstacle::SwitchedOff));
    }

    #[test]
    fn virtual_nodes_have_no_files() {
        let mut snapshot = cluster(&[("v1.36.1", "a")]);
        snapshot.proofs.prove(&node("v1.36.1", "a").class, 1);
        let mut kubelet = node("v1.36.1", "a");
        let key = "virtual-kubelet.io/provider".to_owned();
        kubelet.taints.push(Taint { key, value: "azure".to_owned(), effect: "NoSchedule".to_owned() });
        snapshot.nodes.insert(String::new(), "virtual".into(), kubelet);
        assert_eq!(obstacle(&json!({}), &snapshot), None);
        let tolerates = json!({"tolerations": [{"operator": "Exists"}]});
        assert_eq!(obstacle(&tolerates, &snapshot), Some(Obstacle::VirtualNode));
        let fargate = json!({"schedulerName": "fargate-scheduler"});
        assert_eq!(obstacle(&fargate, &snapshot), Some(Obstacle::VirtualNode));
    }

    #[test]
    fn a_runtime_class_has_to_have_an_ordinary_handler() {
        let mut snapshot = cluster(&[("v1.36.1", "a")]);
        snapshot.proofs.prove(&node("v1.36.1", "a").class, 1);
        for (name, handler) in [("gpu", "nvidia"), ("runc", "kata-qemu")] {
            snapshot.runtime_classes.insert(String::new(), name.into(), handler.into());
        }
        let class = |name: &str| obstacle(&json!({"runtimeClassName": name}), &snapshot);
        assert_eq!(class("gpu"), None);
        assert_eq!(class("runc"), Some(Obstacle::Runtime("runc".to_owned())));
        assert_eq!(class("unknown"), Some(Obstacle::Runtime("unknown".to_owned())));
    }
}

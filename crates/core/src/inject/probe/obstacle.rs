//! Where no probe may run.

use serde_json::Value;

use crate::finding::Obstacle;
use crate::inject::Request;
use crate::inject::target::Container;
use crate::json::string;

/// Why a container cannot have a probe (docs/reference/merging.md 14).
pub(crate) fn of(request: &Request<'_>, container: Container<'_>) -> Option<Obstacle> {
    let spec = request.pod.get("spec").unwrap_or(&Value::Null);
    let localhost = |context: Option<&Value>| {
        let profile = |key: &str| context?.get(key).and_then(|profile| string(profile, "type"));
        [profile("seccompProfile"), profile("appArmorProfile")].contains(&Some("Localhost"))
    };
    let nodes = &request.snapshot.nodes;
    if !request.settings.probes() {
        Some(Obstacle::SwitchedOff)
    } else if nodes.iter().next().is_none() {
        Some(Obstacle::NoNode)
    } else if nodes.iter().any(|node| node.minor < 35) {
        Some(Obstacle::OldNode)
    } else if string(spec, "restartPolicy") == Some("Never") {
        Some(Obstacle::NeverRestarted)
    } else if localhost(spec.get("securityContext")) || localhost(container.json.get("securityContext")) {
        Some(Obstacle::LocalhostProfile)
    } else {
        None
    }
}

//! Where no probe may run.

use serde_json::Value;

use crate::inject::Request;
use crate::inject::target::Container;
use crate::json::string;

/// Why a container cannot have a probe (environment.md, section 3).
pub(crate) fn of(request: &Request<'_>, container: Container<'_>) -> Option<&'static str> {
    let spec = request.pod.get("spec").unwrap_or(&Value::Null);
    let localhost = |context: Option<&Value>| {
        let profile = |key: &str| context?.get(key).and_then(|profile| string(profile, "type"));
        [profile("seccompProfile"), profile("appArmorProfile")].contains(&Some("Localhost"))
    };
    let nodes = &request.snapshot.nodes;
    if !request.settings.probes() {
        Some("the probe is switched off")
    } else if nodes.iter().next().is_none() {
        Some("no node is known")
    } else if nodes.iter().any(|node| node.minor < 35) {
        Some("a node is older than Kubernetes 1.35")
    } else if string(spec, "restartPolicy") == Some("Never") {
        Some("a probe that is killed would fail the pod")
    } else if localhost(spec.get("securityContext")) || localhost(container.json.get("securityContext")) {
        Some("a Localhost profile may not allow it")
    } else {
        None
    }
}

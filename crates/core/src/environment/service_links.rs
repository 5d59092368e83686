//! The variables that tell containers where Services are.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::Value;

use crate::json::{list, string, string_at};

/// A variable that the kubelet makes from a Service.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceVariable {
    /// Its name.
    pub name: String,
    /// Its value; `None` where two Services give it different ones, of which the kubelet takes any.
    pub value: Option<String>,
}

/// The variables that the Services of a cluster give to a pod's containers: those of its own namespace unless the pod
/// switches them off, and always those of `kubernetes` in the namespace `default`.
///
/// <https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/kubelet/kubelet_pods.go> (`getServiceEnvVarMap`),
/// <https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/kubelet/envvars/envvars.go>.
pub fn service_links<'a>(
    services: impl IntoIterator<Item = &'a Value>,
    namespace: &str,
    pod: &Value,
) -> Vec<ServiceVariable> {
    let mut visible: BTreeMap<&str, &Value> = BTreeMap::new();
    for service in services {
        let text = |pointer| string_at(service, pointer).unwrap_or_default();
        let (name, home) = (text("/metadata/name"), text("/metadata/namespace"));
        if matches!(text("/spec/clusterIP"), "" | "None") {
            continue;
        }
        if (home, name) == ("default", "kubernetes") {
            visible.entry(name).or_insert(service);
        } else if home == namespace && are_enabled(pod) {
            visible.insert(name, service);
        }
    }
    let mut all: BTreeMap<String, Option<String>> = BTreeMap::new();
    for (name, service) in visible {
        for (name, value) in variables(name, service) {
            match all.entry(name) {
                Entry::Vacant(entry) => {
                    entry.insert(Some(value));
                }
                Entry::Occupied(mut entry) if entry.get().as_ref() != Some(&value) => {
                    entry.insert(None);
                }
                Entry::Occupied(_) => {}
            }
        }
    }
    all.into_iter().map(|(name, value)| ServiceVariable { name, value }).collect()
}

/// Whether a Service that is not known may set the variable. This is true of some that none can set, too.
pub(super) fn may_set(name: &str, pod: &Value) -> bool {
    let formed = name.ends_with("_SERVICE_HOST") || name.ends_with("_PORT") || name.contains("_PORT_");
    formed && (are_enabled(pod) || name.starts_with("KUBERNETES_"))
}

/// The API server sets this to true where it is absent.
fn are_enabled(pod: &Value) -> bool {
    pod.pointer("/spec/enableServiceLinks") != Some(&Value::Bool(false))
}

fn variables(service: &str, object: &Value) -> BTreeMap<String, String> {
    let name = variable_name(service);
    let address = string_at(object, "/spec/clusterIP").unwrap_or_default();
    let mut variables = BTreeMap::from([(format!("{name}_SERVICE_HOST"), address.to_owned())]);
    let ports = object.get("spec").map_or(&[][..], |spec| list(spec, "ports"));
    for (index, port) in ports.iter().enumerate() {
        let number = port.get("port").and_then(Value::as_u64).unwrap_or_default();
        let protocol = string(port, "protocol").filter(|text| !text.is_empty()).unwrap_or("TCP");
        let (upper, lower) = (protocol.to_ascii_uppercase(), protocol.to_ascii_lowercase());
        let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
        let url = format!("{lower}://{host}:{number}");
        if index == 0 {
            variables.insert(format!("{name}_SERVICE_PORT"), number.to_string());
            variables.insert(format!("{name}_PORT"), url.clone());
        }
        if let Some(port_name) = string(port, "name").filter(|text| !text.is_empty()) {
            let variable = format!("{name}_SERVICE_PORT_{}", variable_name(port_name));
            variables.insert(variable, number.to_string());
        }
        let prefix = format!("{name}_PORT_{number}_{upper}");
        variables.insert(format!("{prefix}_PROTO"), lower);
        variables.insert(format!("{prefix}_PORT"), number.to_string());
        variables.insert(format!("{prefix}_ADDR"), address.to_owned());
        variables.insert(prefix, url);
    }
    variables
}

fn variable_name(text: &str) -> String {
    text.replace('-', "_").to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service(namespace: &str, name: &str, address: &str, ports: &Value) -> Value {
        json!({"metadata": {"name": name, "namespace": namespace}, "spec": {"clusterIP": address, "ports": ports}})
    }

    fn shown(services: &[Value], pod: &Value) -> Vec<String> {
        let links = service_links(services, "shop", pod);
        links
            .into_iter()
            .map(|link| format!("{}={}", link.name, link.value.as_deref().unwrap_or("?")))
            .collect()
    }

    #[test]
    fn names_addresses_and_ports() {
        let ports = json!([{"name": "web-ui", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}]);
        assert_eq!(
            shown(&[service("shop", "my-db", "fd00::1", &ports)], &json!({})),
            [
                "MY_DB_PORT=tcp://[fd00::1]:80",
                "MY_DB_PORT_53_UDP=udp://[fd00::1]:53",
                "MY_DB_PORT_53_UDP_ADDR=fd00::1",
                "MY_DB_PORT_53_UDP_PORT=53",
                "MY_DB_PORT_53_UDP_PROTO=udp",
                "MY_DB_PORT_80_TCP=tcp://[fd00::1]:80",
                "MY_DB_PORT_80_TCP_ADDR=fd00::1",
                "MY_DB_PORT_80_TCP_PORT=80",
                "MY_DB_PORT_80_TCP_PROTO=tcp",
                "MY_DB_SERVICE_HOST=fd00::1",
                "MY_DB_SERVICE_PORT=80",
                "MY_DB_SERVICE_PORT_DNS=53",
                "MY_DB_SERVICE_PORT_WEB_UI=80",
            ]
        );
    }

    #[test]
    fn shows_the_own_namespace_and_kubernetes() {
        let port = json!([]);
        let services = [
            service("default", "kubernetes", "10.0.0.1", &port),
            service("default", "other", "10.0.0.2", &port),
            service("shop", "headless", "None", &port),
            service("shop", "external", "", &port),
            service("shop", "db", "10.0.0.3", &port),
        ];
        let kubernetes = "KUBERNETES_SERVICE_HOST=10.0.0.1";
        assert_eq!(shown(&services, &json!({})), ["DB_SERVICE_HOST=10.0.0.3", kubernetes]);
        let pod = json!({"spec": {"enableServiceLinks": false}});
        assert_eq!(shown(&services, &pod), [kubernetes]);
    }

    #[test]
    fn the_own_namespace_wins_over_kubernetes_in_any_order() {
        let mut services = [
            service("default", "kubernetes", "10.0.0.1", &json!([])),
            service("shop", "kubernetes", "10.0.0.2", &json!([])),
        ];
        let own = ["KUBERNETES_SERVICE_HOST=10.0.0.2"];
        assert_eq!(shown(&services, &json!({})), own);
        services.reverse();
        assert_eq!(shown(&services, &json!({})), own);
    }

    #[test]
    fn does_not_know_which_of_two_services_wins() {
        let port = json!([{"port": 80}]);
        let services =
            [service("shop", "a", "10.0.0.1", &port), service("shop", "a-service", "10.0.0.2", &port)];
        assert!(shown(&services, &json!({})).contains(&"A_SERVICE_PORT=?".to_owned()));
    }

    #[test]
    fn recognises_every_name_that_it_makes() {
        let ports = json!([{"name": "a", "port": 80}, {"port": 53, "protocol": "UDP"}]);
        for link in service_links(&[service("shop", "my-db", "10.0.0.1", &ports)], "shop", &json!({})) {
            assert!(may_set(&link.name, &json!({})), "{}", link.name);
        }
        assert!(!may_set("JAVA_TOOL_OPTIONS", &json!({})));
    }
}

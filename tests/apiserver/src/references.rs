//! What an Instrumentation names and the pod's namespace has or lacks: Secrets, ConfigMaps, ports of Services.

use serde_json::{Value, json};

use crate::cluster::{IMAGE, INJECT_PYTHON, exclusive, instrumentation, is_injected, pod, shared};
use crate::wait::until;

fn with_references() -> Value {
    json!({
        "exporter": {"endpoint": "https://collector.elsewhere:4318", "tls": {"configMapName": "ca", "ca_file": "ca.crt"}},
        "env": [{"name": "API_KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "k"}}}],
    })
}

fn config_map(namespace: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": {"ca.crt": "x"}})
}

/// Codes of the findings about references in what `kubectl` said.
fn missing(said: &str) -> Vec<&str> {
    said.lines().filter(|line| line.contains("ReferenceMissing")).collect()
}

#[test]
fn a_missing_config_map_is_told_and_the_pod_starts_without_it() {
    let (cluster, _) = shared();
    cluster.namespace("references", &json!({}));
    cluster.apply(&[instrumentation("references", "tls", &with_references())]);
    cluster.wait_seen();
    let ask = || cluster.create(true, &[pod("references", "asks", &json!({INJECT_PYTHON: "tls"}))]);
    let (accepted, said) = ask();
    assert!(accepted.iter().any(is_injected), "{said}");
    // Secrets are not looked at unless somebody allows it.
    assert_eq!(missing(&said).len(), 1, "{said}");
    assert!(missing(&said)[0].contains("ConfigMap") && said.contains("references"), "{said}");
    let spec = &accepted[0]["spec"];
    let volumes = spec["volumes"].as_array().unwrap();
    let volume = volumes.iter().find(|volume| volume["name"] == "otel-auto-configmap-ca").unwrap();
    assert_eq!(volume["configMap"]["optional"], true, "{volume}");
    let env = spec["containers"][0]["env"].as_array().unwrap();
    let key = env.iter().find(|entry| entry["name"] == "API_KEY").unwrap();
    assert_eq!(key["valueFrom"]["secretKeyRef"]["optional"], true, "{key}");

    cluster.apply(&[config_map("references", "ca")]);
    until("the ConfigMap is known", ask, |(_, said)| missing(said).is_empty());
}

#[test]
fn with_check_secrets_a_missing_secret_is_told_too() {
    let cluster = exclusive();
    let manifests = cluster.ingraft(&["manifests", "operator", "--image", IMAGE, "--check-secrets"]).stdout;
    cluster.kubectl().apply(&String::from_utf8(manifests).unwrap()).unwrap();
    let mut operator = cluster.operator_with("operator", &["--check-secrets"]);
    operator.wait_ready();
    cluster.namespace("secrets", &json!({}));
    cluster.apply(&[config_map("secrets", "ca"), instrumentation("secrets", "tls", &with_references())]);
    cluster.wait_seen();
    let ask = || cluster.create(true, &[pod("secrets", "asks", &json!({INJECT_PYTHON: "tls"}))]);
    let told = |(_, said): &(Vec<Value>, String)| missing(said).iter().any(|line| line.contains("Secret"));
    let (accepted, said) = until("the Secret is missed", ask, told);
    assert!(accepted.iter().any(is_injected), "{said}");

    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys", "namespace": "secrets"}, "stringData": {"k": "v"}});
    cluster.apply(&[secret]);
    until("the Secret is known", ask, |(_, said)| missing(said).is_empty());
}

#[test]
fn the_command_line_asks_the_cluster_with_the_rights_of_its_user() {
    let (cluster, _) = shared();
    cluster.namespace("asked", &json!({}));
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys", "namespace": "asked"}, "stringData": {"k": "v"}});
    cluster.apply(&[secret]);
    let folder = tempfile::tempdir().unwrap();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [
        instrumentation("asked", "tls", &with_references()),
        pod("asked", "asks", &json!({INJECT_PYTHON: "tls"})),
    ]});
    let file = folder.path().join("list.json");
    std::fs::write(&file, list.to_string()).unwrap();
    let run = |arguments: &[&str]| {
        let arguments = [&["inject", "-f", file.to_str().unwrap()], arguments].concat();
        String::from_utf8(cluster.ingraft(&arguments).stderr).unwrap()
    };
    let said = run(&["--check-secrets"]);
    assert!(said.contains(r#"ConfigMap "ca" does not exist in namespace "asked""#), "{said}");
    assert!(!said.contains("Secret"), "{said}");
    assert_eq!(missing(&run(&[])).len(), 0, "without the flag nothing is asked");
}

#[test]
fn a_port_that_does_not_fit_is_corrected_where_the_service_offers_the_other() {
    let (cluster, _) = shared();
    cluster.namespace("ports", &json!({}));
    let service = |name: &str, ports: &[u16]| {
        let ports: Vec<Value> =
            ports.iter().map(|port| json!({"name": format!("p{port}"), "port": port})).collect();
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "ports"}, "spec": {"ports": ports}})
    };
    cluster.apply(&[
        service("both", &[4317, 4318]),
        service("grpc", &[4317]),
        instrumentation("ports", "both", &json!({"exporter": {"endpoint": "http://both.ports:4317"}})),
        instrumentation("ports", "grpc", &json!({"exporter": {"endpoint": "http://grpc.ports:4317"}})),
    ]);
    cluster.wait_seen();
    let endpoint = |name: &str| {
        let (accepted, said) = cluster.create(true, &[pod("ports", "asks", &json!({INJECT_PYTHON: name}))]);
        let env = accepted[0]["spec"]["containers"][0]["env"].as_array().unwrap();
        let entry = env.iter().find(|entry| entry["name"] == "OTEL_EXPORTER_OTLP_ENDPOINT").unwrap();
        (entry["value"].as_str().unwrap().to_owned(), said)
    };
    until("the Service is known", || endpoint("both").0, |url| url == "http://both.ports:4318");
    let (url, said) = endpoint("grpc");
    assert_eq!(url, "http://grpc.ports:4317");
    assert!(said.contains("EndpointPortIsGrpc"), "{said}");
}

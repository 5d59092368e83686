//! The role in docs/doctor.md is what `ingraft doctor` needs to read a cluster, and no more: a small API server notes what is asked.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::page::blocks;

/// API group, resource and verb.
type Rights = BTreeSet<(String, String, String)>;

/// What a path of the API asks for; `None` for discovery, which everybody may read.
fn right(path: &str) -> Option<(String, String, String)> {
    let path = path.split('?').next().unwrap_or_default();
    let steps: Vec<&str> = path.split('/').skip(1).collect();
    let (group, rest) = match steps.as_slice() {
        ["api", _version, rest @ ..] => ("", rest),
        ["apis", group, _version, rest @ ..] => (*group, rest),
        _ => return None,
    };
    let (resource, name) = match rest {
        [] => return None,
        ["namespaces", _namespace, resource, name @ ..] => (*resource, name),
        [resource, name @ ..] => (*resource, name),
    };
    let verb = if name.is_empty() { "list" } else { "get" };
    Some((group.to_owned(), resource.to_owned(), verb.to_owned()))
}

/// What there is: an operator, and an Instrumentation that sends to a Service, so that all that depends on them is read.
fn answer(path: &str) -> Value {
    let kind_of = |group: &str, plural: &str, kind: &str| {
        let resource =
            json!({"name": plural, "singularName": "", "namespaced": true, "kind": kind, "verbs": ["list"]});
        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group, "resources": [resource]})
    };
    let labels = json!({
        "app.kubernetes.io/name": "opentelemetry-operator", "app.kubernetes.io/instance": "ingraft",
    });
    let items = match right(path) {
        None if path.starts_with("/apis/argoproj.io/") => {
            return kind_of("argoproj.io/v1alpha1", "rollouts", "Rollout");
        }
        None => return kind_of("opentelemetry.io/v1alpha1", "instrumentations", "Instrumentation"),
        Some((_, resource, verb)) if resource == "namespaces" && verb == "get" => {
            return json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": {"name": "application"}});
        }
        Some((_, _, verb)) if verb == "get" => {
            return json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": "not found", "reason": "NotFound", "code": 404});
        }
        Some((_, resource, _)) if resource == "deployments" => json!([{
            "metadata": {"namespace": "system", "name": "ingraft-operator", "labels": labels},
            "spec": {"selector": {}, "template": {"spec": {"containers": [{"name": "manager", "image": "operator"}]}}},
        }]),
        Some((_, resource, _)) if resource == "instrumentations" => json!([{
            "metadata": {"namespace": "application", "name": "base"},
            "spec": {"exporter": {"endpoint": "http://otel-collector.obs:4318"}},
        }]),
        Some((_, resource, _)) if resource == "services" => json!([{
            "metadata": {"namespace": "obs", "name": "otel-collector"},
            "spec": {"ports": [{"port": 4318}]},
        }]),
        Some(_) => json!([]),
    };
    json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items})
}

fn serve(stream: &TcpStream, asked: &Mutex<Rights>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    while lines.next().is_some_and(|line| !line.is_empty()) {}
    let mut words = first.split(' ');
    assert_eq!(words.next(), Some("GET"), "{first}");
    let path = words.next().unwrap_or_default();
    asked.lock().unwrap().extend(right(path));
    let body = answer(path);
    let status = body["code"].as_u64().unwrap_or(200);
    let body = body.to_string();
    let head = format!("HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nConnection: close");
    let mut stream = stream;
    let _ = write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
}

/// What is asked of a cluster by these arguments.
fn asked(args: &[&str]) -> Rights {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    let port = listener.local_addr().unwrap().port();
    std::fs::write(&kubeconfig, crate::NOWHERE.replace("127.0.0.1:1", &format!("127.0.0.1:{port}"))).unwrap();
    let noted = Arc::new(Mutex::new(Rights::new()));
    let asked = Arc::clone(&noted);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let asked = Arc::clone(&asked);
            std::thread::spawn(move || serve(&stream.unwrap(), &asked));
        }
    });
    let mut command = Command::new(env!("CARGO_BIN_EXE_ingraft"));
    let output = command.args(args).env("KUBECONFIG", kubeconfig).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() < Some(2) && !said.contains("note: "), "{args:?}: {said}");
    let noted = noted.lock().unwrap();
    noted.clone()
}

/// What the role on the page permits.
fn permitted() -> Rights {
    let text = crate::read("docs/doctor.md");
    let roles = blocks(&text).into_iter().map(|block| block.lines.join("\n"));
    let role =
        roles.into_iter().find(|text| text.contains("kind: ClusterRole")).expect("the page has a role");
    let role: Value = serde_saphyr::from_str(&role).unwrap();
    let words = |rule: &Value, key: &str| -> Vec<String> {
        rule[key].as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let mut permitted = Rights::new();
    for rule in role["rules"].as_array().unwrap() {
        for group in words(rule, "apiGroups") {
            for resource in words(rule, "resources") {
                let verbs = words(rule, "verbs").into_iter();
                permitted.extend(verbs.map(|verb| (group.clone(), resource.clone(), verb)));
            }
        }
    }
    permitted
}

#[test]
fn the_role_on_the_page_is_what_doctor_needs() {
    let mut needed = asked(&["doctor", "-A"]);
    needed.extend(asked(&["doctor", "-n", "application"]));
    assert_eq!(permitted(), needed);
}

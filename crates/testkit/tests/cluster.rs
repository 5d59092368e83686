//! The control plane starts, answers, and goes away without remains.

use ingraft_testkit::{ControlPlane, Kubernetes, Progress, Tools};

#[test]
fn control_plane_accepts_objects_and_ends_with_its_value() {
    let tools = Tools::prepare(Kubernetes::chosen().unwrap(), Progress::stderr()).unwrap();
    let control_plane = ControlPlane::start(&tools).unwrap();
    let kubectl = control_plane.kubectl();

    kubectl.run(&["create", "namespace", "shop"]).unwrap();
    let namespace = kubectl.json(&["get", "namespace", "shop", "--output=json"]).unwrap();
    assert_eq!(namespace["status"]["phase"], "Active");
    // The controllers work: they give the namespace its service account, without which no pod is created.
    kubectl.run(&["wait", "--for=create", "serviceaccount/default", "-n", "shop", "--timeout=20s"]).unwrap();
    kubectl.run(&["run", "app", "-n", "shop", "--image=example.com/app:1"]).unwrap();
    let pod = kubectl.json(&["get", "pod", "app", "-n", "shop", "--output=json"]).unwrap();
    assert_eq!(pod["status"]["phase"], "Pending");
    assert!(control_plane.metrics().unwrap().contains("apiserver_request_total"));

    let (url, logs) = (control_plane.url().to_owned(), control_plane.logs().to_owned());
    drop(control_plane);
    assert!(!logs.exists(), "{} is left", logs.display());
    let address = url.trim_start_matches("https://");
    assert!(std::net::TcpStream::connect(address).is_err(), "{url} still answers");
}

//! In a cluster with other users, only what the demo or the tests created is changed and removed.

use ingraft_testkit::{ControlPlane, Creator, Kubernetes, Progress, Tools};

const OPERATOR: &str = include_str!("../../../deploy/operator.yaml");
const DEFINITION: &str = include_str!("../../../deploy/crds/opentelemetry.io_instrumentations.yaml");
const CRD: &str = "crd/instrumentations.opentelemetry.io";

#[test]
fn only_what_a_creator_created_is_changed_and_removed() {
    let tools = Tools::prepare(Kubernetes::chosen().unwrap(), Progress::stderr()).unwrap();
    let control_plane = ControlPlane::start(&tools).unwrap();
    let kubectl = control_plane.kubectl();
    let expect_refusal = |namespace: &str, names: &str| {
        let error = Creator::TESTS.create_namespaces(kubectl, &[namespace]).unwrap_err().to_string();
        assert!(error.contains(names) && error.contains("use another cluster"), "{error}");
    };
    kubectl.run(&["create", "namespace", "theirs"]).unwrap();

    expect_refusal("theirs", "namespace/theirs");
    kubectl.run(&["create", "clusterrole", "ingraft-operator", "--verb=get", "--resource=pods"]).unwrap();
    expect_refusal("mine", "clusterrole.rbac.authorization.k8s.io/ingraft-operator");
    kubectl.run(&["delete", "clusterrole", "ingraft-operator"]).unwrap();
    kubectl.apply(DEFINITION).unwrap();
    expect_refusal("mine", "customresourcedefinition.apiextensions.k8s.io/instrumentations");
    kubectl.run(&["delete", CRD]).unwrap();

    let manifests = format!("{}---\n{DEFINITION}", OPERATOR.replace("image: \"\"", "image: any"));
    // What the demo created can be created again, even after manifests without the label.
    for _ in 0..2 {
        Creator::DEMO.create_namespaces(kubectl, &["mine"]).unwrap();
        Creator::DEMO.apply(kubectl, &manifests).unwrap();
        kubectl.apply("{apiVersion: v1, kind: Namespace, metadata: {name: mine}}").unwrap();
    }
    // The tests neither use nor remove it.
    expect_refusal("other", "namespace/opentelemetry-operator-system");
    Creator::TESTS.remove(kubectl, Progress::stderr()).unwrap();
    kubectl.run(&["get", "namespace/mine", "clusterrole/ingraft-operator"]).unwrap();

    kubectl.run(&["create", "namespace", "theirs-meanwhile"]).unwrap();
    Creator::DEMO.remove(kubectl, Progress::stderr()).unwrap();
    let left = kubectl.run(&["get", "namespaces", "-o", "jsonpath={.items[*].metadata.name}"]).unwrap();
    assert_eq!(left, "default kube-node-lease kube-public kube-system theirs theirs-meanwhile");
    let roles = kubectl.run(&["get", "clusterroles,clusterrolebindings", "-o", "name"]).unwrap();
    assert!(!roles.contains("ingraft"), "{roles}");
    kubectl.run(&["get", CRD]).unwrap();
    Creator::TESTS.create_namespaces(kubectl, &["mine"]).unwrap();
}

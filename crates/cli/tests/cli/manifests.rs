//! What is to be installed.

use ingraft_core::policies;
use serde_json::{Value, json};

use crate::run::Folder;

const IMAGE: &str = "registry.example.com/ingraft:1";

fn manifests(args: &[&str]) -> Vec<Value> {
    let answer = Folder::empty().run(&[&["manifests", "--image", IMAGE], args].concat());
    assert_eq!((answer.status, answer.stderr.as_str()), (0, ""), "{args:?}");
    answer.documents()
}

fn is_policy(document: &Value) -> bool {
    document["kind"].as_str().unwrap().starts_with("ValidatingAdmissionPolicy")
}

fn of_kind<'a>(documents: &'a [Value], kind: &str) -> Vec<&'a Value> {
    documents.iter().filter(|document| document["kind"] == kind).collect()
}

#[test]
fn crds_are_all_definitions_and_operator_is_all_else() {
    let (crds, operator, all) = (manifests(&["crds"]), manifests(&["operator"]), manifests(&["all"]));
    assert!(crds.iter().all(|document| document["kind"] == "CustomResourceDefinition"));
    let crd = &crds[0];
    assert_eq!(crd["metadata"]["name"], "instrumentations.opentelemetry.io");
    assert_eq!(crd["spec"]["names"]["shortNames"], json!(["otelinst", "otelinsts"]));
    assert!(of_kind(&operator, "CustomResourceDefinition").is_empty());
    assert_eq!([crds, operator].concat(), all);
    assert_eq!(manifests(&[]), all, "all is what is printed if nothing is said");
}

#[test]
fn every_object_is_labelled_and_named() {
    for document in manifests(&["operator"]) {
        let kind = document["kind"].as_str().unwrap();
        assert!(document["apiVersion"].is_string() && document["metadata"]["name"].is_string(), "{kind}");
        let labels = &document["metadata"]["labels"];
        assert_eq!(labels["app.kubernetes.io/name"], "opentelemetry-operator", "{kind}");
        assert_eq!(labels["app.kubernetes.io/instance"], "ingraft", "{kind}");
        assert_eq!(labels.get("control-plane"), None, "{kind}: that label is the reference's");
        let namespaced = !(kind == "Namespace"
            || kind.starts_with("ClusterRole")
            || kind.starts_with("ValidatingAdmissionPolicy")
            || kind.ends_with("WebhookConfiguration"));
        let namespace = document["metadata"].get("namespace").and_then(Value::as_str);
        assert_eq!(namespace, namespaced.then_some("opentelemetry-operator-system"), "{kind}");
    }
}

#[test]
fn the_operator_fills_in_webhook_configurations_and_may_not_create_any() {
    let documents = manifests(&["operator"]);
    let kinds = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];
    let configurations = kinds.map(|kind| of_kind(&documents, kind)).concat();
    assert_eq!(configurations.len(), 3);
    for configuration in configurations {
        let is_left = configuration.get("webhooks").is_none();
        assert!(is_left, "{configuration}: applying it again would take them away");
    }
    let rules = of_kind(&documents, "ClusterRole")[0]["rules"].as_array().unwrap();
    let of_webhooks: Vec<_> =
        rules.iter().filter(|rule| rule["apiGroups"][0] == "admissionregistration.k8s.io").collect();
    assert_eq!(of_webhooks.len(), 1);
    assert_eq!(of_webhooks[0]["verbs"], json!(["get", "patch"]));
    assert_eq!(of_webhooks[0]["resourceNames"], json!(["zz-ingraft-operator", "zz-ingraft-self-test"]));
}

#[test]
fn the_operator_passes_pod_security_restricted() {
    let documents = manifests(&["operator"]);
    let namespace = of_kind(&documents, "Namespace")[0];
    assert_eq!(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
    let deployment = of_kind(&documents, "Deployment")[0];
    let template = &deployment["spec"]["template"];
    assert_eq!(template["metadata"]["labels"]["app.kubernetes.io/name"], "opentelemetry-operator");
    let (pod, container) = (&template["spec"], &template["spec"]["containers"][0]);
    assert_eq!(container["name"], "manager");
    assert_eq!(pod["containers"].as_array().unwrap().len(), 1);
    let context =
        |key: &str| container["securityContext"].get(key).or_else(|| pod["securityContext"].get(key));
    assert_eq!(context("runAsNonRoot"), Some(&json!(true)));
    assert_ne!(context("runAsUser"), Some(&json!(0)));
    assert_eq!(context("seccompProfile"), Some(&json!({"type": "RuntimeDefault"})));
    let own = &container["securityContext"];
    assert_eq!(own["capabilities"], json!({"drop": ["ALL"]}));
    assert_eq!(own["allowPrivilegeEscalation"], false);
    assert_eq!(own["readOnlyRootFilesystem"], true);
    for key in ["hostNetwork", "hostPID", "hostIPC", "volumes"] {
        assert_eq!(pod.get(key), None, "{key}");
    }
}

#[test]
fn nobody_can_list_secrets_and_nothing_is_granted_by_a_star() {
    let documents = manifests(&["operator"]);
    let roles = [of_kind(&documents, "ClusterRole"), of_kind(&documents, "Role")].concat();
    assert!(!roles.is_empty());
    for role in roles {
        for rule in role["rules"].as_array().unwrap() {
            let has = |key: &str, wanted: &str| {
                rule[key].as_array().is_some_and(|items| items.iter().any(|item| item == wanted))
            };
            assert!(!has("resources", "*") && !has("verbs", "*") && !has("apiGroups", "*"), "{rule}");
            if has("resources", "secrets") {
                assert_eq!(role["kind"], "Role", "Secrets of other namespaces are nobody's business: {rule}");
                assert!(!has("verbs", "list") && !has("verbs", "watch"), "{rule}");
                assert!(rule.get("resourceNames").is_some() || rule["verbs"] == json!(["create"]), "{rule}");
            }
        }
    }
}

#[test]
fn the_bindings_bind_what_is_there() {
    let documents = manifests(&["operator"]);
    let exists = |kind: &str, name: &Value| {
        documents.iter().any(|document| document["kind"] == kind && document["metadata"]["name"] == *name)
    };
    for binding in [of_kind(&documents, "ClusterRoleBinding"), of_kind(&documents, "RoleBinding")].concat() {
        let role = &binding["roleRef"];
        assert!(exists(role["kind"].as_str().unwrap(), &role["name"]), "{role}");
        for subject in binding["subjects"].as_array().unwrap() {
            assert!(exists("ServiceAccount", &subject["name"]), "{subject}");
        }
    }
    let selector = &of_kind(&documents, "Service")[0]["spec"]["selector"];
    let deployment = of_kind(&documents, "Deployment")[0];
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    for (key, value) in selector.as_object().unwrap() {
        assert_eq!(labels.get(key), Some(value), "the Service finds the pods");
    }
}

#[test]
fn image_and_arguments_are_as_chosen() {
    let container = |args: &[&str]| {
        let documents = manifests(args);
        of_kind(&documents, "Deployment")[0]["spec"]["template"]["spec"]["containers"][0].clone()
    };
    let chosen =
        container(&["operator", "--arg=--enable-go-instrumentation=true", "--arg", "--mode=observe"]);
    assert_eq!(chosen["image"], IMAGE);
    let probe = json!({"name": "INGRAFT_PROBE_IMAGE", "value": IMAGE});
    assert!(chosen["env"].as_array().unwrap().contains(&probe), "{chosen}");
    assert_eq!(chosen["args"], json!(["--enable-go-instrumentation=true", "--mode=observe"]));
}

#[test]
fn what_is_printed_differs_from_deploy_only_where_it_is_chosen() {
    let file = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/operator.yaml"));
    let mut stored: Vec<Value> =
        file.unwrap().split("\n---\n").map(|text| serde_saphyr::from_str(text).unwrap()).collect();
    for document in &mut stored {
        if document["kind"] == "Deployment" {
            let container = &mut document["spec"]["template"]["spec"]["containers"][0];
            container["image"] = IMAGE.into();
            container["args"] = json!([]);
            for variable in container["env"].as_array_mut().unwrap() {
                if variable["name"] == "INGRAFT_PROBE_IMAGE" {
                    variable["value"] = IMAGE.into();
                }
            }
        }
    }
    let (policies, others): (Vec<_>, Vec<_>) = manifests(&["operator"]).into_iter().partition(is_policy);
    assert_eq!(others, stored);
    let namespace = "opentelemetry-operator-system";
    let generated = [&policies::hints(Some(namespace))[..], &policies::strict(namespace)].concat();
    assert_eq!(policies, generated, "these are made here");
}

#[test]
fn hints_can_be_tried_alone() {
    let answer = Folder::empty().run(&["manifests", "hints"]);
    assert_eq!((answer.status, answer.stderr.as_str()), (0, ""));
    let documents = answer.documents();
    assert_eq!(documents, policies::hints(None));
    let text = serde_json::to_string(&documents).unwrap();
    assert!(!text.contains("param"), "nothing of the operator is needed");
}

#[test]
fn a_pod_of_the_operator_is_selected_by_what_no_other_has() {
    let documents = manifests(&["operator"]);
    let manager = json!({"app.kubernetes.io/instance": "ingraft", "app.kubernetes.io/component": "manager"});
    let spec = |kind| &of_kind(&documents, kind)[0]["spec"];
    let deployment = spec("Deployment");
    for selector in [
        &spec("Service")["selector"],
        &spec("PodDisruptionBudget")["selector"]["matchLabels"],
        &deployment["selector"]["matchLabels"],
    ] {
        assert_eq!(selector, &manager);
    }
    let labels = &deployment["template"]["metadata"]["labels"];
    assert!(manager.as_object().unwrap().iter().all(|(key, value)| labels[key] == *value), "{labels}");
}

#[test]
fn secrets_can_be_listed_only_if_they_are_to_be_checked() {
    let rule = json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["list", "watch"]});
    let allowed = |args: &[&str]| {
        let documents = manifests(args);
        of_kind(&documents, "ClusterRole")[0]["rules"].as_array().unwrap().contains(&rule)
    };
    assert!(!allowed(&["operator"]) && allowed(&["operator", "--check-secrets"]));
}

#[test]
fn workloads_can_be_changed_only_if_they_are_to_be_healed() {
    for (args, value) in [
        (&["operator"][..], None),
        (&["operator", "--heal"], Some("--heal=off")),
        (&["all", "--heal=outdated"], Some("--heal=outdated")),
    ] {
        let documents = manifests(args);
        let rules = of_kind(&documents, "ClusterRole")[0]["rules"].to_string();
        assert_eq!(
            rules.contains(r#""resources":["deployments","statefulsets","daemonsets"],"verbs":["patch"]"#),
            value.is_some()
        );
        let guards = of_kind(&documents, "ValidatingAdmissionPolicy");
        assert_eq!(guards.iter().any(|policy| policy["metadata"]["name"] == "ingraft-heal"), value.is_some());
        let arguments =
            &of_kind(&documents, "Deployment")[0]["spec"]["template"]["spec"]["containers"][0]["args"];
        assert_eq!(
            arguments.as_array().unwrap().iter().any(|one| Some(one.as_str().unwrap()) == value),
            value.is_some()
        );
    }
    let answer = Folder::empty().run(&["manifests", "operator", "--image=i", "--heal=yes"]);
    assert!(
        answer.status == 2 && answer.stderr.contains("it must be one of off, missed, outdated"),
        "{answer:?}"
    );
}

#[test]
fn an_image_is_required_as_none_is_published() {
    let folder = Folder::empty();
    for part in [&["manifests"][..], &["manifests", "all"], &["manifests", "operator"]] {
        let answer = folder.run(part);
        assert_eq!((answer.status, answer.stdout.as_str()), (2, ""), "{part:?}: {answer:?}");
        assert!(answer.stderr.starts_with("error: --image IMAGE is required"), "{}", answer.stderr);
    }
    assert_eq!(folder.run(&["manifests", "crds"]).status, 0, "the definitions need none");
}

#[test]
fn standby_brings_its_definition_policies_and_rights() {
    let plain = manifests(&["all"]);
    assert!(of_kind(&plain, "MutatingAdmissionPolicy").is_empty());
    let documents = manifests(&["all", "--standby"]);
    let definitions: Vec<&Value> = of_kind(&documents, "CustomResourceDefinition");
    assert_eq!(definitions[1]["metadata"]["name"], "plans.ingraft.dev");
    let policies = of_kind(&documents, "MutatingAdmissionPolicy");
    let names: Vec<&Value> = policies.iter().map(|policy| &policy["metadata"]["name"]).collect();
    assert_eq!(names, ["ingraft-standby-switch", "ingraft-standby"]);
    for policy in policies {
        assert_eq!(policy["spec"]["failurePolicy"], "Ignore");
        assert_eq!(
            policy["spec"]["mutations"].as_array().unwrap().len(),
            1,
            "those before one that fails stay"
        );
        assert_eq!(policy["spec"]["matchConstraints"]["resourceRules"][0]["resources"], json!(["pods"]));
    }
    let rules = of_kind(&documents, "ClusterRole")[0]["rules"].as_array().unwrap();
    let of_plans: Vec<_> = rules.iter().filter(|rule| rule["apiGroups"][0] == "ingraft.dev").collect();
    assert_eq!(of_plans[0]["verbs"], json!(["create"]));
    assert_eq!(
        (&of_plans[1]["verbs"], &of_plans[1]["resourceNames"]),
        (&json!(["get", "patch"]), &json!(["ingraft"]))
    );
    let container = &of_kind(&documents, "Deployment")[0]["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["args"], json!(["--standby"]));

    let older = manifests(&["operator", "--standby=v1beta1"]);
    let version = &of_kind(&older, "MutatingAdmissionPolicyBinding")[0]["apiVersion"];
    assert_eq!(version, "admissionregistration.k8s.io/v1beta1");
}

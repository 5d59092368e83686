//! What a cluster without operator gets.

use serde_json::Value;

use crate::INSTRUMENTATION;
use crate::run::Folder;

#[test]
fn prints_a_plan_with_what_carries_it_out_and_tells_what_is_left_out() {
    let secret = INSTRUMENTATION.replace("name: base", "name: secret")
        + "  env:\n  - name: OTEL_EXPORTER_OTLP_HEADERS\n    value: authorization=hidden\n";
    let folder = Folder::with(&[("input.yaml", &format!("{INSTRUMENTATION}---\n{secret}"))]);
    let answer = folder.run(&["compile", "-f", "input.yaml", "-n", "shop"]);
    assert_eq!(answer.status, 0, "{answer:?}");
    let documents = answer.documents();
    let kinds: Vec<&str> = documents.iter().map(|document| document["kind"].as_str().unwrap()).collect();
    assert_eq!(
        kinds[..4],
        ["CustomResourceDefinition", "Plan", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"]
    );
    let plan: &Value = &documents[1]["spec"];
    assert_eq!(plan["token"], "", "pods need no mark");
    assert_eq!(plan["instrumentations"]["shop/base"].as_object().unwrap().len(), 7);
    assert_eq!(plan["instrumentations"].get("shop/secret"), None);
    assert!(!answer.stdout.contains("hidden"), "a plan has no credentials");
    let told = "info[NotPlanned]: while no replica of the operator runs, java is not injected: a variable for credentials";
    assert!(answer.stderr.contains(told), "{}", answer.stderr);
    assert!(answer.stderr.contains("--> input.yaml:"), "{}", answer.stderr);
}

#[test]
fn says_that_there_is_nothing_to_plan() {
    let folder = Folder::with(&[("input.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n")]);
    let answer = folder.run(&["compile", "input.yaml"]);
    assert_eq!((answer.status, answer.stdout.as_str()), (3, ""), "an empty plan would end injection");
    assert!(answer.stderr.contains("nothing in the input can be planned"), "{}", answer.stderr);
}

//! What `kubectl apply` prints: each mistake of the page, and others that people make, made on purpose; and nothing where
//! nothing is wrong.
//!
//! ```text
//!  mistakes.rs         where annotations are, their keys and their values; containers, languages, settings, probes
//!  instrumentations.rs what an Instrumentation says, by itself and as seen from a workload
//!  silence.rs          what is right
//! ```

mod instrumentations;
mod mistakes;
mod silence;

use serde_json::{Value, json};

use crate::cluster::{Cluster, deployment, exclusive};
use crate::wait::until;

/// The prefix of keys.
const KEY: &str = "instrumentation.opentelemetry.io/";

/// The warnings about one object, each without the word in front of it.
fn warnings(cluster: &Cluster, object: &Value) -> Vec<String> {
    let said = cluster.apply(std::slice::from_ref(object));
    said.lines().filter_map(|line| line.strip_prefix("Warning: ")).map(str::to_owned).collect()
}

/// A mistake: the object, the code of the warning, and what the warning says besides.
type Mistake = (Value, &'static str, &'static str);

/// Makes each mistake and looks for its warning. Answers what was printed otherwise.
fn untold(cluster: &Cluster, mistakes: impl IntoIterator<Item = Mistake>) -> Vec<String> {
    // kubectl prints a warning once, however many objects of a call have it.
    let mut calls: Vec<Vec<Mistake>> = Vec::new();
    for (number, (mut object, code, remedy)) in mistakes.into_iter().enumerate() {
        if object["kind"] != "Namespace" {
            object["metadata"]["name"] = format!("mistaken-{number}").into();
        }
        let is_free = |call: &&mut Vec<Mistake>| call.iter().all(|told| told.1 != code);
        match calls.iter_mut().find(is_free) {
            Some(call) => call.push((object, code, remedy)),
            None => calls.push(vec![(object, code, remedy)]),
        }
    }
    let mut untold = Vec::new();
    for call in calls {
        let objects: Vec<&Value> = call.iter().map(|(object, ..)| object).collect();
        let said = warnings_of_each(cluster, &objects);
        for ((object, code, remedy), said) in call.iter().zip(said) {
            let begins = format!("{code}: ");
            let is_told = said.iter().any(|line| line.starts_with(&begins) && line.contains(remedy));
            let are_short = said.len() <= 10 && said.iter().all(|line| line.chars().count() <= 120);
            if !is_told || !are_short {
                untold.push(format!("{code}, {remedy}: {said:#?}\n{object}"));
            }
        }
    }
    untold
}

/// The warnings about several objects: kubectl prints them before it says that an object was applied.
fn warnings_of_each(cluster: &Cluster, objects: &[&Value]) -> Vec<Vec<String>> {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    let [file, output] = [(); 2].map(|()| tempfile::NamedTempFile::new().unwrap());
    std::fs::write(file.path(), list.to_string()).unwrap();
    let apply = ["apply", "--server-side", "-f", file.path().to_str().unwrap()];
    let stream = || output.as_file().try_clone().unwrap();
    let status = cluster.kubectl().command(&apply).stdout(stream()).stderr(stream()).status();
    let said = std::fs::read_to_string(output.path()).unwrap();
    assert!(status.unwrap().success(), "kubectl apply: {said}");
    let mut each = vec![Vec::new()];
    for line in said.lines() {
        match line.strip_prefix("Warning: ") {
            Some(warning) => each.last_mut().unwrap().push(warning.to_owned()),
            None => each.push(Vec::new()),
        }
    }
    assert_eq!(each.len(), objects.len() + 1, "{said}");
    each
}

/// A Deployment whose template has these annotations. It makes no pods.
fn of(namespace: &str, annotations: &Value) -> Value {
    let mut object = deployment(namespace, "mistaken", annotations);
    object["spec"]["replicas"] = 0.into();
    object
}

/// The same with changes to its pod spec.
fn with(namespace: &str, annotations: &Value, spec: Value) -> Value {
    let mut object = of(namespace, annotations);
    json_merge(&mut object["spec"]["template"]["spec"], spec);
    object
}

/// Merges as RFC 7396 does, but for null.
fn json_merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                json_merge(into.entry(key).or_insert(json!(null)), value);
            }
        }
        (into, from) => *into = from,
    }
}

/// A request for a language, as the annotations of a pod.
fn inject(language: &str, value: &str) -> Value {
    json!({format!("{KEY}inject-{language}"): value})
}

#[test]
fn an_argo_rollout_is_warned_of_in_the_language_of_the_operator() {
    let cluster = exclusive();
    let schema = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
    cluster.apply(&[json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "rollouts.argoproj.io"},
        "spec": {
            "group": "argoproj.io", "scope": "Namespaced",
            "names": {"kind": "Rollout", "plural": "rollouts"},
            "versions": [{"name": "v1alpha1", "served": true, "storage": true, "schema": schema}],
        },
    })]);
    let mut operator = cluster.operator_with("spanish", &["--locale=es"]);
    operator.wait_ready();
    cluster.namespace("rollouts", &json!({}));
    let mut rollout = of("rollouts", &json!({}));
    rollout["apiVersion"] = "argoproj.io/v1alpha1".into();
    rollout["kind"] = "Rollout".into();
    rollout["metadata"]["annotations"] = inject("python", "true");
    // The API server may not serve the kind at once.
    let get = ["get", "rollouts", "-n", "rollouts"];
    until("Rollouts are served", || cluster.kubectl().run(&get), Result::is_ok).unwrap();
    assert_eq!(
        warnings(&cluster, &rollout),
        [
            "AnnotationMisplaced: instrumentation.opentelemetry.io/inject-python: muévela a spec.template.metadata.annotations"
        ]
    );
    cluster.kubectl().run(&["delete", "crd", "rollouts.argoproj.io", "--wait=false"]).unwrap();
}

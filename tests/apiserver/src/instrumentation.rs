//! The custom resource: its schema, what is filled in when it is stored, and that this changes nothing.

use serde_json::{Value, json};

use crate::cluster::{INJECT_PYTHON, exclusive, instrumentation, is_injected, pod, shared};
use crate::wait::{until, until_some};

/// What a user wrote, in a few of the places that have a default.
fn written() -> Value {
    json!({
        "exporter": {"endpoint": "http://collector:4318"},
        "python": {
            "image": "example.com/agent:1",
            "resourceRequirements": {"limits": {"memory": "32Mi"}},
        },
        "nginx": {"configFile": "/etc/other.conf"},
    })
}

#[test]
fn absent_fields_are_filled_in_and_present_ones_are_kept() {
    let (cluster, _) = shared();
    cluster.namespace("defaults", &json!({}));
    cluster.apply(&[
        instrumentation("defaults", "some", &written()),
        instrumentation("defaults", "none", &json!({})),
    ]);

    let some = cluster.instrumentation("defaults", "some");
    let spec = &some["spec"];
    assert_eq!(spec["exporter"], written()["exporter"]);
    assert_eq!(spec["python"]["image"], "example.com/agent:1");
    assert_eq!(spec["python"]["resourceRequirements"]["limits"], json!({"memory": "32Mi"}));
    assert_eq!(spec["nginx"]["configFile"], "/etc/other.conf");
    assert!(spec["java"]["image"].as_str().unwrap().contains("/autoinstrumentation-java:"), "{spec}");
    assert_eq!(spec["java"]["resources"]["requests"], json!({"cpu": "50m", "memory": "64Mi"}));
    assert_eq!(some["metadata"]["labels"]["app.kubernetes.io/managed-by"], "opentelemetry-operator");
    let annotations = &some["metadata"]["annotations"];
    let default_image = "instrumentation.opentelemetry.io/default-auto-instrumentation-python-image";
    assert!(
        annotations[default_image].as_str().unwrap().contains("/autoinstrumentation-python:"),
        "{annotations}"
    );
    let defaulted: Vec<&str> = annotations["ingraft.dev/defaulted"].as_str().unwrap().split(',').collect();
    assert!(defaulted.contains(&"/spec/java/image"), "{defaulted:?}");
    for kept in ["/spec/python/image", "/spec/python/resourceRequirements/limits", "/spec/nginx/configFile"] {
        assert!(!defaulted.contains(&kept), "{defaulted:?}");
    }
    let none = cluster.instrumentation("defaults", "none");
    for pointer in none["metadata"]["annotations"]["ingraft.dev/defaulted"].as_str().unwrap().split(',') {
        assert!(none.pointer(pointer).is_some(), "{pointer} is listed and absent: {none}");
    }
    // What kubectl printed can be applied again.
    let again = cluster.apply(&[instrumentation("defaults", "some", &written())]);
    assert!(!again.contains("conflict"), "{again}");
    assert_eq!(cluster.instrumentation("defaults", "some")["spec"], *spec);
}

#[test]
fn an_instrumentation_stored_while_the_operator_was_away_injects_the_same() {
    let cluster = exclusive();
    // No operator yet, and no registration: nothing is filled in.
    cluster.apply(&[
        crate::cluster::namespace("away", &json!({})),
        crate::cluster::namespace("here", &json!({})),
        instrumentation("away", "same", &written()),
    ]);
    assert_eq!(cluster.instrumentation("away", "same")["spec"], written());
    let mut operator = cluster.operator("operator");
    operator.wait_ready();
    cluster.wait_namespace("away", true);
    cluster.wait_namespace("here", true);
    cluster.apply(&[instrumentation("here", "same", &written())]);
    assert_ne!(cluster.instrumentation("here", "same")["spec"], written());
    cluster.wait_seen();

    let asks = json!({INJECT_PYTHON: "true"});
    let [away, here] = ["away", "here"].map(|namespace| {
        let (accepted, said) = cluster.create(true, &[pod(namespace, "same", &asks)]);
        assert!(accepted.iter().any(is_injected), "{said}");
        let mut pod = accepted.into_iter().next().unwrap();
        for own in ["uid", "creationTimestamp", "managedFields"] {
            pod["metadata"].as_object_mut().unwrap().remove(own);
        }
        // The hash is of the Instrumentation as it is stored, with defaults written down or not.
        let injected = &mut pod["metadata"]["annotations"]["ingraft.dev/injected"];
        let mut parsed: Value = serde_json::from_str(injected.as_str().unwrap()).unwrap();
        parsed["python"].as_object_mut().unwrap().remove("hash");
        *injected = parsed;
        // The volume of the service account has a name made by chance.
        let text = pod.to_string().replace(namespace, "NAMESPACE");
        let start = text.find("kube-api-access-").unwrap();
        let name = text[start..start + "kube-api-access-abcde".len()].to_owned();
        text.replace(&name, "kube-api-access")
    });
    assert_eq!(away, here);
}

#[test]
fn an_unreadable_instrumentation_does_not_stop_the_others() {
    let cluster = exclusive();
    cluster.namespace_without_operator("odd");
    // Stored by an older definition that checked less.
    let sampler = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/sampler";
    let loose = json!([{"op": "replace", "path": sampler,
        "value": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}]);
    let crd = "instrumentations.opentelemetry.io";
    cluster.kubectl().run(&["patch", "crd", crd, "--type=json", "-p", &loose.to_string()]).unwrap();
    let odd = [instrumentation("odd", "unreadable", &json!({"sampler": {"type": {"name": "nonsense"}}}))];
    until("the looser definition", || cluster.create(false, &odd).0.len(), |created| *created == 1);
    cluster.apply(&[instrumentation("odd", "before", &json!({}))]);

    let mut operator = cluster.operator("operator");
    operator.wait_ready();
    cluster.apply(&[instrumentation("odd", "after", &json!({}))]);
    cluster.wait_seen();
    for name in ["before", "after"] {
        let (accepted, said) = cluster.create(true, &[pod("odd", name, &json!({INJECT_PYTHON: name}))]);
        assert!(accepted.iter().any(is_injected), "{name}: {said}");
    }
    let log = operator.log().unwrap();
    let line = log.lines().find(|line| line.contains("InstrumentationUnreadable")).expect(&log);
    assert!(line.contains("\"name\":\"unreadable\"") && line.contains("\"namespace\":\"odd\""), "{line}");
    // What it can be repaired to is read without a restart.
    let (accepted, said) = cluster.create(true, &[pod("odd", "asks", &json!({INJECT_PYTHON: "unreadable"}))]);
    assert!(accepted.len() == 1 && !is_injected(&accepted[0]), "{said}");
    cluster
        .kubectl()
        .run(&[
            "patch",
            "otelinst",
            "unreadable",
            "-n",
            "odd",
            "--type=merge",
            "-p",
            r#"{"spec": {"sampler": {"type": "always_on"}}}"#,
        ])
        .unwrap();
    until_some("the repaired Instrumentation", || {
        let (accepted, _) =
            cluster.create(true, &[pod("odd", "asks", &json!({INJECT_PYTHON: "unreadable"}))]);
        accepted.iter().any(is_injected).then_some(())
    });
}

#[test]
fn kubectl_explains_and_lists_instrumentations() {
    let (cluster, _) = shared();
    let kubectl = cluster.kubectl();
    let explain = || kubectl.run(&["explain", "otelinst.spec.exporter.endpoint"]).ok();
    let explained = until_some("the API server knows the short name", explain);
    let words: Vec<&str> = explained.split_whitespace().collect();
    let text = words.join(" ");
    assert!(text.contains("URL of the OTLP receiver, usually the Service of a Collector"), "{explained}");
    assert!(
        text.contains("Example: `http://otel-collector.opentelemetry.svc.cluster.local:4318`"),
        "{explained}"
    );

    cluster.namespace("columns", &json!({}));
    let spec = json!({
        "exporter": {"endpoint": "http://collector:4318"},
        "sampler": {"type": "parentbased_traceidratio", "argument": "0.25"},
    });
    cluster.apply(&[instrumentation("columns", "listed", &spec)]);
    for name in ["otelinst", "otelinsts", "instrumentation", "instrumentations"] {
        let table = kubectl.run(&["get", name, "-n", "columns"]).unwrap();
        let (head, row) = table.trim_end().split_once('\n').unwrap();
        let columns: Vec<&str> = head.split_whitespace().collect();
        // Those of the reference, and then ours.
        assert_eq!(
            columns[..7],
            ["NAME", "AGE", "ENDPOINT", "SAMPLER", "SAMPLER", "ARG", "READY"],
            "{table}"
        );
        for cell in ["listed", "http://collector:4318", "parentbased_traceidratio", "0.25"] {
            assert!(row.contains(cell), "{table}");
        }
    }
    let described = kubectl.run(&["describe", "otelinst", "listed", "-n", "columns"]).unwrap();
    for line in ["Endpoint:", "Resource Requirements:", "app.kubernetes.io/managed-by=opentelemetry-operator"]
    {
        assert!(described.contains(line), "{described}");
    }
}

#[test]
fn quantities_may_be_numbers_and_unknown_words_are_refused() {
    let (cluster, _) = shared();
    cluster.namespace("schema", &json!({}));
    let numbers = json!({"python": {
        "volumeLimitSize": 200_000_000,
        "resourceRequirements": {"limits": {"cpu": 1, "memory": "64Mi"}, "requests": {"cpu": 0.5}},
    }});
    let (accepted, said) = cluster.create(false, &[instrumentation("schema", "numbers", &numbers)]);
    assert!(accepted.is_empty(), "a fraction is no integer and no text: {said}");
    let numbers = json!({"python": {
        "volumeLimitSize": 200_000_000,
        "resourceRequirements": {"limits": {"cpu": 1, "memory": "64Mi"}, "requests": {"cpu": "0.5"}},
    }});
    let (accepted, said) = cluster.create(false, &[instrumentation("schema", "numbers", &numbers)]);
    assert_eq!(accepted.len(), 1, "{said}");
    cluster.wait_seen();
    let (accepted, said) = cluster.create(true, &[pod("schema", "numbers", &json!({INJECT_PYTHON: "true"}))]);
    assert!(accepted.iter().any(is_injected), "{said}");
    let payload = &accepted[0]["spec"]["initContainers"][0];
    assert_eq!(payload["resources"]["limits"], json!({"cpu": "1", "memory": "64Mi"}), "{payload}");
    assert_eq!(payload["resources"]["requests"], json!({"cpu": "500m", "memory": "64Mi"}), "{payload}");

    for (spec, word) in [
        (json!({"sampler": {"type": "sometimes"}}), "spec.sampler.type"),
        (json!({"propagators": ["pigeon"]}), "spec.propagators[0]"),
        (json!({"exporter": {"endpoint": 4318}}), "spec.exporter.endpoint"),
        (json!({"python": {"volumeLimitSize": "much"}}), "spec.python.volumeLimitSize"),
    ] {
        let (accepted, said) = cluster.create(true, &[instrumentation("schema", "refused", &spec)]);
        assert!(accepted.is_empty() && said.contains(word), "{spec}: {said}");
    }
}

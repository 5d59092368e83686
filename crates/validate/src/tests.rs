use super::*;
use ingraft_core::finding::FieldFinding;
use serde_json::json;

fn flaws(spec: &Value) -> Vec<FieldFinding> {
    let object = json!({
        "apiVersion": "opentelemetry.io/v1alpha1", "kind": "Instrumentation", "metadata": {"name": "a"}, "spec": spec,
    });
    check(&object).into_iter().map(|flaw| flaw.finding).collect()
}

#[test]
fn names_the_field_that_was_meant() {
    for (spec, field, meant) in [
        (json!({"node": {}}), "spec.node", Some("nodejs")),
        (json!({"exporters": {}}), "spec.exporters", Some("exporter")),
        (json!({"endpoint": "http://a:4318"}), "spec.endpoint", Some("exporter.endpoint")),
        (json!({"exporter": {"Endpoint": "x"}}), "spec.exporter.Endpoint", Some("endpoint")),
        (json!({"java": {"command": []}}), "spec.java.command", None),
        (json!({"image": "x"}), "spec.image", None),
        (json!({"env": [{"name": "A", "vale": "x"}]}), "spec.env[0].vale", Some("value")),
    ] {
        let flaws = flaws(&spec);
        let [FieldFinding::FieldUnknown { field: found, suggestion, .. }] = &flaws[..] else {
            panic!("{spec}: {flaws:?}")
        };
        assert_eq!((found.as_str(), suggestion.as_deref()), (field, meant));
    }
}

#[test]
fn a_null_is_an_absent_field() {
    let spec = json!({"sampler": {"type": null, "argument": null}, "python": null, "env": null});
    assert_eq!(flaws(&spec), []);
    assert_eq!(flaws(&json!({"env": [null]})).len(), 1);
}

#[test]
fn parses_numbers_as_go_does() {
    let refused = |argument: &str| {
        !flaws(&json!({"sampler": {"type": "traceidratio", "argument": argument}})).is_empty()
    };
    for argument in ["0", "1", "0.25", ".5", "1.", "1e-3", "+0.5", "-0", "NaN", "0x1p-2", "0X1.8P-1", ""] {
        assert!(!refused(argument), "{argument}");
    }
    for argument in ["25%", "-NaN", "1.5", "-1", "x", " 0.5", "0,5", "1/4", "Inf", "0x1", "1e400", "0x8p-2"] {
        assert!(refused(argument), "{argument}");
    }
}

/// The fields of a pod that the API server cannot read, with the entry that each is in.
#[test]
fn names_what_cannot_be_read_in_a_workload() {
    let pod = json!({
        "metadata": {"labels": {"version": 1.0}},
        "spec": {
            "nodeSelector": null,
            "containers": [
                {
                    "name": "app", "command": "sh", "imagePullPolcy": "Always", "fieldOfTheFuture": 1,
                    "resources": {"limits": {"cpu": 0.5}},
                    "env": [{"name": "PORT", "value": 8080}, {"name": "EMPTY", "value": null}],
                    "livenessProbe": {"httpGet": {"port": "http"}, "exec": {"command": [1]}},
                },
                {"env": {"LOG_LEVEL": "debug"}},
            ],
        },
    });
    let deployment =
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": "2", "template": pod}});
    let mut found: Vec<String> = check(&deployment).iter().map(|flaw| flaw.field().to_owned()).collect();
    found.sort();
    let template = "spec.template";
    let container = "spec.template.spec.containers[0]";
    assert_eq!(
        found,
        [
            "spec.replicas".to_owned(),
            format!("{template}.metadata.labels.version"),
            format!("{container}.command"),
            format!("{container}.env[0].value"),
            format!("{container}.imagePullPolcy"),
            format!("{container}.livenessProbe.exec.command[0]"),
            "spec.template.spec.containers[1].env".to_owned(),
        ]
    );
}

#[test]
fn stores_what_the_api_server_would() {
    let head = json!({"apiVersion": "opentelemetry.io/v1alpha1", "kind": "Instrumentation", "metadata": {"name": "a"}});
    let with = |field: &str, value: Value| {
        let mut object = head.clone();
        object[field] = value;
        object
    };
    assert_eq!(stored(&with("spec", json!(null))).unwrap().into_owned(), head);
    let numbers = with("spec", json!({"go": {"securityContext": {"runAsUser": 1.0}}}));
    let whole = with("spec", json!({"go": {"securityContext": {"runAsUser": 1}}}));
    assert_eq!(stored(&numbers).unwrap().into_owned(), whole);
    for (field, value, named) in [
        ("metadata", json!({}), "metadata.name"),
        ("kind", json!("instrumentation"), "kind"),
        ("apiVersion", json!("opentelemetry/v1alpha1"), "apiVersion"),
        ("apiVersion", json!("opentelemetry.io/v1beta1"), "apiVersion"),
    ] {
        let object = with(field, value);
        assert_eq!(stored(&object), None, "{object}");
        assert_eq!(check(&object)[0].field(), named);
    }
}

#[test]
fn rules_wait_until_the_structure_is_right() {
    let spec = |propagator: &str| json!({"sampler": {"type": "traceidratio", "argument": "2"}, "propagators": [propagator]});
    assert_eq!((flaws(&spec("w3c")).len(), flaws(&spec("b3")).len()), (1, 1));
    assert_ne!(flaws(&spec("w3c")), flaws(&spec("b3")));
}

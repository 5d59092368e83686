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
        (json!({"node": {}}), "spec.node", Some("spec.nodejs")),
        (json!({"exporters": {}}), "spec.exporters", Some("spec.exporter")),
        (json!({"endpoint": "http://a:4318"}), "spec.endpoint", Some("spec.exporter.endpoint")),
        (json!({"exporter": {"url": "x"}}), "spec.exporter.url", Some("spec.exporter.endpoint")),
        (json!({"python": {"exporter": {}}}), "spec.python.exporter", Some("spec.exporter")),
        (json!({"python": {"endpoint": "x"}}), "spec.python.endpoint", Some("spec.exporter.endpoint")),
        (
            json!({"python": {"resources": {}}}),
            "spec.python.resources",
            Some("spec.python.resourceRequirements"),
        ),
        (json!({"exporter": {"exporter": {}}}), "spec.exporter.exporter", None),
        (json!({"exporter": {"Endpoint": "x"}}), "spec.exporter.Endpoint", Some("spec.exporter.endpoint")),
        (json!({"java": {"command": []}}), "spec.java.command", None),
        (json!({"image": "x"}), "spec.image", None),
        (json!({"env": [{"name": "A", "vale": "x"}]}), "spec.env[0].vale", Some("spec.env[0].value")),
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
        ("apiVersion", json!("v1"), "apiVersion"),
        ("kind", json!("Instrumentaton"), "kind"),
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

#[test]
fn names_are_those_that_the_api_server_takes() {
    let long = "a".repeat(64);
    for (kind, name, namespace, fields) in [
        ("Deployment", "web.v1-a", "shop-2", &[][..]),
        ("Deployment", "My_App", "Shop", &["metadata.name", "metadata.namespace"]),
        ("Deployment", "-web", "application, other", &["metadata.name", "metadata.namespace"]),
        ("Deployment", "web.", "a.b", &["metadata.name", "metadata.namespace"]),
        ("Deployment", &long, &long, &["metadata.namespace"]),
        ("CronJob", &long, "", &["metadata.name"]),
        // Something else fills in what it is.
        ("Deployment", "${NAME}", "{{ .Release.Namespace }}", &[]),
    ] {
        let version = if kind == "CronJob" { "batch/v1" } else { "apps/v1" };
        let metadata = json!({"name": name, "namespace": namespace});
        let flaws = check(&json!({"apiVersion": version, "kind": kind, "metadata": metadata}));
        assert_eq!(flaws.iter().map(Flaw::field).collect::<Vec<_>>(), fields, "{kind} {name} {namespace}");
    }
}

#[test]
fn a_workload_whose_kind_is_wrong_is_one() {
    let object = |version: &str, kind: &str, key: &str| {
        let template = json!({"metadata": {"annotations": {key: "true"}}, "spec": {"replicas": 1}});
        json!({"apiVersion": version, "kind": kind, "metadata": {"name": "a"}, "spec": {"template": template}})
    };
    let ours = "instrumentation.opentelemetry.io/inject-python";
    let found = |version: &str, kind: &str, key: &str| {
        let flaws = check(&object(version, kind, key));
        flaws.iter().map(|flaw| flaw.field().to_owned()).collect::<Vec<_>>()
    };
    for (version, kind, fields) in [
        ("v1", "Deployment", &["apiVersion"][..]),
        ("app/v1", "Deployment", &["apiVersion"]),
        ("extensions/v1beta1", "Deployment", &["apiVersion"]),
        ("batch/v1", "StatefulSet", &["apiVersion"]),
        ("apps/v1", "Deploymnet", &["kind"]),
        ("apps/v1", "deployments", &["kind"]),
        ("v1", "daemonset", &["apiVersion", "kind"]),
        ("apps/v1", "Deployment", &[]),
        // Kinds of others.
        ("example.com/v1", "Deployment", &[]),
        ("apps/v1", "Application", &[]),
        ("v1", "PodTemplate", &[]),
    ] {
        assert_eq!(found(version, kind, ours), fields, "{version} {kind}");
    }
    assert_eq!(found("v1", "Deployment", "example.com/color"), [""; 0]);
}

use ingraft_api::annotations::{INJECT, INJECTED};
use serde_json::{Value, json};

use super::*;
use crate::environment::{Source, Sources};
use crate::{LimitRange, Namespace, ReferenceKind, Request, Settings, Snapshot, inject};

struct NoSources;

impl Sources for NoSources {
    fn source(&self, _: ReferenceKind, _: &str) -> Source<'_> {
        Source::Unknown
    }
}

fn order<'a>() -> Order<'a> {
    Order {
        name: "ingraft-trace-1",
        namespace: "shop",
        image: "example.com/ingraft:1",
        command: &[],
        pull_policy: None,
        seconds: 60,
        trace_id: "0af7651916cd43dd8448eb211c80319c",
        mark: "m1",
        service: "web",
    }
}

/// A pod in which the container `web` was injected for a language.
fn injected(language: &str, spec: &Value) -> Value {
    let annotation = json!({language: {"containers": ["web"]}}).to_string();
    json!({
        "metadata": {"name": "web-1", "labels": {"app": "web"}, "annotations": {INJECTED: annotation}},
        "spec": spec,
    })
}

fn web(container: &Value) -> Value {
    let mut web = json!({"name": "web", "image": "web:1"});
    web.as_object_mut().unwrap().extend(container.as_object().unwrap().clone());
    web
}

fn pod_of(pod: &Value) -> Value {
    super::pod(&Place::find(pod).unwrap(), &order(), [])
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect()
}

#[test]
fn takes_what_the_exporter_reads_and_leaves_the_rest() {
    let env = json!([
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
        {"name": "ZONE", "value": "$(REGION)-a"},
        {"name": "REGION", "value": "eu"},
        {"name": "OTEL_NODE_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}},
        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"containerName": "other", "resource": "limits.cpu"}}},
        {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://$(OTEL_NODE_IP):4318"},
        {"name": "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "value": "http://$(PASSWORD)"},
        {"name": "OTEL_EXPORTER_OTLP_HEADERS", "value": "zone=$(ZONE),cpu=$(CPU)"},
        {"name": "OTEL_SERVICE_NAME", "value": "web"},
        {"name": "OTEL_METRICS_EXPORTER", "value": "none"},
    ]);
    let from = json!([{"configMapRef": {"name": "otel"}}]);
    let pod =
        pod_of(&injected("python", &json!({"containers": [web(&json!({"env": env, "envFrom": from}))]})));
    let container = &pod["spec"]["containers"][0];
    assert_eq!(
        names(&container["env"]),
        [
            "ZONE",
            "REGION",
            "OTEL_NODE_IP",
            "CPU",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OTEL_EXPORTER_OTLP_HEADERS",
            "OTEL_SERVICE_NAME"
        ]
    );
    assert_eq!(container["env"][3]["valueFrom"]["resourceFieldRef"], json!({"resource": "limits.cpu"}));
    assert_eq!(container["envFrom"], from);
}

#[test]
fn takes_the_volumes_that_hold_files_for_tls() {
    let env = json!([
        {"name": "OTEL_EXPORTER_OTLP_CERTIFICATE", "value": "/tls/sub/ca.crt"},
        {"name": "OTEL_EXPORTER_OTLP_CLIENT_KEY", "value": "/run/key.pem"},
    ]);
    let mounts = json!([
        {"name": "data", "mountPath": "/"},
        {"name": "root", "mountPath": "/tls"},
        {"name": "ca", "mountPath": "/tls/sub/"},
        {"name": "near", "mountPath": "/tls/su"},
        {"name": "run", "mountPath": "/run"},
    ]);
    let volumes = json!([
        {"name": "data", "emptyDir": {}}, {"name": "root", "secret": {"secretName": "root"}},
        {"name": "ca", "secret": {"secretName": "ca"}}, {"name": "near", "secret": {"secretName": "near"}},
        {"name": "run", "emptyDir": {}},
    ]);
    let web = web(&json!({"env": env, "volumeMounts": mounts}));
    let pod = injected("java", &json!({"containers": [web], "volumes": volumes}));
    let made = pod_of(&pod);
    assert_eq!(
        made["spec"]["volumes"],
        json!([{"name": "ca", "secret": {"secretName": "ca", "optional": true}}])
    );
    assert_eq!(
        made["spec"]["containers"][0]["volumeMounts"],
        json!([{"name": "ca", "mountPath": "/tls/sub/", "readOnly": true}])
    );
    let caveats = Place::find(&pod).unwrap().caveats();
    assert_eq!(caveats, [Caveat::FileOfPod { path: "/run/key.pem".to_owned() }]);
}

#[test]
fn is_where_the_workload_is_and_gets_none_of_its_traffic() {
    let term = json!({"nodeSelectorTerms": [{"matchExpressions": [{"key": "gpu", "operator": "Exists"}]}]});
    let spec = json!({
        "containers": [web(&json!({"securityContext": {"runAsUser": 1000}}))],
        "nodeName": "n1",
        "nodeSelector": {"a": "b"},
        "tolerations": [{"operator": "Exists"}],
        "imagePullSecrets": [{"name": "pull"}],
        "serviceAccountName": "web",
        "dnsPolicy": "ClusterFirst",
        "hostPID": true,
        "priorityClassName": "high",
        "securityContext": {"fsGroup": 7, "runAsUser": 0, "runAsGroup": 3, "sysctls": []},
        "affinity": {
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": term},
            "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{}]},
        },
    });
    let made = pod_of(&injected("java", &spec));
    assert_eq!(made["metadata"]["labels"], labels());
    assert_eq!(made["metadata"]["annotations"].get("sidecar.istio.io/inject"), None);
    for key in ["nodeSelector", "tolerations", "imagePullSecrets", "serviceAccountName", "dnsPolicy"] {
        assert_eq!(made["spec"][key], spec[key], "{key}");
    }
    for key in ["nodeName", "hostPID", "priorityClassName"] {
        assert_eq!(made["spec"].get(key), None, "{key}");
    }
    let affinity = &made["spec"]["affinity"];
    assert_eq!(affinity.get("podAntiAffinity"), None);
    assert_eq!(affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"], term);
    assert!(affinity.to_string().contains(r#""values":["n1"]"#), "{affinity}");
    let expected = json!({
        "runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}, "runAsUser": 1000, "runAsGroup": 3, "fsGroup": 7,
    });
    assert_eq!(made["spec"]["securityContext"], expected);
    assert_eq!(made["spec"]["automountServiceAccountToken"], false);
}

#[test]
fn nothing_is_injected_into_it_whatever_the_namespace_says() {
    let mut snapshot = Snapshot::default();
    let keys = ingraft_api::Language::ALL.map(ingraft_api::Language::inject_key);
    let asks = keys.into_iter().chain([INJECT]).map(|key| (key.to_owned(), "true".to_owned()));
    snapshot.namespaces.insert(String::new(), "shop".into(), Namespace::new(asks));
    let made = pod_of(&injected("java", &json!({"containers": [web(&json!({}))]})));
    let settings = Settings::default();
    let request =
        Request { pod: &made, namespace: "shop", owners: &[], snapshot: &snapshot, settings: &settings };
    let outcome = inject(&request);
    assert_eq!((outcome.edits.len(), outcome.findings), (0, Vec::new()));
}

#[test]
fn fits_what_the_namespace_allows() {
    let range = json!({"limits": [{"type": "Container", "max": {"cpu": "50m"}, "min": {"memory": "128Mi"}}]});
    let range: LimitRange = serde_json::from_value(range).unwrap();
    let pod = injected("java", &json!({"containers": [web(&json!({}))]}));
    let made = super::pod(&Place::find(&pod).unwrap(), &order(), [&range]);
    let resources = &made["spec"]["containers"][0]["resources"];
    assert_eq!(resources["limits"], json!({"cpu": "50m", "memory": "134217728"}));
    assert_eq!(resources["limits"], resources["requests"]);
}

#[test]
fn what_the_probe_decides_is_a_default() {
    let of_file = |name: &str| json!({"name": name, "valueFrom": {"fileKeyRef": {"volumeName": "ingraft-env", "path": "web.env", "key": name}}});
    let env = json!([
        of_file("OTEL_EXPORTER_OTLP_ENDPOINT"),
        of_file("OTEL_SERVICE_NAME"),
        of_file("JAVA_TOOL_OPTIONS")
    ]);
    let command = [
        "/ingraft-env/ingraft-probe",
        "probe",
        "/ingraft-env/web.env",
        "--default",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "http://c.obs:4318",
        "--agent",
        "java",
        "--join",
        "JAVA_TOOL_OPTIONS",
        "",
        " -javaagent:/a",
        " -javaagent:/a",
        "/a",
    ];
    let spec = json!({
        "initContainers": [{"name": "ingraft-probe-0", "command": command}],
        "containers": [web(&json!({"env": env}))],
    });
    let pod = injected("java", &spec);
    let place = Place::find(&pod).unwrap();
    assert_eq!(place.endpoint("shop", &NoSources).as_deref(), Some("http://c.obs:4318"));
    let made = pod_of(&pod);
    let container = &made["spec"]["containers"][0];
    assert_eq!(container["env"], json!([]));
    let args = container["args"].to_string();
    assert!(args.contains("--default=OTEL_EXPORTER_OTLP_ENDPOINT=http://c.obs:4318"), "{args}");
    assert!(!args.contains("javaagent"), "{args}");
    assert_eq!(place.caveats().len(), 2);
}

#[test]
fn go_and_web_servers_have_their_settings_elsewhere() {
    let go = json!({"containers": [
        web(&json!({})),
        {"name": "opentelemetry-auto-instrumentation", "env": [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://c:4317"}]},
    ]});
    let pod = injected("go", &go);
    let place = Place::find(&pod).unwrap();
    assert_eq!((place.container, place.protocol()), ("web", "http/protobuf"));
    assert_eq!(place.endpoint("shop", &NoSources).as_deref(), Some("http://c:4317"));
    for (language, directive) in [
        ("apache-httpd", "\nApacheModuleEnabled ON\nApacheModuleOtelExporterEndpoint http://c:4317/\n"),
        ("nginx", "NginxModuleOtelExporterEndpoint http://c:4317/;\n"),
    ] {
        let attach = json!([{"name": "attach", "env": [{"name": "CONF", "value": directive}]}]);
        let pod = injected(language, &json!({"containers": [web(&json!({}))], "initContainers": attach}));
        let place = Place::find(&pod).unwrap();
        assert_eq!(place.protocol(), "grpc", "{language}");
        let made = pod_of(&pod);
        let args = made["spec"]["containers"][0]["args"].to_string();
        assert!(args.contains("--default=OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317/\""), "{args}");
    }
    assert!(Place::find(&json!({"spec": {"containers": [{"name": "web"}]}})).is_none());
}

#[test]
fn an_ephemeral_container_shares_the_network_only_and_is_never_root() {
    let spec = json!({"containers": [web(&json!({}))], "securityContext": {"runAsUser": 0}});
    let pod = injected("java", &spec);
    let made = ephemeral_container(&Place::find(&pod).unwrap(), &order());
    assert_eq!(made["securityContext"]["runAsUser"], 65532);
    for key in ["targetContainerName", "resources", "ports"] {
        assert_eq!(made.get(key), None, "{key}");
    }
    assert!(made["args"].to_string().contains("--in-pod"));
}

#[test]
fn knows_which_endpoints_are_services() {
    for (endpoint, expected) in [
        ("http://c:4318", Some(("shop", "c", true))),
        ("c.obs:4317", Some(("obs", "c", false))),
        ("https://c.obs.svc.cluster.local/v1/traces", Some(("obs", "c", true))),
        ("https://example.com", Some(("com", "example", false))),
        ("http://localhost:4318", None),
        ("https://otlp.example.com:4318", None),
        ("http://10.0.0.1:4318", None),
    ] {
        let expected = expected.map(|(namespace, name, is_certain)| NamedService {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            is_certain,
        });
        assert_eq!(service(endpoint, "shop"), expected, "{endpoint}");
    }
}

fn trace(lines: Result<Vec<Line>, Unsent>) -> Trace {
    Trace {
        workload: "deployment/web".to_owned(),
        namespace: "shop".to_owned(),
        origin: Origin::Template,
        container: "web".to_owned(),
        sender: Sender::Pod { name: "ingraft-trace-1".to_owned(), node: "n1".to_owned() },
        trace_id: "0af7".to_owned(),
        mark: "m1".to_owned(),
        lines,
        count: None,
        policies: Policies::default(),
        caveats: vec![Caveat::OfTemplate],
    }
}

#[test]
fn is_delivered_only_if_it_was_accepted() {
    let settings = || Line::done(Stage::Settings, "http://c:4318/v1/traces http/protobuf");
    let accepted = trace(Ok(vec![settings(), Line::done(Stage::Accept, "")]));
    assert!(accepted.is_delivered());
    assert_eq!(accepted.endpoint(), "http://c:4318/v1/traces");
    let refused = Line::failed(Stage::Connect, Fault::Unreached(crate::finding::Step::Refused));
    let codes = |trace: &Trace| trace.findings().iter().map(Finding::code).collect::<Vec<_>>();
    for (lines, code) in [
        (Ok(vec![settings(), refused.clone()]), "SpanNotDelivered"),
        (Ok(vec![settings()]), "SpanNotSent"),
        (Ok(Vec::new()), "SpanNotSent"),
        (Err(Unsent::Deleted), "SpanNotSent"),
    ] {
        let trace = trace(lines);
        assert!(!trace.is_delivered());
        assert_eq!(codes(&trace), [code]);
    }
    let count = Some(Count::Rose { service: "obs/c".to_owned(), by: 0 });
    let policies = Policies { differing: vec!["shop/a".to_owned()], unseen: Some("forbidden".to_owned()) };
    let all = Trace { count, policies, ..accepted };
    assert_eq!(codes(&all), ["SpanDelivered", "SpanNotCounted", "PoliciesDiffer", "PoliciesUnseen"]);
}

#[test]
fn tells_people_and_programs() {
    let refused = Line::failed(Stage::Connect, Fault::Unreached(crate::finding::Step::Refused));
    let settings = Line::done(Stage::Settings, "http://c:4318/v1/traces http/protobuf");
    let trace = trace(Ok(vec![settings, Line::done(Stage::Resolve, "10.0.0.7"), refused]));
    assert_eq!(
        trace.text(Locale::En),
        "\
deployment/web in namespace shop: a span from pod ingraft-trace-1 on node n1, with the settings of container web of the template, as it would be injected now
  ✓ endpoint    http://c:4318/v1/traces http/protobuf
  ✓ resolve     10.0.0.7
  ✗ connect
error[SpanNotDelivered]: a span did not arrive: http://c:4318/v1/traces takes no connection
  help: see that it is ready and listens there: kubectl get endpointslices
note: no injected pod runs: the settings are those that a new one would get
"
    );
    assert!(trace.text(Locale::Es).contains("error[SpanNotDelivered]: un span no ha llegado"));
    let json = trace.json(Locale::En);
    assert_eq!((&json["delivered"], &json["steps"][2]["failed"]), (&json!(false), &json!("Refused")));
    assert_eq!(json["findings"][0]["code"], "SpanNotDelivered");
}

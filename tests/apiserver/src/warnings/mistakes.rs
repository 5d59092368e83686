//! Mistakes about annotations, and about what is injected because of them.

use serde_json::{Value, json};

use super::{KEY, Mistake, inject, of, untold, with};
use crate::cluster::{INJECT_PYTHON, exclusive, instrumentation, namespace};

/// Namespaces with one Instrumentation, `base`; with two, `blue` and `green`; with none; and with `shared`, of others.
const ONE: &str = "one";
const TWO: &str = "two";
const NONE: &str = "none";
const ELSEWHERE: &str = "elsewhere";

#[test]
fn each_mistake_is_told_when_it_is_applied() {
    let cluster = exclusive();
    let mut operator = cluster.operator_with("mistakes", &["--enable-go-instrumentation=true"]);
    operator.wait_ready();
    for place in [ONE, TWO, NONE, ELSEWHERE] {
        cluster.namespace(place, &json!({}));
    }
    let spec = json!({
        "exporter": {
            "endpoint": "https://collector.example.com:4318",
            "tls": {"configMapName": "authority", "ca_file": "ca.crt"},
        },
        "env": [{"name": "TOKEN", "valueFrom": {"configMapKeyRef": {"name": "tokens", "key": "token"}}}],
    });
    let plain = json!({"exporter": {"endpoint": "http://collector.example.com:4318"}});
    cluster.apply(&[
        instrumentation(ONE, "base", &plain),
        instrumentation(TWO, "blue", &plain),
        instrumentation(TWO, "green", &spec),
        instrumentation(ELSEWHERE, "shared", &plain),
    ]);
    cluster.wait_seen();
    let mistakes = [places(), keys(), values(), containers(), languages(), settings()];
    let mut untold = untold(&cluster, mistakes.into_iter().flatten());
    untold.extend(super::untold(&cluster, namespaces()));
    assert!(untold.is_empty(), "{}", untold.join("\n"));
}

/// Objects of each kind with this template.
fn of_kind(kind: &str, template: &Value) -> Value {
    let selector = json!({"matchLabels": {"app": "mistaken"}});
    let (api_version, spec) = match kind {
        "CronJob" => (
            "batch/v1",
            json!({"schedule": "0 0 1 1 *", "suspend": true, "jobTemplate": {"spec": {"template": template}}}),
        ),
        "Job" => ("batch/v1", json!({"suspend": true, "template": template})),
        "DaemonSet" => ("apps/v1", json!({"selector": selector, "template": template})),
        "StatefulSet" => (
            "apps/v1",
            json!({"replicas": 0, "selector": selector, "serviceName": "none", "template": template}),
        ),
        "ReplicationController" => ("v1", json!({"replicas": 0, "template": template})),
        _ => ("apps/v1", json!({"replicas": 0, "selector": selector, "template": template})),
    };
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "mistaken", "namespace": ONE}, "spec": spec})
}

/// An annotation where it has no effect.
fn places() -> Vec<Mistake> {
    let template = |annotations: Value, policy: &str| {
        let mut template = of(ONE, &annotations)["spec"]["template"].clone();
        template["spec"]["restartPolicy"] = policy.into();
        template["spec"]["nodeSelector"] = json!({"there-is": "none"});
        template
    };
    let request = inject("python", "true");
    let mut mistakes = Vec::new();
    for kind in
        ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob"]
    {
        let policy = if kind.ends_with("Job") { "Never" } else { "Always" };
        let place = if kind == "CronJob" { "spec.jobTemplate.spec.template" } else { "spec.template" };
        let mut above = of_kind(kind, &template(json!({}), policy));
        above["metadata"]["annotations"] = request.clone();
        mistakes.push((above, "AnnotationMisplaced", place));
        let unknown = of_kind(kind, &template(inject("python", "bsae"), policy));
        mistakes.push((unknown, "InstrumentationNotFound", "inject-python: 'base'"));
    }
    let mut in_job = of_kind("CronJob", &template(json!({}), "Never"));
    in_job["spec"]["jobTemplate"]["metadata"] = json!({"annotations": request});
    let mut labelled = of(ONE, &json!({}));
    labelled["spec"]["template"]["metadata"]["labels"][INJECT_PYTHON] = "true".into();
    let mut labelled_above = of(ONE, &json!({}));
    labelled_above["metadata"]["labels"] = request.clone();
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"namespace": ONE, "annotations": request},
        "spec": {"ports": [{"port": 80}], "selector": {"app": "mistaken"}},
    });
    let mut labelled_namespace = namespace("labelled", &json!({}));
    labelled_namespace["metadata"]["labels"] = request.clone();
    let mut own =
        instrumentation("default", "asks", &json!({"exporter": {"endpoint": "http://c.example.com"}}));
    own["metadata"]["annotations"] = request;
    let mut misspelt = of(ONE, &json!({}));
    misspelt["metadata"]["annotations"] = json!({"opentelemetry.io/inject-python": "true"});
    mistakes.extend([
        (in_job, "AnnotationMisplaced", "spec.jobTemplate.spec.template.metadata.annotations"),
        (labelled, "AnnotationIsLabel", "move it to metadata.annotations"),
        (labelled_above, "AnnotationIsLabel", "spec.template.metadata.annotations"),
        (service, "AnnotationWithoutPods", "pod template"),
        (labelled_namespace, "AnnotationIsLabel", "metadata.annotations"),
        (own, "AnnotationWithoutPods", "pod template"),
        (misspelt, "AnnotationMisplaced", "inject-python in spec.template.metadata.annotations"),
    ]);
    mistakes
}

/// A key that is none, and the right one.
fn keys() -> Vec<Mistake> {
    let keys = [
        ("instrumentation.opentelemetry.io/inject-pyton", "io/inject-python"),
        ("instrumentation.opentelemetry.io/Inject-Java", "io/inject-java"),
        ("instrumentation.opentelemetry.io/inject_java", "io/inject-java"),
        ("Instrumentation.OpenTelemetry.io/inject-java", "io/inject-java"),
        ("instrumentation.opentelemetry.io/inject-node", "io/inject-nodejs"),
        ("instrumentation.opentelemetry.io/inject-js", "io/inject-nodejs"),
        ("instrumentation.opentelemetry.io/inject-javascript", "io/inject-nodejs"),
        ("instrumentation.opentelemetry.io/inject-net", "io/inject-dotnet"),
        ("instrumentation.opentelemetry.io/inject-csharp", "io/inject-dotnet"),
        ("instrumentation.opentelemetry.io/inject-golang", "io/inject-go"),
        ("instrumentation.opentelemetry.io/inject-apache", "io/inject-apache-httpd"),
        ("instrumentation.opentelemetry.io/inject-httpd", "io/inject-apache-httpd"),
        ("instrumentation.opentelemetry.io/inject", "ingraft.dev/inject"),
        ("instrumentation.opentelemetry.io/inject-php", "remove it"),
        ("instrumentation.opentelemetry.io/container-name", "io/container-names"),
        ("instrumentation.opentelemetry.io/python-containers-names", "io/python-container-names"),
        ("instrumentation.opentelemetry.io/otel-dotnet-runtime", "io/otel-dotnet-auto-runtime"),
        ("instrumentation.opentelemetry.io/go-target-exe", "io/otel-go-auto-target-exe"),
        ("instrumentation.opentelemetry.com/inject-python", "io/inject-python"),
        ("instrumentation.opentelementry.io/inject-python", "io/inject-python"),
        ("instrumentation.otel.io/inject-python", "io/inject-python"),
        ("opentelemetry.io/inject-python", "io/inject-python"),
        ("sidecar.opentelemetry.io/inject-python", "io/inject-python"),
        ("inject-python", "io/inject-python"),
        ("Inject-Python", "io/inject-python"),
        ("ingraft.dev/injct", "ingraft.dev/inject"),
        ("ingraft.dev/inject-python", "io/inject-python"),
    ];
    let on_pod = |key: &str| {
        let mut pod = of(ONE, &json!({key: "true"}));
        pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": ONE, "annotations": pod["spec"]["template"]["metadata"]["annotations"]},
            "spec": pod["spec"]["template"]["spec"],
        });
        pod
    };
    let on_template =
        |(key, right): (&str, &'static str)| (of(ONE, &json!({key: "true"})), "AnnotationUnknown", right);
    let mut mistakes: Vec<Mistake> = keys.into_iter().map(on_template).collect();
    mistakes.extend([
        (on_pod("instrumentation.opentelemetry.io/inject-py"), "AnnotationUnknown", "io/inject-python"),
        (
            of(ONE, &json!({"sidecar.opentelemetry.io/inject": "true", INJECT_PYTHON: "true"})),
            "SidecarNotServed",
            "Collector",
        ),
    ]);
    mistakes
}

/// A value that finds no Instrumentation, and one that does.
fn values() -> Vec<Mistake> {
    let not_found = [
        (ONE, " true", "'true'"),
        (ONE, "'true'", "'true'"),
        (ONE, "yes", "'true'"),
        (ONE, "on", "'true'"),
        (ONE, "enabled", "'true'"),
        (ONE, "ture", "'true'"),
        (ONE, "no", "'false'"),
        (ONE, "fasle", "'false'"),
        (ONE, "Base", "'base'"),
        (ONE, "base ", "'base'"),
        (ONE, "one/bsae", "'base'"),
        (ONE, "elsewhere/base", "'base'"),
        (ONE, "one/base/x", "'base'"),
        (ONE, "one//base", "'base'"),
        (ONE, "/base", "'base'"),
        (ONE, "shared", "'elsewhere/shared'"),
        (ONE, "elsewhere", "'elsewhere/shared'"),
        (ONE, "elsewhere.shared", "'elsewhere/shared'"),
        (ONE, "elsewhere/", "'elsewhere/shared'"),
        (ONE, "elsewhere/true", "'elsewhere/shared'"),
        (TWO, "yes", "'blue'"),
        (NONE, "shared", "'elsewhere/shared'"),
        (NONE, "shard", "'elsewhere/shared'"),
        (ONE, "java-agents", "create it unless it follows, or name one that exists: base"),
        (ONE, "nowhere/java-agents", "unless it follows"),
    ];
    let mut mistakes: Vec<Mistake> = not_found
        .into_iter()
        .map(|(place, value, right)| (of(place, &inject("python", value)), "InstrumentationNotFound", right))
        .collect();
    mistakes.extend([
        (of(TWO, &inject("python", "true")), "InstrumentationAmbiguous", "'blue'"),
        (of(TWO, &inject("python", "TRUE")), "InstrumentationAmbiguous", "'blue'"),
        (
            of(NONE, &inject("python", "true")),
            "InstrumentationMissing",
            "unless it follows, or name one: default/",
        ),
    ]);
    mistakes
}

/// The same on a namespace.
fn namespaces() -> Vec<Mistake> {
    let on = |name: &str, key: &str, value: &str| namespace(name, &json!({format!("{KEY}{key}"): value}));
    vec![
        (on("new", "inject-pyhton", "true"), "AnnotationUnknown", "io/inject-python"),
        (on("new", "Inject-Java", "true"), "AnnotationUnknown", "io/inject-java"),
        (
            on("new", "inject-java", "true"),
            "InstrumentationMissing",
            "unless it follows, or name one: default/",
        ),
        (on("new", "inject-java", "shared"), "InstrumentationNotFound", "'elsewhere/shared'"),
        (on("new", "inject-java", "elsewhere/shred"), "InstrumentationNotFound", "'elsewhere/shared'"),
        (on("new", "inject-java", "to/follow"), "InstrumentationNotFound", "unless it follows"),
        (on(ONE, "inject-java", "yes"), "InstrumentationNotFound", "'true'"),
        (on(ONE, "inject-java", "bsae"), "InstrumentationNotFound", "'base'"),
        (on(TWO, "inject-java", "true"), "InstrumentationAmbiguous", "'blue'"),
        (on(ONE, "inject-nginx", "true"), "LanguageDisabled", "--enable-nginx-instrumentation=true"),
    ]
}

/// Containers that are not there or cannot be meant.
fn containers() -> Vec<Mistake> {
    let listed =
        |key: &str, names: &str| of(ONE, &json!({INJECT_PYTHON: "true", format!("{KEY}{key}"): names}));
    let two = json!({INJECT_PYTHON: "true", format!("{KEY}inject-java"): "true"});
    let init = json!({"initContainers": [{"name": "setup", "image": "example.com/setup:1"}]});
    let go = json!({format!("{KEY}inject-go"): "true", format!("{KEY}container-names"): "setup",
        format!("{KEY}otel-go-auto-target-exe"): "/app"});
    let proxy = json!({"containers": [{"name": "istio-proxy", "image": "example.com/proxy:1"}]});
    vec![
        (listed("container-names", "web"), "ContainerNotFound", "name one of app"),
        (listed("container-names", "app,web"), "ContainerNotFound", "name one of app"),
        (listed("container-names", "app;web"), "ContainerNotFound", "name one of app"),
        (listed("container-names", "App"), "ContainerNotFound", "name one of app"),
        (listed("python-container-names", "web"), "ContainerNotFound", "name one of app"),
        (listed("java-container-names", "app"), "AnnotationAlone", "inject-java"),
        (of(ONE, &json!({format!("{KEY}container-names"): "app"})), "AnnotationAlone", "inject-"),
        (of(ONE, &two), "ContainersUnnamed", "remove all but one"),
        (with(ONE, &go, init), "InitContainerUnsupported", "regular container"),
        (with(ONE, &inject("java", "true"), proxy), "NoContainer", "java-container-names"),
    ]
}

/// Languages that are not in the image, or need what is not there.
fn languages() -> Vec<Mistake> {
    let image = |language: &str, image: &str| {
        with(ONE, &inject(language, "true"), json!({"containers": [{"name": "app", "image": image}]}))
    };
    let also = |language: &str, key: &str, value: &str| {
        of(ONE, &json!({format!("{KEY}inject-{language}"): "true", format!("{KEY}{key}"): value}))
    };
    let windows = json!({"nodeSelector": {"kubernetes.io/os": "windows"}});
    vec![
        (image("nodejs", "python:3.12"), "LanguageSeemsWrong", "io/inject-python"),
        (image("python", "docker.io/library/node:20"), "LanguageSeemsWrong", "io/inject-nodejs"),
        (image("python", "eclipse-temurin:21"), "LanguageSeemsWrong", "io/inject-java"),
        (image("java", "mcr.microsoft.com/dotnet/aspnet:8.0"), "LanguageSeemsWrong", "io/inject-dotnet"),
        (image("java", "golang:1.24"), "LanguageSeemsWrong", "io/inject-go"),
        (image("java", "nginx:1.27"), "LanguageSeemsWrong", "io/inject-nginx"),
        (image("nodejs", "httpd:2.4"), "LanguageSeemsWrong", "/inject-apache-httpd"),
        (image("python", "php:8.3"), "LanguageSeemsWrong", "remove instrumentation"),
        (image("apache-httpd", "nginx:1.27"), "LanguageSeemsWrong", "io/inject-nginx"),
        (image("go", "openjdk:21"), "LanguageSeemsWrong", "io/inject-java"),
        (of(ONE, &inject("nginx", "true")), "LanguageDisabled", "--enable-nginx-instrumentation=true"),
        (also("dotnet", "otel-dotnet-auto-runtime", "alpine"), "PlatformUnknown", "linux-musl-x64"),
        (also("python", "otel-python-platform", "alpine"), "PlatformUnknown", "musl"),
        (also("python", "otel-dotnet-auto-runtime", "linux-x64"), "AnnotationAlone", "inject-dotnet"),
        (of(ONE, &inject("go", "true")), "GoTargetMissing", "otel-go-auto-target-exe"),
        (of(ONE, &json!({format!("{KEY}otel-go-auto-target-exe"): "/app"})), "AnnotationAlone", "inject-go"),
        (of(ONE, &json!({"ingraft.dev/inject": "true"})), "LanguageUnknown", "name the language"),
        (with(ONE, &inject("python", "true"), windows), "WindowsPod", "remove the annotation"),
    ]
}

/// Settings of the container that stand against what is injected, and a start that becomes too slow.
fn settings() -> Vec<Mistake> {
    let app = |language: &str, container: Value| {
        let mut app = json!({"name": "app", "image": "example.com/app:1.2.0"});
        super::json_merge(&mut app, container);
        with(ONE, &inject(language, "true"), json!({"containers": [app]}))
    };
    let probe = |language: &str, probe: Value| {
        let mut liveness = json!({"httpGet": {"path": "/healthz", "port": 8080}});
        super::json_merge(&mut liveness, probe);
        app(language, json!({"livenessProbe": liveness}))
    };
    let set = |language: &str, name: &str, value: Value| {
        let mut entry = json!({"name": name});
        super::json_merge(&mut entry, value);
        app(language, json!({"env": [entry]}))
    };
    let optional = json!({"valueFrom": {"configMapKeyRef": {"name": "c", "key": "k", "optional": true}}});
    let mounted = json!({
        "volumes": [{"name": "own", "emptyDir": {}}],
        "containers": [{
            "name": "app", "image": "example.com/app:1.2.0",
            "volumeMounts": [{"name": "own", "mountPath": "/otel-auto-instrumentation-python"}],
        }],
    });
    let shared_processes = json!({"shareProcessNamespace": false});
    let go = json!({format!("{KEY}inject-go"): "true", format!("{KEY}otel-go-auto-target-exe"): "/app"});
    vec![
        (probe("java", json!({"periodSeconds": 5})), "LivenessProbeMayKill", "startupProbe"),
        (
            probe("java", json!({"initialDelaySeconds": 10, "periodSeconds": 5})),
            "LivenessProbeMayKill",
            "25 s",
        ),
        (probe("python", json!({"periodSeconds": 3})), "LivenessProbeMayKill", "9 s"),
        (probe("nodejs", json!({"failureThreshold": 1, "periodSeconds": 9})), "LivenessProbeMayKill", "9 s"),
        (set("java", "JAVA_TOOL_OPTIONS", optional.clone()), "VariableNotMergeable", "literal value"),
        (set("nodejs", "NODE_OPTIONS", optional), "VariableNotMergeable", "literal value"),
        (set("dotnet", "CORECLR_PROFILER", json!({"value": "{other}"})), "OtherProfiler", "CORECLR_PROFILER"),
        (
            set("python", "OTEL_EXPORTER_OTLP_PROTOCOL", json!({"value": "grpc"})),
            "ProtocolUnsupported",
            "http/protobuf",
        ),
        (
            set("python", "OTEL_EXPORTER_OTLP_ENDPOINT", json!({"value": "collector:4318"})),
            "EndpointNotAUrl",
            "http://",
        ),
        (
            set("python", "OTEL_EXPORTER_OTLP_ENDPOINT", json!({"value": "http://localhost:4318"})),
            "EndpointIsLocal",
            "http://",
        ),
        (
            set("python", "OTEL_EXPORTER_OTLP_ENDPOINT", json!({"value": "http://c.example.com:4317"})),
            "EndpointPortIsGrpc",
            "4318",
        ),
        (with(ONE, &inject("python", "true"), mounted), "NameTaken", "another path"),
        (with(ONE, &go, shared_processes), "ProcessesHidden", "shareProcessNamespace"),
        (of(TWO, &inject("python", "green")), "ReferenceMissing", "\"authority\""),
        (of(TWO, &inject("python", "green")), "ReferenceMissing", "\"tokens\""),
    ]
}

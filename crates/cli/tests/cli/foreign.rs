//! What `ingraft doctor` must not say of manifests that are right, as people write them elsewhere.

use serde_json::Value;

use crate::run::Folder;

const HEAD: &str = "apiVersion: opentelemetry.io/v1alpha1\nkind: Instrumentation\n";

/// A Deployment that requests Java.
fn workload(metadata: &str, container: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web{metadata}}}\nspec:\n  \
         selector: {{matchLabels: {{app: web}}}}\n  template:\n    metadata:\n      labels: {{app: web}}\n      \
         annotations: {{instrumentation.opentelemetry.io/inject-java: VALUE}}\n    \
         spec: {{containers: [{{name: app, image: 'app:1'{container}}}]}}\n"
    )
}

/// The codes of what is told of files in a folder.
fn codes(files: &[(&str, &str)]) -> Vec<String> {
    let answer = Folder::with(files).run(&["doctor", "--locale", "en", "-R", ".", "-o", "json"]);
    let report: Value =
        serde_json::from_str(&answer.stdout).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
    let findings = report["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

/// An Instrumentation in a namespace, and a Deployment that requests it.
fn with(spec: &str, namespace: &str) -> String {
    let own = workload(", namespace: shop", "").replace("VALUE", "'true'");
    format!("{HEAD}metadata: {{name: inst, namespace: shop}}\nspec: {spec}\n---\n{namespace}{own}")
}

const ENDPOINT: &str = "{exporter: {endpoint: 'http://otel-collector.obs.svc.cluster.local:4318'}}";

#[test]
fn kustomize_says_where_objects_are() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: otel-collector}\n\
                   spec: {selector: {app: otel}, ports: [{port: 4318}]}\n";
    let own = workload("", "").replace("VALUE", "'true'");
    let all = format!("{HEAD}metadata: {{name: inst}}\nspec: {ENDPOINT}\n---\n{service}---\n{own}");
    assert_eq!(
        codes(&[("kustomization.yaml", "namespace: obs\nresources: [a.yaml]\n"), ("a.yaml", &all)]),
        [""; 0]
    );
    let base = ("base/kustomization.yaml", "resources: [a.yaml]\n");
    let overlay = ("overlays/prod/kustomization.yaml", "namespace: obs\nresources: [../../base]\n");
    assert_eq!(codes(&[base, ("base/a.yaml", &all), overlay]), [""; 0]);
    let another = ("overlays/test/kustomization.yaml", "namespace: test\nresources: [../../base]\n");
    assert_eq!(codes(&[base, ("base/a.yaml", &all), overlay, another]), [""; 0]);
    assert_eq!(codes(&[("a.yaml", &all)]), [""; 0], "whoever applies it says where");

    let inst = format!("{HEAD}metadata: {{name: inst}}\nspec: {ENDPOINT}\n");
    let of_app = workload("", "").replace("VALUE", "obs/inst");
    let app = ("app/kustomization.yaml", "namespace: shop\nresources: [d.yaml]\n");
    let otel = ("otel/kustomization.yaml", "namespace: obs\nresources: [inst.yaml]\n");
    let told = codes(&[app, ("app/d.yaml", &of_app), otel, ("otel/inst.yaml", &inst)]);
    assert_eq!(told, [""; 0]);
    let wrong = of_app.replace("obs/inst", "other/inst");
    let told = codes(&[app, ("app/d.yaml", &wrong), otel, ("otel/inst.yaml", &inst)]);
    assert_eq!(told, ["InstrumentationNotFound"]);

    let there = format!("{HEAD}metadata: {{name: inst, namespace: shop}}\nspec: {ENDPOINT}\n---\n{own}");
    assert_eq!(
        codes(&[("kustomization.yaml", "namespace: shop\nresources: [a.yaml]\n"), ("a.yaml", &there)]),
        [""; 0]
    );
    assert_eq!(codes(&[("a.yaml", &there)]), ["InstrumentationMissing"]);
}

#[test]
fn patches_are_not_taken_for_objects() {
    let patched =
        format!("{HEAD}metadata: {{name: inst, namespace: shop}}\nspec: {{sampler: {{argument: '0.1'}}}}\n");
    let own = with(ENDPOINT, "");
    let kustomization = "resources: [a.yaml]\npatches: [{path: p.yaml}]\n";
    assert_eq!(
        codes(&[("kustomization.yaml", kustomization), ("a.yaml", &own), ("p.yaml", &patched)]),
        [""; 0]
    );
    let files = [("kustomization.yaml", kustomization), ("a.yaml", &*own), ("p.yaml", &*patched)];
    let answer = Folder::with(&files).run(&["doctor", "--locale", "en", "."]);
    assert!(answer.stderr.contains("p.yaml is left out: it is a patch"), "{answer:?}");
    assert!(answer.stdout.contains("left out: 2 files"), "{answer:?}");
    let bare = with("{}", "");
    let patch = format!("{HEAD}metadata: {{name: inst, namespace: shop}}\nspec: {ENDPOINT}\n");
    assert_eq!(
        codes(&[("kustomization.yaml", kustomization), ("a.yaml", &bare), ("p.yaml", &patch)]),
        [""; 0]
    );
    assert_eq!(codes(&[("a.yaml", &bare)]), ["EndpointMissing"]);
}

#[test]
fn what_is_known_of_agents_ends_with_their_version_and_maker() {
    let of = |image: &str| {
        with(
            &format!(
                "{{env: [{{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: 'http://c.obs.svc:4317'}}], java: {{image: '{image}'}}}}"
            ),
            "",
        )
    };
    let told = |image: &str| codes(&[("a.yaml", &of(image))]);
    let own = "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-java";
    assert!(!told(&format!("{own}:1.33.6")).contains(&"EndpointPortIsGrpc".to_owned()));
    assert!(!told("quay.io/signalfx/splunk-otel-java:v2.5.0").contains(&"EndpointPortIsGrpc".to_owned()));
    assert!(told(&format!("{own}:2.30.0")).contains(&"EndpointPortIsGrpc".to_owned()));
    let alone = |block: &str| {
        let text = format!(
            "{HEAD}metadata: {{name: inst, namespace: shop}}\nspec: {{exporter: {{endpoint: 'http://tempo.obs.svc:4317'}}{block}}}\n"
        );
        codes(&[("a.yaml", &text)])
    };
    assert_eq!(alone(&format!(", java: {{image: '{own}:2.30.0'}}")), [""; 0]);
    assert_eq!(alone(""), ["EndpointPortNotForAll"]);
}

#[test]
fn telemetry_may_go_another_way() {
    let trusting = "{exporter: {endpoint: 'https://otel-collector.obs.svc:4318'}, env: [{name: OTEL_EXPORTER_OTLP_CERTIFICATE, value: /etc/ssl/ca.crt}]}";
    assert_eq!(codes(&[("a.yaml", &with(trusting, ""))]), [""; 0]);
    let zipkin = "{env: [{name: OTEL_TRACES_EXPORTER, value: zipkin}, {name: OTEL_METRICS_EXPORTER, value: none}, {name: OTEL_LOGS_EXPORTER, value: none}]}";
    assert_eq!(codes(&[("a.yaml", &with(zipkin, ""))]), [""; 0]);
    let sidecar = "apiVersion: opentelemetry.io/v1beta1\nkind: OpenTelemetryCollector\nmetadata: {name: side, namespace: shop}\n\
                   spec: {mode: sidecar, config: {receivers: {otlp: {protocols: {http: {}}}}, exporters: {debug: {}}, \
                   service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}}}\n---\n";
    let local = "{exporter: {endpoint: 'http://localhost:4318'}}";
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, annotations: {sidecar.opentelemetry.io/inject: 'true'}}\n---\n";
    assert_eq!(codes(&[("a.yaml", &format!("{sidecar}{namespace}{}", with(local, "")))]), [""; 0]);
    let on_pod = with(local, "")
        .replace("inject-java: 'true'", "inject-java: 'true', sidecar.opentelemetry.io/inject: 'true'");
    assert_eq!(codes(&[("a.yaml", &format!("{sidecar}{on_pod}"))]), [""; 0]);
}

#[test]
fn order_is_that_of_argo_cd() {
    let own = workload(", namespace: shop", "").replace("VALUE", "'true'");
    let of = |annotations: &str| {
        let text = format!(
            "{own}---\n{HEAD}metadata: {{name: inst, namespace: shop{annotations}}}\nspec: {ENDPOINT}\n"
        );
        codes(&[("a.yaml", &text)])
    };
    assert_eq!(of(""), ["InstrumentationFollows"]);
    assert_eq!(of(", annotations: {argocd.argoproj.io/sync-wave: '-1'}"), [""; 0]);
}

#[test]
fn programs_get_a_document_also_where_nothing_can_be_read() {
    let answer = Folder::with(&[("bad.yaml", "a: [\n")]).run(&["doctor", "-o", "json", "-f", "bad.yaml"]);
    assert_eq!(answer.status, 3, "{answer:?}");
    let report: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(report["errors"].as_array().unwrap().len(), 1);
}

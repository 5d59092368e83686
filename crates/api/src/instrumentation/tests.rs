use super::*;

#[test]
fn reads_the_spec_of_the_page() {
    let page = r"
apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata: {name: python-instrumentation, namespace: application}
spec:
  exporter: {endpoint: 'http://otel-collector-collector.opentelemetry.svc.cluster.local:4318'}
  propagators: [tracecontext, baggage]
  sampler: {type: parentbased_traceidratio, argument: '1'}
  python:
    image: ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-python:0.39b0
    resourceRequirements: {limits: {cpu: 500m, memory: 32Mi}, requests: {cpu: 50m, memory: 32Mi}}
";
    let instrumentation: Instrumentation = serde_saphyr::from_str(page).unwrap();
    assert_eq!(instrumentation.reference(), "application/python-instrumentation");
    let spec = instrumentation.spec;
    assert_eq!(spec.sampler.unwrap().kind, Some(SamplerType::ParentBasedTraceIdRatio));
    assert_eq!(spec.propagators.unwrap(), [Propagator::TraceContext, Propagator::Baggage]);
    let limits = spec.python.unwrap().resource_requirements.unwrap().limits.unwrap();
    assert_eq!(limits["memory"].0, "32Mi");
}

#[test]
fn accepts_an_object_without_spec_and_quantities_written_as_numbers() {
    let bare: Instrumentation = serde_saphyr::from_str("metadata: {name: a, namespace: b}").unwrap();
    assert_eq!(bare.spec, InstrumentationSpec::default());
    let number = "metadata: {name: a}\nspec: {java: {resources: {limits: {cpu: 1}}}}";
    let instrumentation: Instrumentation = serde_saphyr::from_str(number).unwrap();
    assert_eq!(instrumentation.spec.java.unwrap().resources.unwrap().limits.unwrap()["cpu"].0, "1");
}

/// The served fields of the reference (docs/reference/instrumentation.md 2): each must exist, so that no manifest loses
/// one.
#[test]
fn schema_has_every_field_of_the_reference() {
    let crd = Instrumentation::crd();
    let spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";
    let language = ["image", "volumeClaimTemplate", "volumeLimitSize", "env"];
    let mut paths: Vec<String> = [
        "exporter/endpoint",
        "exporter/tls/secretName",
        "exporter/tls/configMapName",
        "exporter/tls/ca_file",
        "exporter/tls/cert_file",
        "exporter/tls/key_file",
        "resource/resourceAttributes",
        "resource/addK8sUIDAttributes",
        "propagators",
        "sampler/type",
        "sampler/argument",
        "defaults/useLabelsForResourceAttributes",
        "env",
        "imagePullPolicy",
        "initContainerSecurityContext",
        "java/resources",
        "java/extensions",
        "nodejs/resourceRequirements",
        "python/resourceRequirements",
        "dotnet/resourceRequirements",
        "go/resourceRequirements",
        "go/securityContext",
        "apacheHttpd/resourceRequirements",
        "apacheHttpd/attrs",
        "apacheHttpd/version",
        "apacheHttpd/configPath",
        "nginx/resourceRequirements",
        "nginx/attrs",
        "nginx/configFile",
    ]
    .map(str::to_owned)
    .to_vec();
    for block in crate::Language::with_image().map(crate::Language::field) {
        paths.extend(language.iter().map(|field| format!("{block}/{field}")));
    }
    for path in paths {
        let pointer = format!("{spec}/{}", path.replace('/', "/properties/"));
        assert!(crd.pointer(&pointer).is_some(), "{path} is missing");
    }
}

/// A structural schema (<https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema>)
/// has no references; a quantity may be a number.
#[test]
fn schema_is_self_contained_and_takes_quantities_as_numbers() {
    let crd = Instrumentation::crd();
    assert!(!crd.to_string().contains("$ref"));
    let limits = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/java/properties/resources/properties/limits/additionalProperties";
    assert_eq!(crd.pointer(limits).unwrap()["x-kubernetes-int-or-string"], true);
}

//! What will not work well about an Instrumentation, seen before any pod uses it.

mod endpoint;
mod settings;

use ingraft_api::annotations::{HEAL, PREFIX};
use ingraft_api::instrumentation::{Exporter, KIND};
use ingraft_api::{Instrumentation, InstrumentationSpec, Language};

use crate::defaults;
use crate::endpoint::Endpoint;
use crate::finding::{Finding, Findings, InstrumentationFinding, ManifestFinding, ReferenceFinding};
use crate::image::ImageReference;
use crate::inject::annotations::{Look, heal_unknown, is_right_anywhere, look};
use crate::inject::profile;
use crate::json::annotation_pointer;
use crate::settings::Settings;
use crate::snapshot::Snapshot;
use crate::upgrade;

pub(crate) use endpoint::ENDPOINT_VARIABLES;

/// Reviews an Instrumentation: what is said about the endpoint, TLS, the sampler, variables and images, and annotations
/// that were meant for pods.
///
/// ```
/// use ingraft_core::{Settings, Snapshot, review};
/// let instrumentation = ingraft_api::Instrumentation::default();
/// let findings = review(&instrumentation, &Snapshot::default(), &Settings::default());
/// assert_eq!(findings[0].code(), "EndpointMissing");
/// ```
pub fn review(instrumentation: &Instrumentation, snapshot: &Snapshot, settings: &Settings) -> Vec<Finding> {
    let mut findings = Findings::default();
    let exporter = instrumentation.spec.exporter.clone().unwrap_or_default();
    endpoint::review(instrumentation, &exporter, snapshot, &mut findings);
    review_tls(instrumentation, &exporter, snapshot, &mut findings);
    settings::review(instrumentation, snapshot, settings, &mut findings);
    for language in Language::with_image() {
        if let Some(image) = defaults::block(&instrumentation.spec, language).image {
            review_image(instrumentation, language, image, settings, &mut findings);
        }
    }
    review_annotations(instrumentation, &mut findings);
    findings.into_vec()
}

fn review_image(
    instrumentation: &Instrumentation,
    language: Language,
    image: &str,
    settings: &Settings,
    findings: &mut Findings,
) {
    let name = |image| ImageReference::parse(image).name();
    let is_of = |other: Language| name(profile(other).default_image) == name(image);
    // nginx and Apache httpd share one.
    let of_other = !is_of(language) && Language::with_image().any(is_of);
    let reason = if of_other {
        Some(InstrumentationFinding::AgentOfOtherLanguage { language, image: image.to_owned() })
    } else {
        upgrade::blocked(language, image, settings.image(language))
    };
    if let Some(reason) = reason {
        findings.about(instrumentation, reason, format!("/spec/{}/image", language.field()));
    }
}

/// Annotations that request injection belong on pods. The reference writes some of its own here.
fn review_annotations(instrumentation: &Instrumentation, findings: &mut Findings) {
    let own = format!("{PREFIX}default-auto-instrumentation-");
    for (key, value) in instrumentation.metadata.annotations.iter().flatten() {
        if key == HEAL {
            if let Some(reason) = heal_unknown(key, &value.as_str().into()) {
                findings.about(instrumentation, reason, annotation_pointer(key));
            }
        } else if !is_right_anywhere(key) && !key.starts_with(&own) && look(key) != Look::Foreign {
            let reason = ManifestFinding::AnnotationWithoutPods { key: key.clone(), kind: KIND.to_owned() };
            findings.about(instrumentation, reason, annotation_pointer(key));
        }
    }
}

/// The warnings of the reference about TLS (docs/reference/instrumentation.md 9), but for public hosts without a CA: agents
/// know the authorities that vouch for these.
fn review_tls(
    instrumentation: &Instrumentation,
    exporter: &Exporter,
    snapshot: &Snapshot,
    findings: &mut Findings,
) {
    let mut add = |reason, pointer| findings.about(instrumentation, reason, pointer);
    let url = exporter.endpoint.as_deref().unwrap_or_default();
    let https = url.starts_with("https://");
    let Some(tls) = &exporter.tls else {
        let namespace = instrumentation.metadata.namespace.as_deref().unwrap_or_default();
        let is_service = |endpoint: &Endpoint<'_>| {
            let service = endpoint.service(namespace);
            service.is_some_and(|(namespace, name)| snapshot.services.get(namespace, name).is_some())
        };
        let is_inside = |endpoint: Endpoint<'_>| endpoint.is_private() || is_service(&endpoint);
        if https && Endpoint::parse(url).is_some_and(is_inside) && !names_authority(&instrumentation.spec) {
            add(ReferenceFinding::TlsUnset, "/spec/exporter/tls");
        }
        return;
    };
    let set = |file: &Option<String>| file.as_deref().is_some_and(|file| !file.is_empty());
    if set(&tls.key_file) != set(&tls.cert_file) {
        add(ReferenceFinding::TlsHalfAPair, "/spec/exporter/tls");
    }
    if !https {
        add(ReferenceFinding::TlsWithoutHttps, "/spec/exporter/endpoint");
    }
}

/// The variables, besides those of OTLP, by which programs are told whom to trust.
pub(crate) const AUTHORITIES: [&str; 4] =
    ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR", "JAVA_TOOL_OPTIONS"];

/// Whether a variable of an Instrumentation says whom to trust.
fn names_authority(spec: &InstrumentationSpec) -> bool {
    let blocks = Language::with_image().flat_map(|language| defaults::block(spec, language).env);
    let mut all = spec.env.iter().flatten().chain(blocks);
    all.any(|variable| {
        let name = variable.name.as_str();
        name.ends_with("_CERTIFICATE") || AUTHORITIES.contains(&name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Locale;
    use serde_json::{Value, json};

    fn codes(spec: &Value) -> Vec<&'static str> {
        let object = json!({"metadata": {"name": "a", "namespace": "obs"}, "spec": spec});
        let mut snapshot = Snapshot::default();
        snapshot.services.insert("obs".into(), "collector".into(), vec![4318]);
        let findings = review(&serde_json::from_value(object).unwrap(), &snapshot, &Settings::default());
        findings.iter().map(Finding::code).collect()
    }

    #[test]
    fn notices_what_loses_telemetry() {
        for (endpoint, expected) in [
            ("http://collector.obs.svc.cluster.local:4318", &[][..]),
            ("http://collector.obs:4318", &[]),
            ("http://$(OTEL_NODE_IP):4318", &[]),
            ("https://otlp.example.com", &[]),
            ("https://203.0.113.7:4318", &[]),
            ("https://collector.obs:4318", &["TlsUnset"]),
            ("https://collector.obs.svc.cluster.local:4318", &["TlsUnset"]),
            ("https://collector-0.collector.obs.svc:4318", &["TlsUnset"]),
            ("https://10.1.2.3:4318", &["TlsUnset"]),
            ("https://100.64.0.1:4318", &["TlsUnset"]),
            ("https://[fd00::1]:4318", &["TlsUnset"]),
            ("", &["EndpointMissing"]),
            ("collector.obs:4318", &["EndpointNotAUrl"]),
            ("http://localhost:4318", &["EndpointIsLocal"]),
            ("http://127.0.0.1:4317", &["EndpointIsLocal"]),
            ("http://other.obs:4317", &["EndpointPortNotForAll"]),
            ("http://other:4318", &["EndpointWithoutNamespace"]),
            ("http://collector.obs.svc:9999", &["EndpointPortNotServed"]),
            ("http://collector.obs.svc", &["EndpointPortNotServed"]),
        ] {
            assert_eq!(codes(&json!({"exporter": {"endpoint": endpoint}})), expected, "{endpoint}");
        }
    }

    #[test]
    fn advises_a_port_to_the_languages_that_need_it_only() {
        let object = json!({"spec": {"exporter": {"endpoint": "http://other.obs:4317"}}});
        let object = serde_json::from_value(object).unwrap();
        let findings = review(&object, &Snapshot::default(), &Settings::default());
        assert_eq!(
            findings[0].reason.text(Locale::En).help.unwrap(),
            "keep port 4317 for apache-httpd, nginx; use 4318 in an Instrumentation for python"
        );
    }

    #[test]
    fn notices_half_a_setting() {
        let endpoint = "https://collector.example.com:4318";
        let tls = |tls: Value| json!({"exporter": {"endpoint": endpoint, "tls": tls}});
        assert_eq!(codes(&tls(json!({"secretName": "s", "cert_file": "a", "key_file": "b"}))), [""; 0]);
        assert_eq!(codes(&tls(json!({"cert_file": "a"}))), ["TlsHalfAPair"]);
        let plain = json!({"exporter": {"endpoint": "http://c.obs:4318", "tls": {}}});
        assert_eq!(codes(&plain), ["TlsWithoutHttps"]);
        let sampler = json!({"exporter": {"endpoint": "http://c.obs:4318"}, "sampler": {"argument": "0.5"}});
        assert_eq!(codes(&sampler), ["SamplerTypeMissing"]);
    }

    #[test]
    fn notices_an_image_that_will_not_be_upgraded() {
        let image = "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-java:1.32.0";
        let spec = json!({"exporter": {"endpoint": "http://c.obs:4318"}, "java": {"image": image}});
        assert_eq!(codes(&spec), ["UpgradeBlocked"]);
    }

    #[test]
    fn takes_an_endpoint_from_a_variable() {
        let env = json!({"env": [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://c.obs:4318"}]});
        assert_eq!(codes(&env), [""; 0]);
    }
}

//! Hints about Instrumentations: those of `review` that need no other object.

use ingraft_api::Language;

use super::Hint;
use crate::endpoint::GRPC_PORT;
use crate::finding::{EndpointFinding, InstrumentationFinding, ReferenceFinding};
use crate::inject::{OtlpProtocols, exporter, profile};
use crate::policies::cel::{free_value, text, texts, value};
use crate::review::{AUTHORITIES, ENDPOINT_VARIABLES};

/// The endpoint is read as `Endpoint::parse` does.
pub(super) fn variables() -> Vec<(String, String)> {
    let without_scheme = "variables.endpoint.startsWith('http://') ? variables.endpoint.substring(7) : \
                          variables.endpoint.startsWith('https://') ? variables.endpoint.substring(8) : ''";
    let authority = "variables.rest.split('/')[0].split('?')[0].split('#')[0].split('@')";
    let host = "!variables.authority.startsWith('[') ? variables.authority.split(':')[0] : \
                variables.authority.contains(']') ? variables.authority.substring(1, variables.authority.indexOf(']')) : ''";
    let port = "!variables.authority.startsWith('[') ? variables.authority.substring(size(variables.host)) : \
                variables.authority.contains(']') ? variables.authority.substring(size(variables.host) + 2) : ''";
    let has_port = "variables.port.startsWith(':') && !variables.port.contains('$(')";
    let is_port =
        r"variables.port.matches('^:[+]?0*[0-9]{1,5}$') && int(variables.port.substring(1)) <= 65535";
    [
        ("spec", "dyn(object).?spec.orValue({})".to_owned()),
        ("exporter", "variables.spec.?exporter.orValue({})".to_owned()),
        ("env", "variables.spec.?env.orValue([]).map(variable, variable.name)".to_owned()),
        ("namesAuthority", names_authority()),
        ("isForOthers", is_for_others()),
        ("endpoint", "variables.exporter.?endpoint.orValue('')".to_owned()),
        ("rest", without_scheme.to_owned()),
        ("authorities", authority.to_owned()),
        ("authority", "variables.authorities[size(variables.authorities) - 1]".to_owned()),
        ("host", host.to_owned()),
        ("port", port.to_owned()),
        ("hasPort", has_port.to_owned()),
        ("isUrl", format!("variables.host != '' && (!variables.hasPort || {is_port})")),
        (
            "isLocal",
            "variables.host in ['localhost', '::1', '0.0.0.0'] || variables.host.startsWith('127.')"
                .to_owned(),
        ),
        ("isElsewhere", "variables.isUrl && !variables.isLocal".to_owned()),
        ("isPrivate", is_private()),
        ("isHttps", "variables.endpoint.startsWith('https://')".to_owned()),
        ("sampler", "variables.spec.?sampler.orValue({})".to_owned()),
        ("tls", "variables.exporter.?tls.orValue({})".to_owned()),
    ]
    .map(|(name, expression)| (name.to_owned(), expression))
    .to_vec()
}

/// As `Endpoint::is_private` says.
fn is_private() -> String {
    let name = "^[^.:$]+$|^[^.]+[.][^.]+[.]([^.]+[.])?svc([.]|$)";
    let shared = "100[.](6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])";
    let ipv4 = format!("^(10|127|192[.]168|172[.](1[6-9]|2[0-9]|3[01])|{shared})[.][0-9.]+$");
    format!("variables.host.matches('{name}|{ipv4}|^(f[cd][0-9a-f]*:|::1$)')")
}

/// As `names_authority` of `review` says.
fn names_authority() -> String {
    let is_one = |name: &str| format!("{name}.endsWith('_CERTIFICATE') || {name} in {}", texts(AUTHORITIES));
    let blocks = Language::with_image().map(block).collect::<Vec<_>>().join(", ");
    format!(
        "variables.env.exists(name, {}) || [{blocks}].exists(block, block.?env.orValue([]).exists(variable, {}))",
        is_one("name"),
        is_one("variable.name")
    )
}

/// Whether an Instrumentation names languages, and none that sends over HTTP only.
fn is_for_others() -> String {
    let named = |is_http: bool| {
        let all = Language::with_image();
        let of = all.filter(move |language| (profile(*language).otlp == OtlpProtocols::Http) == is_http);
        format!(
            "[{}].exists(block, has(block.image) || size(block.?env.orValue([])) > 0)",
            of.map(block).collect::<Vec<_>>().join(", ")
        )
    };
    format!("{} && !{}", named(false), named(true))
}

/// What an Instrumentation says of a language.
fn block(language: Language) -> String {
    format!("variables.spec.?{}.orValue({{}})", language.field())
}

pub(super) fn hints() -> Vec<Hint> {
    let endpoint = || free_value("variables.endpoint");
    let sets = |name: &str| format!("{} in variables.env", text(name));
    let [one, other] = ENDPOINT_VARIABLES.map(sets);
    let only = |otlp| Language::ALL.into_iter().filter(|&language| profile(language).otlp == otlp).collect();
    let (http, grpc) = (only(OtlpProtocols::Http), only(OtlpProtocols::Grpc));
    let is_grpc = format!("variables.hasPort && int(variables.port.substring(1)) == {GRPC_PORT}");
    let is_other = "variable.?value.orValue('') != '' && !has(variable.valueFrom) \
                    && !variable.value.startsWith('$(') && !variable.value.contains('otlp')";
    let sends_none = format!(
        "{}.all(name, variables.spec.?env.orValue([]).exists(variable, variable.name == name && {is_other}))",
        texts(exporter::EXPORTERS)
    );
    let has_file = |file| format!("variables.tls.?{file}.orValue('') != ''");
    vec![
        Hint::new(
            EndpointFinding::EndpointMissing { container: None },
            format!("(variables.endpoint == '' && !({one}) && !({other}) && !({sends_none}))"),
        ),
        Hint::new(
            EndpointFinding::EndpointNotAUrl { endpoint: endpoint() },
            "(variables.endpoint != '' && !variables.isUrl)",
        ),
        Hint::new(
            EndpointFinding::EndpointIsLocal { endpoint: endpoint() },
            "(variables.isUrl && variables.isLocal)",
        ),
        Hint::new(
            EndpointFinding::EndpointPortNotForAll { endpoint: endpoint(), http, grpc },
            format!(
                "(variables.isElsewhere && {is_grpc} && !({}) && !variables.isForOthers)",
                sets(exporter::PROTOCOL)
            ),
        ),
        Hint::new(
            EndpointFinding::EndpointWithoutNamespace {
                host: free_value("variables.host"),
                namespace: value("request.namespace"),
            },
            "(variables.isElsewhere && !variables.host.matches('[.:$]'))",
        ),
        Hint::new(
            ReferenceFinding::TlsUnset,
            "(variables.isHttps && variables.isUrl && variables.isPrivate && !has(variables.exporter.tls) \
              && !variables.namesAuthority)",
        ),
        Hint::new(
            ReferenceFinding::TlsHalfAPair,
            format!("(({}) != ({}))", has_file("cert_file"), has_file("key_file")),
        ),
        Hint::new(ReferenceFinding::TlsWithoutHttps, "(has(variables.exporter.tls) && !variables.isHttps)"),
        Hint::new(
            InstrumentationFinding::SamplerTypeMissing,
            "(!has(variables.sampler.type) && variables.sampler.?argument.orValue('') != '')",
        ),
    ]
}

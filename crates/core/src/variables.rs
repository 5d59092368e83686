//! What variables of the OpenTelemetry SDKs say that cannot be meant: names and values that nobody reads, and what switches
//! traces off.
//!
//! Names are those of <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/> and
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>. Applications may have any others of their own, so only a
//! name that is almost one of these is told. Values may be those of an extension, and are treated likewise.

use std::sync::LazyLock;

use ingraft_api::Language;
use k8s_openapi::api::core::v1::EnvVar;
use serde_json::Value;

use crate::environment::refers_to;
use crate::finding::{EndpointFinding, InstrumentationFinding, Reason, VariableFinding};
use crate::json::string;
use crate::spelling::distance;

/// A variable of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Variable<'a> {
    pub(crate) name: &'a str,
    /// Its value, if it has one and not a source.
    pub(crate) value: Option<&'a str>,
}

impl<'a> Variable<'a> {
    /// An entry of the list of a container.
    pub(crate) fn of(entry: &'a Value) -> Self {
        let value = string(entry, "value").filter(|_| entry.get("valueFrom").is_none());
        Self { name: string(entry, "name").unwrap_or_default(), value }
    }

    /// An entry of a list of an Instrumentation.
    pub(crate) fn of_instrumentation(entry: &'a EnvVar) -> Self {
        let value = entry.value.as_deref().filter(|_| entry.value_from.is_none());
        Self { name: &entry.name, value }
    }

    /// The value, where it stands for itself.
    fn literal(self) -> Option<&'a str> {
        self.value.map(str::trim).filter(|value| !value.is_empty() && !value.contains("$("))
    }
}

const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";

/// Every name that is meant for an SDK whatever its language.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let plain = [
        "OTEL_SDK_DISABLED",
        "OTEL_SERVICE_NAME",
        "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_LOG_LEVEL",
        "OTEL_PROPAGATORS",
        SAMPLER,
        SAMPLER_ARGUMENT,
        "OTEL_BSP_SCHEDULE_DELAY",
        "OTEL_BSP_EXPORT_TIMEOUT",
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        "OTEL_BLRP_SCHEDULE_DELAY",
        "OTEL_BLRP_EXPORT_TIMEOUT",
        "OTEL_BLRP_MAX_QUEUE_SIZE",
        "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "OTEL_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_SPAN_EVENT_COUNT_LIMIT",
        "OTEL_SPAN_LINK_COUNT_LIMIT",
        "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_METRICS_EXEMPLAR_FILTER",
        "OTEL_METRIC_EXPORT_INTERVAL",
        "OTEL_METRIC_EXPORT_TIMEOUT",
        "OTEL_TRACES_EXPORTER",
        "OTEL_METRICS_EXPORTER",
        "OTEL_LOGS_EXPORTER",
        "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
        "OTEL_EXPORTER_ZIPKIN_TIMEOUT",
        "OTEL_EXPORTER_PROMETHEUS_HOST",
        "OTEL_EXPORTER_PROMETHEUS_PORT",
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        "OTEL_SEMCONV_STABILITY_OPT_IN",
        "OTEL_CONFIG_FILE",
        "OTEL_ENTITIES",
    ];
    let of_otlp = [
        "ENDPOINT",
        "PROTOCOL",
        "HEADERS",
        "TIMEOUT",
        "COMPRESSION",
        "INSECURE",
        "CERTIFICATE",
        "CLIENT_CERTIFICATE",
        "CLIENT_KEY",
    ];
    let signals = ["", "TRACES_", "METRICS_", "LOGS_", "PROFILES_"];
    let otlp = of_otlp
        .iter()
        .flat_map(|setting| signals.map(|signal| format!("OTEL_EXPORTER_OTLP_{signal}{setting}")));
    plain.into_iter().map(str::to_owned).chain(otlp).collect()
});

/// What names of single languages begin with, and those that are set beside injected agents. Any may follow.
const OF_LANGUAGES: [&str; 20] = [
    "OTEL_APACHE_",
    "OTEL_CPP_",
    "OTEL_DOTNET_",
    "OTEL_EBPF_",
    "OTEL_EXPERIMENTAL_",
    "OTEL_GO_",
    "OTEL_INJECTOR_",
    "OTEL_INSTRUMENTATION_",
    "OTEL_JAVAAGENT_",
    "OTEL_JAVA_",
    "OTEL_JMX_",
    "OTEL_NODEJS_",
    "OTEL_NODE_",
    "OTEL_ORIG_",
    "OTEL_PHP_",
    "OTEL_POD_IP",
    "OTEL_PYTHON_",
    "OTEL_RESOURCE_ATTRIBUTES_",
    "OTEL_RUBY_",
    "OTEL_RUST_",
];

/// The name that was probably meant by one that no SDK reads.
fn meant(name: &str) -> Option<&'static str> {
    let is_of_language = |name: &str| OF_LANGUAGES.iter().any(|prefix| name.starts_with(prefix));
    // `OTEL_EXPORTER_OTLP_ENDPOINT_2` is somebody's own.
    if NAMES.iter().any(|known| known == name) || is_of_language(name) || name.ends_with(char::is_numeric) {
        return None;
    }
    let written = name.to_ascii_uppercase().replace(['-', '.'], "_");
    if !written.starts_with("OT") || is_of_language(&written) {
        return None;
    }
    let room = if written.starts_with("OTEL") { 2 } else { 1 };
    let near = NAMES.iter().filter_map(|known| Some((distance(known, &written, room)?, known.as_str())));
    near.min().map(|(_, known)| known)
}

/// The values of variables that hold one or several words, separated by commas.
fn values(name: &str) -> Option<&'static [&'static str]> {
    const EXPORTERS: &[&str] =
        &["otlp", "otlp_proto_grpc", "otlp_proto_http", "console", "logging", "zipkin", "prometheus", "none"];
    match name {
        SAMPLER => Some(&[
            "always_on",
            "always_off",
            "traceidratio",
            "parentbased_always_on",
            "parentbased_always_off",
            "parentbased_traceidratio",
        ]),
        "OTEL_PROPAGATORS" => {
            Some(&["tracecontext", "baggage", "b3", "b3multi", "jaeger", "xray", "ottrace", "none"])
        }
        "OTEL_TRACES_EXPORTER" | "OTEL_METRICS_EXPORTER" | "OTEL_LOGS_EXPORTER" => Some(EXPORTERS),
        _ => None,
    }
}

/// Whether an agent reads the variables of its container. The others are elsewhere, or read nothing of this.
pub(crate) const fn are_read_by(language: Language) -> bool {
    use Language::{DotNet, Java, NodeJs, Python, Sdk};
    matches!(language, Java | NodeJs | Python | DotNet | Sdk)
}

/// Whether some may read a value in whatever case it is written: the samplers' names, of which only the SDKs of Java and of
/// Node.js are known to compare them as they are. None takes another case of propagators or exporters.
fn may_be_of_any_case(name: &str, language: Option<Language>) -> bool {
    name == SAMPLER && !matches!(language, Some(Language::Java | Language::NodeJs))
}

/// A word of a value that is none of the known ones but almost, and the one.
fn misspelt(name: &str, value: &str, language: Option<Language>) -> Option<(String, &'static str)> {
    let known = values(name)?;
    let is_known = |word: &&str| {
        let is_same = |known: &&str| known.eq_ignore_ascii_case(word);
        known.contains(word) || (may_be_of_any_case(name, language) && known.iter().any(is_same))
    };
    value.split(',').map(str::trim).filter(|word| !is_known(word)).find_map(|word| {
        // The protocol is set elsewhere. Java has `otlp/stdout`, which is another exporter.
        if name.ends_with("_EXPORTER") && (word.starts_with("otlp_") || word.starts_with("otlp-")) {
            return Some((word.to_owned(), "otlp"));
        }
        let room = if word.len() < 8 { 1 } else { 2 };
        let written = word.to_ascii_lowercase();
        let near = known.iter().filter(|known| known.len() > 3);
        let near = near.filter_map(|known| Some((distance(known, &written, room)?, *known)));
        near.min().map(|(_, meant)| (word.to_owned(), meant))
    })
}

/// What no agent sends traces with: what shows them where they are made, what is for metrics, and what was removed from all
/// agents in 2023 (<https://opentelemetry.io/blog/2023/jaeger-exporter-collector-migration/>).
const NO_EXPORTERS: [&str; 7] =
    ["none", "console", "logging", "prometheus", "jaeger", "jaeger_proto", "jaeger_thrift"];

/// Whether a variable keeps traces from being made or sent, whatever else is set.
fn switches_off(name: &str, value: &str) -> bool {
    let is = |word: &str| value.eq_ignore_ascii_case(word);
    match name {
        "OTEL_SDK_DISABLED" => is("true"),
        "OTEL_TRACES_EXPORTER" => NO_EXPORTERS.into_iter().any(is),
        SAMPLER => is("always_off"),
        "OTEL_JAVAAGENT_ENABLED" | "OTEL_DOTNET_AUTO_TRACES_ENABLED" => is("false"),
        "CORECLR_ENABLE_PROFILING" => value == "0",
        _ => false,
    }
}

/// What is wrong with the argument of a sampler that takes a share of all traces.
pub(crate) fn review_share(setting: &str, argument: &str) -> Option<Reason> {
    match argument.trim().parse::<f64>() {
        Ok(0.0) => {
            let (setting, value) = (setting.to_owned(), argument.to_owned());
            Some(VariableFinding::TracesSwitchedOff { setting, value }.into())
        }
        Ok(share) if (0.0..=1.0).contains(&share) => None,
        _ => Some(InstrumentationFinding::SamplerArgumentNoShare { argument: argument.to_owned() }.into()),
    }
}

/// Whether a text that a shell may read uses a variable: `$NAME`, `${NAME}`, or `$(NAME)`, which the kubelet replaces.
fn is_used_in(text: &str, name: &str) -> bool {
    text.split('$').skip(1).any(|after| {
        let rest = after.trim_start_matches(['{', '(']).strip_prefix(name);
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
    })
}

/// What is wrong in a list of variables that are read by a language, or by any, with the JSON pointer of each below the list.
/// `words` are those of the command.
pub(crate) fn review(
    list: &[Variable<'_>],
    words: &[&str],
    language: Option<Language>,
) -> Vec<(String, Reason)> {
    let mut found = Vec::new();
    let of = |name: &str| list.iter().rev().find(|variable| variable.name == name);
    for (place, variable) in list.iter().enumerate() {
        let name = variable.name;
        let is_used = || {
            list.iter().any(|other| other.value.is_some_and(|value| refers_to(value, name)))
                || words.iter().any(|word| is_used_in(word, name))
        };
        if let Some(meant) = meant(name).filter(|meant| of(meant).is_none() && !is_used()) {
            let (variable, meant) = (name.to_owned(), meant.to_owned());
            let reason = VariableFinding::VariableMisspelt { variable, meant };
            found.push((format!("/{place}/name"), reason.into()));
        }
        let Some(value) = variable.literal() else { continue };
        let reason = if switches_off(name, value) {
            let (setting, value) = (name.to_owned(), value.to_owned());
            Some(VariableFinding::TracesSwitchedOff { setting, value }.into())
        } else if let Some((value, meant)) = misspelt(name, value, language) {
            let (variable, meant) = (name.to_owned(), meant.to_owned());
            Some(VariableFinding::ValueMisspelt { variable, value, meant }.into())
        } else if name == SAMPLER_ARGUMENT {
            let sampler = of(SAMPLER).and_then(|sampler| sampler.literal());
            let takes_share = sampler.is_some_and(|sampler| sampler.ends_with("traceidratio"));
            takes_share.then(|| review_share(name, value)).flatten()
        } else {
            let is_known = ["grpc", "http/protobuf", "http/json"].contains(&value);
            (name == crate::inject::PROTOCOL && !is_known)
                .then(|| EndpointFinding::ProtocolUnknown { protocol: value.to_owned() }.into())
        };
        found.extend(reason.map(|reason| (format!("/{place}/value"), reason)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_almost_one_of_an_sdk_is_told() {
        for (name, expected) in [
            ("OTEL_EXPORTER_OLTP_ENDPOINT", Some("OTEL_EXPORTER_OTLP_ENDPOINT")),
            ("OTEL_EXPORTER_OTLP_ENDPONT", Some("OTEL_EXPORTER_OTLP_ENDPOINT")),
            ("OTEL_EXPORTER_OTLP_TRACE_ENDPOINT", Some("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")),
            ("OTEL_SERVICENAME", Some("OTEL_SERVICE_NAME")),
            ("otel_service_name", Some("OTEL_SERVICE_NAME")),
            ("otel.service.name", Some("OTEL_SERVICE_NAME")),
            ("OTEL_TRACE_SAMPLER", Some("OTEL_TRACES_SAMPLER")),
            ("OTEL_RESOURCE_ATTRIBUTE", Some("OTEL_RESOURCE_ATTRIBUTES")),
            ("OTLE_SERVICE_NAME", Some("OTEL_SERVICE_NAME")),
            // Right as they are, or somebody's own.
            ("OTEL_SERVICE_NAME", None),
            ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", None),
            ("OTEL_SERVICE_NAMESPACE", None),
            ("OTEL_EXPORTER_OTLP_ENDPOINT_2", None),
            ("OTEL_EXPORTER_JAEGER_ENDPOINT", None),
            ("OTEL_COLLECTOR_ENDPOINT", None),
            ("OTEL_JAVAAGENT_DEBUG", None),
            ("OTEL_INSTRUMENTATION_JDBC_ENABLED", None),
            ("OTEL_RESOURCE_ATTRIBUTES_POD_NAME", None),
            ("OTEL_NODE_IP", None),
            ("HOTEL_SERVICE_NAME", None),
            ("SERVICE_NAME", None),
            ("", None),
        ] {
            assert_eq!(meant(name), expected, "{name}");
        }
    }

    fn told(list: &[(&str, &str)]) -> Vec<String> {
        let list: Vec<_> = list.iter().map(|&(name, value)| Variable { name, value: Some(value) }).collect();
        review(&list, &[], None)
            .into_iter()
            .map(|(pointer, reason)| format!("{} {pointer}", reason.code()))
            .collect()
    }

    #[test]
    fn what_switches_traces_off_is_told() {
        for (list, expected) in [
            (&[("OTEL_SDK_DISABLED", "true")][..], &["TracesSwitchedOff /0/value"][..]),
            (&[("A", "b"), ("OTEL_TRACES_EXPORTER", "none")], &["TracesSwitchedOff /1/value"]),
            (&[("OTEL_TRACES_EXPORTER", "console")], &["TracesSwitchedOff /0/value"]),
            (&[("OTEL_TRACES_EXPORTER", "jaeger")], &["TracesSwitchedOff /0/value"]),
            (&[("OTEL_METRICS_EXPORTER", "prometheus"), ("OTEL_TRACES_EXPORTER", "zipkin")], &[]),
            (&[("OTEL_TRACES_EXPORTER", "console,otlp")], &[]),
            (&[("OTEL_TRACES_SAMPLER", "always_off")], &["TracesSwitchedOff /0/value"]),
            (&[("OTEL_JAVAAGENT_ENABLED", "false")], &["TracesSwitchedOff /0/value"]),
            (
                &[("OTEL_TRACES_SAMPLER_ARG", "0.0"), ("OTEL_TRACES_SAMPLER", "traceidratio")],
                &["TracesSwitchedOff /0/value"],
            ),
            (&[("OTEL_TRACES_SAMPLER_ARG", "0")], &[]),
            (&[("OTEL_TRACES_SAMPLER_ARG", "0.1"), ("OTEL_TRACES_SAMPLER", "traceidratio")], &[]),
            (&[("OTEL_TRACES_SAMPLER", "parentbased_always_off")], &[]),
            (&[("OTEL_METRICS_EXPORTER", "none"), ("OTEL_LOGS_EXPORTER", "none")], &[]),
            (&[("OTEL_SDK_DISABLED", "false")], &[]),
            (&[("OTEL_SDK_DISABLED", "$(OFF)")], &[]),
        ] {
            assert_eq!(told(list), expected, "{list:?}");
        }
    }

    #[test]
    fn a_value_that_nobody_reads_is_told() {
        for (name, value, is_told) in [
            ("OTEL_PROPAGATORS", "tracecontex,baggage", true),
            ("OTEL_PROPAGATORS", "tracecontext, baggage,b3", false),
            ("OTEL_PROPAGATORS", "company", false),
            ("OTEL_TRACES_SAMPLER", "always-on", true),
            ("OTEL_TRACES_SAMPLER", "parentbased_jaeger_remote", false),
            ("OTEL_TRACES_EXPORTER", "oltp", true),
            ("OTEL_TRACES_EXPORTER", "otlp_http", true),
            ("OTEL_TRACES_EXPORTER", "otlp/stdout", false),
            ("OTEL_TRACES_EXPORTER", "google_cloud_trace", false),
            ("OTEL_TRACES_EXPORTER", "console,otlp_proto_http", false),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http", true),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", false),
        ] {
            assert_eq!(!told(&[(name, value)]).is_empty(), is_told, "{name}={value}");
        }
        let share = |argument| {
            told(&[("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", argument)])
        };
        assert_eq!(["1", "0.25", "50", "50%", "-1"].map(|argument| share(argument).len()), [0, 0, 1, 1, 1]);
    }

    /// `_get_from_env_or_default` of the SDK for Python and `TracerProviderSdk` of that for .NET read samplers in any case,
    /// `TracerProviderConfiguration` of that for Java does not.
    #[test]
    fn a_value_in_another_case_is_told_where_nobody_reads_it() {
        let told = |name, value, language| {
            !review(&[Variable { name, value: Some(value) }], &[], language).is_empty()
        };
        for (name, value, language, is_told) in [
            (SAMPLER, "ALWAYS_ON", Some(Language::Java), true),
            (SAMPLER, "ALWAYS_ON", Some(Language::NodeJs), true),
            (SAMPLER, "ALWAYS_ON", Some(Language::Python), false),
            (SAMPLER, "ALWAYS_ON", Some(Language::DotNet), false),
            (SAMPLER, "ParentBased_TraceIdRatio", None, false),
            (SAMPLER, "ALWAYS-ON", Some(Language::Python), true),
            ("OTEL_PROPAGATORS", "TraceContext,baggage", Some(Language::Python), true),
            ("OTEL_TRACES_EXPORTER", "OTLP", None, true),
        ] {
            assert_eq!(told(name, value, language), is_told, "{name}={value} {language:?}");
        }
    }

    #[test]
    fn a_variable_that_somebody_uses_is_his_own() {
        let own = ("OTEL_SERVICENAME", "web");
        assert_eq!(told(&[own]), ["VariableMisspelt /0/name"]);
        assert_eq!(told(&[own, ("OTEL_SERVICE_NAME", "web")]), [""; 0]);
        assert_eq!(told(&[own, ("TITLE", "$(OTEL_SERVICENAME)")]), [""; 0]);
        let list = [Variable { name: own.0, value: Some(own.1) }];
        for (words, is_told) in [
            (["app", "--name=$(OTEL_SERVICENAME)"], false),
            (["-c", "exec app --name $OTEL_SERVICENAME"], false),
            (["-c", "export A=${OTEL_SERVICENAME:-web}; exec app"], false),
            (["-c", "echo $OTEL_SERVICENAMES $HOME"], true),
            (["-c", "echo OTEL_SERVICENAME"], true),
        ] {
            assert_eq!(!review(&list, &words, None).is_empty(), is_told, "{words:?}");
        }
    }
}

//! What to do about each finding: a command, or a change to paste.

use ingraft_api::annotations::{DOTNET_RUNTIME, PYTHON_PLATFORM};

use super::{Reason, list};

impl Reason {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::InstrumentationMissing { language, namespace, elsewhere } => match elsewhere.as_slice() {
                [] => format!("create one: kubectl apply -n {namespace} -f instrumentation.yaml"),
                [one] => format!("write {}: '{one}'", language.inject_key()),
                several => format!("create one in \"{namespace}\", or name one: {}", list(several)),
            },
            Self::InstrumentationNotFound { language, candidates, .. } => match candidates.as_slice() {
                [] => "create it, or list what exists: kubectl get otelinst -A".to_owned(),
                [first, ..] => format!("write {}: '{first}'", language.inject_key()),
            },
            Self::InstrumentationAmbiguous { language, names, .. } => {
                format!("name one: {}: '{}'", language.inject_key(), names.first().map_or("", String::as_str))
            }
            Self::LanguageDisabled { language } => {
                format!("start the operator with --enable-{language}-instrumentation=true")
            }
            Self::ContainersUnnamed { language, containers } => {
                let key = language.container_names_keys().last().copied().unwrap_or_default();
                format!("add {key}: '{}'", containers.first().map_or("", String::as_str))
            }
            Self::ContainerNotFound { containers, .. } => format!("name one of {}", list(containers)),
            Self::AnnotationUnknown { suggestion: Some(suggestion), .. } => format!("write {suggestion}"),
            Self::AnnotationUnknown { suggestion: None, .. } => "remove it".to_owned(),
            Self::AnnotationMisplaced { template, .. } => {
                format!(
                    "move it to {}.metadata.annotations",
                    template.replace('/', ".").trim_start_matches('.')
                )
            }
            Self::AnnotationNotText { value, .. } => format!("put it in quotes: '{value}'"),
            Self::WindowsPod => "remove the annotation from Windows workloads".to_owned(),
            Self::PlatformUnknown { known, .. } => format!("write one of {}", known.join(", ")),
            Self::VariableNotMergeable { variable, .. } => {
                format!("give {variable} as a value, or remove \"optional: true\" from its source")
            }
            Self::AgentStoodDown { language, why, .. } => match why.as_str() {
                "other-agent" => "remove the other agent, or the annotation".to_owned(),
                "libc-mismatch" | "libc-unknown" => {
                    format!("set {}", if language == "python" { PYTHON_PLATFORM } else { DOTNET_RUNTIME })
                }
                _ => "use an image with a supported runtime, or remove the annotation".to_owned(),
            },
            Self::LanguageSeemsWrong { found, .. } => {
                format!(
                    "write instrumentation.opentelemetry.io/inject-{}",
                    found.first().map_or("", String::as_str)
                )
            }
            Self::LanguageUnknown { found, .. } if found.is_empty() => {
                "name the language: instrumentation.opentelemetry.io/inject-<language>; or start the operator with \
                 --env-probe=auto, and restart the workload when its probe has run"
                    .to_owned()
            }
            Self::LanguageUnknown { .. } => {
                "name the language: instrumentation.opentelemetry.io/inject-<language>".to_owned()
            }
            Self::EntrypointSets { variables, .. } => {
                format!("let the script append to {} instead", list(variables))
            }
            Self::VariableNotJoined { variable, .. } => {
                format!("set {variable} as a value in the container's env, then it is joined there")
            }
            Self::ProbeFailed { .. } => {
                "restart the workload; if it happens again, start the operator with --env-probe=never".to_owned()
            }
            Self::EnvironmentUnknown { variables, .. } => {
                format!("what the container's own env sets is kept: {}", list(variables))
            }
            Self::VariableHides { variable, .. } | Self::VariableMayHide { variable, .. } => {
                format!("set {variable} in the container's env instead, then it is joined")
            }
            Self::NameTaken { what: "mount path", .. } => "mount it at another path".to_owned(),
            Self::NameTaken { what, .. } => format!("rename the {what} of the pod"),
            Self::EndpointMissing { .. } => "set spec.exporter.endpoint to the Collector's Service, such as \
                 http://otel-collector.opentelemetry.svc.cluster.local:4318"
                .to_owned(),
            Self::EndpointPortIsGrpc { .. } => "use port 4318".to_owned(),
            Self::EndpointUnset | Self::EndpointNotAUrl { .. } | Self::EndpointIsLocal { .. } => {
                "set spec.exporter.endpoint to the Collector's Service, such as \
                 http://otel-collector.opentelemetry.svc.cluster.local:4318"
                    .to_owned()
            }
            Self::EndpointPortUsuallyGrpc { .. } => {
                "use port 4318, which all but web servers can send to".to_owned()
            }
            Self::EndpointWithoutNamespace { host, namespace } => {
                format!("write {host}.{namespace}.svc.cluster.local if the Service is in \"{namespace}\"")
            }
            Self::EndpointPortNotServed { ports, .. } => {
                let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
                format!("it serves {}", list(&ports))
            }
            Self::TlsUnset => "name the CA: spec.exporter.tls.configMapName and ca_file".to_owned(),
            Self::TlsHalfAPair => "set both, or neither".to_owned(),
            Self::TlsWithoutHttps => "write https:// in the endpoint, or remove tls".to_owned(),
            Self::SamplerTypeMissing => "set spec.sampler.type, such as parentbased_traceidratio".to_owned(),
            Self::FieldIgnored { allowed, .. } | Self::FieldUnusable { allowed, .. } => {
                format!("allowed: {allowed}")
            }
            Self::OneContainerOnly { language, containers } => {
                let key = language.container_names_keys().last().copied().unwrap_or_default();
                format!("name one: {key}: '{}'", containers.first().map_or("", String::as_str))
            }
            Self::InitContainerUnsupported { language, .. } => {
                format!("name a container that is no init container, or remove {}", language.inject_key())
            }
            Self::GoTargetMissing { .. } => {
                format!("add {}: '/path/of/the/executable'", ingraft_api::annotations::GO_TARGET_EXE)
            }
            Self::PodSecurityForbids { language, .. } => {
                format!("run it in a namespace that allows it, or remove {}", language.inject_key())
            }
            Self::ProcessesHidden { field, .. } => format!("remove {field} from the pod"),
            Self::VariablesNotSeen { .. } => {
                "set them in spec.go.env, or as annotations resource.opentelemetry.io/…".to_owned()
            }
            Self::ModulesNotHooked { .. } => {
                format!("add {}: 'true' if Node.js is 18.19 or newer", ingraft_api::annotations::NODEJS_ESM)
            }
            Self::OtherAgent { variable, .. } => format!("remove {variable}, or the annotation"),
            Self::OtherProfiler { variable, .. } => format!("remove {variable} and its path"),
            Self::EndpointPortIsHttp { .. } => "use the port for gRPC, usually 4317".to_owned(),
            Self::EndpointPortCorrected { corrected, .. } => {
                format!("write {corrected} in spec.exporter.endpoint, if no other language uses it")
            }
            Self::ProtocolUnsupported { .. } => {
                "set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf, and use port 4318".to_owned()
            }
            Self::ReferenceMissing { key: Some(key), kind, name, namespace } => {
                format!("add \"{key}\" to the {kind} \"{name}\" of the pod's own namespace, \"{namespace}\"")
            }
            Self::ReferenceMissing { kind, name, namespace, .. } => {
                format!("create it: pods read the {kind} \"{name}\" of their own namespace, \"{namespace}\"")
            }
            Self::NoContainer { language } => {
                let key = language.container_names_keys().last().copied().unwrap_or_default();
                format!("name a container with {key}")
            }
            Self::UpgradeBlocked { language, to, .. } => {
                format!("adapt dashboards and alerts, then set spec.{}.image to {to}", language.field())
            }
            Self::InternalError => "please report it with the operator's log".to_owned(),
            Self::Injected { .. } | Self::AlreadyInjected { .. } => return None,
        })
    }
}

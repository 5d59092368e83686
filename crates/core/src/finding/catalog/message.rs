//! What was seen, in one sentence for each finding.

use super::{Reason, list};

impl Reason {
    /// What was seen, in one sentence without a full stop.
    pub fn message(&self) -> String {
        match self {
            Self::Injected { language, instrumentation, containers } => {
                format!("{language} from {instrumentation} into {}", list(containers))
            }
            Self::AlreadyInjected { language } => format!("{language} is already injected, nothing to do"),
            Self::InstrumentationMissing { language, namespace, .. } => {
                format!("{language} is asked for, but namespace \"{namespace}\" has no Instrumentation")
            }
            Self::InstrumentationNotFound { language, reference, .. } => {
                format!("{language} asks for Instrumentation \"{reference}\", which does not exist")
            }
            Self::InstrumentationAmbiguous { language, namespace, names } => {
                let names = list(names);
                format!(
                    "{language} is asked for with \"true\", but namespace \"{namespace}\" has several Instrumentations: {names}"
                )
            }
            Self::LanguageDisabled { language } => {
                format!("{language} is asked for, but disabled in the operator")
            }
            Self::ContainersUnnamed { language, .. } => {
                format!("several languages are asked for, and nothing says which containers are {language}")
            }
            Self::ContainerNotFound { language, name, containers } => {
                format!("{language} names container \"{name}\", but the pod has {}", list(containers))
            }
            Self::NoContainer { language } => {
                format!("{language} is asked for, but no container can be instrumented")
            }
            Self::AnnotationUnknown { key, .. } => {
                format!("annotation \"{key}\" is unknown and has no effect")
            }
            Self::AnnotationMisplaced { key, .. } => {
                format!("annotation \"{key}\" has no effect here: pods are made from the template")
            }
            Self::AnnotationNotText { key, value } => {
                format!("annotation \"{key}\" is {value}, but must be text")
            }
            Self::WindowsPod => "Windows pods cannot be instrumented".to_owned(),
            Self::PlatformUnknown { language, value, .. } => {
                format!("{language} has no platform \"{value}\"")
            }
            Self::OneContainerOnly { language, containers } => {
                format!("{language} instruments one container of a pod, but {} are named", list(containers))
            }
            Self::InitContainerUnsupported { language, container } => {
                format!("{language} cannot instrument init container \"{container}\"")
            }
            Self::GoTargetMissing { container } => {
                format!("nothing says which executable of container \"{container}\" is the Go application")
            }
            Self::PodSecurityForbids { language, level } => {
                format!(
                    "{language} needs a privileged container, which Pod Security \"{level}\" of the namespace forbids"
                )
            }
            Self::ProcessesHidden { language, field, value } => {
                format!("{language} must see the application's process, but the pod has {field}: {value}")
            }
            Self::VariablesNotSeen { container, variables } => {
                format!(
                    "the agent, in a container of its own, does not see {} of container \"{container}\"",
                    list(variables)
                )
            }
            Self::ModulesNotHooked { container } => {
                format!("container \"{container}\" runs ES modules, of which only HTTP is instrumented")
            }
            Self::OtherAgent { language, container, variable } => {
                format!(
                    "{variable} of container \"{container}\" shows another {language} agent, which is left alone"
                )
            }
            Self::OtherProfiler { language, container, variable } => {
                format!(
                    "{variable} of container \"{container}\" loads another profiler, so {language} is instrumented in part"
                )
            }
            Self::VariableNotMergeable { container, variable } => {
                format!(
                    "{variable} of container \"{container}\" has a source that may be absent, nothing can be added to it"
                )
            }
            Self::AgentStoodDown { language, container, why, agents, version } => {
                let why = match why.as_str() {
                    "absent" => "its image has no such runtime".to_owned(),
                    "version" => {
                        format!(
                            "the agent does not support version {}",
                            version.as_deref().unwrap_or("found")
                        )
                    }
                    "libc-unknown" => "the C library of its image is not known".to_owned(),
                    "libc-mismatch" => "the agent's files are for another C library".to_owned(),
                    "other-agent" => format!("another agent is loaded: {}", list(agents)),
                    _ => "a variable holds what cannot be passed on".to_owned(),
                };
                format!("{language} is not loaded in container \"{container}\": {why}")
            }
            Self::LanguageSeemsWrong { language, container, found } => {
                format!(
                    "{language} is asked for, but the image of container \"{container}\" has {}",
                    list(found)
                )
            }
            Self::LanguageUnknown { container, found } if found.is_empty() => {
                format!("the language of container \"{container}\" is not known yet")
            }
            Self::LanguageUnknown { container, found } => {
                format!("the image of container \"{container}\" has several runtimes: {}", list(found))
            }
            Self::EntrypointSets { container, variables } => {
                format!(
                    "a script at the start of container \"{container}\" sets {}, which may hide ours",
                    list(variables)
                )
            }
            Self::VariableNotJoined { container, variable, why } => {
                let what = match why.as_str() {
                    "quote" => "a single quote",
                    "carriage-return" => "a carriage return",
                    "line" => "a line of more than 60,000 bytes",
                    "size" => "more than 100,000 bytes",
                    _ => "what is no text",
                };
                format!(
                    "{variable} of container \"{container}\" holds {what}, which the kubelet cannot take from a file"
                )
            }
            Self::ProbeFailed { container, error } => {
                format!("the probe of container \"{container}\" failed, so no agent is loaded: {error}")
            }
            Self::EnvironmentUnknown { container, why, .. } => {
                format!("variables that the image of container \"{container}\" sets may be hidden: {why}")
            }
            Self::VariableHides { container, variable } => {
                format!("{variable}, now set in container \"{container}\", hides the value from envFrom")
            }
            Self::VariableMayHide { container, variable } => {
                format!(
                    "{variable}, now set in container \"{container}\", hides one from envFrom, if there is one"
                )
            }
            Self::NameTaken { language, what, name } => {
                format!("{language} needs {what} \"{name}\", which the pod uses for something else")
            }
            Self::EndpointMissing { container } => {
                format!(
                    "no endpoint is set, so telemetry of container \"{container}\" goes to localhost and is lost"
                )
            }
            Self::EndpointPortIsGrpc { language, endpoint } => {
                format!("{language} sends OTLP over HTTP, but {endpoint} is the port for gRPC")
            }
            Self::EndpointPortIsHttp { language, endpoint } => {
                format!("{language} sends OTLP over gRPC, but {endpoint} is the port for HTTP")
            }
            Self::EndpointPortCorrected { language, endpoint, corrected } => {
                format!("{language} sends to {corrected}, because {endpoint} does not fit its protocol")
            }
            Self::ProtocolUnsupported { language, protocol } => {
                format!("{language} cannot send OTLP as \"{protocol}\"")
            }
            Self::ReferenceMissing { kind, name, key: None, namespace } => {
                format!("{kind} \"{name}\" does not exist in namespace \"{namespace}\"")
            }
            Self::ReferenceMissing { kind, name, key: Some(key), namespace } => {
                format!("there is no {kind} \"{name}\" with key \"{key}\" in namespace \"{namespace}\"")
            }
            Self::EndpointUnset => "no endpoint is set: telemetry goes to localhost and is lost".to_owned(),
            Self::EndpointNotAUrl { endpoint } => {
                format!("endpoint \"{endpoint}\" is no http:// or https:// URL")
            }
            Self::EndpointIsLocal { endpoint } => {
                format!("endpoint {endpoint} is the pod itself, where nobody listens")
            }
            Self::EndpointPortUsuallyGrpc { endpoint } => {
                format!("{endpoint} is the port for gRPC, which Python cannot send")
            }
            Self::EndpointWithoutNamespace { host, .. } => {
                format!("host \"{host}\" is found only by pods of the namespace that has this Service")
            }
            Self::EndpointPortNotServed { service, port, .. } => {
                format!("Service {service} does not serve port {port}")
            }
            Self::TlsUnset => {
                "the endpoint is https without tls: only CAs that the agent itself knows are trusted"
                    .to_owned()
            }
            Self::TlsHalfAPair => "only one of cert_file and key_file is set".to_owned(),
            Self::TlsWithoutHttps => "tls is set, but the endpoint does not begin with https://".to_owned(),
            Self::SamplerTypeMissing => {
                "the sampler has an argument but no type, so it has no effect".to_owned()
            }
            Self::FieldIgnored { field, value, .. } if value.is_empty() => {
                format!("{field} cannot be used in this pod and is left out")
            }
            Self::FieldIgnored { field, value, .. } => {
                format!("{field} \"{value}\" cannot be used in this pod and is left out")
            }
            Self::FieldUnusable { language, field, value, .. } => {
                format!("{language} cannot be injected with {field} \"{value}\"")
            }
            Self::UpgradeBlocked { language, from, to, version } => {
                format!(
                    "{language} stays at {from}: {to} is past version {version}, which names HTTP attributes differently"
                )
            }
            Self::InternalError => "a fault in Ingraft: the pod is left as it was".to_owned(),
        }
    }
}

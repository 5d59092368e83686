//! Every finding: its code, severity, text and remedy. The only place that holds text for users.

use ingraft_api::Language;
use ingraft_api::annotations::{DOTNET_RUNTIME, PYTHON_PLATFORM};

use super::Severity;

/// What was decided or noticed, with the values that the text needs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// Containers were instrumented.
    Injected {
        /// The language.
        language: Language,
        /// The Instrumentation, as `namespace/name`.
        instrumentation: String,
        /// The containers, in the order in which they were treated.
        containers: Vec<String>,
    },
    /// Everything that would be injected is already there.
    AlreadyInjected {
        /// The language.
        language: Language,
    },
    /// `true`, and the namespace has no Instrumentation.
    InstrumentationMissing {
        /// The language.
        language: Language,
        /// The pod's namespace.
        namespace: String,
        /// Instrumentations of other namespaces, as `namespace/name`.
        elsewhere: Vec<String>,
    },
    /// The named Instrumentation does not exist.
    InstrumentationNotFound {
        /// The language.
        language: Language,
        /// What the annotation names, as `namespace/name`.
        reference: String,
        /// Existing Instrumentations that may have been meant, as they would be written.
        candidates: Vec<String>,
    },
    /// `true`, and the namespace has several Instrumentations.
    InstrumentationAmbiguous {
        /// The language.
        language: Language,
        /// The pod's namespace.
        namespace: String,
        /// Their names.
        names: Vec<String>,
    },
    /// The operator was told not to inject this language.
    LanguageDisabled {
        /// The language.
        language: Language,
    },
    /// Several languages are asked for, and this one does not say for which containers.
    ContainersUnnamed {
        /// The language.
        language: Language,
        /// The names that could be given.
        containers: Vec<String>,
    },
    /// A list names a container that the pod does not have.
    ContainerNotFound {
        /// The language.
        language: Language,
        /// The name in the list.
        name: String,
        /// The names that exist.
        containers: Vec<String>,
    },
    /// No container is left to instrument.
    NoContainer {
        /// The language.
        language: Language,
    },
    /// An annotation looks like one of ours and is none.
    AnnotationUnknown {
        /// The key as written.
        key: String,
        /// The key that was probably meant.
        suggestion: Option<String>,
    },
    /// An annotation stands on the workload instead of its pod template.
    AnnotationMisplaced {
        /// The key.
        key: String,
        /// The JSON pointer of the template.
        template: &'static str,
    },
    /// An annotation's value is no text: the API server will refuse the object.
    AnnotationNotText {
        /// The key.
        key: String,
        /// The value, as JSON.
        value: String,
    },
    /// A Windows pod.
    WindowsPod,
    /// The platform annotation holds something else than the known values.
    PlatformUnknown {
        /// The language.
        language: Language,
        /// The value.
        value: String,
        /// The known values.
        known: &'static [&'static str],
    },
    /// The language instruments one container of a pod, and several are named.
    OneContainerOnly {
        /// The language.
        language: Language,
        /// The containers that are named.
        containers: Vec<String>,
    },
    /// The language cannot instrument an init container.
    InitContainerUnsupported {
        /// The language.
        language: Language,
        /// The init container.
        container: String,
    },
    /// Nothing says which executable the Go agent is to instrument.
    GoTargetMissing {
        /// The container that runs it.
        container: String,
    },
    /// The namespace enforces a level of Pod Security that refuses what the language needs.
    PodSecurityForbids {
        /// The language.
        language: Language,
        /// The level.
        level: &'static str,
    },
    /// A field of the pod keeps the containers from seeing each other's processes.
    ProcessesHidden {
        /// The language.
        language: Language,
        /// The field.
        field: &'static str,
        /// Its value.
        value: bool,
    },
    /// A container sets variables that the agent, which runs in another container, does not see.
    VariablesNotSeen {
        /// The container.
        container: String,
        /// The variables.
        variables: Vec<String>,
    },
    /// A Node.js application consists of ES modules, and its version is not known to have hooks for them.
    ModulesNotHooked {
        /// The container.
        container: String,
    },
    /// A container already loads another installation of the agent.
    OtherAgent {
        /// The language.
        language: Language,
        /// The container.
        container: String,
        /// The variable that shows it.
        variable: String,
    },
    /// A container already loads another profiler, and there can be only one.
    OtherProfiler {
        /// The language.
        language: Language,
        /// The container.
        container: String,
        /// The variable that shows it.
        variable: &'static str,
    },
    /// A variable comes from a source that may turn out to be absent, so nothing can be joined to it.
    VariableNotMergeable {
        /// The container.
        container: String,
        /// The variable.
        variable: String,
    },
    /// A variable that we set hides one that comes from `envFrom`.
    VariableHides {
        /// The container.
        container: String,
        /// The variable.
        variable: String,
    },
    /// The probe found that the agent would not work, and did not load it.
    AgentStoodDown {
        /// The language.
        language: String,
        /// The container.
        container: String,
        /// Why, in one word of the probe's.
        why: String,
        /// Agents of others that are loaded.
        agents: Vec<String>,
        /// The version of the runtime, if it is known.
        version: Option<String>,
    },
    /// The image has other runtimes, and not that of the language.
    LanguageSeemsWrong {
        /// The language.
        language: Language,
        /// The container.
        container: String,
        /// The runtimes that were found.
        found: Vec<String>,
    },
    /// The language is to be found out, and is not known yet.
    LanguageUnknown {
        /// The container.
        container: String,
        /// The runtimes that were found, if there is not exactly one.
        found: Vec<String>,
    },
    /// A shell script at the start of the container sets variables of its own.
    EntrypointSets {
        /// The container.
        container: String,
        /// The variables.
        variables: Vec<String>,
    },
    /// What image and `envFrom` set is not known, and no probe can look.
    EnvironmentUnknown {
        /// The container.
        container: String,
        /// The variables that are hidden, if they are set there.
        variables: Vec<String>,
        /// Why no probe can look.
        why: &'static str,
    },
    /// A variable that we set hides one from `envFrom`, if there is one: its sources are not known.
    VariableMayHide {
        /// The container.
        container: String,
        /// The variable.
        variable: String,
    },
    /// The pod already has a volume, mount or container where ours would be.
    NameTaken {
        /// The language.
        language: Language,
        /// What is taken, such as `volume`.
        what: &'static str,
        /// Its name or path.
        name: String,
    },
    /// The Instrumentation does not say where telemetry goes.
    EndpointMissing {
        /// The container.
        container: String,
    },
    /// The port is the one for gRPC, and the agent speaks HTTP.
    EndpointPortIsGrpc {
        /// The language.
        language: Language,
        /// The endpoint.
        endpoint: String,
    },
    /// The port is the one for HTTP, and the agent speaks gRPC.
    EndpointPortIsHttp {
        /// The language.
        language: Language,
        /// The endpoint.
        endpoint: String,
    },
    /// The port did not fit the agent, and the Service offers the one that does.
    EndpointPortCorrected {
        /// The language.
        language: Language,
        /// The endpoint of the Instrumentation.
        endpoint: String,
        /// The endpoint that the container got.
        corrected: String,
    },
    /// The agent cannot send in the protocol that is set.
    ProtocolUnsupported {
        /// The language.
        language: Language,
        /// The protocol.
        protocol: String,
    },
    /// A Secret or ConfigMap that the Instrumentation names does not exist where the pod is, or lacks a key.
    ReferenceMissing {
        /// `Secret` or `ConfigMap`.
        kind: &'static str,
        /// Its name.
        name: String,
        /// The key, where one is named.
        key: Option<String>,
        /// The pod's namespace.
        namespace: String,
    },
    /// No endpoint is set anywhere in the Instrumentation.
    EndpointUnset,
    /// The endpoint is no URL.
    EndpointNotAUrl {
        /// The endpoint.
        endpoint: String,
    },
    /// The endpoint is the pod itself.
    EndpointIsLocal {
        /// The endpoint.
        endpoint: String,
    },
    /// The port usually speaks gRPC, and most agents send HTTP unless told otherwise.
    EndpointPortUsuallyGrpc {
        /// The endpoint.
        endpoint: String,
    },
    /// The endpoint's host is found only from one namespace.
    EndpointWithoutNamespace {
        /// The host.
        host: String,
        /// The Instrumentation's namespace.
        namespace: String,
    },
    /// The Service has no such port.
    EndpointPortNotServed {
        /// The Service, as `namespace/name`.
        service: String,
        /// The port.
        port: u16,
        /// The ports that the Service has.
        ports: Vec<u16>,
    },
    /// The endpoint is `https`, and nothing says which CA to trust.
    TlsUnset,
    /// Only one of certificate and key is set.
    TlsHalfAPair,
    /// Certificates are given, but the endpoint is not `https`.
    TlsWithoutHttps,
    /// A sampler's argument without a type.
    SamplerTypeMissing,
    /// A field of the Instrumentation holds something that would make pods invalid, and is left out.
    FieldIgnored {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What may stand there.
        allowed: &'static str,
    },
    /// A field of the Instrumentation holds something that the language cannot work with.
    FieldUnusable {
        /// The language.
        language: Language,
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What may stand there.
        allowed: &'static str,
    },
    /// A default image is not upgraded, because telemetry would change.
    UpgradeBlocked {
        /// The language.
        language: Language,
        /// The image.
        from: String,
        /// The operator's image.
        to: String,
        /// The version that changes telemetry.
        version: &'static str,
    },
    /// A fault of ours.
    InternalError,
}

impl Reason {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Injected { .. } => "Injected",
            Self::AlreadyInjected { .. } => "AlreadyInjected",
            Self::InstrumentationMissing { .. } => "InstrumentationMissing",
            Self::InstrumentationNotFound { .. } => "InstrumentationNotFound",
            Self::InstrumentationAmbiguous { .. } => "InstrumentationAmbiguous",
            Self::LanguageDisabled { .. } => "LanguageDisabled",
            Self::ContainersUnnamed { .. } => "ContainersUnnamed",
            Self::ContainerNotFound { .. } => "ContainerNotFound",
            Self::NoContainer { .. } => "NoContainer",
            Self::AnnotationUnknown { .. } => "AnnotationUnknown",
            Self::AnnotationMisplaced { .. } => "AnnotationMisplaced",
            Self::AnnotationNotText { .. } => "AnnotationNotText",
            Self::WindowsPod => "WindowsPod",
            Self::PlatformUnknown { .. } => "PlatformUnknown",
            Self::OneContainerOnly { .. } => "OneContainerOnly",
            Self::InitContainerUnsupported { .. } => "InitContainerUnsupported",
            Self::GoTargetMissing { .. } => "GoTargetMissing",
            Self::PodSecurityForbids { .. } => "PodSecurityForbids",
            Self::ProcessesHidden { .. } => "ProcessesHidden",
            Self::VariablesNotSeen { .. } => "VariablesNotSeen",
            Self::ModulesNotHooked { .. } => "ModulesNotHooked",
            Self::OtherAgent { .. } => "OtherAgent",
            Self::OtherProfiler { .. } => "OtherProfiler",
            Self::VariableNotMergeable { .. } => "VariableNotMergeable",
            Self::AgentStoodDown { .. } => "AgentStoodDown",
            Self::LanguageSeemsWrong { .. } => "LanguageSeemsWrong",
            Self::LanguageUnknown { .. } => "LanguageUnknown",
            Self::EntrypointSets { .. } => "EntrypointSets",
            Self::EnvironmentUnknown { .. } => "EnvironmentUnknown",
            Self::VariableHides { .. } => "VariableHides",
            Self::VariableMayHide { .. } => "VariableMayHide",
            Self::NameTaken { .. } => "NameTaken",
            Self::EndpointMissing { .. } => "EndpointMissing",
            Self::EndpointPortIsGrpc { .. } => "EndpointPortIsGrpc",
            Self::EndpointPortIsHttp { .. } => "EndpointPortIsHttp",
            Self::EndpointPortCorrected { .. } => "EndpointPortCorrected",
            Self::ProtocolUnsupported { .. } => "ProtocolUnsupported",
            Self::ReferenceMissing { .. } => "ReferenceMissing",
            Self::EndpointUnset => "EndpointUnset",
            Self::EndpointNotAUrl { .. } => "EndpointNotAUrl",
            Self::EndpointIsLocal { .. } => "EndpointIsLocal",
            Self::EndpointPortUsuallyGrpc { .. } => "EndpointPortUsuallyGrpc",
            Self::EndpointWithoutNamespace { .. } => "EndpointWithoutNamespace",
            Self::EndpointPortNotServed { .. } => "EndpointPortNotServed",
            Self::TlsUnset => "TlsUnset",
            Self::TlsHalfAPair => "TlsHalfAPair",
            Self::TlsWithoutHttps => "TlsWithoutHttps",
            Self::SamplerTypeMissing => "SamplerTypeMissing",
            Self::FieldIgnored { .. } => "FieldIgnored",
            Self::FieldUnusable { .. } => "FieldUnusable",
            Self::UpgradeBlocked { .. } => "UpgradeBlocked",
            Self::InternalError => "InternalError",
        }
    }

    /// How much it matters.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::Injected { .. }
            | Self::AlreadyInjected { .. }
            | Self::VariableMayHide { .. }
            | Self::EnvironmentUnknown { .. }
            | Self::EndpointPortCorrected { .. } => Severity::Info,
            // Unlike a web server's, the agent of Go is left out then.
            Self::OneContainerOnly { language: Language::Go, .. } => Severity::Error,
            Self::AnnotationUnknown { .. }
            | Self::VariableHides { .. }
            | Self::EndpointMissing { .. }
            | Self::EntrypointSets { .. }
            | Self::LanguageSeemsWrong { .. }
            | Self::LanguageUnknown { .. }
            | Self::OneContainerOnly { .. }
            | Self::VariablesNotSeen { .. }
            | Self::ModulesNotHooked { .. }
            | Self::OtherProfiler { .. }
            | Self::EndpointPortIsGrpc { .. }
            | Self::EndpointPortIsHttp { .. }
            | Self::ProtocolUnsupported { .. }
            | Self::ReferenceMissing { .. }
            | Self::EndpointUnset
            | Self::EndpointNotAUrl { .. }
            | Self::EndpointIsLocal { .. }
            | Self::EndpointPortUsuallyGrpc { .. }
            | Self::EndpointWithoutNamespace { .. }
            | Self::EndpointPortNotServed { .. }
            | Self::TlsUnset
            | Self::TlsHalfAPair
            | Self::TlsWithoutHttps
            | Self::SamplerTypeMissing
            | Self::UpgradeBlocked { .. }
            | Self::FieldIgnored { .. }
            | Self::ContainerNotFound { .. } => Severity::Warning,
            _ => Severity::Error,
        }
    }

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

fn list(names: &[String]) -> String {
    names.join(", ")
}

//! Every finding: its code, severity, text and remedy. The only place that holds text for users.

mod help;
mod message;

use ingraft_api::Language;

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
    /// The probe found a value that the file from which the kubelet takes variables cannot hold.
    VariableNotJoined {
        /// The container.
        container: String,
        /// The variable.
        variable: String,
        /// What its value holds, in one word of the probe's.
        why: String,
    },
    /// The probe did not do what it is for: no agent is loaded.
    ProbeFailed {
        /// The container.
        container: String,
        /// What it said.
        error: String,
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
            Self::VariableNotJoined { .. } => "VariableNotJoined",
            Self::ProbeFailed { .. } => "ProbeFailed",
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
            | Self::VariableNotJoined { .. }
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
}

fn list(names: &[String]) -> String {
    names.join(", ")
}

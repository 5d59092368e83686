//! Every finding: its code, severity, text and remedy. The only place that holds text for users.

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
    /// This version cannot inject this language.
    LanguageUnsupported {
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
            Self::LanguageUnsupported { .. } => "LanguageUnsupported",
            Self::ContainersUnnamed { .. } => "ContainersUnnamed",
            Self::ContainerNotFound { .. } => "ContainerNotFound",
            Self::NoContainer { .. } => "NoContainer",
            Self::AnnotationUnknown { .. } => "AnnotationUnknown",
            Self::AnnotationMisplaced { .. } => "AnnotationMisplaced",
            Self::AnnotationNotText { .. } => "AnnotationNotText",
            Self::WindowsPod => "WindowsPod",
            Self::PlatformUnknown { .. } => "PlatformUnknown",
            Self::VariableNotMergeable { .. } => "VariableNotMergeable",
            Self::VariableHides { .. } => "VariableHides",
            Self::VariableMayHide { .. } => "VariableMayHide",
            Self::NameTaken { .. } => "NameTaken",
            Self::EndpointMissing { .. } => "EndpointMissing",
            Self::EndpointPortIsGrpc { .. } => "EndpointPortIsGrpc",
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
            Self::InternalError => "InternalError",
        }
    }

    /// How much it matters.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::Injected { .. } | Self::AlreadyInjected { .. } | Self::VariableMayHide { .. } => {
                Severity::Info
            }
            Self::AnnotationUnknown { .. }
            | Self::VariableHides { .. }
            | Self::EndpointMissing { .. }
            | Self::EndpointPortIsGrpc { .. }
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
            Self::LanguageUnsupported { language } => {
                format!("{language} is asked for, but this version cannot inject it yet")
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
            Self::VariableNotMergeable { container, variable } => {
                format!(
                    "{variable} of container \"{container}\" has a source that may be absent, nothing can be added to it"
                )
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
            Self::EndpointUnset => "no endpoint is set: telemetry goes to localhost and is lost".to_owned(),
            Self::EndpointNotAUrl { endpoint } => {
                format!("endpoint \"{endpoint}\" is no http:// or https:// URL")
            }
            Self::EndpointIsLocal { endpoint } => {
                format!("endpoint {endpoint} is the pod itself, where nobody listens")
            }
            Self::EndpointPortUsuallyGrpc { endpoint } => {
                format!("{endpoint} usually speaks gRPC, but agents send HTTP unless told otherwise")
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
            Self::FieldIgnored { field, value, .. } => {
                format!("{field} \"{value}\" would make every pod invalid and is left out")
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
            Self::VariableHides { variable, .. } | Self::VariableMayHide { variable, .. } => {
                format!("set {variable} in the container's env instead, then it is joined")
            }
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
                "use port 4318, or set OTEL_EXPORTER_OTLP_PROTOCOL in spec.env to grpc (not for Python)"
                    .to_owned()
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
            Self::FieldIgnored { allowed, .. } => format!("allowed: {allowed}"),
            Self::NoContainer { language } => {
                let key = language.container_names_keys().last().copied().unwrap_or_default();
                format!("name a container with {key}")
            }
            Self::InternalError => "please report it with the operator's log".to_owned(),
            Self::Injected { .. } | Self::AlreadyInjected { .. } | Self::LanguageUnsupported { .. } => {
                return None;
            }
        })
    }
}

fn list(names: &[String]) -> String {
    names.join(", ")
}

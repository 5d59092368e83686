//! Where the settings are: the first container of a pod that was instrumented, or what sends for it.

use ingraft_api::Language;
use serde_json::Value;

use super::pick::{Picked, defaults};
use crate::endpoint::Endpoint;
use crate::environment::{Inputs, Sources, environment};
use crate::finding::Caveat;
use crate::inject::{ENDPOINT, OtlpProtocols, injected, profile};
use crate::json::{list, named, string};

/// The variable that says where traces go, and nothing else.
pub(super) const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
/// The container that sends for those which the Go agent instruments.
const GO_AGENT: &str = "opentelemetry-auto-instrumentation";
/// The end of the name of the directive by which the module of a web server is told where to send.
const DIRECTIVE: &str = "ModuleOtelExporterEndpoint";
/// The same of nginx.
const DIRECTIVE_OF_NGINX: &str = "NginxModuleOtelExporterEndpoint";

/// Which pod settings were taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// One that runs.
    Pod {
        /// Its name.
        name: String,
    },
    /// None: what a new one would get.
    Template,
}

/// The container whose settings are used.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The pod, or the template as it would be injected.
    pub(super) pod: &'a Value,
    /// What has the variables: the container, or what sends for it.
    pub(super) sender: &'a Value,
    /// The name of the container.
    pub container: &'a str,
    /// The language of its agent.
    pub language: Language,
    /// The endpoint that is in no variable but in a configuration.
    configured: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// The first container of a pod that was instrumented; `None` if there is none.
    ///
    /// ```
    /// use ingraft_core::trace::Place;
    /// use serde_json::json;
    ///
    /// let injected = r#"{"java": {"containers": ["web"]}}"#;
    /// let pod = json!({
    ///     "metadata": {"annotations": {"ingraft.dev/injected": injected}},
    ///     "spec": {"containers": [{"name": "proxy"}, {"name": "web"}]},
    /// });
    /// assert_eq!(Place::find(&pod).unwrap().container, "web");
    /// ```
    pub fn find(pod: &'a Value) -> Option<Self> {
        let injected = injected(pod);
        let spec = pod.get("spec")?;
        let mut containers = list(spec, "containers").iter().chain(list(spec, "initContainers"));
        let (container, name, language) = containers.find_map(|container| {
            let name = string(container, "name")?;
            let is_of = |containers: &[String]| containers.iter().any(|container| container == name);
            let language = injected.iter().find(|(_, injected)| is_of(&injected.containers))?.0;
            Some((container, name, *language))
        })?;
        let plain = Self { pod, sender: container, container: name, language, configured: None };
        Some(match language {
            Language::Go => {
                let agents = ["containers", "initContainers"].map(|key| named(list(spec, key), GO_AGENT));
                let agent = agents.into_iter().flatten().next();
                Self { sender: agent.unwrap_or(container), ..plain }
            }
            Language::ApacheHttpd | Language::Nginx => {
                let mut attached = list(spec, "initContainers").iter();
                let found = attached
                    .find_map(|container| Some((container, endpoint_of_module(container, language)?)));
                found.map_or(plain, |(sender, endpoint)| Self { sender, configured: Some(endpoint), ..plain })
            }
            _ => plain,
        })
    }

    /// What the program in the pod needs of the environment.
    pub(super) fn picked(&self) -> Picked {
        let mut defaults = defaults(self.pod, self.sender);
        defaults.extend(self.configured.map(|endpoint| (ENDPOINT.to_owned(), endpoint.to_owned())));
        Picked::of(self.sender, defaults)
    }

    /// What limits an answer that comes from these settings.
    pub fn caveats(&self) -> Vec<Caveat> {
        let own_sdk = (self.protocol() == "port").then_some(Caveat::OwnSdk);
        self.picked().caveats(self).into_iter().chain(own_sdk).collect()
    }

    /// The protocol where no variable says one: `grpc`, `http/protobuf`, or `port`, where it depends on the port.
    pub(super) fn protocol(&self) -> &'static str {
        match profile(self.language).otlp {
            OtlpProtocols::Grpc => "grpc",
            OtlpProtocols::Http | OtlpProtocols::HttpAndGrpc => "http/protobuf",
            OtlpProtocols::Unknown => "port",
        }
    }

    /// Where traces are sent to, as far as that is known without the pod.
    pub fn endpoint(&self, namespace: &str, sources: &dyn Sources) -> Option<String> {
        let Self { pod, sender: container, .. } = *self;
        let inputs =
            Inputs { pod, container, namespace, sources, files: &[], services: Some(&[]), image: Some(&[]) };
        let (known, defaults) = (environment(&inputs).variables, self.picked().defaults);
        let value = |name: &str| {
            let set = known.iter().find(|variable| variable.name == name);
            let value = set.map(|variable| variable.value().map(str::to_owned));
            let default = || defaults.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
            // A variable from the probe's file has no known value.
            value.flatten().or_else(default).filter(|value| !value.is_empty() && !value.contains("$("))
        };
        value(TRACES_ENDPOINT).or_else(|| value(ENDPOINT))
    }
}

/// The endpoint in the configuration of a web server's module, which a variable of the container that attaches it holds.
fn endpoint_of_module(container: &Value, language: Language) -> Option<&str> {
    let directive = if language == Language::Nginx { DIRECTIVE_OF_NGINX } else { DIRECTIVE };
    let mut lines =
        list(container, "env").iter().filter_map(|entry| string(entry, "value")).flat_map(str::lines);
    lines.find_map(|line| {
        let (name, value) = line.trim().split_once(' ')?;
        let value = value.trim().trim_end_matches(';').trim_matches('"');
        (name.ends_with(directive) && !value.is_empty()).then_some(value)
    })
}

/// A Service, as an endpoint names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedService {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Whether it can be nothing else: `c.obs` may as well be a host outside the cluster.
    pub is_certain: bool,
}

/// The Service that an endpoint names, as seen from a namespace; `None` for what can be none.
pub fn service(endpoint: &str, namespace: &str) -> Option<NamedService> {
    // What speaks gRPC takes an address without a scheme too.
    let with_scheme = format!("http://{endpoint}");
    let url = if endpoint.contains("://") { endpoint } else { &with_scheme };
    let endpoint = Endpoint::parse(url).filter(|endpoint| !endpoint.is_local())?;
    let (namespace, name) = endpoint.service(namespace)?;
    let is_certain = endpoint.is_of_cluster();
    Some(NamedService { namespace: namespace.to_owned(), name: name.to_owned(), is_certain })
}

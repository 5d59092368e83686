//! Whether anybody takes telemetry where an Instrumentation sends it: what is to be tried, and what is said of it. A shell
//! resolves, connects and speaks.
//!
//! Whoever may write an Instrumentation chooses where the operator connects to. So only ports that Services declare are
//! tried, unless whoever runs the operator chose otherwise, some addresses never ([`may_connect`]), and of the Services of
//! other namespaces is said only whether they answer.

mod address;
mod wire;

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use ingraft_api::instrumentation::Tls;
use ingraft_api::{Instrumentation, InstrumentationSpec, Language};

use crate::destination;
use crate::endpoint::{Endpoint, GRPC_PORT, HTTP_PORT};
use crate::finding::{Finding, Locale, ReachabilityFinding, Step, Subject, Untried};
use crate::inject::{self, OtlpProtocols, PROTOCOL, profile};
use crate::instrumentation_status::{self, Trial};
use crate::snapshot::Snapshot;

pub use address::may_connect;

/// The type of the condition that says what trying an endpoint has shown.
pub const CONDITION: &str = "EndpointReachable";
/// The label that holds the name by which a node is known to its network:
/// <https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetesiohostname>.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// Which endpoints are tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProbeEndpoints {
    /// None.
    Off,
    /// The Services of the cluster.
    #[default]
    Cluster,
    /// Those outside the cluster too.
    All,
}

impl ProbeEndpoints {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Off, Self::Cluster, Self::All];

    /// The word on command lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Cluster => "cluster",
            Self::All => "all",
        }
    }
}

/// What is spoken where telemetry goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// OTLP over gRPC.
    Grpc,
    /// OTLP over HTTP.
    Http,
    /// Either: it depends on who sends.
    Any,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Grpc => "gRPC",
            Self::Http => "HTTP",
            Self::Any => "HTTP/gRPC",
        })
    }
}

/// Where to connect to, and what is expected there. Equal targets need to be tried once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The host as people wrote it, which a certificate must name.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The name in DNS if it is a Service, which the operator finds from wherever it runs.
    pub service: Option<String>,
    /// Whether TLS is spoken.
    pub tls: bool,
    /// What is spoken.
    pub protocol: Protocol,
    /// Where traces are sent to by HTTP.
    pub path: String,
}

impl Target {
    /// What to resolve.
    pub fn name(&self) -> &str {
        self.service.as_deref().unwrap_or(&self.host)
    }

    fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

/// A target, and who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The target.
    pub target: Target,
    /// It is a Service of another namespace than that of the Instrumentation.
    pub is_foreign: bool,
}

/// What trying a target has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It answers as expected.
    Answers,
    /// It does not.
    Failed(Step),
    /// It turned out that it cannot be tried.
    Untried(Untried),
}

/// What is shown of a target, over time: that it fails, or that DNS does, only when that has been so twice in a row.
#[derive(Debug, Default)]
pub struct History {
    failures: usize,
    shown: Option<Outcome>,
}

impl History {
    /// Takes up what the latest try has shown.
    pub fn see(&mut self, outcome: Outcome) {
        let failed = matches!(outcome, Outcome::Failed(_) | Outcome::Untried(Untried::ResolverFails));
        self.failures = if failed { self.failures.saturating_add(1) } else { 0 };
        if self.failures != 1 {
            self.shown = Some(outcome);
        }
    }

    /// What is shown; `None` before there is anything to show.
    pub const fn shown(&self) -> Option<&Outcome> {
        self.shown.as_ref()
    }
}

/// What is to be tried for an Instrumentation that workloads in these languages request, or why nothing is.
pub fn probe(
    instrumentation: &Instrumentation,
    languages: &BTreeSet<Language>,
    snapshot: &Snapshot,
    choice: ProbeEndpoints,
) -> Result<Probe, Untried> {
    let url = inject::endpoint(&instrumentation.spec).ok_or(Untried::NoEndpoint)?;
    if url.contains("$(") {
        return Err(Untried::PodDecides);
    }
    let endpoint = Endpoint::parse(url).filter(is_speakable).ok_or(Untried::NotAUrl)?;
    if endpoint.is_local() {
        return Err(Untried::Local);
    }
    if endpoint.host.parse().is_ok_and(|address: IpAddr| !may_connect(address)) {
        return Err(Untried::AddressForbidden);
    }
    if endpoint.https && instrumentation.spec.tls().is_some_and(needs_secret) {
        return Err(Untried::SecretNeeded);
    }
    let namespace = instrumentation.metadata.namespace.as_deref().unwrap_or_default();
    let service = service(&endpoint, namespace, snapshot)?;
    if service.is_none() && choice != ProbeEndpoints::All {
        return Err(Untried::Outside);
    }
    let is_foreign = service.is_some_and(|(place, _)| place != namespace);
    // Nothing that people write is sent to others.
    let base = if is_foreign { "" } else { endpoint.path.trim_end_matches('/') };
    let port = endpoint.port_or_default();
    let target = Target {
        host: endpoint.host.trim_end_matches('.').to_owned(),
        port,
        service: service.map(|(namespace, name)| format!("{name}.{namespace}.svc")),
        tls: endpoint.https,
        protocol: protocol(&instrumentation.spec, port, languages),
        path: format!("{base}/v1/traces"),
    };
    Ok(Probe { target, is_foreign })
}

/// Whether host and path can be part of a request: <https://www.rfc-editor.org/rfc/rfc3986#section-3>.
fn is_speakable(endpoint: &Endpoint<'_>) -> bool {
    let is_of_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    endpoint.host.bytes().all(is_of_host) && endpoint.path.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether a Secret holds some of what TLS needs. Of a ConfigMap, the authority is not read either, but then the handshake
/// still shows what is spoken.
fn needs_secret(tls: &Tls) -> bool {
    let is_set = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
    [&tls.secret_name, &tls.cert_file, &tls.key_file].into_iter().any(is_set)
}

/// Namespace and name of the Service that an endpoint names; `None` for what is outside the cluster.
fn service<'a>(
    endpoint: &Endpoint<'a>,
    namespace: &'a str,
    snapshot: &'a Snapshot,
) -> Result<Option<(&'a str, &'a str)>, Untried> {
    let from = if endpoint.is_short() {
        destination::namespace_of(endpoint.host, namespace, snapshot)
    } else {
        namespace
    };
    let named = endpoint.service(from);
    let known = named.and_then(|(namespace, name)| snapshot.services.get(namespace, name));
    let (Some((namespace, name)), Some(ports)) = (named, known) else {
        let is_node = |(_, name, node): (&str, &str, &crate::Node)| {
            name == endpoint.host || node.labels.get(HOSTNAME).is_some_and(|label| **label == *endpoint.host)
        };
        if snapshot.nodes.entries().any(is_node) {
            return Err(Untried::Node);
        }
        let is_of_cluster = |namespace| endpoint.is_of_cluster() || snapshot.namespace(namespace).is_some();
        return match named.filter(|(namespace, _)| is_of_cluster(namespace)) {
            Some((namespace, name)) => {
                Err(Untried::ServiceMissing { service: format!("{namespace}/{name}") })
            }
            None => Ok(None),
        };
    };
    let port = endpoint.port_or_default();
    if !ports.contains(&port) {
        return Err(Untried::PortNotDeclared { service: format!("{namespace}/{name}"), port });
    }
    Ok(Some((namespace, name)))
}

/// What agents speak at a port: that of OTLP's own ports whoever sends, or what all languages send in which an
/// Instrumentation is requested.
fn protocol(spec: &InstrumentationSpec, port: u16, languages: &BTreeSet<Language>) -> Protocol {
    let variable = spec.env.iter().flatten().find(|variable| variable.name == PROTOCOL);
    match variable.and_then(|variable| variable.value.as_deref()) {
        Some("grpc") => return Protocol::Grpc,
        Some("http/protobuf" | "http/json") => return Protocol::Http,
        _ => {}
    }
    let of = |language: &Language| match profile(*language).otlp {
        OtlpProtocols::Http | OtlpProtocols::HttpAndGrpc => Protocol::Http,
        OtlpProtocols::Grpc => Protocol::Grpc,
        OtlpProtocols::Unknown => Protocol::Any,
    };
    let spoken: BTreeSet<Protocol> = languages.iter().map(of).collect();
    match (port, spoken.first()) {
        (GRPC_PORT, _) => Protocol::Grpc,
        (HTTP_PORT, _) => Protocol::Http,
        (_, Some(protocol)) if spoken.len() == 1 => *protocol,
        _ => Protocol::Any,
    }
}

/// What is told of an Instrumentation's endpoint: as a finding, and as a condition. Until it has been tried, what an
/// earlier leader has found stays.
pub fn tell(
    instrumentation: &Instrumentation,
    probe: &Result<Probe, Untried>,
    shown: Option<&Outcome>,
    locale: Locale,
) -> (Finding, Trial) {
    let untried = |why: &Untried| ReachabilityFinding::EndpointNotProbeable { why: why.clone() };
    let reason = match (probe, shown) {
        (Err(why), _) | (Ok(_), Some(Outcome::Untried(why))) => untried(why),
        (Ok(_), None) => untried(&Untried::NotYet),
        // Without the path that people wrote, which is not sent to others, traces may be taken elsewhere.
        (Ok(Probe { target, .. }), Some(Outcome::Answers))
        | (Ok(Probe { target, is_foreign: true }), Some(Outcome::Failed(Step::NotFound))) => {
            ReachabilityFinding::EndpointReachable { endpoint: target.authority(), tls: target.tls }
        }
        (Ok(Probe { target, is_foreign }), Some(Outcome::Failed(step))) => {
            let step = (!is_foreign).then_some(*step);
            ReachabilityFinding::EndpointUnreachable { endpoint: target.authority(), step }
        }
    };
    let (worked, word) = match &reason {
        ReachabilityFinding::EndpointReachable { .. } => (Some(true), "Reachable"),
        ReachabilityFinding::EndpointUnreachable { step, .. } => {
            (Some(false), step.map_or("Unreachable", Step::as_str))
        }
        ReachabilityFinding::EndpointNotProbeable { why: Untried::NotYet } => (None, "Pending"),
        ReachabilityFinding::EndpointNotProbeable { why: Untried::ResolverFails } => (None, "ResolverFails"),
        ReachabilityFinding::EndpointNotProbeable { .. } => (None, "NotProbeable"),
    };
    let finding = Finding {
        reason: reason.into(),
        subject: Subject::Instrumentation(instrumentation.reference()),
        pointer: "/spec/exporter/endpoint".to_owned(),
    };
    let message = finding.event_note(locale);
    let generation = instrumentation.metadata.generation;
    let mut trial = Trial { condition: CONDITION, worked, reason: word.to_owned(), message, generation };
    if word == "Pending" {
        trial = earlier(instrumentation).unwrap_or(trial);
    }
    (finding, trial)
}

/// What an earlier leader has found of what an Instrumentation says now.
pub fn earlier(instrumentation: &Instrumentation) -> Option<Trial> {
    let condition = instrumentation_status::earlier(instrumentation, CONDITION)?;
    let worked = match condition.status.as_str() {
        "True" => true,
        "False" => false,
        _ => return None,
    };
    let (reason, message) = (condition.reason.clone(), condition.message.clone());
    let generation = instrumentation.metadata.generation;
    let is_current = condition.observed_generation == generation;
    is_current.then_some(Trial { condition: CONDITION, worked: Some(worked), reason, message, generation })
}

#[cfg(test)]
mod tests;

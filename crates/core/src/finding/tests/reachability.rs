//! Samples of what trying endpoints has shown.

use super::*;
use crate::endpoint_probe::Protocol;

pub(super) fn add_samples(samples: &mut Vec<Reason>) {
    use ReachabilityFinding as F;
    let endpoint = || text("collector-1:4317");
    let steps = [
        Step::NameNotResolved,
        Step::Refused,
        Step::TimedOut,
        Step::TlsFailed(TlsFault::NoHandshake),
        Step::TlsFailed(TlsFault::NotValidNow),
        Step::TlsFailed(TlsFault::OtherHost),
        Step::TlsFailed(TlsFault::UnknownAuthority),
        Step::TlsFailed(TlsFault::ClientRefused),
        Step::WrongProtocol(Protocol::Any),
        Step::NotFound,
    ];
    for step in steps.map(Some).into_iter().chain([None]) {
        samples.push(F::EndpointUnreachable { endpoint: endpoint(), step }.into());
    }
    samples.extend([false, true].map(|tls| F::EndpointReachable { endpoint: endpoint(), tls }.into()));
    let service = || text("obs-1/collector-1");
    for why in [
        Untried::NotYet,
        Untried::NoEndpoint,
        Untried::NotAUrl,
        Untried::PodDecides,
        Untried::Local,
        Untried::Node,
        Untried::ServiceMissing { service: service() },
        Untried::PortNotDeclared { service: service(), port: 4317 },
        Untried::SecretNeeded,
        Untried::Outside,
        Untried::AddressForbidden,
        Untried::NoServiceNames,
        Untried::ResolverFails,
    ] {
        samples.push(F::EndpointNotProbeable { why }.into());
    }
}

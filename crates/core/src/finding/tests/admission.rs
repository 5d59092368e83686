//! Samples of what is found of the way of reviews.

use super::*;

pub(super) fn samples(samples: &mut Vec<Reason>) {
    use AdmissionFinding as F;
    samples.push(F::AdmissionPathHealthy.into());
    for link in [
        BrokenLink::ServiceMissing,
        BrokenLink::NoEndpoints,
        BrokenLink::Refused,
        BrokenLink::Reset,
        BrokenLink::TimedOut,
        BrokenLink::Unreachable,
        BrokenLink::HostUnknown,
        BrokenLink::CertificateExpired,
        BrokenLink::WrongName,
        BrokenLink::UnknownAuthority,
        BrokenLink::WrongAnswer,
        BrokenLink::PodsNotSent,
        BrokenLink::NothingSent,
        BrokenLink::Replica(text("replica-1")),
        BrokenLink::Other,
    ] {
        samples.push(F::AdmissionPathBroken { link, said: text("error-1") }.into());
    }
    samples.push(F::AdmissionPathBroken { link: BrokenLink::NothingSent, said: String::new() }.into());
    for why in [
        PathObstacle::Unregistered,
        PathObstacle::Refused(text("error-1")),
        PathObstacle::SilentReplica(text("replica-1")),
        PathObstacle::EarlierRelease,
    ] {
        samples.push(F::AdmissionPathUnknown { why }.into());
    }
}

//! Samples of what became of a span.

use super::*;

pub(super) fn add(samples: &mut Vec<Reason>) {
    use DeliveryFinding as F;
    let endpoint = || text("http://collector-1:4318");
    samples.push(F::SpanDelivered { endpoint: endpoint(), trace: text("0af7651916cd43dd") }.into());
    let slow = |stage| Fault::TooSlow { stage, seconds: 5 };
    let said = || text("error-1");
    for fault in [
        Fault::Unreached(Step::Refused),
        Fault::Unreached(Step::NotFound),
        slow(Stage::Resolve),
        slow(Stage::Connect),
        slow(Stage::Send),
        Fault::ResolverFails,
        Fault::PodItself,
        Fault::NotAUrl { text: text("a-1") },
        Fault::ProtocolUnknown { text: text("a-1") },
        Fault::File { path: text("/a-1"), why: said() },
        Fault::Status { status: 503, said: said() },
        Fault::Status { status: 401, said: text("") },
        Fault::Grpc { status: 12, said: said() },
        Fault::Grpc { status: 16, said: said() },
        Fault::Rejected { said: said() },
        Fault::Broken { why: said() },
    ] {
        samples.push(F::SpanNotDelivered { endpoint: endpoint(), fault }.into());
    }
    for why in [
        Unsent::Refused { said: said() },
        Unsent::NotStarted { seconds: 60, why: said() },
        Unsent::NotStarted { seconds: 60, why: text("") },
        Unsent::Ended { why: said() },
        Unsent::Stuck { why: said() },
        Unsent::Deleted,
    ] {
        samples.push(F::SpanNotSent { why }.into());
    }
    let service = || text("obs-1/collector-1");
    samples.push(F::SpanCounted { service: service(), by: 2 }.into());
    samples.push(F::SpanNotCounted { service: service() }.into());
    for why in [
        Uncounted::NoService,
        Uncounted::NoPods { service: service() },
        Uncounted::NoCollector { pod: text("obs-1/pod-1") },
        Uncounted::Refused { said: said() },
    ] {
        samples.push(F::SpanCountUnknown { why }.into());
    }
    samples.push(F::PoliciesDiffer { policies: texts(["shop-1/a-1", "shop-1/a-2"]) }.into());
    samples.push(F::PoliciesUnseen { why: said() }.into());
}

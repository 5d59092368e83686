//! Samples of findings about what several objects of a cluster show together.

use super::text;
use crate::crash::Cause;
use crate::finding::{ClusterFinding as F, ManifestFinding, NoTraces, Reason};

pub(super) fn add(samples: &mut Vec<Reason>) {
    let policy = || text("shop-1/deny-1");
    samples.extend(
        [
            F::DefinitionMissing { name: text("a-1.b") },
            F::OperatorMissing,
            F::OperatorOfOthers { deployment: text("a-1/b-1") },
            F::TwoOperators { deployment: text("a-1/b-1") },
            F::OperatorNotReady { deployment: text("a-1/b-1"), why: text("because 1") },
            F::OperatorOnlyWatches { mode: "observe-1" },
            F::RegistrationMissing { name: text("zz-1") },
            F::WebhookLater { configuration: text("zzz-1") },
            F::WebhookRefuses { configuration: text("mesh-1"), service: text("a-1/b-1") },
            F::PolicyClosesWebhook { policy: policy(), port: 9443 },
            F::PolicyClosesTelemetry { policy: policy(), port: 4318, endpoint: text("http://a-1:4318") },
            F::PodsRefused { message: text("exceeded quota 1") },
            F::CollectorNotReady { service: text("a-1/b-1"), endpoint: text("http://a-1:4318") },
            F::ServiceLeadsNowhere { endpoint: text("http://a-1:4318"), target: None },
            F::ServiceLeadsNowhere { endpoint: text("http://a-1:4318"), target: Some(text("port-1")) },
            F::InjectedPodFails {
                container: text("app-1"),
                cause: Cause::Unknown,
                why: text("exit status 1"),
            },
            F::StandbyOn,
            F::StandbyPaused,
        ]
        .map(Reason::from),
    );
    for why in [NoTraces::NoReceiver, NoTraces::ReceiverIsLocal, NoTraces::NoPipeline] {
        samples.push(F::CollectorTakesNoTraces { endpoint: text("http://a-1:4318"), why }.into());
    }
    for file in [None, Some(text("c-1.yaml"))] {
        let instrumentation = text("a-1/b-1");
        samples.push(ManifestFinding::InstrumentationFollows { instrumentation, file: file.clone() }.into());
        let (namespace, workload) = (text("d-1"), text("e-1"));
        samples.push(ManifestFinding::NamespaceFollows { namespace, workload, file }.into());
    }
}

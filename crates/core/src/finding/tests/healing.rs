//! Samples of findings about healing.

use super::{text, workload};
use crate::finding::{AnnotationFinding, HealingFinding as F, Reason};
use crate::healing::{Ailment, Obstacle};
use crate::owner::OwnerKind;

pub(super) fn add(samples: &mut Vec<Reason>) {
    let workload = || workload(OwnerKind::Deployment);
    for ailment in [Ailment::Missed, Ailment::Outdated, Ailment::NewerImage, Ailment::Standby] {
        samples.push(F::Healed { workload: workload(), ailment }.into());
    }
    for why in [
        Obstacle::NotPermitted,
        Obstacle::Kind,
        Obstacle::Controlled(text("shop-1/name-1")),
        Obstacle::Paused,
        Obstacle::OnDelete,
        Obstacle::Downtime,
        Obstacle::Failing,
        Obstacle::UnderWay,
        Obstacle::Unready,
        Obstacle::TakenBack,
        Obstacle::Refused(text("error-1")),
        Obstacle::Budget(text("budget-1")),
        Obstacle::Blocked,
        Obstacle::HealedBefore,
        Obstacle::Halted(3),
    ] {
        samples.push(F::NotHealed { workload: workload(), why }.into());
    }
    samples.push(AnnotationFinding::HealMisplaced.into());
    samples.push(AnnotationFinding::HealUnknown { value: text("value-1") }.into());
}

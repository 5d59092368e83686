//! Samples of findings about standby injection.

use ingraft_api::Language;

use super::text;
use crate::finding::{NotPlannable as Why, Reason, StandbyFinding as F};

pub(super) fn add(samples: &mut Vec<Reason>) {
    let language = Language::Java;
    let reasons = [
        Why::Credential,
        Why::Source,
        Why::Reference,
        Why::UniqueIds,
        Why::Attributes,
        Why::SecurityContext,
        Why::VolumeClaim,
        Why::Resources,
        Why::ShortEndpoint,
        Why::Unusable,
    ];
    samples.extend(reasons.map(|why| F::NotPlanned { language, why }.into()));
    samples.push(F::PlanTooLarge { bytes: 2_000_001, largest: 1_000_001 }.into());
    samples.push(F::PlanRefused { language, error: text("unknown field 1") }.into());
}

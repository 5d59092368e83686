//! Samples of findings about pods that run.

use ingraft_api::Language;

use super::{text, workload};
use crate::finding::{Reason, RunningFinding as F};
use crate::owner::{OwnerKind, WorkloadRef};

pub(super) fn add(samples: &mut Vec<Reason>) {
    let (language, instrumentation) = (Language::Java, || text("shop-1/base-1"));
    let kinds = [OwnerKind::Deployment, OwnerKind::Rollout, OwnerKind::Job, OwnerKind::CronJob];
    for kind in kinds.map(Some).into_iter().chain([None]) {
        let workload = || WorkloadRef { kind, ..workload(OwnerKind::Deployment) };
        samples
            .push(F::PodMissed { language, instrumentation: instrumentation(), workload: workload() }.into());
        samples.push(
            F::PodOutdated { language, instrumentation: instrumentation(), workload: workload() }.into(),
        );
    }
    for why in ["OOMKilled, exit code 137", "ErrImagePull: not found 1", "Error, exit code 1"] {
        samples.push(F::PayloadFailed { container: text("app-1"), why: text(why) }.into());
    }
}

//! Samples of findings about pods that crash.

use ingraft_api::Language;

use super::{text, workload};
use crate::crash::{Cause, Ran};
use crate::finding::{CrashFinding as F, Reason};
use crate::owner::OwnerKind;

pub(super) fn add(samples: &mut Vec<Reason>) {
    let workload = workload(OwnerKind::Deployment);
    for cause in Cause::ALL {
        let (container, why) = (text("app-1"), text("Error, exit code 1"));
        let languages = vec![Language::Java, Language::Python];
        let evicted = F::PodEvicted {
            workload: workload.clone(),
            pod: text("web-1"),
            container: container.clone(),
            cause,
            why: why.clone(),
        };
        for ran in [Ran::Untouched, Ran::Otherwise, Ran::Before] {
            let (languages, container, why) = (languages.clone(), container.clone(), why.clone());
            samples.push(F::CrashAfterInjection { languages, container, cause, why, ran }.into());
        }
        samples.push(evicted.into());
    }
    samples.push(F::CrashIsNotOurs { workload: workload.clone() }.into());
    samples.push(F::InjectionBlocked { workload: workload.clone(), cause: text("loader") }.into());
    samples.push(F::ControlStart { workload: workload.clone() }.into());
    samples.push(F::ControlUnclear { workload }.into());
}

//! What the status of an Instrumentation says: whether telemetry can arrive, and how the workloads fare that request it.

use ingraft_api::Instrumentation;
use ingraft_api::instrumentation::{FirstWorkloads, InstrumentationStatus, WorkloadCounts};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::finding::{Finding, Locale, Reason, Severity};
use crate::owner::WorkloadRef;
use crate::standing::Standing;

/// The type of the condition that answers whether it works.
pub const READY: &str = "Ready";
/// So many workloads of each kind are named.
const NAMED: usize = 5;
/// The longest message of a condition that the API server takes is 32 KiB; nobody reads so much.
const LONGEST_MESSAGE: usize = 1000;

/// What came of trying something, rather than of reading what people wrote: a condition of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// The type of the condition.
    pub condition: &'static str,
    /// Whether it worked; `None` where it cannot be tried.
    pub worked: Option<bool>,
    /// One word that says which step failed, or why it cannot be tried.
    pub reason: String,
    /// The same for people, with the remedy.
    pub message: String,
    /// The generation of the Instrumentation that it is about; `None` where it is the same for all.
    pub generation: Option<i64>,
}

/// One workload that requests an Instrumentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking<'a> {
    /// Which.
    pub workload: &'a WorkloadRef,
    /// How it fares with the language that fares worst.
    pub standing: Standing,
    /// Its pods run with an earlier default image than new ones would.
    pub has_newer_image: bool,
}

/// The status of an Instrumentation about which `findings` were made and `trials` took place, given the workloads that
/// request it in the order in which they are to be named.
pub fn status<'a>(
    instrumentation: &Instrumentation,
    findings: &[Finding],
    trials: &[Trial],
    workloads: impl IntoIterator<Item = Asking<'a>>,
    now: &Time,
    locale: Locale,
) -> InstrumentationStatus {
    let (mut counts, mut first) = (WorkloadCounts::default(), FirstWorkloads::default());
    for Asking { workload, standing, has_newer_image } in workloads {
        counts.asked += 1;
        let place = match standing {
            Standing::Idle => None,
            Standing::Injected => Some((&mut counts.injected, &mut first.injected)),
            Standing::Outdated => Some((&mut counts.outdated, &mut first.outdated)),
            Standing::Missed => Some((&mut counts.missed, &mut first.missed)),
            Standing::Refused => Some((&mut counts.refused, &mut first.refused)),
            Standing::Failed => Some((&mut counts.failed, &mut first.failed)),
        };
        let newer = has_newer_image.then_some((&mut counts.newer_image, &mut first.newer_image));
        for (count, names) in place.into_iter().chain(newer) {
            *count += 1;
            if names.len() < NAMED {
                names.push(workload.to_string());
            }
        }
    }
    let mut conditions = vec![ready(instrumentation, findings, now, locale)];
    conditions.extend(trials.iter().filter_map(|trial| tried(instrumentation, trial, now)));
    InstrumentationStatus {
        // Written by whoever upgrades images.
        upgrade_blocked_versions: None,
        observed_generation: instrumentation.metadata.generation,
        conditions: Some(conditions),
        workloads: Some(counts),
        // The API server takes an empty map that had something in it for null, and refuses that.
        first: (first != FirstWorkloads::default()).then_some(first),
    }
}

/// Whether telemetry can arrive.
fn ready(instrumentation: &Instrumentation, findings: &[Finding], now: &Time, locale: Locale) -> Condition {
    let told: Vec<&Finding> = findings.iter().filter(|finding| finding.severity() > Severity::Info).collect();
    let against =
        told.iter().find(|finding| matches!(&finding.reason, Reason::Endpoint(reason) if reason.loses_all()));
    let tell = |finding: &&Finding| format!("{}: {}", finding.code(), finding.event_note(locale));
    let message = match told.iter().map(tell).collect::<Vec<_>>().join("; ") {
        nothing if nothing.is_empty() => all_is_well(locale).to_owned(),
        message => message,
    };
    let status = if against.is_some() { "False" } else { "True" };
    let reason = against.map_or(READY, |finding| finding.code());
    condition(instrumentation, READY, [status, reason], &message, now)
}

/// What came of trying something. What was found of another generation may be about something else: until this one has been
/// looked at, the condition stays as it is.
fn tried(instrumentation: &Instrumentation, trial: &Trial, now: &Time) -> Option<Condition> {
    if trial.generation.is_some() && trial.generation != instrumentation.metadata.generation {
        return earlier(instrumentation, trial.condition).cloned();
    }
    let status = match trial.worked {
        Some(true) => "True",
        Some(false) => "False",
        None => "Unknown",
    };
    Some(condition(instrumentation, trial.condition, [status, &trial.reason], &trial.message, now))
}

/// The condition of this type that was written last.
pub(crate) fn earlier<'a>(instrumentation: &'a Instrumentation, name: &str) -> Option<&'a Condition> {
    let conditions = instrumentation.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == name)
}

/// A condition, which has been so since its status changed last.
fn condition(
    instrumentation: &Instrumentation,
    name: &str,
    [status, reason]: [&str; 2],
    message: &str,
    now: &Time,
) -> Condition {
    let is_long = message.chars().count() > LONGEST_MESSAGE;
    Condition {
        type_: name.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: message.chars().take(LONGEST_MESSAGE).chain(is_long.then_some('…')).collect(),
        observed_generation: instrumentation.metadata.generation,
        last_transition_time: earlier(instrumentation, name)
            .filter(|earlier| earlier.status == status)
            .map_or(now, |earlier| &earlier.last_transition_time)
            .clone(),
    }
}

/// What a condition says where there is nothing to say.
const fn all_is_well(locale: Locale) -> &'static str {
    match locale {
        Locale::En => "nothing is known that keeps telemetry from arriving",
        Locale::Es => "no se conoce nada que impida que llegue la telemetría",
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::owner::OwnerKind;
    use crate::{Settings, Snapshot, review};

    fn instrumentation(spec: &serde_json::Value) -> Instrumentation {
        let object =
            json!({"metadata": {"name": "base", "namespace": "shop", "generation": 3}, "spec": spec});
        serde_json::from_value(object).unwrap()
    }

    fn at(second: i64) -> Time {
        Time(Timestamp::from_second(second).unwrap())
    }

    fn status_of(instrumentation: &Instrumentation, second: i64) -> InstrumentationStatus {
        let findings = review(instrumentation, &Snapshot::default(), &Settings::default());
        status(instrumentation, &findings, &[], [], &at(second), Locale::En)
    }

    #[test]
    fn ready_says_why_not_and_since_when() {
        let mut one = instrumentation(&json!({}));
        let first = status_of(&one, 100);
        let condition = &first.conditions.as_ref().unwrap()[0];
        assert_eq!((condition.status.as_str(), condition.reason.as_str()), ("False", "EndpointMissing"));
        assert_eq!((condition.observed_generation, first.observed_generation), (Some(3), Some(3)));
        assert!(condition.message.starts_with("EndpointMissing: "), "{}", condition.message);

        one.status = Some(first);
        let second = status_of(&one, 200);
        assert_eq!(
            second.conditions.as_ref().unwrap()[0].last_transition_time,
            at(100),
            "nothing has changed"
        );
        one.spec = instrumentation(&json!({"exporter": {"endpoint": "http://collector.obs:4318"}})).spec;
        let third = status_of(&one, 300);
        let condition = &third.conditions.as_ref().unwrap()[0];
        assert_eq!((condition.status.as_str(), condition.reason.as_str()), ("True", "Ready"));
        assert_eq!(condition.last_transition_time, at(300));
        assert!(condition.message.starts_with("nothing is known"), "{}", condition.message);
    }

    #[test]
    fn what_was_tried_is_a_condition_of_its_own() {
        let trial = |worked, reason: &str| Trial {
            condition: "EndpointReachable",
            worked,
            reason: reason.to_owned(),
            message: "x".repeat(2000),
            generation: Some(3),
        };
        let mut one = instrumentation(&json!({}));
        let status_at = |one: &Instrumentation, trial, second| {
            let status = status(one, &[], &[trial], [], &at(second), Locale::En);
            status.conditions.unwrap().pop().unwrap()
        };
        let first = status_at(&one, trial(Some(false), "Refused"), 100);
        assert_eq!((first.type_.as_str(), first.status.as_str()), ("EndpointReachable", "False"));
        assert_eq!(first.message.chars().count(), LONGEST_MESSAGE + 1);
        let conditions = Some(vec![first]);
        one.status = Some(InstrumentationStatus { conditions, ..InstrumentationStatus::default() });
        let second = status_at(&one, trial(Some(false), "TimedOut"), 200);
        assert_eq!((second.reason.as_str(), second.last_transition_time), ("TimedOut", at(100)));
        let third = status_at(&one, trial(None, "NotProbeable"), 300);
        assert_eq!((third.status.as_str(), third.last_transition_time), ("Unknown", at(300)));
    }

    #[test]
    fn what_was_found_of_an_earlier_generation_stays_with_it() {
        let mut one = instrumentation(&json!({}));
        let trial = |generation| Trial {
            condition: "EndpointReachable",
            worked: Some(generation == 3),
            reason: "Tried".to_owned(),
            message: String::new(),
            generation: Some(generation),
        };
        let tried = |one: &Instrumentation, generation| {
            let status = status(one, &[], &[trial(generation)], [], &at(generation), Locale::En);
            status.conditions.unwrap().into_iter().find(|condition| condition.type_ != READY)
        };
        assert_eq!(tried(&one, 2), None, "nothing is known of this one");
        let found = tried(&one, 3).unwrap();
        let conditions = Some(vec![found.clone()]);
        one.status = Some(InstrumentationStatus { conditions, ..InstrumentationStatus::default() });
        one.metadata.generation = Some(4);
        assert_eq!(tried(&one, 3), Some(found), "it still says of which generation it is");
        let next = tried(&one, 4).unwrap();
        assert_eq!((next.status.as_str(), next.observed_generation), ("False", Some(4)));
    }

    #[test]
    fn counts_all_and_names_the_first() {
        let names: Vec<WorkloadRef> = (0..7)
            .map(|index| WorkloadRef {
                kind: Some(OwnerKind::Deployment),
                namespace: "shop".into(),
                name: format!("web-{index}").into(),
            })
            .collect();
        let asking = |workload, standing| Asking { workload, standing, has_newer_image: false };
        let mut workloads: Vec<Asking<'_>> =
            names.iter().map(|workload| asking(workload, Standing::Missed)).collect();
        workloads.push(asking(&names[0], Standing::Idle));
        workloads.push(Asking { has_newer_image: true, ..asking(&names[1], Standing::Injected) });
        let status = status(&instrumentation(&json!({})), &[], &[], workloads, &at(0), Locale::En);
        let counts =
            WorkloadCounts { asked: 9, injected: 1, missed: 7, newer_image: 1, ..WorkloadCounts::default() };
        assert_eq!(status.workloads, Some(counts));
        let first = status.first.unwrap();
        assert_eq!((first.missed.len(), first.missed[0].as_str()), (5, "deployment/web-0 -n shop"));
        assert_eq!(first.newer_image, ["deployment/web-1 -n shop"]);
    }
}

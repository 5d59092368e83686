//! Pods that somebody else's admission refuses after we have changed them, such as a quota, a LimitRange or a policy.
//!
//! ```text
//!  refused, injected ──► withheld ──► refused, untouched ──► not ours
//!                            └─────── accepted: stays withheld
//! ```
//!
//! What makes a pod (a ReplicaSet, a Job) tries again when it is refused. The next pods pass untouched: if they are
//! refused as well, it was not us.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::json::{label, list, string};
use crate::owner::{OwnerKind, WorkloadRef};
use crate::policies::is_strict_refusal;

/// A pod that was withheld for less than this may have been refused before that was known everywhere.
const SETTLED: Duration = Duration::from_secs(5);
/// That it was not us is believed for so many seconds: demands on pods change.
const NOT_OURS: u64 = 60 * 60;
/// A pod is withheld for at most so many seconds, if its owner and the Instrumentation stay the same.
const WITHHELD: u64 = 7 * 24 * 60 * 60;
/// The longest part of a message that is kept, in bytes.
const MESSAGE: usize = 512;

/// What was done to a pod that somebody makes again if it is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attempt {
    /// The unique id of what makes the pod.
    pub owner: String,
    /// What makes the pod.
    pub maker: Maker,
    /// Changes with the pod's template, and with what an Instrumentation means for it.
    pub fingerprint: String,
    /// Whether the pod now asks for more CPU or memory than before.
    pub adds_to_sum: bool,
    /// The pod was left as it was: because one before it was refused, or because of what its workload says of crashes.
    pub is_withheld: bool,
}

/// What makes pods, such as a ReplicaSet or a Job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maker {
    /// Its namespace, and that of its pods.
    pub namespace: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// Whose fault a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Perhaps ours: pods are left as they are.
    Withheld,
    /// An untouched pod was refused too.
    NotOurs,
}

/// The refusal of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What makes the pods.
    #[serde(default)]
    pub maker: Maker,
    /// That of the refused pod.
    pub fingerprint: String,
    /// What the API server said.
    pub message: String,
    /// Whose fault it is.
    pub verdict: Verdict,
    /// When that was decided, in seconds since 1970.
    pub since: u64,
}

/// Refusals, by the unique id of what makes the pods.
pub type Refusals = BTreeMap<String, Refusal>;

impl Refusal {
    /// Whether it is about pods of a workload, which may be made by a ReplicaSet or Job whose name is longer by one part.
    pub fn concerns(&self, workload: &WorkloadRef) -> bool {
        let Maker { namespace, kind, name } = &self.maker;
        let is_made = match workload.kind {
            Some(OwnerKind::Deployment | OwnerKind::Rollout) => kind == "ReplicaSet",
            Some(OwnerKind::CronJob) => kind == "Job",
            _ => false,
        };
        let of_owner = name.rsplit_once('-').map(|(owner, _)| owner);
        *namespace == *workload.namespace
            && if is_made {
                of_owner == Some(&*workload.name)
            } else {
                workload.kind.is_some_and(|own| own.as_str() == kind) && *name == *workload.name
            }
    }

    /// Whether it no longer counts at a time, in seconds since 1970.
    pub fn is_over(&self, now: u64) -> bool {
        let lasts = match self.verdict {
            Verdict::Withheld => WITHHELD,
            Verdict::NotOurs => NOT_OURS,
        };
        self.since.saturating_add(lasts) < now
    }
}

/// The unique id of what makes a pod, what that is, and what changes with its template.
pub(crate) fn maker<'p>(pod: &'p Value, namespace: &str) -> Option<(&'p str, Maker, &'p str)> {
    let owners = pod.get("metadata").map_or(&[][..], |metadata| list(metadata, "ownerReferences"));
    let controller =
        owners.iter().find(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true))?;
    let text = |key: &str| string(controller, key).unwrap_or_default().to_owned();
    let maker = Maker { namespace: namespace.to_owned(), kind: text("kind"), name: text("name") };
    // A ReplicaSet and a Job have one template for all their life.
    Some((string(controller, "uid")?, maker, label(pod, "controller-revision-hash")))
}

/// What is now known of an owner whose pod was refused with a message, if that changes.
///
/// `attempt` is the last pod of it that was reviewed, `known` what was known before. `withheld_for` is how long the
/// owner's pods have been withheld, if they are.
pub fn refused(
    attempt: &Attempt,
    known: Option<&Refusal>,
    message: &str,
    now: u64,
    withheld_for: Option<Duration>,
) -> Option<Refusal> {
    let refusal = |verdict| {
        let mut message = message.to_owned();
        message.truncate(message.floor_char_boundary(MESSAGE));
        let (maker, fingerprint) = (attempt.maker.clone(), attempt.fingerprint.clone());
        Some(Refusal { maker, fingerprint, message, verdict, since: now })
    };
    let known = known.filter(|known| known.fingerprint == attempt.fingerprint && !known.is_over(now));
    match known.map(|known| known.verdict) {
        _ if !is_about_the_pod(message, attempt) => None,
        // It says nothing of pods that are changed.
        None if attempt.is_withheld => None,
        None => refusal(Verdict::Withheld),
        Some(Verdict::Withheld) if attempt.is_withheld && withheld_for.is_some_and(|time| time > SETTLED) => {
            refusal(Verdict::NotOurs)
        }
        Some(_) => None,
    }
}

/// Whether a message says that a pod was refused for something that we may have changed: not that something failed for a
/// moment, or is missing.
fn is_about_the_pod(message: &str, attempt: &Attempt) -> bool {
    let says = |text: &str| message.contains(text);
    let is_refused = says("is forbidden") || says("denied the request") || says("is invalid");
    // It refuses what lacks ours, never what we have changed.
    let is_strict = is_strict_refusal(message) && !attempt.is_withheld;
    let is_missing = says("error looking up service account") || says("create Claim");
    // A quota counts sums: of what we do not add to, it would refuse the untouched pod too.
    let is_ours = match message.split_once("exceeded quota") {
        Some((_, quota)) => {
            let requested = quota.split(", used:").next().unwrap_or_default();
            attempt.adds_to_sum && (requested.contains("cpu=") || requested.contains("memory="))
        }
        None => true,
    };
    is_refused && !is_strict && !is_missing && is_ours
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: &str = "admission webhook \"w\" denied the request: no";
    const LATER: Option<Duration> = Some(Duration::from_secs(6));

    fn attempt(adds_to_sum: bool) -> Attempt {
        Attempt { owner: "u".to_owned(), fingerprint: "f".to_owned(), adds_to_sum, ..Attempt::default() }
    }

    #[test]
    fn the_next_pods_are_withheld_and_tell_whose_fault_it_was() {
        let refuse = |known: Option<&Refusal>, time, is_withheld| {
            let attempt = Attempt { is_withheld, ..attempt(false) };
            refused(&attempt, known, REFUSED, 100, time)
        };
        let withheld = refuse(None, None, false).unwrap();
        assert_eq!((withheld.verdict, withheld.since), (Verdict::Withheld, 100));
        let known = Some(&withheld);
        assert_eq!(refuse(known, Some(Duration::from_secs(1)), true), None, "an earlier pod may be meant");
        assert_eq!(refuse(known, LATER, false), None, "no untouched pod was refused");
        assert_eq!(refuse(known, LATER, true).unwrap().verdict, Verdict::NotOurs);
        let not_ours = refuse(known, LATER, true).unwrap();
        assert_eq!(refuse(Some(&not_ours), None, false), None);
    }

    /// One of a workload whose injected pods crash.
    #[test]
    fn a_pod_that_was_left_as_it_was_for_another_reason_blames_nobody() {
        let untouched = Attempt { is_withheld: true, ..attempt(true) };
        assert_eq!(refused(&untouched, None, REFUSED, 100, None), None);
    }

    #[test]
    fn a_new_template_or_instrumentation_starts_anew() {
        let withheld = refused(&attempt(false), None, REFUSED, 100, None).unwrap();
        let other = Attempt { fingerprint: "g".to_owned(), ..attempt(false) };
        let next = refused(&other, Some(&withheld), REFUSED, 200, LATER).unwrap();
        assert_eq!((next.verdict, next.fingerprint.as_str()), (Verdict::Withheld, "g"));
    }

    #[test]
    fn a_quota_is_ours_only_if_we_add_to_its_sum() {
        let message = |what: &str| {
            format!(
                "pods \"a\" is forbidden: exceeded quota: q, requested: {what}=1, used: limits.cpu=9, limited: {what}=1"
            )
        };
        let refuse = |adds, what| refused(&attempt(adds), None, &message(what), 100, None).is_some();
        assert!(!refuse(false, "limits.cpu"));
        assert!(refuse(true, "limits.cpu"));
        assert!(!refuse(true, "pods"), "an untouched pod would be one too many as well");
    }

    #[test]
    fn a_strict_pod_is_refused_for_what_it_lacks() {
        let message = "Pod \"a\" is invalid: ValidatingAdmissionPolicy 'ingraft-require' denied request: no";
        assert_eq!(
            refused(&attempt(false), None, message, 100, None),
            None,
            "nothing of ours was in the way"
        );
        let withheld = refused(&attempt(false), None, REFUSED, 100, None).unwrap();
        let untouched = Attempt { is_withheld: true, ..attempt(false) };
        let next = refused(&untouched, Some(&withheld), message, 100, LATER).unwrap();
        assert_eq!(next.verdict, Verdict::NotOurs, "left as it was, it never starts");
    }

    #[test]
    fn what_failed_for_a_moment_is_no_refusal() {
        for message in [
            "Internal error occurred: failed calling webhook \"w\": context deadline exceeded",
            "etcdserver: request timed out",
            "pods \"a\" is forbidden: error looking up service account shop/web: serviceaccount \"web\" not found",
            "create Claim data-web-0 for Pod web-0 in StatefulSet web failed error: it is forbidden",
        ] {
            assert_eq!(refused(&attempt(true), None, message, 100, None), None, "{message}");
        }
    }

    #[test]
    fn concerns_what_makes_the_pods_and_its_owner() {
        use OwnerKind::{CronJob, Deployment, ReplicaSet, Rollout, StatefulSet};
        let mut refusal = refused(&attempt(false), None, REFUSED, 100, None).unwrap();
        let [namespace, kind, name] = ["shop", "ReplicaSet", "web-6d4cf56db6"].map(str::to_owned);
        refusal.maker = Maker { namespace, kind, name };
        let of = |kind, namespace: &str, name: &str| {
            refusal.concerns(&WorkloadRef {
                kind: Some(kind),
                namespace: namespace.into(),
                name: name.into(),
            })
        };
        assert!(of(Deployment, "shop", "web") && of(Rollout, "shop", "web"));
        assert!(of(ReplicaSet, "shop", "web-6d4cf56db6"));
        assert!(!of(Deployment, "other", "web") && !of(Deployment, "shop", "we"));
        assert!(!of(StatefulSet, "shop", "web") && !of(CronJob, "shop", "web"));
    }

    #[test]
    fn verdicts_end() {
        let withheld = refused(&attempt(false), None, REFUSED, 100, None).unwrap();
        assert!(!withheld.is_over(100 + WITHHELD) && withheld.is_over(101 + WITHHELD));
        let not_ours = Refusal { verdict: Verdict::NotOurs, ..withheld };
        assert!(!not_ours.is_over(100 + NOT_OURS) && not_ours.is_over(101 + NOT_OURS));
        assert!(refused(&attempt(false), Some(&not_ours), REFUSED, 101 + NOT_OURS, None).is_some());
    }
}

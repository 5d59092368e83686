//! What speaks against a restart, by what the API server says of a workload.

use ingraft_api::annotations::HEAL;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use crate::finding::{Finding, HealingFinding};
use crate::json::{list, pointer_step, string_at};
use crate::owner::{OwnerKind, WorkloadRef};
use crate::settings::Heal;
use crate::workload::RESTARTED_AT;

/// What speaks against a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// The operator was not given the rights.
    NotPermitted,
    /// Its pods are not replaced by changing it.
    Kind,
    /// Another controller writes it.
    Controlled(String),
    /// Somebody has paused it.
    Paused,
    /// Its pods are replaced only when somebody deletes them.
    OnDelete,
    /// No pod would be there for a while, and the workload itself does not allow that.
    Downtime,
    /// Its last rollout is failing.
    Failing,
    /// Its last rollout is under way, or not all of its pods are available.
    UnderWay,
    /// The same for ten minutes and more.
    Unready,
    /// A budget allows no disruption now, or is about pods of another workload that is under way.
    Budget(String),
    /// Injection is turned off for this template.
    Blocked,
    /// The same was healed before, and did not help.
    HealedBefore,
    /// Somebody has taken back what a restart has written down.
    TakenBack,
    /// The API server did not take the change.
    Refused(String),
    /// So many that were restarted before have not come back.
    Halted(usize),
}

impl Obstacle {
    /// Whether nobody need hear of it who does not ask.
    pub const fn is_silent(&self) -> bool {
        // What to do with pods of such a kind is told where they are.
        matches!(self, Self::UnderWay | Self::Kind)
    }

    /// What is to be said of it.
    pub fn told(self, workload: &WorkloadRef) -> Option<Finding> {
        let told = |why| Finding::pod(HealingFinding::NotHealed { workload: workload.clone(), why }, "");
        Some(self).filter(|why| !why.is_silent()).map(told)
    }

    /// Whether a restart is not over.
    pub const fn is_unsettled(&self) -> bool {
        matches!(self, Self::UnderWay | Self::Unready | Self::Failing)
    }
}

/// What speaks against a restart of a workload, given its metadata, and its `spec` and `status` in `data`.
pub fn obstacle(kind: Option<OwnerKind>, metadata: &ObjectMeta, data: &Value) -> Option<Obstacle> {
    let kind = match kind {
        Some(
            kind @ (OwnerKind::Deployment
            | OwnerKind::StatefulSet
            | OwnerKind::DaemonSet
            | OwnerKind::Rollout),
        ) => kind,
        Some(OwnerKind::ReplicaSet | OwnerKind::Job | OwnerKind::CronJob) | None => {
            return Some(Obstacle::Kind);
        }
    };
    // Some that write what they own do not say that they control it.
    if let Some(owner) = metadata.owner_references.iter().flatten().next() {
        return Some(Obstacle::Controlled(format!("{}/{}", owner.kind.to_lowercase(), owner.name)));
    }
    let of = Parts { kind, metadata, data };
    if metadata.deletion_timestamp.is_some() {
        return Some(Obstacle::UnderWay);
    }
    let own = metadata.annotations.as_ref().and_then(|annotations| annotations.get(HEAL));
    let is_own_wish = own.and_then(|own| Heal::parse(own)).is_some_and(|own| own > Heal::Off);
    let standing_in_the_way = [
        (of.is_paused(), Obstacle::Paused),
        (of.is_on_delete(), Obstacle::OnDelete),
        (of.is_failing(), Obstacle::Failing),
        (of.is_under_way(), Obstacle::UnderWay),
        (!is_own_wish && of.means_downtime(), Obstacle::Downtime),
    ];
    standing_in_the_way.into_iter().find(|(is_there, _)| *is_there).map(|(_, obstacle)| obstacle)
}

/// Whether a change of a workload makes no new pods until somebody does more, as its `spec` and `status` in `data` say.
pub fn is_held(kind: OwnerKind, data: &Value) -> bool {
    let of = Parts { kind, metadata: &ObjectMeta::default(), data };
    of.is_paused() || of.is_on_delete()
}

/// Whether no pod of a workload may be left while its pods are replaced, as its `spec` in `data` says.
pub fn means_downtime(kind: OwnerKind, data: &Value) -> bool {
    Parts { kind, metadata: &ObjectMeta::default(), data }.means_downtime()
}

/// When a workload was restarted last, as its `spec` in `data` has it, in seconds since 1970.
pub fn restarted_at(data: &Value) -> Option<i64> {
    let annotation = format!("/spec/template/metadata/annotations/{}", pointer_step(RESTARTED_AT));
    second(data, &annotation).or_else(|| second(data, "/spec/restartAt"))
}

fn second(data: &Value, pointer: &str) -> Option<i64> {
    Some(string_at(data, pointer)?.parse::<Timestamp>().ok()?.as_second())
}

/// A workload that may be restarted.
struct Parts<'a> {
    kind: OwnerKind,
    metadata: &'a ObjectMeta,
    data: &'a Value,
}

impl Parts<'_> {
    fn text(&self, pointer: &str) -> &str {
        string_at(self.data, pointer).unwrap_or_default()
    }

    /// A time, in seconds since 1970.
    fn second(&self, pointer: &str) -> Option<i64> {
        second(self.data, pointer)
    }

    /// A number; zero where there is none, as the API server leaves zeros out.
    fn number(&self, pointer: &str) -> u64 {
        self.data.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
    }

    fn is(&self, pointer: &str) -> bool {
        self.data.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
    }

    /// One, unless it says otherwise.
    fn replicas(&self) -> u64 {
        self.data.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1)
    }

    fn is_paused(&self) -> bool {
        let paused_by_step =
            self.data.pointer("/status").is_some_and(|status| !list(status, "pauseConditions").is_empty());
        self.is("/spec/paused") || paused_by_step || self.is("/status/abort")
    }

    fn is_on_delete(&self) -> bool {
        // Pods below the partition keep what they have.
        self.text("/spec/updateStrategy/type") == "OnDelete"
            || self.number("/spec/updateStrategy/rollingUpdate/partition") > 0
    }

    /// <https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#failed-deployment>
    fn is_failing(&self) -> bool {
        let conditions = self.data.pointer("/status").map_or(&[][..], |status| list(status, "conditions"));
        let says = |name: &str, status: &str| {
            conditions.iter().any(|condition| {
                string_at(condition, "/type") == Some(name) && string_at(condition, "/status") == Some(status)
            })
        };
        match self.kind {
            OwnerKind::Deployment => says("Progressing", "False") || says("ReplicaFailure", "True"),
            OwnerKind::Rollout => self.text("/status/phase") == "Degraded",
            _ => false,
        }
    }

    /// Whether the controller has yet to bring about what the workload says.
    fn is_under_way(&self) -> bool {
        let observed = self.data.pointer("/status/observedGeneration");
        // Argo writes it as text: https://argo-rollouts.readthedocs.io/en/stable/features/specification/
        let observed = observed.and_then(|value| value.as_i64().or_else(|| value.as_str()?.parse().ok()));
        if observed < self.metadata.generation {
            return true;
        }
        let (replicas, status) = (self.replicas(), |field: &str| self.number(&format!("/status/{field}")));
        match self.kind {
            OwnerKind::Deployment => {
                status("updatedReplicas") < replicas
                    || status("replicas") > status("updatedReplicas")
                    || status("availableReplicas") < replicas
            }
            OwnerKind::StatefulSet => {
                self.text("/status/updateRevision") != self.text("/status/currentRevision")
                    || status("availableReplicas") < replicas
            }
            OwnerKind::DaemonSet => {
                let desired = status("desiredNumberScheduled");
                status("updatedNumberScheduled") < desired || status("numberAvailable") < desired
            }
            _ => {
                self.text("/status/phase") != "Healthy"
                    || self.second("/spec/restartAt") != self.second("/status/restartedAt")
            }
        }
    }

    /// Whether no pod may be left while pods are replaced.
    fn means_downtime(&self) -> bool {
        let replicas = self.replicas();
        match self.kind {
            OwnerKind::Deployment => {
                self.text("/spec/strategy/type") == "Recreate" || {
                    let part = |name: &str, rounded_up| {
                        self.share(&format!("/spec/strategy/rollingUpdate/{name}"), replicas, rounded_up)
                    };
                    // https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#max-unavailable
                    let (surge, unavailable) = (part("maxSurge", true), part("maxUnavailable", false));
                    let unavailable = if surge == 0 { unavailable.max(1) } else { unavailable };
                    unavailable >= replicas
                }
            }
            OwnerKind::StatefulSet => {
                let unavailable =
                    self.share("/spec/updateStrategy/rollingUpdate/maxUnavailable", replicas, true);
                replicas < 2 || unavailable >= replicas
            }
            // On each node for itself.
            OwnerKind::DaemonSet => self.share("/spec/updateStrategy/rollingUpdate/maxSurge", 1, true) == 0,
            // https://argo-rollouts.readthedocs.io/en/stable/features/restart/
            _ => {
                replicas < 2 || self.share("/spec/strategy/canary/maxUnavailable", replicas, true) >= replicas
            }
        }
    }

    /// A number of pods, or a percentage of all of them. The API server has written down defaults.
    fn share(&self, pointer: &str, all: u64, is_rounded_up: bool) -> u64 {
        let value = self.data.pointer(pointer);
        let percentage =
            value.and_then(Value::as_str).and_then(|text| text.strip_suffix('%')?.parse::<u64>().ok());
        match (value.and_then(Value::as_u64), percentage) {
            (Some(number), _) => number,
            (None, Some(percentage)) if is_rounded_up => all.saturating_mul(percentage).div_ceil(100),
            (None, Some(percentage)) => all.saturating_mul(percentage) / 100,
            (None, None) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(kind: OwnerKind, metadata: &Value, data: &Value) -> Option<Obstacle> {
        obstacle(Some(kind), &serde_json::from_value(metadata.clone()).unwrap(), data)
    }

    /// A workload with all pods available, whose spec has these fields besides.
    fn settled(kind: OwnerKind, replicas: u64, spec: &Value) -> Value {
        let mut data = json!({
            "spec": {"replicas": replicas},
            "status": {
                "observedGeneration": 3, "replicas": replicas, "updatedReplicas": replicas,
                "availableReplicas": replicas, "readyReplicas": replicas, "currentRevision": "a",
                "updateRevision": "a", "desiredNumberScheduled": 2, "updatedNumberScheduled": 2,
                "numberAvailable": 2,
            },
        });
        if kind == OwnerKind::Rollout {
            data["status"]["phase"] = "Healthy".into();
            data["status"]["observedGeneration"] = "3".into();
        }
        for (field, value) in spec.as_object().unwrap() {
            data["spec"][field] = value.clone();
        }
        data
    }

    #[test]
    fn whatever_means_downtime_is_left_alone() {
        use OwnerKind::{DaemonSet, Deployment, Rollout, StatefulSet};
        let rolling = |surge: Value, unavailable: Value| {
            let update = json!({"maxSurge": surge, "maxUnavailable": unavailable});
            json!({"strategy": {"type": "RollingUpdate", "rollingUpdate": update}})
        };
        let set =
            |fields: Value| json!({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": fields}});
        let downtime = Some(Obstacle::Downtime);
        for (kind, replicas, spec, expected) in [
            (Deployment, 1, rolling(json!("25%"), json!("25%")), None),
            (Deployment, 2, rolling(json!("25%"), json!("25%")), None),
            (Deployment, 1, rolling(json!(0), json!(1)), downtime.clone()),
            (Deployment, 1, rolling(json!(0), json!("25%")), downtime.clone()),
            (Deployment, 2, rolling(json!(0), json!(1)), None),
            (Deployment, 3, rolling(json!(1), json!("100%")), downtime.clone()),
            (Deployment, 3, json!({"strategy": {"type": "Recreate"}}), downtime.clone()),
            (StatefulSet, 1, set(json!({"partition": 0})), downtime.clone()),
            (StatefulSet, 2, set(json!({})), None),
            (StatefulSet, 3, set(json!({"maxUnavailable": "100%"})), downtime.clone()),
            (StatefulSet, 3, set(json!({"partition": 2})), Some(Obstacle::OnDelete)),
            (DaemonSet, 0, set(json!({"maxSurge": 0, "maxUnavailable": 1})), downtime.clone()),
            (DaemonSet, 0, set(json!({"maxSurge": "10%", "maxUnavailable": 0})), None),
            (DaemonSet, 0, json!({"updateStrategy": {"type": "OnDelete"}}), Some(Obstacle::OnDelete)),
            (Rollout, 1, json!({}), downtime.clone()),
            (Rollout, 2, json!({}), None),
            (Rollout, 2, json!({"strategy": {"canary": {"maxUnavailable": 2}}}), downtime.clone()),
        ] {
            let data = settled(kind, replicas, &spec);
            assert_eq!(of(kind, &json!({"generation": 3}), &data), expected, "{kind:?} {replicas} {spec}");
            let own = json!({"generation": 3, "annotations": {"ingraft.dev/heal": "missed"}});
            let empty = json!({"generation": 3, "annotations": {"ingraft.dev/heal": ""}});
            assert_eq!(of(kind, &empty, &data), expected, "it says nothing");
            let wished = of(kind, &own, &data);
            assert_eq!(
                wished,
                expected.filter(|why| *why != Obstacle::Downtime),
                "the workload itself says so"
            );
        }
    }

    #[test]
    fn a_rollout_comes_to_its_end_first() {
        use OwnerKind::{DaemonSet, Deployment, Rollout, StatefulSet};
        let surge = json!({"updateStrategy": {"rollingUpdate": {"maxSurge": 1}}});
        for (kind, field, value) in [
            (Deployment, "observedGeneration", json!(2)),
            (Deployment, "updatedReplicas", json!(1)),
            (Deployment, "replicas", json!(3)),
            (Deployment, "availableReplicas", json!(1)),
            (StatefulSet, "observedGeneration", json!(2)),
            (StatefulSet, "updateRevision", json!("b")),
            (StatefulSet, "availableReplicas", json!(1)),
            (DaemonSet, "updatedNumberScheduled", json!(1)),
            (DaemonSet, "numberAvailable", json!(1)),
            (Rollout, "observedGeneration", json!("2")),
            (Rollout, "phase", json!("Progressing")),
        ] {
            let spec = if kind == DaemonSet { surge.clone() } else { json!({}) };
            let mut data = settled(kind, 2, &spec);
            let metadata = json!({"generation": 3});
            assert_eq!(of(kind, &metadata, &data), None, "{kind:?}");
            data["status"][field] = value;
            assert_eq!(of(kind, &metadata, &data), Some(Obstacle::UnderWay), "{kind:?} {field}");
        }
        let mut restarted = settled(Rollout, 2, &json!({"restartAt": "2026-01-01T00:00:00Z"}));
        assert_eq!(of(Rollout, &json!({}), &restarted), Some(Obstacle::UnderWay));
        restarted["status"]["restartedAt"] = "2026-01-01T00:00:00Z".into();
        assert_eq!(of(Rollout, &json!({}), &restarted), None);
        assert_eq!(restarted_at(&restarted), Some(1_767_225_600));
    }

    #[test]
    fn says_who_is_in_the_way() {
        let data = settled(OwnerKind::Deployment, 2, &json!({}));
        let owner = |controller: bool| {
            let owner = json!({"apiVersion": "example.com/v1", "kind": "Shop", "name": "s", "uid": "u", "controller": controller});
            json!({"ownerReferences": [owner]})
        };
        let controlled = Some(Obstacle::Controlled("shop/s".to_owned()));
        assert_eq!(of(OwnerKind::Deployment, &owner(true), &data), controlled);
        assert_eq!(
            of(OwnerKind::Deployment, &owner(false), &data),
            controlled,
            "it may write it all the same"
        );
        let mut paused = data.clone();
        paused["spec"]["paused"] = true.into();
        assert_eq!(of(OwnerKind::Deployment, &json!({}), &paused), Some(Obstacle::Paused));
        let mut failing = data.clone();
        failing["status"]["conditions"] = json!([{"type": "Progressing", "status": "False"}]);
        assert_eq!(of(OwnerKind::Deployment, &json!({}), &failing), Some(Obstacle::Failing));
        assert_eq!(of(OwnerKind::Job, &json!({}), &data), Some(Obstacle::Kind));
    }
}

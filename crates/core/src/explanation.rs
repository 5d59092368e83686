//! Why a pod is as it is, as a person would ask: who requests what, which variables change, how many pods fare how, and what
//! is healed.

use std::collections::BTreeMap;

use ingraft_api::Language;
use ingraft_api::annotations::{HEALED, INJECT};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use crate::guard::{Control, Guard};
use crate::healing::{self, Ailment, Leave, Obstacle, allowed, case, in_the_way, obstacle};
use crate::inject::Decision;
use crate::json::{annotation, list, named, string};
use crate::owner::WorkloadRef;
use crate::settings::{Heal, Settings};
use crate::snapshot::Snapshot;
use crate::standing::{RunningPod, Standing};
use crate::workload::Workload;

/// An annotation that says something about injection, on the pod, its namespace, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The key.
    pub key: &'static str,
    /// What the pod or template says; empty where it says nothing.
    pub by_pod: String,
    /// What the namespace says; empty where it says nothing.
    pub by_namespace: String,
}

/// What pod and namespace say about injection.
pub fn said(pod: &Value, namespace: &str, snapshot: &Snapshot) -> Vec<Said> {
    let of_namespace = |key| snapshot.namespace(namespace).map_or("", |namespace| namespace.annotation(key));
    let keys = Language::ALL.into_iter().map(Language::inject_key).chain([INJECT]);
    let said = keys.map(|key| Said {
        key,
        by_pod: annotation(pod, key).to_owned(),
        by_namespace: of_namespace(key).to_owned(),
    });
    said.filter(|said| !said.by_pod.is_empty() || !said.by_namespace.is_empty()).collect()
}

/// The variables of a container that injection changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedVariables {
    /// The container.
    pub container: String,
    /// Those that it did not have.
    pub added: Vec<String>,
    /// Those of its own that ours were joined with.
    pub joined: Vec<String>,
}

/// What changes from one pod to another, by container; nothing about those that stay as they are, or are new.
pub fn changed_variables(before: &Value, after: &Value) -> Vec<ChangedVariables> {
    let containers = |pod: &Value| -> Vec<Value> {
        let spec = pod.get("spec").unwrap_or(&Value::Null);
        [list(spec, "initContainers"), list(spec, "containers")].concat()
    };
    let (before, after) = (containers(before), containers(after));
    let changed = after.iter().filter_map(|container| {
        let name = string(container, "name")?;
        let earlier = list(named(&before, name)?, "env");
        let mut changed =
            ChangedVariables { container: name.to_owned(), added: Vec::new(), joined: Vec::new() };
        for variable in list(container, "env") {
            let Some(name) = string(variable, "name") else { continue };
            match named(earlier, name) {
                None => changed.added.push(name.to_owned()),
                Some(own) if own != variable => changed.joined.push(name.to_owned()),
                Some(_) => {}
            }
        }
        (!changed.added.is_empty() || !changed.joined.is_empty()).then_some(changed)
    });
    changed.collect()
}

/// How many pods fare how, each by the language with which it fares worst.
pub fn counts<'a>(
    decisions: &[Decision],
    pods: impl IntoIterator<Item = &'a RunningPod>,
) -> BTreeMap<Standing, usize> {
    let mut counts = BTreeMap::new();
    for pod in pods {
        if let Some(worst) = decisions.iter().map(|decision| pod.standing(decision)).max() {
            *counts.entry(worst).or_default() += 1;
        }
    }
    counts
}

/// What the operator does about the pods of a workload, as far as the workload and its pods show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Healing {
    /// What somebody has written to allow or forbid it; `None` where the operator's own setting counts.
    pub leave: Option<Leave>,
    /// What is to come.
    pub prospect: Prospect,
    /// What it was healed of.
    pub healed: Vec<String>,
    /// The cause for which nothing is injected into its new pods.
    pub blocked: Option<String>,
    /// The control start of its template.
    pub control: Option<Control>,
}

/// Whether a workload is healed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prospect {
    /// Its pods may not be seen.
    Unseen,
    /// No restart would help.
    Idle,
    /// A restart would help, and this much would have to be allowed.
    NotAllowed(Heal),
    /// A restart is allowed, or would be, and this is in its way.
    Kept(Obstacle),
    /// Nothing is in the way of a restart for this.
    Due(Ailment),
}

/// What the operator does about the pods of a workload. `pods` are those that count; `None` if they may not be seen. What
/// only time or the API server shows, such as budgets, is left for others to look up.
pub fn healing(
    document: &Value,
    workload: &WorkloadRef,
    decisions: &[Decision],
    pods: Option<&[&RunningPod]>,
    snapshot: &Snapshot,
    settings: &Settings,
) -> Healing {
    let leave = allowed(document, &workload.namespace, decisions, snapshot);
    let level = leave.as_ref().map(|leave| leave.level).or(settings.heal);
    let prospect = pods.map_or(Prospect::Unseen, |pods| {
        // As if everything were allowed, to say what would have to be.
        let Some(case) = case(document, decisions, pods.iter().copied(), Heal::Outdated, settings) else {
            return Prospect::Idle;
        };
        let metadata = document.get("metadata").cloned().map(serde_json::from_value::<ObjectMeta>);
        let metadata = metadata.and_then(Result::ok).unwrap_or_default();
        let obstacle = obstacle(workload.kind, &metadata, document);
        if obstacle == Some(Obstacle::Kind) {
            return Prospect::Kept(Obstacle::Kind);
        }
        if level < Some(case.ailment.needs()) {
            return Prospect::NotAllowed(case.ailment.needs());
        }
        in_the_way(&case, obstacle, settings).map_or(Prospect::Due(case.ailment), Prospect::Kept)
    });
    let guard = Workload::of(document).and_then(|one| Guard::of_document(document, one.template));
    let guard = guard.unwrap_or_default();
    Healing {
        leave,
        prospect,
        healed: healing::healed(annotation(document, HEALED)).into_keys().map(str::to_owned).collect(),
        blocked: guard.block().map(|(_, cause)| cause.to_owned()),
        control: guard.control(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::healing::LeaveOf;
    use crate::standing::samples::{self, pod};
    use crate::workload::template_hash;
    use crate::{Namespace, OwnerKind};

    #[test]
    fn both_sides_are_heard() {
        let (java, python) = (Language::Java.inject_key(), Language::Python.inject_key());
        let mut snapshot = Snapshot::default();
        let namespace = Namespace::new([(java.to_owned(), "obs/base".to_owned())]);
        snapshot.namespaces.insert(String::new(), "shop".into(), namespace);
        let pod = json!({"metadata": {"annotations": {java: "true", python: "false"}}});
        let told: Vec<_> = said(&pod, "shop", &snapshot)
            .into_iter()
            .map(|Said { key, by_pod, by_namespace }| (key, by_pod, by_namespace))
            .collect();
        let own = |text: &str| text.to_owned();
        assert_eq!(told, [(java, own("true"), own("obs/base")), (python, own("false"), own(""))]);
        assert_eq!(said(&json!({}), "other", &snapshot), []);
    }

    #[test]
    fn tells_what_was_joined_from_what_was_added() {
        let pod =
            |env: &Value| json!({"spec": {"containers": [{"name": "app", "env": env}, {"name": "other"}]}});
        let before = pod(&json!([{"name": "A", "value": "1"}, {"name": "B", "value": "1"}]));
        let after = pod(
            &json!([{"name": "A", "value": "1 2"}, {"name": "B", "value": "1"}, {"name": "C", "value": "3"}]),
        );
        let changed = ChangedVariables {
            container: "app".to_owned(),
            added: vec!["C".to_owned()],
            joined: vec!["A".to_owned()],
        };
        assert_eq!(changed_variables(&before, &after), [changed]);
        assert_eq!(changed_variables(&before, &before), []);
    }

    fn decision() -> Decision {
        samples::decision("h2", "java:1")
    }

    #[test]
    fn pods_are_counted_by_how_they_fare() {
        let pods = [pod(None), pod(Some("h2")), pod(Some("h1")), pod(Some("h2"))];
        let expected = [(Standing::Injected, 2), (Standing::Outdated, 1), (Standing::Missed, 1)];
        assert_eq!(counts(&[decision()], &pods), BTreeMap::from(expected));
        assert_eq!(counts(&[], &pods), BTreeMap::new());
    }

    /// A Deployment of two whose rollout is over.
    fn deployment() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop", "generation": 1, "annotations": {}},
            "spec": {
                "replicas": 2, "template": {"spec": {"containers": [{"name": "app", "image": "app:1"}]}},
                "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            },
            "status": {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2},
        })
    }

    fn web(kind: OwnerKind) -> WorkloadRef {
        WorkloadRef { kind: Some(kind), namespace: "shop".into(), name: "web".into() }
    }

    fn prospect(document: &Value, pods: Option<&[RunningPod]>, heal: Option<Heal>) -> Prospect {
        let kind = OwnerKind::parse(string(document, "kind").unwrap()).unwrap();
        let pods: Option<Vec<&RunningPod>> = pods.map(|pods| pods.iter().collect());
        let mut settings = Settings::default();
        settings.heal = heal;
        healing(document, &web(kind), &[decision()], pods.as_deref(), &Snapshot::default(), &settings)
            .prospect
    }

    #[test]
    fn whether_a_restart_is_to_come_follows_from_leave_pods_and_obstacles() {
        let (document, off) = (deployment(), Some(Heal::Off));
        let (missed, outdated) = ([pod(None)], [pod(Some("h1"))]);
        let of = |pods: &[RunningPod], heal| prospect(&document, Some(pods), heal);
        assert_eq!(of(&[pod(Some("h2"))], off), Prospect::Idle);
        assert_eq!(of(&missed, off), Prospect::NotAllowed(Heal::Missed));
        assert_eq!(of(&missed, None), Prospect::NotAllowed(Heal::Missed));
        assert_eq!(of(&outdated, Some(Heal::Missed)), Prospect::NotAllowed(Heal::Outdated));
        assert_eq!(of(&missed, Some(Heal::Missed)), Prospect::Due(Ailment::Missed));
        assert_eq!(prospect(&document, None, off), Prospect::Unseen);

        let mut asks = deployment();
        asks["metadata"]["annotations"]["ingraft.dev/heal"] = "missed".into();
        assert_eq!(prospect(&asks, Some(&missed), off), Prospect::Due(Ailment::Missed));
        assert_eq!(prospect(&asks, Some(&missed), None), Prospect::Kept(Obstacle::NotPermitted));
        asks["spec"]["paused"] = true.into();
        assert_eq!(prospect(&asks, Some(&missed), off), Prospect::Kept(Obstacle::Paused));
        asks["kind"] = "ReplicaSet".into();
        assert_eq!(prospect(&asks, Some(&missed), off), Prospect::Kept(Obstacle::Kind));
    }

    #[test]
    fn what_was_done_is_read_from_the_workload() {
        let mut document = deployment();
        let hash = template_hash(&document["spec"]["template"]);
        document["metadata"]["annotations"] = json!({
            "ingraft.dev/heal": "yes", "ingraft.dev/healed": "missed/1a,outdated/2b",
            "ingraft.dev/blocked": format!("{hash}=loader"), "ingraft.dev/control": format!("{hash}@7"),
        });
        let web = web(OwnerKind::Deployment);
        let found = healing(&document, &web, &[decision()], None, &Snapshot::default(), &Settings::default());
        let leave = Leave { level: Heal::Off, value: "yes".to_owned(), by: LeaveOf::Workload };
        let expected = Healing {
            leave: Some(leave),
            prospect: Prospect::Unseen,
            healed: vec!["missed".to_owned(), "outdated".to_owned()],
            blocked: Some("loader".to_owned()),
            control: Some(Control::Open { hash, since: 7 }),
        };
        assert_eq!(found, expected);
    }
}

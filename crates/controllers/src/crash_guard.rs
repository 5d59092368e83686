//! Guards applications that crash once they are injected: compares the pods of a workload that do not run with those that
//! do, lets one start without injection where healing is allowed, and carries out what comes of that. What was decided
//! stands in annotations of the workload, so that the next leader goes on from there. The leader alone does this.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ingraft_api::annotations::{BLOCKED, CONTROL};
use ingraft_cluster::error_chain::Chain;
use ingraft_cluster::watch::Store;
use ingraft_cluster::workloads::{api_of, hash_of, templates, whole};
use ingraft_core::crash::Step;
use ingraft_core::guard::Control;
use ingraft_core::{Guard, WorkloadRef};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DynamicObject, Patch, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::as_healer;
use crate::clock::now;
use crate::fleet::{self, Evicted, Fleet};
use crate::repeats::Repeats;
use crate::trials::Trials;

/// How often to look for pods that do not run.
const TICK: Duration = Duration::from_secs(5);
/// The next pod of a workload is evicted after this long at the earliest, also where a budget was in the way: its successor
/// shows by then.
const PAUSE: Duration = Duration::from_mins(1);
/// The label with which pods are refused rather than run without injection: `ingraft.dev/require`.
const STRICT: &str = "/spec/template/metadata/labels/ingraft.dev~1require";

/// What the leader knows of crashes, and what it may do about them.
#[derive(Clone)]
pub struct CrashGuard {
    /// The API server.
    pub client: Client,
    /// What is known of the cluster.
    pub store: Arc<Store>,
    /// The workloads and their pods.
    pub fleet: Arc<Mutex<Fleet>>,
    /// What the leader has tried.
    pub trials: Trials,
    /// Whether workloads may be written to and pods evicted; otherwise crashes are only told.
    pub may_evict: bool,
}

impl CrashGuard {
    /// Looks after crashes for as long as this replica leads.
    pub async fn watch(&self) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut evicted, mut repeats) = (HashMap::new(), Repeats::default());
        loop {
            tick.tick().await;
            evicted.retain(|_, at: &mut Instant| at.elapsed() < PAUSE);
            // Of pods that are not known yet, nothing is known to run.
            if !fleet::lock(&self.fleet).is_complete {
                continue;
            }
            for workload in self.concerned() {
                if let Err(error) = self.look_after(&workload, &mut evicted).await {
                    let error = Chain(&error).to_string();
                    if repeats.is_due(&error) {
                        tracing::warn!(error, %workload, "failed to look after a crash, will try again");
                    }
                }
            }
        }
    }

    /// The workloads whose injected pods fail beside others that run, and those of which a control start goes on or blocked
    /// pods are left.
    fn concerned(&self) -> BTreeSet<WorkloadRef> {
        let mut fleet = fleet::lock(&self.fleet);
        let mut workloads: BTreeSet<WorkloadRef> = {
            let snapshot = self.store.read();
            let goes_on = |(workload, guard): &(&WorkloadRef, &Guard)| {
                matches!(guard.control(), Some(Control::Open { .. }))
                    || guard.block().is_some() && fleet.has_failing(workload)
            };
            let guarded = snapshot.guards.iter().filter(goes_on);
            guarded.map(|(workload, _)| workload.clone()).collect()
        };
        workloads.extend(fleet.crashing());
        fleet.keep_only_templates(&workloads);
        workloads
    }

    async fn look_after(
        &self,
        workload: &WorkloadRef,
        evicted: &mut HashMap<WorkloadRef, Instant>,
    ) -> kube::Result<()> {
        let unread = fleet::lock(&self.fleet).unread_revisions(workload);
        if !unread.is_empty() {
            let templates = templates(&self.client, workload, &unread).await?;
            fleet::lock(&self.fleet).learn_templates(workload, templates);
        }
        // A pod that is created while reviews do not arrive shows nothing.
        let may_act = self.may_evict && self.trials.reviews_arrive();
        if !may_act || !fleet::lock(&self.fleet).may_heal(workload) {
            return Ok(());
        }
        let Some(object) = whole(&self.client, workload).await? else { return Ok(()) };
        let guard = guard_of(&object);
        let replicas = object.data.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1);
        let is_strict = object.data.pointer(STRICT).is_some_and(|value| value == "true");
        // Some that write what they own do not say that they control it.
        let is_excluded = is_strict || !object.owner_references().is_empty();
        let next = fleet::lock(&self.fleet).next_step(workload, (replicas, is_excluded), &guard, now());
        match next {
            Some((Step::Control(control), _)) => {
                tracing::info!(%workload, control = control.as_ref().map(ToString::to_string), "control start");
                let control = control.map(|control| control.to_string());
                self.annotate(workload, &object, &json!({CONTROL: control})).await
            }
            Some((Step::Block { hash, code }, _)) => {
                tracing::warn!(%workload, cause = code, "injection is blocked: pods run without it and crash with it");
                let blocked = format!("{hash}={code}");
                self.annotate(workload, &object, &json!({BLOCKED: blocked, CONTROL: null})).await
            }
            Some((Step::Evict(_), Some(pod))) if !evicted.contains_key(workload) => {
                evicted.insert(workload.clone(), Instant::now());
                self.evict(workload, &pod).await
            }
            Some((Step::Evict(_), _)) | None => Ok(()),
        }
    }

    /// Writes annotations on a workload, unless it has changed since it was read.
    async fn annotate(
        &self,
        workload: &WorkloadRef,
        object: &DynamicObject,
        annotations: &Value,
    ) -> kube::Result<()> {
        let Some(api) = api_of(&self.client, workload) else { return Ok(()) };
        let patch =
            json!({"metadata": {"resourceVersion": object.resource_version(), "annotations": annotations}});
        match api.patch_metadata(&workload.name, &as_healer(), &Patch::Merge(patch)).await {
            // It is looked at again soon.
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_not_found() => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// Evicts a pod, unless it is gone, or a budget does not allow it for now.
    async fn evict(&self, workload: &WorkloadRef, Evicted { name, uid }: &Evicted) -> kube::Result<()> {
        // The client's own function for this sends no precondition that the API server would read.
        let eviction = json!({
            "apiVersion": "policy/v1", "kind": "Eviction",
            "metadata": {"name": name, "namespace": workload.namespace},
            "deleteOptions": {"preconditions": {"uid": uid}},
        });
        let pods = Api::<Pod>::namespaced(self.client.clone(), &workload.namespace);
        match pods
            .create_subresource::<Value, Value>("eviction", name, &PostParams::default(), &eviction)
            .await
        {
            Ok(_) => {
                tracing::info!(%workload, k8s.pod.name = name, "evicted: it crashes with injection");
                Ok(())
            }
            Err(kube::Error::Api(status))
                if status.code == 429 || status.is_conflict() || status.is_not_found() =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// What a workload's annotations say, and its template, as it was just read.
fn guard_of(object: &DynamicObject) -> Guard {
    let annotation = |key: &str| object.annotations().get(key).map(String::as_str);
    let guard = Guard::of(object.metadata.generation, annotation).unwrap_or_default();
    Guard { template: hash_of(object), ..guard }
}

#[cfg(test)]
mod tests {
    use ingraft_core::instrumentation_status::Trial;
    use ingraft_core::workload::template_hash;
    use ingraft_core::{OwnerKind, RunningPod, Settings, Snapshot};

    use super::*;
    use crate::fake_api::FakeApi;

    const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/shop/deployments";
    const REPLICA_SETS: &str = "/apis/apps/v1/namespaces/shop/replicasets";

    fn web() -> WorkloadRef {
        WorkloadRef { kind: Some(OwnerKind::Deployment), namespace: "shop".into(), name: "web".into() }
    }

    fn template() -> Value {
        json!({"spec": {"containers": [{"name": "app", "image": "app:1"}]}})
    }

    /// A cluster with Deployment `web` that has these annotations, and its current ReplicaSet.
    fn api(annotations: &Value) -> FakeApi {
        let api = FakeApi::default();
        let deployment = json!({
            "metadata": {
                "name": "web", "namespace": "shop", "generation": 1, "resourceVersion": "7", "annotations": annotations,
            },
            "spec": {"replicas": 2, "template": template()},
        });
        let owner = json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "d", "controller": true}]);
        let set = json!({
            "metadata": {"name": "web-new", "namespace": "shop", "ownerReferences": owner},
            "spec": {"template": template()},
        });
        let list = |item: Value| json!({"metadata": {}, "items": [item]});
        api.state().objects.insert(DEPLOYMENTS.to_owned(), list(deployment));
        api.state().objects.insert(REPLICA_SETS.to_owned(), list(set));
        api
    }

    /// A pod of that ReplicaSet: an injected one that crashes, or another one that is ready.
    fn pod(is_injected: bool) -> Option<RunningPod> {
        let injected = r#"{"java": {"containers": ["app"], "hash": "h", "instrumentation": "shop/base"}}"#;
        let ended = json!({"exitCode": 1, "reason": "Error"});
        let crashing = json!({
            "name": "app", "restartCount": 3, "ready": false,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": ended},
        });
        let (annotations, statuses, ready) = if is_injected {
            (json!({"ingraft.dev/injected": injected}), json!([crashing]), "False")
        } else {
            (json!({}), json!([]), "True")
        };
        RunningPod::of(&json!({
            "metadata": {"annotations": annotations, "labels": {"pod-template-hash": "new"}},
            "status": {"conditions": [{"type": "Ready", "status": ready}], "containerStatuses": statuses},
        }))
    }

    fn guard(api: &FakeApi, may_evict: bool) -> CrashGuard {
        let fleet = Arc::<Mutex<Fleet>>::default();
        fleet::lock(&fleet).see_pod("a", "web-a", web(), pod(true));
        fleet::lock(&fleet).see_pod("b", "web-b", web(), pod(false));
        let document = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop", "annotations": {"ingraft.dev/heal": "missed"}},
            "spec": {"template": template()},
        });
        fleet::lock(&fleet).see(web(), &document, None);
        fleet::lock(&fleet).decide(&web(), &Snapshot::default(), &Settings::default());
        let trials = Trials::default();
        trials.see_admission_path(Trial {
            condition: "AdmissionPathHealthy",
            worked: Some(true),
            reason: String::new(),
            message: String::new(),
        });
        CrashGuard { client: api.client(), store: Arc::default(), fleet, trials, may_evict }
    }

    /// What is written in one round, by path.
    async fn written(api: &FakeApi, guard: &CrashGuard) -> Vec<(String, Value)> {
        let mut evicted = HashMap::new();
        for workload in guard.concerned() {
            guard.look_after(&workload, &mut evicted).await.unwrap();
            // The same again at once: the next pod has to wait.
            guard.look_after(&workload, &mut evicted).await.unwrap();
        }
        let state = api.state();
        state.written.iter().map(|path| (path.clone(), state.objects[path].clone())).collect()
    }

    #[tokio::test]
    async fn without_leave_templates_are_read_and_nothing_is_written() {
        let api = api(&json!({}));
        let guard = guard(&api, false);
        assert_eq!(written(&api, &guard).await, []);
        assert!(fleet::lock(&guard.fleet).unread_revisions(&web()).is_empty());
    }

    #[tokio::test]
    async fn a_control_start_is_written_with_the_version_that_was_read() {
        let api = api(&json!({}));
        let written = written(&api, &guard(&api, true)).await;
        let (path, change) = &written[0];
        assert_eq!(*path, format!("{DEPLOYMENTS}/web"));
        let control = change["metadata"]["annotations"]["ingraft.dev/control"].as_str().unwrap();
        assert!(control.starts_with(&format!("{}@", template_hash(&template()))), "{control}");
    }

    #[tokio::test]
    async fn of_a_blocked_workload_one_failing_pod_is_evicted() {
        let api = api(&json!({BLOCKED: format!("{}=loader", template_hash(&template()))}));
        let guard = guard(&api, true);
        let written = written(&api, &guard).await;
        let [(path, eviction)] = written.as_slice() else { panic!("{written:?}") };
        assert!(path.starts_with("/api/v1/namespaces/shop/pods/web-a/eviction"), "{path}");
        assert_eq!(eviction["deleteOptions"]["preconditions"]["uid"], "a");
    }
}

//! Guards applications that crash once they are injected: compares the pods of a workload that do not run with those that
//! do, lets one start without injection where healing is allowed, and carries out what comes of that. What was decided
//! stands in annotations of the workload, so that the next leader goes on from there. The leader alone does this.

use std::collections::{BTreeSet, HashMap};
use std::sync::MutexGuard;
use std::time::Duration;

use ingraft_api::annotations::{BLOCKED, CONTROL};
use ingraft_cluster::clock::now;
use ingraft_cluster::error_chain::Chain;
use ingraft_cluster::workloads::{api_of, hash_of, templates, whole};
use ingraft_core::crash::{Crash, Step};
use ingraft_core::finding::CrashFinding;
use ingraft_core::guard::{Control, ControlOutcome};
use ingraft_core::{Guard, Mode, WorkloadRef};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DynamicObject, Patch, PostParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::as_healer;
use crate::fleet::{Evicted, Fleet};
use crate::repeats::Repeats;
use crate::trials::Trials;
use crate::workloads::Workloads;

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
    /// The workloads and their pods.
    pub workloads: Workloads,
    /// What the leader has tried.
    pub trials: Trials,
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
            if !self.fleet().is_complete {
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

    fn fleet(&self) -> MutexGuard<'_, Fleet> {
        self.workloads.fleet()
    }

    /// Whether workloads may be written to and pods evicted; otherwise crashes are only told. A pod that is created while
    /// reviews do not arrive shows nothing.
    fn may_act(&self) -> bool {
        let settings = &self.workloads.settings;
        settings.heal.is_some() && settings.mode == Mode::Inject && self.trials.reviews_arrive()
    }

    /// The workloads whose injected pods fail beside others that run, and those of which a control start goes on or blocked
    /// pods are left.
    fn concerned(&self) -> BTreeSet<WorkloadRef> {
        let mut fleet = self.fleet();
        let mut workloads: BTreeSet<WorkloadRef> = {
            let snapshot = self.workloads.store.read();
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
        let client = &self.workloads.client;
        let unread = self.fleet().unread_revisions(workload);
        if !unread.is_empty() {
            let templates = templates(client, workload, &unread).await?;
            self.fleet().learn_templates(workload, templates);
        }
        if !self.may_act() || !self.fleet().may_heal(workload) {
            return Ok(());
        }
        let Some(object) = whole(client, workload).await? else { return Ok(()) };
        let guard = guard_of(&object);
        let replicas = object.data.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1);
        let is_strict = object.data.pointer(STRICT).is_some_and(|value| value == "true");
        // Some that write what they own do not say that they control it.
        let is_excluded = is_strict || !object.owner_references().is_empty();
        let next = self.fleet().next_step(workload, (replicas, is_excluded), &guard, now());
        let told = match next {
            Some((Step::Control(control), _)) => {
                let annotations = json!({CONTROL: control.as_ref().map(ToString::to_string)});
                let is_written = self.annotate(workload, &object, &annotations).await?;
                let told = control.as_ref().map(|control| told_of(workload.clone(), control));
                told.filter(|_| is_written)
            }
            Some((Step::Block { hash, code }, _)) => {
                let annotations = json!({BLOCKED: format!("{hash}={code}"), CONTROL: null});
                let told =
                    CrashFinding::InjectionBlocked { workload: workload.clone(), cause: code.to_owned() };
                self.annotate(workload, &object, &annotations).await?.then_some(told)
            }
            Some((Step::Evict(_), Some(pod))) if !evicted.contains_key(workload) => {
                evicted.insert(workload.clone(), Instant::now());
                let is_evicted = self.evict(workload, &pod).await?;
                let Evicted { name: pod, crash: Crash { container, cause, why, .. }, .. } = pod;
                let (workload, container, why) = (workload.clone(), container.into(), why.into());
                is_evicted.then_some(CrashFinding::PodEvicted { workload, pod, container, cause, why })
            }
            Some((Step::Evict(_), _)) | None => None,
        };
        if let Some(told) = told {
            self.workloads.tell(workload, object.metadata.uid.as_deref(), told);
        }
        Ok(())
    }

    /// Writes annotations on a workload, unless it has changed since it was read. Returns whether it did.
    async fn annotate(
        &self,
        workload: &WorkloadRef,
        object: &DynamicObject,
        annotations: &Value,
    ) -> kube::Result<bool> {
        let Some(api) = api_of(&self.workloads.client, workload) else { return Ok(false) };
        let patch =
            json!({"metadata": {"resourceVersion": object.resource_version(), "annotations": annotations}});
        match api.patch_metadata(&workload.name, &as_healer(), &Patch::Merge(patch)).await {
            // It is looked at again soon.
            Err(kube::Error::Api(status)) if status.code == 409 || status.code == 404 => Ok(false),
            answer => answer.map(|_| true),
        }
    }

    /// Evicts a pod, unless it is gone, or a budget does not allow it for now. Returns whether it did.
    async fn evict(&self, workload: &WorkloadRef, Evicted { name, uid, .. }: &Evicted) -> kube::Result<bool> {
        // The client's own function for this sends no precondition that the API server would read.
        let eviction = json!({
            "apiVersion": "policy/v1", "kind": "Eviction",
            "metadata": {"name": name, "namespace": workload.namespace},
            "deleteOptions": {"preconditions": {"uid": uid}},
        });
        let pods = Api::<Pod>::namespaced(self.workloads.client.clone(), &workload.namespace);
        match pods
            .create_subresource::<Value, Value>("eviction", name, &PostParams::default(), &eviction)
            .await
        {
            Err(kube::Error::Api(status)) if status.code == 429 => {
                tracing::info!(%workload, k8s.pod.name = name, "not evicted for now: {}", status.message);
                Ok(false)
            }
            Err(kube::Error::Api(status)) if status.code == 409 || status.code == 404 => Ok(false),
            answer => answer.map(|_| true),
        }
    }
}

/// What people should know of a control start that begins or is over.
fn told_of(workload: WorkloadRef, control: &Control) -> CrashFinding {
    match control {
        Control::Open { .. } => CrashFinding::ControlStart { workload },
        Control::Over { outcome: ControlOutcome::NotOurs, .. } => CrashFinding::CrashIsNotOurs { workload },
        Control::Over { outcome: ControlOutcome::Unclear, .. } => CrashFinding::ControlUnclear { workload },
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
    use std::sync::{Arc, Mutex};

    use ingraft_cluster::report::{Report, Reports};
    use ingraft_core::instrumentation_status::Trial;
    use ingraft_core::workload::template_hash;
    use ingraft_core::{Finding, Heal, Locale, OwnerKind, RunningPod, Settings, Snapshot};
    use tokio::sync::mpsc;

    use super::*;
    use crate::fake_api::FakeApi;
    use crate::fleet;

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

    /// The leader's guard where healing is allowed so far, and what it tells.
    fn guard(api: &FakeApi, heal: Option<Heal>) -> (CrashGuard, mpsc::Receiver<Arc<Report>>) {
        let fleet = Arc::<Mutex<Fleet>>::default();
        fleet::lock(&fleet).see_pod("a", "web-a", web(), pod(true));
        fleet::lock(&fleet).see_pod("b", "web-b", web(), pod(false));
        let document = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop", "annotations": {"ingraft.dev/heal": "missed"}},
            "spec": {"template": template()},
        });
        fleet::lock(&fleet).see(web(), &document, None);
        let mut settings = Settings::default();
        settings.heal = heal;
        fleet::lock(&fleet).decide(&web(), &Snapshot::default(), &settings);
        let trials = Trials::default();
        trials.see_admission_path(Trial {
            condition: "AdmissionPathHealthy",
            worked: Some(true),
            reason: String::new(),
            message: String::new(),
            generation: None,
        });
        let (reports, told) = Reports::new(Locale::En);
        let workloads = Workloads { client: api.client(), store: Arc::default(), settings, reports, fleet };
        (CrashGuard { workloads, trials }, told)
    }

    /// What is written in one round, by path, and told.
    async fn done(api: &FakeApi, heal: Option<Heal>) -> (Vec<(String, Value)>, Vec<String>) {
        let (guard, mut reports) = guard(api, heal);
        let mut evicted = HashMap::new();
        for workload in guard.concerned() {
            guard.look_after(&workload, &mut evicted).await.unwrap();
            // The same again at once: the next pod has to wait.
            guard.look_after(&workload, &mut evicted).await.unwrap();
        }
        assert!(guard.fleet().unread_revisions(&web()).is_empty(), "templates are compared in any case");
        let mut told = Vec::new();
        while let Ok(report) = reports.try_recv() {
            assert_eq!(report.owners[0].name, "web");
            let said = |finding: &Finding| format!("{}: {}", finding.code(), finding.message(Locale::En));
            told.extend(report.findings.iter().map(said));
        }
        let state = api.state();
        (state.written.iter().map(|path| (path.clone(), state.objects[path].clone())).collect(), told)
    }

    #[tokio::test]
    async fn without_leave_nothing_is_written() {
        let (written, told) = done(&api(&json!({})), None).await;
        assert!(written.is_empty() && told.is_empty(), "{written:?} {told:?}");
    }

    #[tokio::test]
    async fn a_control_start_is_written_with_the_version_that_was_read() {
        let (written, told) = done(&api(&json!({})), Some(Heal::Off)).await;
        let (path, change) = &written[0];
        assert_eq!(*path, format!("{DEPLOYMENTS}/web"));
        let control = change["metadata"]["annotations"]["ingraft.dev/control"].as_str().unwrap();
        assert!(control.starts_with(&format!("{}@", template_hash(&template()))), "{control}");
        assert!(told[0].starts_with("ControlStart: one pod of deployment/web"), "{told:?}");
    }

    #[test]
    fn what_becomes_of_a_control_start_is_told() {
        let code = |control: &str| {
            let finding = Finding::pod(told_of(web(), &Control::parse(control).unwrap()), "");
            finding.code()
        };
        assert_eq!(
            ["a@7", "a=not-ours", "a=unclear"].map(code),
            ["ControlStart", "CrashIsNotOurs", "ControlUnclear"]
        );
    }

    #[tokio::test]
    async fn of_a_blocked_workload_one_failing_pod_is_evicted() {
        let api = api(&json!({BLOCKED: format!("{}=loader", template_hash(&template()))}));
        let (written, told) = done(&api, Some(Heal::Off)).await;
        let [(path, eviction)] = written.as_slice() else { panic!("{written:?}") };
        assert!(path.starts_with("/api/v1/namespaces/shop/pods/web-a/eviction"), "{path}");
        assert_eq!(eviction["deleteOptions"]["preconditions"]["uid"], "a");
        let [told] = told.as_slice() else { panic!("{told:?}") };
        assert!(
            told.starts_with("PodEvicted: pod web-a of deployment/web") && told.contains("exit code 1"),
            "{told}"
        );
    }
}

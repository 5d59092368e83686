use ingraft_api::Instrumentation;
use ingraft_core::Heal;
use serde_json::json;
use tokio::time::advance;

use super::treatment::TRIED_AGAIN;
use super::*;

const INJECT_JAVA: &str = "instrumentation.opentelemetry.io/inject-java";

fn web() -> WorkloadRef {
    WorkloadRef { kind: Some(OwnerKind::Deployment), namespace: "shop".into(), name: "web".into() }
}

fn deployment(generation: i64, annotations: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u", "generation": generation},
        "spec": {"template": {
            "metadata": {"annotations": annotations},
            "spec": {"containers": [{"name": "app", "image": "app:1"}]},
        }},
    })
}

fn snapshot() -> Snapshot {
    let mut snapshot = Snapshot::default();
    let object = json!({"metadata": {"name": "base", "namespace": "shop"}, "spec": {"exporter": {"endpoint": "http://c.obs:4318"}}});
    let instrumentation: Instrumentation = serde_json::from_value(object).unwrap();
    snapshot.instrumentations.insert("shop".into(), "base".into(), instrumentation);
    snapshot
}

fn codes(report: Option<&Report>) -> Vec<&'static str> {
    report.into_iter().flat_map(|report| &report.findings).map(Finding::code).collect()
}

/// A pod that requests this, and into which nothing was injected.
fn pod(annotations: &Value) -> Option<RunningPod> {
    RunningPod::of(&json!({"metadata": {"annotations": annotations}, "status": {"phase": "Running"}}))
}

fn decide(fleet: &mut Fleet, snapshot: &Snapshot) -> Vec<&'static str> {
    let settings = Settings::default();
    let report = fleet.decide(&web(), snapshot, &settings);
    if let Some(report) = &report {
        fleet.told(&web(), &report.findings, &settings);
    }
    codes(report.as_ref())
}

#[tokio::test(start_paused = true)]
async fn tells_once_for_each_generation_and_only_of_pods_of_this_template() {
    let (mut fleet, snapshot) = (Fleet::default(), snapshot());
    let asks = json!({INJECT_JAVA: "base"});
    fleet.see(web(), &deployment(1, &asks), None);
    assert!(fleet.take_due().is_empty(), "what belongs to it may follow");
    advance(SETTLE).await;
    assert_eq!(fleet.take_due(), [web()]);
    assert_eq!(decide(&mut fleet, &snapshot), [""; 0]);
    assert_eq!(fleet.counts(), WorkloadCounts { asked: 1, ..WorkloadCounts::default() });

    // Made before the template requested anything.
    fleet.see_pod("old", "web-old", web(), pod(&json!({})));
    assert_eq!(decide(&mut fleet, &snapshot), [""; 0]);
    fleet.see_pod("new", "web-new", web(), pod(&asks));
    assert_eq!(decide(&mut fleet, &snapshot), ["PodMissed"]);
    assert_eq!(decide(&mut fleet, &snapshot), [""; 0]);
    fleet.see(web(), &deployment(2, &asks), None);
    assert_eq!(decide(&mut fleet, &snapshot), [""; 0], "its pods are about to be replaced");
    assert_eq!(fleet.counts().missed, 1);
    assert_eq!(fleet.asking()["shop/base"].len(), 1);
    advance(REPEAT).await;
    assert_eq!(decide(&mut fleet, &snapshot), ["PodMissed"], "the Event is gone");

    fleet.forget_pod("new");
    fleet.forget_pod("old");
    assert_eq!(fleet.counts(), WorkloadCounts { asked: 1, ..WorkloadCounts::default() });
    // What is wrong with the workload itself is told again of each generation.
    let wrong = json!({INJECT_JAVA: "bsae"});
    for generation in 3..5 {
        fleet.see(web(), &deployment(generation, &wrong), None);
        assert_eq!(decide(&mut fleet, &snapshot), ["InstrumentationNotFound"]);
        assert_eq!(decide(&mut fleet, &snapshot), [""; 0]);
    }
    fleet.forget(&web());
    assert!(
        fleet.kept == 0 && fleet.workloads.is_empty() && fleet.pods.is_empty() && fleet.take_due().is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn keeps_nothing_of_those_that_request_nothing() {
    let mut fleet = Fleet::default();
    fleet.see(web(), &deployment(1, &json!({"other": "x"})), None);
    assert!(fleet.workloads.is_empty());
    let asking = Namespace::new([(INJECT_JAVA.to_owned(), "base".to_owned())]);
    fleet.see(web(), &deployment(1, &json!({})), Some(&asking));
    assert_eq!(fleet.workloads.len(), 1);

    // What was removed while nobody watched.
    fleet.keep_only(Some(OwnerKind::DaemonSet), &BTreeSet::new());
    assert_eq!(fleet.workloads.len(), 1);
    fleet.keep_only(Some(OwnerKind::Deployment), &BTreeSet::new());
    assert!(fleet.workloads.is_empty());
    fleet.see_pod("a", "web-a", web(), pod(&json!({})));
    fleet.keep_only_pods(&HashSet::new());
    assert!(fleet.workloads.is_empty() && fleet.pods.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_is_stuck_is_told() {
    let (mut fleet, snapshot) = (Fleet::default(), snapshot());
    fleet.see(web(), &deployment(1, &json!({INJECT_JAVA: "base"})), None);
    fleet.see_pod("old", "web-old", web(), pod(&json!({})));
    assert_eq!(decide(&mut fleet, &snapshot), [""; 0]);
    advance(ROLLOUT + SETTLE).await;
    assert_eq!(decide(&mut fleet, &snapshot), ["PodMissed"]);
}

/// To restart it would not help.
#[tokio::test(start_paused = true)]
async fn pods_that_are_left_alone_are_not_missed() {
    let (mut fleet, mut snapshot) = (Fleet::default(), snapshot());
    let asks = json!({INJECT_JAVA: "base"});
    fleet.see(web(), &deployment(1, &asks), None);
    fleet.see_pod("a", "web-a", web(), pod(&asks));
    let maker = json!({"namespace": "shop", "kind": "ReplicaSet", "name": "web-6f5c8"});
    let refusal =
        json!({"maker": maker, "fingerprint": "f", "message": "no", "verdict": "withheld", "since": 0});
    snapshot.refusals.insert("r".to_owned(), serde_json::from_value(refusal).unwrap());
    assert_eq!(decide(&mut fleet, &snapshot), ["InjectionWithheld"]);
    assert_eq!(fleet.counts(), WorkloadCounts { asked: 1, refused: 1, ..WorkloadCounts::default() });
}

#[tokio::test(start_paused = true)]
async fn documents_take_bounded_memory() {
    let mut fleet = Fleet::default();
    let large = deployment(1, &json!({INJECT_JAVA: "a".repeat(LARGEST)}));
    fleet.see(web(), &large, None);
    assert!(fleet.workloads.is_empty());
    let of_size = |size: usize| deployment(1, &json!({INJECT_JAVA: "a".repeat(size)}));
    for index in 0..200 {
        let name = format!("web-{index}").into();
        fleet.see(WorkloadRef { name, ..web() }, &of_size(LARGEST / 2), None);
    }
    let documents = fleet.workloads.values().filter_map(|held| held.object.as_ref());
    assert_eq!(documents.map(|object| object.document.len()).sum::<usize>(), fleet.kept);
    assert!(fleet.kept <= MOST && fleet.kept > MOST - LARGEST);
}

/// A pod of a revision that is injected and crashes, or one that is ready without.
fn crashing(revision: &str, is_injected: bool) -> Option<RunningPod> {
    let injected = r#"{"java": {"containers": ["app"], "hash": "h", "instrumentation": "shop/base"}}"#;
    let annotations = if is_injected { json!({"ingraft.dev/injected": injected}) } else { json!({}) };
    let status = json!({
        "name": "app", "restartCount": 3, "ready": !is_injected, "state": {},
        "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
    });
    RunningPod::of(&json!({
        "metadata": {"annotations": annotations, "labels": {"pod-template-hash": revision}},
        "status": {
            "conditions": [{"type": "Ready", "status": if is_injected { "False" } else { "True" }}],
            "containerStatuses": [status],
        },
    }))
}

#[tokio::test(start_paused = true)]
async fn a_crash_is_told_once_the_templates_are_known_to_be_the_same() {
    let (mut fleet, snapshot) = (Fleet::default(), snapshot());
    fleet.see(web(), &deployment(1, &json!({"ingraft.dev/other": "x"})), None);
    fleet.see_pod("a", "web-a", web(), crashing("new", true));
    fleet.see_pod("b", "web-b", web(), crashing("old", false));
    assert_eq!(fleet.crashing(), [web()]);
    assert!(!decide(&mut fleet, &snapshot).contains(&"CrashAfterInjection"));
    let unread = fleet.unread_revisions(&web());
    assert_eq!(unread.iter().collect::<Vec<_>>(), ["new", "old"]);
    let templates = unread.iter().map(|revision| (revision.as_str().into(), "t".to_owned())).collect();
    fleet.learn_templates(&web(), templates);
    assert_eq!(decide(&mut fleet, &snapshot), ["CrashAfterInjection"]);
    assert_eq!(decide(&mut fleet, &snapshot), [""; 0]);
    fleet.forget_pod("b");
    assert!(fleet.crashing().is_empty() && fleet.has_failing(&web()));
}

/// An Argo Rollout may take its template from a Deployment.
#[tokio::test(start_paused = true)]
async fn a_workload_without_a_template_is_read_by_its_pods() {
    let mut fleet = Fleet::default();
    let rollout = WorkloadRef { kind: Some(OwnerKind::Rollout), ..web() };
    let document = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {"name": "web", "namespace": "shop", "annotations": {INJECT_JAVA: "true"}},
        "spec": {"workloadRef": {"kind": "Deployment", "name": "web"}},
    });
    fleet.see(rollout.clone(), &document, None);
    assert!(fleet.workloads.is_empty());
    fleet.see_pod("a", "web-a", rollout.clone(), pod(&json!({INJECT_JAVA: "base"})));
    assert!(fleet.is_unread(&rollout, None));
}

/// A Job, or a ReplicaSet by itself, is read where a pod of it requests something.
#[tokio::test(start_paused = true)]
async fn what_nobody_watches_is_read_by_its_pods() {
    let mut fleet = Fleet::default();
    let job = WorkloadRef { kind: Some(OwnerKind::Job), ..web() };
    fleet.see_pod("a", "web-a", job.clone(), pod(&json!({})));
    assert!(!fleet.is_unread(&job, None));
    let asking = Namespace::new([(INJECT_JAVA.to_owned(), "base".to_owned())]);
    assert!(fleet.is_unread(&job, Some(&asking)));
    fleet.see_pod("a", "web-a", job.clone(), pod(&json!({INJECT_JAVA: "base"})));
    assert!(fleet.is_unread(&job, None));
    assert_eq!(fleet.pod_of(&job).as_deref(), Some("web-a"));
    let document = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "web-a", "namespace": "shop", "uid": "a", "annotations": {INJECT_JAVA: "base"},
            "ownerReferences": [{"kind": "Job", "name": "web", "uid": "j"}],
        },
        "spec": {"containers": [{"name": "app", "image": "app:1"}]},
    });
    fleet.see(job.clone(), &document, None);
    assert!(!fleet.is_unread(&job, None));
    let report = fleet.decide(&job, &Snapshot::default(), &Settings::default()).unwrap();
    assert_eq!(report.owners[0].uid.as_deref(), Some("j"), "not that of the pod");
    fleet.forget_pod("a");
    assert!(fleet.workloads.is_empty(), "the pod was all that was known of it");
}

/// A workload with a pod that lacks what it requests, while a rollout is under way.
fn missed() -> Fleet {
    let (mut fleet, asks) = (Fleet::default(), json!({INJECT_JAVA: "base"}));
    fleet.see(web(), &deployment(1, &asks), None);
    fleet.see_course(&web(), Course { created: 1, obstacle: Some(Obstacle::UnderWay), restarted: None });
    fleet.see_pod("a", "web-a", web(), pod(&asks));
    fleet
}

/// What is missed is healed.
fn healing() -> Settings {
    let mut settings = Settings::default();
    settings.heal = Some(Heal::Missed);
    settings
}

#[tokio::test(start_paused = true)]
async fn a_missed_workload_is_restarted_when_nothing_speaks_against_it() {
    let (mut fleet, snapshot, settings) = (missed(), snapshot(), healing());
    fleet.decide(&web(), &snapshot, &settings);
    let obstacle = |fleet: &Fleet| fleet.patients()[0].obstacle.clone();
    assert_eq!(obstacle(&fleet), Some(Obstacle::UnderWay));
    fleet.see_course(&web(), Course { created: 1, obstacle: None, restarted: None });
    assert_eq!(obstacle(&fleet), None);

    assert!(fleet.patients()[0].case.is_none(), "not at once");
    advance(Duration::from_mins(1)).await;
    assert!(fleet.patients()[0].case.is_some());

    fleet.hold_back(&web(), Obstacle::Budget("b".to_owned()));
    let report = fleet.decide(&web(), &snapshot, &settings).unwrap();
    assert_eq!(codes(Some(&report)), ["PodMissed", "NotHealed"]);
    assert_eq!(obstacle(&fleet), Some(Obstacle::Budget("b".to_owned())));
    advance(TRIED_AGAIN).await;
    assert_eq!(obstacle(&fleet), None, "it is tried again");

    fleet.restarted(&web());
    assert_eq!(obstacle(&fleet), Some(Obstacle::UnderWay), "whatever the watch has not told yet");
    // Somebody has brought the workload back to what it was.
    advance(TRIED_AGAIN).await;
    fleet.decide(&web(), &snapshot, &settings);
    advance(Duration::from_mins(1)).await;
    assert_eq!(obstacle(&fleet), Some(Obstacle::TakenBack));
    fleet.forget_pod("a");
    fleet.decide(&web(), &snapshot, &settings);
    assert!(fleet.patients()[0].case.is_none() && fleet.patients()[0].is_ours, "it counts until it is over");
}

#[tokio::test(start_paused = true)]
async fn what_was_restarted_counts_until_it_has_been_available_for_some_time() {
    let (mut fleet, snapshot, settings) = (missed(), snapshot(), healing());
    let course = |obstacle| Course { created: 1, obstacle, restarted: None };
    fleet.see_course(&web(), course(None));
    fleet.decide(&web(), &snapshot, &settings);
    advance(Duration::from_mins(2)).await;
    fleet.restarted(&web());
    fleet.see_course(&web(), course(Some(Obstacle::UnderWay)));
    let stands = |fleet: &Fleet| fleet.patients().first().map(|one| (one.is_under_way(), one.has_come_back));
    assert_eq!(stands(&fleet), Some((true, false)));
    advance(Duration::from_hours(2)).await;
    assert_eq!(stands(&fleet), Some((true, false)), "for as long as it takes");
    fleet.see_course(&web(), course(None));
    advance(Duration::from_secs(50)).await;
    assert_eq!(stands(&fleet), Some((false, false)));
    // Its pods crash again.
    fleet.see_course(&web(), course(Some(Obstacle::UnderWay)));
    fleet.see_course(&web(), course(None));
    advance(Duration::from_secs(50)).await;
    assert_eq!(stands(&fleet), Some((false, false)));
    advance(Duration::from_secs(10)).await;
    fleet.see_course(&web(), course(Some(Obstacle::UnderWay)));
    fleet.forget_pod("a");
    fleet.decide(&web(), &snapshot, &settings);
    assert_eq!(stands(&fleet), None, "what happens from then on is no matter of the restart");
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_does_not_end_is_told() {
    let (mut fleet, snapshot, settings) = (missed(), snapshot(), healing());
    let told = |fleet: &mut Fleet| codes(fleet.decide(&web(), &snapshot, &settings).as_ref());
    assert_eq!(told(&mut fleet), ["PodMissed"]);
    advance(Duration::from_mins(11)).await;
    assert_eq!(told(&mut fleet), ["PodMissed", "NotHealed"]);
}

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::*;
use crate::finding::Reason;
use crate::guard::{Control, ControlOutcome, Guard};
use crate::owner::{OwnerKind, WorkloadRef};
use crate::workload::{RESTARTED_AT, template_hash};

const NOW: u64 = 1_790_000_000;

fn time(seconds_ago: u64) -> String {
    let second = i64::try_from(NOW - seconds_ago).unwrap();
    Timestamp::from_second(second).unwrap().to_string()
}

/// The state of a container that was started again and again, and how it ended.
fn looping(reason: &str, exit_code: i64, message: &str) -> Value {
    json!({
        "name": "app", "ready": false, "restartCount": 3,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
        "lastState": {"terminated": {
            "reason": reason, "exitCode": exit_code, "message": message,
            "startedAt": time(7), "finishedAt": time(3),
        }},
    })
}

fn waiting(reason: &str, message: &str) -> Value {
    json!({"name": "app", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": reason, "message": message}}})
}

fn crash(status: &Value) -> Option<Crash> {
    Crash::of(&json!({"status": {"containerStatuses": [status]}}))
}

#[test]
fn the_last_state_tells_the_cause() {
    for (status, expected) in [
        (
            looping(
                "Error",
                1,
                "Unrecognized option: -Xfoo\nError: Could not create the Java Virtual Machine.",
            ),
            Cause::OptionUnknown,
        ),
        (
            looping(
                "Error",
                1,
                "Error opening zip file or JAR manifest missing : /otel-auto-instrumentation-java/javaagent.jar",
            ),
            Cause::AgentMissing,
        ),
        (
            looping(
                "Error",
                1,
                "Error: Cannot find module '/otel-auto-instrumentation-nodejs/autoinstrumentation.js'",
            ),
            Cause::AgentMissing,
        ),
        (looping("Error", 1, "Error: Cannot find module 'express'"), Cause::ModuleMissing),
        (looping("Error", 1, "ModuleNotFoundError: No module named 'flask'"), Cause::ModuleMissing),
        (looping("Error", 9, "node: --icu is not allowed in NODE_OPTIONS"), Cause::OptionNotAllowed),
        (looping("Error", 9, ""), Cause::OptionNotAllowed),
        (looping("OOMKilled", 137, ""), Cause::OutOfMemory),
        (looping("Error", 1, "java.lang.OutOfMemoryError: Java heap space"), Cause::OutOfMemory),
        (looping("Error", 127, ""), Cause::Loader),
        (looping("Error", 1, "app: error while loading shared libraries: libz.so.1"), Cause::Loader),
        (looping("Error", 1, "/lib/libc.so.6: version `GLIBC_2.34' not found"), Cause::Loader),
        (looping("StartError", 128, "exec: \"app\": executable file not found"), Cause::NotStarted),
        (looping("Error", 137, ""), Cause::Unknown),
        (looping("Error", 1, ""), Cause::Unknown),
        (waiting("ErrImagePull", "not found"), Cause::ImagePull),
        (waiting("ImagePullBackOff", "Back-off pulling image"), Cause::ImagePull),
        (waiting("CreateContainerConfigError", "secret \"a\" not found"), Cause::ConfigMissing),
        (waiting("CreateContainerError", "exceeded quota: q"), Cause::Quota),
        (waiting("CreateContainerError", "context deadline exceeded"), Cause::NotStarted),
    ] {
        assert_eq!(crash(&status).map(|crash| crash.cause), Some(expected), "{status}");
    }
}

#[test]
fn what_may_still_start_and_what_ran_is_no_crash() {
    let mut ready = looping("Error", 1, "");
    ready["ready"] = true.into();
    let mut once = looping("Error", 1, "");
    once["state"] = json!({"running": {"startedAt": time(1)}});
    let mut again = once.clone();
    once["restartCount"] = 1.into();
    again["restartCount"] = 2.into();
    for status in [ready, once, waiting("ContainerCreating", ""), waiting("PodInitializing", "")] {
        assert_eq!(crash(&status), None, "{status}");
    }
    assert_eq!(crash(&again).unwrap().lived, 4, "it runs for the moment");
}

#[test]
fn what_is_kept_is_short_and_tells_how_long_it_ran() {
    let crash = crash(&looping("Error", 1, &"ñ".repeat(LONGEST))).unwrap();
    assert!(crash.why.len() <= LONGEST && crash.why.starts_with("Error: ñ"), "{}", crash.why);
    assert_eq!((crash.lived, u64::from(crash.ended)), (4, NOW - 3));
    let mut never = looping("StartError", 128, "");
    never["lastState"]["terminated"]["startedAt"] = "1970-01-01T00:00:00Z".into();
    assert_eq!(super::tests::crash(&never).unwrap().lived, 0);
}

/// What a pod of a test is like.
#[derive(Debug, Clone, Copy)]
struct Like {
    revision: &'static str,
    is_injected: bool,
    is_control: bool,
    /// Ready, or crashing; or neither of both.
    runs: Option<bool>,
    /// Since when it runs, or how long ago it ended.
    seconds_ago: u32,
}

const INJECTED: Like =
    Like { revision: "new", is_injected: true, is_control: false, runs: Some(false), seconds_ago: 3 };
const UNTOUCHED: Like =
    Like { revision: "old", is_injected: false, runs: Some(true), seconds_ago: 3600, ..INJECTED };
const CONTROL: Like = Like { revision: "new", is_control: true, seconds_ago: 40, ..UNTOUCHED };

impl Like {
    fn pod(self) -> RunningPod {
        let mut annotations = serde_json::Map::new();
        if self.is_injected {
            let entry = json!({"java": {"containers": ["app"], "hash": "h", "instrumentation": "shop/base"}});
            annotations.insert("ingraft.dev/injected".to_owned(), entry.to_string().into());
        }
        if self.is_control {
            annotations.insert("ingraft.dev/control".to_owned(), "t".into());
        }
        let status = match self.runs {
            Some(false) => {
                let mut status = looping("Error", 1, "");
                status["lastState"]["terminated"]["startedAt"] = time(u64::from(self.seconds_ago) + 4).into();
                status["lastState"]["terminated"]["finishedAt"] = time(self.seconds_ago.into()).into();
                status
            }
            runs => json!({
                "name": "app", "ready": runs.is_some(), "restartCount": 0,
                "state": {"running": {"startedAt": time(self.seconds_ago.into())}},
            }),
        };
        let ready = if self.runs == Some(true) { "True" } else { "False" };
        let labels = json!({"pod-template-hash": self.revision});
        RunningPod::of(&json!({
            "metadata": {"annotations": annotations, "labels": labels},
            "status": {"conditions": [{"type": "Ready", "status": ready}], "containerStatuses": [status]},
        }))
        .unwrap()
    }
}

fn workload(kind: OwnerKind) -> WorkloadRef {
    WorkloadRef { kind: Some(kind), namespace: "shop".into(), name: "web".into() }
}

/// Two revisions of one template but for our annotations, and another one.
fn templates() -> Templates {
    [("old", "t"), ("new", "t"), ("other", "u")]
        .map(|(revision, hash)| (revision.into(), hash.to_owned()))
        .into()
}

fn guard(control: Option<Control>, blocked: &str) -> Guard {
    let control = control.map(|control| control.to_string()).unwrap_or_default();
    Guard {
        control,
        blocked: blocked.to_owned(),
        generation: Some(1),
        template: Some("t".to_owned()),
        read: Some(1),
        goes_on: true,
    }
}

fn open(seconds_ago: u64) -> Control {
    Control::Open { hash: "t".to_owned(), since: NOW - seconds_ago }
}

fn over(outcome: ControlOutcome) -> Control {
    Control::Over { hash: "t".to_owned(), outcome }
}

/// What is to be done about a workload with such pods, which are called by their places.
fn next(kind: OwnerKind, (replicas, is_excluded): (u64, bool), guard: &Guard, pods: &[Like]) -> Option<Step> {
    const NAMES: [&str; 8] = ["0", "1", "2", "3", "4", "5", "6", "7"];
    let pods: Vec<RunningPod> = pods.iter().map(|like| like.pod()).collect();
    let pods: Vec<NamedPod<'_>> = NAMES.into_iter().zip(&pods).collect();
    let (workload, templates) = (workload(kind), templates());
    let guarded = Guarded {
        workload: &workload,
        replicas,
        is_excluded,
        guard,
        pods: &pods,
        templates: &templates,
        healed_at: None,
        now: NOW,
    };
    step(&guarded)
}

fn of_deployment(guard: &Guard, pods: &[Like]) -> Option<Step> {
    next(OwnerKind::Deployment, (3, false), guard, pods)
}

#[test]
fn a_crash_is_suspicious_beside_pods_of_the_same_template_that_run() {
    let (web, document) = (workload(OwnerKind::Deployment), json!({}));
    let told = |pods: &[Like], templates: &Templates| {
        let pods: Vec<RunningPod> = pods.iter().map(|like| like.pod()).collect();
        let pods: Vec<NamedPod<'_>> = pods.iter().map(|pod| ("web", pod)).collect();
        let found = review(&web, &document, &pods, templates);
        found.map(|finding| finding.code())
    };
    let (templates, none) = (templates(), Templates::new());
    let suspicious = Some("CrashAfterInjection");
    assert_eq!(told(&[INJECTED, UNTOUCHED], &templates), suspicious);
    assert_eq!(told(&[INJECTED, UNTOUCHED], &none), None, "the templates are not known");
    assert_eq!(told(&[INJECTED, Like { revision: "new", ..UNTOUCHED }], &none), suspicious);
    assert_eq!(told(&[INJECTED, Like { revision: "other", ..UNTOUCHED }], &templates), None);
    assert_eq!(told(&[INJECTED], &templates), None);
    assert_eq!(told(&[INJECTED, UNTOUCHED, Like { runs: Some(false), ..UNTOUCHED }], &templates), None);
    assert_eq!(told(&[Like { runs: Some(true), ..INJECTED }, UNTOUCHED], &templates), None);
}

/// After a restart that every pod has been through, or after an Instrumentation was changed, none is left without the agent.
#[test]
fn a_crash_is_suspicious_after_a_restart_and_beside_pods_injected_otherwise() {
    let web = workload(OwnerKind::Deployment);
    let injected = |hash: &str| {
        format!(r#"{{"java": {{"containers": ["app"], "hash": "{hash}", "instrumentation": "shop/base"}}}}"#)
    };
    let pod = |hash: &str, ready: bool| {
        let ended =
            json!({"exitCode": 1, "startedAt": "2026-01-01T00:10:00Z", "finishedAt": "2026-01-01T00:10:15Z"});
        let crash =
            json!([{"name": "app", "restartCount": 3, "ready": false, "lastState": {"terminated": ended}}]);
        RunningPod::of(&json!({
            "metadata": {"annotations": {"ingraft.dev/injected": injected(hash)}, "labels": {"pod-template-hash": "new"}},
            "status": {
                "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}],
                "containerStatuses": if ready { json!([]) } else { crash },
            },
        }))
        .unwrap()
    };
    let told = |healed: &str, restarted: &str, pods: &[RunningPod]| {
        let document = json!({
            "metadata": {"annotations": {"ingraft.dev/healed": healed}},
            "spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: restarted}}}},
        });
        let pods: Vec<NamedPod<'_>> = pods.iter().map(|pod| ("web", pod)).collect();
        let found = review(&web, &document, &pods, &templates())?;
        assert!(is_to_be_compared(&pods, healed_at(&document)));
        match found.reason {
            Reason::Crash(CrashFinding::CrashAfterInjection { ran, .. }) => Some(ran),
            other => panic!("{other:?}"),
        }
    };
    let (fails, before, after) = (pod("h", false), "2026-01-01T00:05:00Z", "2026-01-01T00:11:00Z");
    assert_eq!(told("outdated/a", before, &[fails.clone(), pod("g", true)]), Some(Ran::Otherwise));
    assert_eq!(told("", "", &[fails.clone(), pod("g", true)]), Some(Ran::Otherwise));
    assert_eq!(told("", "", &[fails.clone(), pod("h", true)]), None);
    assert_eq!(told("missed/a", before, std::slice::from_ref(&fails)), Some(Ran::Before));
    assert_eq!(told("missed/a", before, &[fails.clone(), pod("h", true)]), None, "others alike run");
    assert_eq!(told("missed/a", before, &[fails.clone(), pod("g", false)]), None, "others crash too");
    assert_eq!(told("", before, std::slice::from_ref(&fails)), None, "somebody else has restarted it");
    assert_eq!(told("missed/a", after, std::slice::from_ref(&fails)), None);
    assert_eq!(
        told("missed/a", "2025-12-31T00:00:00Z", std::slice::from_ref(&fails)),
        None,
        "that was long ago"
    );
}

#[test]
fn what_was_found_out_is_told_instead() {
    let template = json!({"spec": {"containers": []}});
    let hash = template_hash(&template);
    let pods = [INJECTED.pod(), Like { revision: "new", ..UNTOUCHED }.pod()];
    let pods: Vec<NamedPod<'_>> = pods.iter().map(|pod| ("web", pod)).collect();
    let told = |key: &str, value: &str| {
        let document = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "annotations": {key: value}}, "spec": {"template": template},
        });
        let found = review(&workload(OwnerKind::Deployment), &document, &pods, &Templates::new());
        found.map(|finding| finding.code())
    };
    let (control, blocked) = ("ingraft.dev/control", "ingraft.dev/blocked");
    assert_eq!(told(control, &format!("{hash}=not-ours")), Some("CrashIsNotOurs"));
    assert_eq!(told(control, &format!("{hash}=unclear")), Some("CrashAfterInjection"));
    assert_eq!(told(control, "other=not-ours"), Some("CrashAfterInjection"));
    assert_eq!(told(blocked, &format!("{hash}=loader")), None, "the decision tells");
    assert_eq!(told(blocked, "other=loader"), Some("CrashAfterInjection"));
}

#[test]
fn templates_are_compared_only_where_injected_pods_fail_and_others_run() {
    let compared = |pods: &[Like]| {
        let pods: Vec<RunningPod> = pods.iter().map(|like| like.pod()).collect();
        is_to_be_compared(&pods.iter().map(|pod| ("web", pod)).collect::<Vec<_>>(), None)
    };
    assert!(compared(&[INJECTED, UNTOUCHED]));
    assert!(!compared(&[INJECTED]) && !compared(&[Like { runs: Some(true), ..INJECTED }, UNTOUCHED]));
}

#[test]
fn a_control_start_goes_step_by_step() {
    let none = guard(None, "");
    let start = Step::Control(Some(Control::Open { hash: "t".to_owned(), since: NOW }));
    assert_eq!(of_deployment(&none, &[INJECTED, UNTOUCHED]), Some(start));
    let known = |seconds_ago| guard(Some(open(seconds_ago)), "");
    assert_eq!(of_deployment(&known(1), &[INJECTED, UNTOUCHED]), None, "not every replica knows");
    assert_eq!(of_deployment(&known(9), &[UNTOUCHED, INJECTED]), Some(Step::Evict("1".to_owned())));
    let closed = Some(Step::Control(None));
    let young = Like { seconds_ago: 2, runs: None, ..CONTROL };
    assert_eq!(of_deployment(&known(9), &[young, UNTOUCHED]), closed, "one is enough");
    assert_eq!(of_deployment(&none, &[young, INJECTED, UNTOUCHED]), None, "it has just started");

    let old = Like { seconds_ago: 4000, ..CONTROL };
    assert_eq!(
        of_deployment(&known(9), &[old, INJECTED]),
        Some(Step::Evict("1".to_owned())),
        "of an earlier one"
    );

    let block = Step::Block { hash: "t".to_owned(), code: "unknown" };
    assert_eq!(of_deployment(&none, &[CONTROL, INJECTED, UNTOUCHED]), Some(block.clone()));
    assert_eq!(
        of_deployment(&none, &[Like { runs: None, ..CONTROL }, INJECTED]),
        Some(block),
        "not ready, but it lives"
    );
    assert_eq!(
        of_deployment(&guard(None, "t=unknown"), &[CONTROL, UNTOUCHED, INJECTED]),
        Some(Step::Evict("2".to_owned()))
    );
    assert_eq!(of_deployment(&guard(None, "t=unknown"), &[CONTROL, UNTOUCHED]), None);

    let fails = Like { runs: Some(false), ..CONTROL };
    let not_ours = Some(Step::Control(Some(over(ControlOutcome::NotOurs))));
    assert_eq!(of_deployment(&none, &[fails, INJECTED, UNTOUCHED]), not_ours);
    let unclear = Some(Step::Control(Some(over(ControlOutcome::Unclear))));
    assert_eq!(of_deployment(&known(LATE), &[INJECTED, UNTOUCHED]), unclear);
    let from_tomorrow = Control::Open { hash: "t".to_owned(), since: NOW + 24 * 60 * 60 };
    assert_eq!(of_deployment(&guard(Some(from_tomorrow), ""), &[INJECTED, UNTOUCHED]), unclear);
    for outcome in [ControlOutcome::NotOurs, ControlOutcome::Unclear] {
        assert_eq!(of_deployment(&guard(Some(over(outcome)), ""), &[INJECTED, UNTOUCHED]), None);
    }
}

/// After which a control start is over.
const LATE: u64 = 601;

/// What stopped a database may be over since.
#[test]
fn nothing_is_proven_by_a_crash_from_before_or_by_a_pod_that_is_young_or_old() {
    let of = |control: Like, injected: Like| of_deployment(&guard(None, ""), &[control, injected, UNTOUCHED]);
    let is_block = |step: Option<Step>| matches!(step, Some(Step::Block { .. }));
    assert!(is_block(of(CONTROL, INJECTED)));
    assert!(!is_block(of(CONTROL, Like { seconds_ago: 41, ..INJECTED })), "it has not failed since");
    assert!(!is_block(of(Like { seconds_ago: 29, ..CONTROL }, INJECTED)));
    assert!(!is_block(of(Like { seconds_ago: 601, ..CONTROL }, INJECTED)));
}

#[test]
fn what_is_not_made_again_or_has_one_pod_is_left_alone() {
    let none = guard(None, "");
    let pods = [INJECTED, UNTOUCHED];
    for kind in [OwnerKind::Job, OwnerKind::CronJob, OwnerKind::ReplicaSet] {
        assert_eq!(next(kind, (3, false), &none, &pods), None, "{kind:?}");
    }
    assert_eq!(next(OwnerKind::StatefulSet, (1, false), &none, &pods), None);
    assert!(next(OwnerKind::StatefulSet, (2, false), &none, &pods).is_some());
    assert!(next(OwnerKind::Deployment, (1, false), &none, &pods).is_some());
    assert_eq!(next(OwnerKind::Deployment, (3, true), &none, &pods), None);
}

fn likes() -> impl Strategy<Value = Like> {
    let ages = select(vec![1_u32, 20, 45, 100, 550, 700, 4000]);
    let runs = select(vec![None, Some(true), Some(false)]);
    let revisions = select(vec!["old", "new", "other", "unread", ""]);
    (revisions, any::<bool>(), any::<bool>(), runs, ages).prop_map(
        |(revision, is_injected, is_control, runs, seconds_ago)| Like {
            revision,
            is_injected,
            is_control,
            runs,
            seconds_ago,
        },
    )
}

fn guards() -> impl Strategy<Value = Guard> {
    let controls = vec![
        None,
        Some(open(1)),
        Some(open(60)),
        Some(open(LATE)),
        Some(over(ControlOutcome::NotOurs)),
        Some(over(ControlOutcome::Unclear)),
    ];
    let values = (select(controls), select(vec!["", "", "t=loader", "u=loader"]));
    values.prop_map(|(control, blocked)| guard(control, blocked))
}

proptest! {
    /// Blame needs a pod that was let start without injection and runs, none that failed so, and an injected one that fails;
    /// only such are evicted; and what is left alone is left alone.
    #[test]
    fn nothing_is_blocked_or_evicted_without_proof(
        kind in select(vec![OwnerKind::Deployment, OwnerKind::StatefulSet, OwnerKind::DaemonSet, OwnerKind::Rollout, OwnerKind::Job]),
        replicas in 0_u64..4,
        is_excluded in prop::bool::weighted(0.1),
        guard in guards(),
        pods in prop::collection::vec(likes(), 0..8),
    ) {
        let of_template = |like: &&Like| ["old", "new"].contains(&like.revision);
        let fails = |like: &&Like| of_template(like) && like.is_injected && like.runs == Some(false);
        let controls = || pods.iter().filter(of_template).filter(|like| like.is_control && !like.is_injected);
        let step = next(kind, (replicas, is_excluded), &guard, &pods);
        if kind == OwnerKind::Job || kind == OwnerKind::StatefulSet && replicas < 2 || is_excluded {
            prop_assert_eq!(&step, &None);
        }
        match &step {
            Some(Step::Block { hash, .. }) => {
                prop_assert_eq!(hash, "t");
                prop_assert!(pods.iter().any(|like| fails(&like)));
                prop_assert!(controls().any(|like| like.runs != Some(false) && (30..=600).contains(&like.seconds_ago)));
                prop_assert!(controls().all(|like| like.runs != Some(false)));
            }
            Some(Step::Evict(name)) => {
                prop_assert!(fails(&&pods[name.parse::<usize>().unwrap()]));
                prop_assert!(guard.blocked == "t=loader" || guard.control == open(60).to_string());
            }
            Some(Step::Control(Some(Control::Open { .. }))) => {
                prop_assert!(pods.iter().any(|like| fails(&like)) && guard.block().is_none());
            }
            _ => {}
        }
        // A leader that finds what the last one wrote does not write it again.
        let written = match &step {
            Some(Step::Control(control)) => Some(self::guard(control.clone(), &guard.blocked)),
            Some(Step::Block { hash, code }) => Some(self::guard(None, &format!("{hash}={code}"))),
            Some(Step::Evict(_)) | None => None,
        };
        if let Some(written) = written {
            let again = next(kind, (replicas, is_excluded), &written, &pods);
            prop_assert!(again != step, "{:?}", again);
            let is_about_control = |step: &Option<Step>| matches!(step, Some(Step::Control(_)));
            prop_assert!(!(is_about_control(&step) && is_about_control(&again)), "to and fro: {:?}", again);
        }
    }
}

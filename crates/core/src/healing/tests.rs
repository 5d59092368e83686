use std::collections::BTreeSet;

use ingraft_api::annotations::BLOCKED;
use json_patch::merge;
use proptest::prelude::*;

use super::*;
use crate::standing::samples::{self, pod};

fn decision(hash: &str) -> Decision {
    samples::decision(hash, "java:1")
}

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "generation": 1, "resourceVersion": "1"},
        "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "app", "image": "app:1"}]}}},
    })
}

fn settings(heal: Option<Heal>) -> Settings {
    let mut settings = Settings::default();
    settings.heal = heal;
    settings
}

fn case_of(document: &Value, pods: &[RunningPod], snapshot: &Snapshot, settings: &Settings) -> Option<Case> {
    case_with(document, &decision("h2"), pods, snapshot, settings)
}

fn case_with(
    document: &Value,
    decision: &Decision,
    pods: &[RunningPod],
    snapshot: &Snapshot,
    settings: &Settings,
) -> Option<Case> {
    let decisions = std::slice::from_ref(decision);
    let leave = allowed(document, "shop", decisions, snapshot);
    let level = leave.map(|leave| leave.level).or(settings.heal)?;
    case(document, decisions, pods, level, settings)
}

#[test]
fn the_nearest_says_what_is_healed() {
    let mut snapshot = Snapshot::default();
    let mut document = deployment();
    let healed = |document: &Value, snapshot: &Snapshot, heal| {
        let heals = |pods: &[RunningPod]| case_of(document, pods, snapshot, &settings(heal)).is_some();
        (heals(&[pod(None)]), heals(&[pod(Some("h1"))]))
    };
    assert_eq!(healed(&document, &snapshot, None), (false, false));
    assert_eq!(healed(&document, &snapshot, Some(Heal::Off)), (false, false));
    assert_eq!(healed(&document, &snapshot, Some(Heal::Missed)), (true, false));
    assert_eq!(healed(&document, &snapshot, Some(Heal::Outdated)), (true, true));

    let annotated = |namespace: &str, name: &str, value: &str| {
        let metadata =
            json!({"name": name, "namespace": namespace, "annotations": {"ingraft.dev/heal": value}});
        serde_json::from_value(json!({"metadata": metadata, "spec": {}})).unwrap()
    };
    snapshot.instrumentations.insert("shop".into(), "base".into(), annotated("shop", "base", "outdated"));
    assert_eq!(healed(&document, &snapshot, Some(Heal::Off)), (true, true));
    let namespace = crate::Namespace::new([(HEAL.to_owned(), "missed".to_owned())]);
    snapshot.namespaces.insert(String::new(), "shop".into(), namespace);
    assert_eq!(healed(&document, &snapshot, Some(Heal::Off)), (true, false));
    document["metadata"]["annotations"] = json!({"ingraft.dev/heal": "off"});
    assert_eq!(healed(&document, &snapshot, Some(Heal::Outdated)), (false, false));
    document["metadata"]["annotations"] = json!({"ingraft.dev/heal": "yes"});
    assert_eq!(healed(&document, &snapshot, Some(Heal::Outdated)), (false, false), "what is not known");
}

#[test]
fn a_control_start_is_left_to_show_what_it_shows() {
    let control =
        RunningPod::of(&json!({"metadata": {"annotations": {"ingraft.dev/control": "h@1"}}})).unwrap();
    let of = |pods: &[RunningPod]| {
        case_of(&deployment(), pods, &Snapshot::default(), &settings(Some(Heal::Missed))).is_some()
    };
    assert!(of(&[pod(None)]) && !of(&[pod(None), control]));
}

#[test]
fn an_instrumentation_speaks_for_its_own_namespace_only() {
    let mut snapshot = Snapshot::default();
    let metadata =
        json!({"name": "base", "namespace": "obs", "annotations": {"ingraft.dev/heal": "outdated"}});
    let other = serde_json::from_value(json!({"metadata": metadata, "spec": {}})).unwrap();
    snapshot.instrumentations.insert("obs".into(), "base".into(), other);
    let decision = Decision { instrumentation: Some("obs/base".to_owned()), ..decision("h2") };
    assert_eq!(allowed(&deployment(), "shop", std::slice::from_ref(&decision), &snapshot), None);
    let by = LeaveOf::Instrumentation("obs/base".to_owned());
    let leave = Leave { level: Heal::Outdated, value: "outdated".to_owned(), by };
    assert_eq!(allowed(&deployment(), "obs", &[decision], &snapshot), Some(leave));
}

#[test]
fn whoever_may_not_heal_says_so() {
    let mut document = deployment();
    document["metadata"]["annotations"] = json!({"ingraft.dev/heal": "missed"});
    let case = case_of(&document, &[pod(None)], &Snapshot::default(), &settings(None)).unwrap();
    let workload =
        WorkloadRef { kind: Some(OwnerKind::Deployment), namespace: "shop".into(), name: "web".into() };
    let said = |obstacle, heal| {
        let finding = review(&workload, &case, obstacle, &settings(heal))?;
        Some(finding.message(crate::Locale::En))
    };
    let not_permitted =
        "deployment/web -n shop is not restarted: the operator has no right to restart workloads";
    assert_eq!(said(None, None).as_deref(), Some(not_permitted));
    assert_eq!(said(None, Some(Heal::Off)), None);
    assert_eq!(said(Some(Obstacle::UnderWay), Some(Heal::Off)), None, "it passes");
    assert!(
        said(Some(Obstacle::Downtime), Some(Heal::Off))
            .unwrap()
            .ends_with("no pod would be there for a while")
    );
}

#[test]
fn a_newer_image_is_no_reason_unless_somebody_says_so() {
    let mut newer = decision("h2");
    newer.injected.as_mut().unwrap().image = Some("java:2".to_owned());
    let pods = [pod(Some("h2"))];
    let of = |settings: &Settings| case_with(&deployment(), &newer, &pods, &Snapshot::default(), settings);
    let mut settings = settings(Some(Heal::Outdated));
    assert_eq!(of(&settings), None);
    settings.heal_images = true;
    assert_eq!(of(&settings).unwrap().ailment, Ailment::NewerImage);
    settings.heal = Some(Heal::Missed);
    assert_eq!(of(&settings), None);
}

#[test]
fn what_the_api_server_has_injected_is_done_again_where_outdated_is_allowed() {
    let mut by_policy = json!({"java": {"by": "policy", "containers": ["app"], "hash": "h2", "image": "java:1", "instrumentation": "shop/base"}});
    let case = |entry: &Value, level| {
        let pod = json!({"metadata": {"annotations": {"ingraft.dev/injected": entry.to_string()}}});
        let pods = [RunningPod::of(&pod).unwrap()];
        case_of(&deployment(), &pods, &Snapshot::default(), &settings(Some(level))).map(|case| case.ailment)
    };
    assert_eq!(case(&by_policy, Heal::Outdated), Some(Ailment::Standby));
    assert_eq!(case(&by_policy, Heal::Missed), None);
    by_policy["java"].as_object_mut().unwrap().remove("by");
    assert_eq!(case(&by_policy, Heal::Outdated), None);
}

#[test]
fn what_is_blocked_is_left_alone_until_its_template_changes() {
    let mut document = deployment();
    let template = template_hash(&document["spec"]["template"]);
    document["metadata"]["annotations"] = json!({"ingraft.dev/blocked": format!("{template}=OomKilled")});
    let of = |document: &Value| {
        case_of(document, &[pod(None)], &Snapshot::default(), &settings(Some(Heal::Missed)))
            .unwrap()
            .obstacle()
    };
    assert_eq!(of(&document), Some(Obstacle::Blocked));
    document["spec"]["template"]["metadata"] = json!({"annotations": {RESTARTED_AT: "2026-01-01T00:00:00Z"}});
    assert_eq!(of(&document), Some(Obstacle::Blocked), "a restart changes nothing");
    document["spec"]["template"]["spec"]["containers"][0]["image"] = "app:2".into();
    assert_eq!(of(&document), None);
}

#[test]
fn a_restart_is_a_patch_of_annotations() {
    let document = deployment();
    let metadata: ObjectMeta = serde_json::from_value(document["metadata"].clone()).unwrap();
    let case = case_of(&document, &[pod(None)], &Snapshot::default(), &settings(Some(Heal::Missed))).unwrap();
    let patch = case.restart(OwnerKind::Deployment, &metadata, "2026-01-01T00:00:00Z");
    let mut restarted = document.clone();
    merge(&mut restarted, &patch);
    let mut expected = document.clone();
    expected["metadata"]["annotations"] = json!({"ingraft.dev/healed": format!("missed/{}", case.hash)});
    expected["spec"]["template"]["metadata"] = json!({"annotations": {RESTARTED_AT: "2026-01-01T00:00:00Z"}});
    assert_eq!(restarted, expected);
    let again =
        case_of(&restarted, &[pod(None)], &Snapshot::default(), &settings(Some(Heal::Missed))).unwrap();
    assert_eq!(again.obstacle(), Some(Obstacle::HealedBefore));
    assert_eq!(
        case.restart(OwnerKind::Rollout, &metadata, "2026-01-01T00:00:00Z")["spec"],
        json!({"restartAt": "2026-01-01T00:00:00Z"})
    );

    // What was healed for another reason is still known.
    let pods = [pod(Some("h1"))];
    let outdated = case_of(&restarted, &pods, &Snapshot::default(), &settings(Some(Heal::Outdated))).unwrap();
    let metadata: ObjectMeta = serde_json::from_value(restarted["metadata"].clone()).unwrap();
    merge(&mut restarted, &outdated.restart(OwnerKind::Deployment, &metadata, "2026-01-01T00:01:00Z"));
    let missed =
        case_of(&restarted, &[pod(None)], &Snapshot::default(), &settings(Some(Heal::Missed))).unwrap();
    assert_eq!(missed.obstacle(), Some(Obstacle::HealedBefore));
}

#[test]
fn the_first_show_that_what_others_get_does_no_harm() {
    let document = deployment();
    let case = case_of(&document, &[pod(None)], &Snapshot::default(), &settings(Some(Heal::Missed))).unwrap();
    let patient = |name: &str| Patient {
        workload: WorkloadRef { kind: None, namespace: "shop".into(), name: name.into() },
        created: 1,
        case: Some(case.clone()),
        obstacle: None,
        is_ours: false,
        has_come_back: false,
        tried: None,
    };
    let tried = |name: &str, what: &str, has_come_back: bool, obstacle: Option<Obstacle>| {
        let tried = Some(what.to_owned());
        Patient { case: None, is_ours: true, has_come_back, tried, obstacle, ..patient(name) }
    };
    let chosen = |others: &[Patient]| {
        let waiting = ["x", "y", "z"].map(patient).to_vec();
        choose([others, &waiting].concat(), 2).len()
    };
    assert_eq!(chosen(&[]), 2);
    assert_eq!(chosen(&[tried("a", "1", false, None)]), 1, "it has just come back");
    assert_eq!(chosen(&[tried("a", "1", true, None)]), 2);
    let two = [tried("a", "1", true, None), tried("b", "1", false, None)];
    assert_eq!(chosen(&two), 2, "the other has shown it");
    let other = [tried("a", "1", true, None), tried("b", "2", false, None)];
    assert_eq!(chosen(&other), 1, "of something else");
    let stuck = [tried("a", "1", true, None), tried("b", "1", false, None)];
    let stuck = [&stuck[..], &[tried("c", "1", false, Some(Obstacle::Unready))]].concat();
    assert_eq!(chosen(&stuck), 0, "one of them does not come back");
}

/// A workload of a simulated cluster.
#[derive(Debug, Clone)]
struct Simulated {
    document: Value,
    /// What its pods run with.
    runs_with: Option<String>,
    /// So many steps until its rollout is over.
    under_way: u8,
    /// Its pods never come back from a restart.
    breaks: bool,
    /// What it was restarted for.
    reasons: BTreeSet<String>,
}

impl Simulated {
    fn data(&self) -> Value {
        let (generation, is_over) = (&self.document["metadata"]["generation"], self.under_way == 0);
        let available = if is_over { 2 } else { 1 };
        let mut data = json!({
            "spec": self.document["spec"],
            "status": {
                "observedGeneration": generation, "replicas": 2, "updatedReplicas": 2, "availableReplicas": available,
            },
        });
        data["spec"]["strategy"] = json!({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
        if self.breaks && !is_over {
            data["status"]["conditions"] = json!([{"type": "Progressing", "status": "False"}]);
        }
        data
    }

    fn metadata(&self) -> ObjectMeta {
        serde_json::from_value(self.document["metadata"].clone()).unwrap()
    }

    fn patient(&self, index: usize, meaning: &str, settings: &Settings) -> Patient {
        let (pods, snapshot) = ([pod(self.runs_with.as_deref())], Snapshot::default());
        let kind = Some(OwnerKind::Deployment);
        Patient {
            workload: WorkloadRef { kind, namespace: "shop".into(), name: index.to_string().into() },
            created: i64::try_from(index).unwrap(),
            case: case_with(&self.document, &decision(meaning), &pods, &snapshot, settings),
            obstacle: obstacle(kind, &self.metadata(), &self.data()),
            is_ours: !annotation(&self.document, HEALED).is_empty(),
            has_come_back: self.under_way == 0,
            tried: None,
        }
    }
}

/// What happens in one step.
#[derive(Debug, Clone)]
enum Step {
    /// The leader looks; it remembers nothing, so that any other would do the same.
    Heal,
    /// Time passes.
    Pass,
    /// The Instrumentation means something else.
    Change(u8),
    /// A pod comes up without injection.
    Miss(usize),
    /// Somebody's control start has shown that injection breaks it.
    Block(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Heal),
        4 => Just(Step::Pass),
        1 => (0..3_u8).prop_map(Step::Change),
        1 => (0..8_usize).prop_map(Step::Miss),
        1 => (0..8_usize).prop_map(Step::Block),
    ]
}

proptest! {
    #[test]
    fn never_above_the_budget_never_twice_never_while_blocked(
        breaks in prop::collection::vec(any::<bool>(), 1..8),
        steps in prop::collection::vec(step(), 1..60),
        at_once in 0..4_usize,
        level in prop::sample::select(&Heal::ALL),
    ) {
        let new = |breaks| Simulated {
            document: deployment(), runs_with: None, under_way: 0, breaks, reasons: BTreeSet::new(),
        };
        let mut cluster: Vec<Simulated> = breaks.into_iter().map(new).collect();
        let (settings, mut meaning) = (settings(Some(level)), 0_u8);
        for step in steps {
            match step {
                Step::Pass => for one in cluster.iter_mut().filter(|one| !one.breaks) {
                    one.under_way = one.under_way.saturating_sub(1);
                },
                Step::Change(to) => meaning = to,
                Step::Miss(index) => if let Some(one) = cluster.get_mut(index) {
                    one.runs_with = None;
                },
                Step::Block(index) => if let Some(one) = cluster.get_mut(index) {
                    let hash = template_hash(&one.document["spec"]["template"]);
                    one.document["metadata"]["annotations"][BLOCKED] = format!("{hash}=OomKilled").into();
                },
                Step::Heal => {
                    let meaning = format!("h{meaning}");
                    let patient = |(index, one): (usize, &Simulated)| one.patient(index, &meaning, &settings);
                    let chosen = choose(cluster.iter().enumerate().map(patient).collect(), at_once);
                    for Patient { workload, case, .. } in chosen {
                        let (one, case) = (&mut cluster[workload.name.parse::<usize>().unwrap()], case.unwrap());
                        prop_assert!(one.document["metadata"]["annotations"][BLOCKED].is_null(), "it is blocked");
                        prop_assert!(level >= Heal::Missed && (level >= Heal::Outdated || one.runs_with.is_none()));
                        let reason = format!("{}/{}", case.ailment.as_str(), case.hash);
                        let patch = case.restart(OwnerKind::Deployment, &one.metadata(), "2026-01-01T00:00:00Z");
                        merge(&mut one.document, &patch);
                        let generation = one.document["metadata"]["generation"].as_i64().unwrap();
                        one.document["metadata"]["generation"] = (generation + 1).into();
                        (one.runs_with, one.under_way) = (Some(meaning.clone()), 3);
                        let held = healed(annotation(&one.document, HEALED)).contains_key(case.ailment.as_str());
                        prop_assert!(held, "it is written down");
                        one.reasons.insert(reason);
                    }
                    let under_way = cluster.iter().filter(|one| one.under_way > 0).count();
                    prop_assert!(under_way <= at_once, "{under_way} of {at_once}");
                    // With nothing new, nothing is restarted again.
                    let settled: Vec<Simulated> =
                        cluster.iter().map(|one| Simulated { under_way: 0, runs_with: None, ..one.clone() }).collect();
                    for (index, one) in settled.iter().enumerate() {
                        let again = choose(vec![one.patient(index, &meaning, &settings)], 1);
                        let reason = again.first().and_then(|patient| patient.case.as_ref());
                        let reason = reason.map(|case| format!("{}/{}", case.ailment.as_str(), case.hash));
                        let last = annotation(&one.document, HEALED).to_owned();
                        prop_assert!(reason.is_none_or(|reason| !last.contains(&reason)), "twice");
                    }
                }
            }
        }
    }
}

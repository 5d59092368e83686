use ingraft_probe_contract::StandDown;
use serde_json::{Value, json};

use super::*;
use crate::guard::Guard;
use crate::owner::{OwnerKind, WorkloadRef};
use crate::{EnvProbe, ImageFacts};

fn snapshot(specs: &[(&str, Value)]) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for (name, spec) in specs {
        let one = json!({"metadata": {"name": name, "namespace": "shop"}, "spec": spec});
        let one = serde_json::from_value(one).unwrap();
        snapshot.instrumentations.insert("shop".into(), (*name).into(), one);
    }
    snapshot
}

fn compiled(specs: &[(&str, Value)]) -> (PlanSpec, Vec<Finding>) {
    compile(&snapshot(specs), &Settings::default(), "")
}

fn page() -> Value {
    json!({
        "exporter": {"endpoint": "http://otel-collector.opentelemetry.svc.cluster.local:4318"},
        "propagators": ["tracecontext", "baggage"],
    })
}

#[test]
fn what_is_the_same_is_stored_once() {
    let (plan, findings) = compiled(&[("a", page()), ("b", page())]);
    assert_eq!(findings, []);
    assert_eq!(plan.instrumentations["shop/a"], plan.instrumentations["shop/b"]);
    assert_eq!((plan.instrumentations["shop/a"].len(), plan.agents.len()), (7, 7));
    assert_eq!(plan.telemetry.len(), 1);
    assert!(plan.sole.is_empty(), "two Instrumentations: neither is meant by \"true\"");
    assert_eq!(compiled(&[("a", page())]).0.sole["shop"], "shop/a");
}

#[test]
fn words_stand_where_the_pod_decides() {
    let (plan, _) = compiled(&[("a", page())]);
    let planned = &plan.instrumentations["shop/a"]["java"];
    let (agent, telemetry) = (&plan.agents[&planned.agent], &plan.telemetry[&planned.telemetry]);
    assert_eq!(agent.mounts[0].mount_path, "/otel-auto-instrumentation-java-__INGRAFT_CONTAINER__");
    let value = |name: &str| {
        let variable = telemetry.env.iter().find(|variable| variable.name == name).unwrap();
        variable.value.as_deref().unwrap()
    };
    assert_eq!(value("OTEL_SERVICE_NAME"), "__INGRAFT_WORKLOAD__");
    assert_eq!(value("OTEL_RESOURCE_ATTRIBUTES"), "__INGRAFT_ATTRIBUTES__");
    assert!(telemetry.attributes.contains(&"k8s.statefulset.name=__INGRAFT_STATEFULSET__".to_owned()));
    let first: Vec<&str> = agent.prepended.iter().map(|variable| variable.name.as_str()).collect();
    assert_eq!(first, ["OTEL_POD_IP", "OTEL_NODE_IP"]);
}

#[test]
fn what_needs_the_operator_is_named() {
    use NotPlannable as Why;
    for (field, value, expected) in [
        ("env", json!([{"name": "OTEL_EXPORTER_OTLP_HEADERS", "value": "key=secret"}]), Why::Credential),
        ("env", json!([{"name": "LICENSE_KEY", "value": "secret"}]), Why::Credential),
        ("env", json!([{"name": "OPTIONS", "value": "-Dotel.exporter.otlp.headers=a=b"}]), Why::Credential),
        ("env", json!([{"name": "URL", "value": "http://user:password@host/path"}]), Why::Credential),
        ("exporter", json!({"endpoint": "http://user:password@c.obs:4318"}), Why::Credential),
        ("env", json!([{"name": "OTEL_RESOURCE_ATTRIBUTES", "value": "a=b"}]), Why::Attributes),
        (
            "env",
            json!([{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]),
            Why::Source,
        ),
        ("env", json!([{"name": "A", "value": "$(OF_THE_POD)"}]), Why::Reference),
        ("env", json!([{"name": "A", "value": "__INGRAFT_CONTAINER__"}]), Why::Unusable),
        ("env", json!([{"name": "not a name=", "value": "b"}]), Why::Unusable),
        ("resource", json!({"addK8sUIDAttributes": true}), Why::UniqueIds),
        ("resource", json!({"resourceAttributes": {"a": "b", "k8s.job.name": "x"}}), Why::Attributes),
        ("initContainerSecurityContext", json!({"runAsUser": 1}), Why::SecurityContext),
        (
            "python",
            json!({"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"]}}}),
            Why::VolumeClaim,
        ),
        ("python", json!({"resourceRequirements": {"limits": {"example.com/gpu": "1"}}}), Why::Resources),
        ("exporter", json!({"endpoint": "http://collector:4317"}), Why::ShortEndpoint),
    ] {
        let mut spec = page();
        spec[field] = value;
        let (plan, findings) = compiled(&[("a", spec.clone())]);
        let expected = StandbyFinding::NotPlanned { language: Language::Python, why: expected };
        assert!(
            findings.iter().any(|finding| finding.reason == expected.clone().into()),
            "{spec}: {findings:?}"
        );
        assert!(!plan.instrumentations.get("shop/a").is_some_and(|it| it.contains_key("python")), "{spec}");
        let text = serde_json::to_string(&plan).unwrap();
        assert!(!text.contains("secret"), "{text}");
    }
}

#[test]
fn what_holds_the_operator_back_holds_the_plan_back() {
    let mut settings = Settings::default();
    settings.set_enabled(Language::Java, false);
    let mut snapshot = snapshot(&[("a", page())]);
    let (plan, _) = compile(&snapshot, &settings, "");
    assert!(!plan.instrumentations["shop/a"].contains_key("java"));
    settings.mode = Mode::Observe;
    assert!(compile(&snapshot, &settings, "").0.instrumentations.is_empty());

    let workload =
        WorkloadRef { kind: Some(OwnerKind::Deployment), namespace: "shop".into(), name: "web".into() };
    let mut over = Guard { control: "t@7".into(), template: Some("t".into()), ..Guard::default() };
    snapshot.guards.insert(WorkloadRef { name: "api".into(), ..workload.clone() }, over.clone());
    over.goes_on = true;
    snapshot.guards.insert(WorkloadRef { name: "tried".into(), ..workload.clone() }, over);
    let guard = Guard { blocked: "hash=loader".into(), ..Guard::default() };
    snapshot.guards.insert(workload, guard);
    let sets = |name: &str| ImageFacts { sets: [name.to_owned()].into(), ..ImageFacts::default() };
    snapshot.facts.learn("shop", "app:1", "id", "amd64", sets("NODE_OPTIONS"));
    snapshot.facts.learn("shop", "app:2", "id", "amd64", sets("PATH"));
    // A name that stands for another image now may still stand for this one elsewhere.
    snapshot.facts.learn("shop", "moved:1", "id", "amd64", sets("PYTHONPATH"));
    snapshot.facts.learn("shop", "moved:1", "another", "amd64", sets("PATH"));
    // Only what runs there is loaded, and only the agents of Python and .NET have native code.
    let on_alpine = |agent, name: &str| ImageFacts {
        runtimes: [(agent, None)].into(),
        libc: Some(Libc::Musl),
        stood_down: [(Agent::Java, StandDown::Absent)].into(),
        ..sets(name)
    };
    snapshot.facts.learn("shop", "node:1", "id", "amd64", on_alpine(Agent::Nodejs, "JAVA_TOOL_OPTIONS"));
    snapshot.facts.learn("shop", "python:1", "id", "amd64", on_alpine(Agent::Python, "PATH"));
    let (plan, _) = compile(&snapshot, &Settings::default(), "");
    assert_eq!(
        (plan.skipped_workloads, plan.skipped_images),
        (
            vec!["shop/Deployment/tried".to_owned(), "shop/Deployment/web".to_owned()],
            ["shop/app", "shop/moved", "shop/python"].map(str::to_owned).to_vec()
        )
    );
}

#[test]
fn what_is_too_large_for_a_plan_is_left_out_where_most_is() {
    let specs: Vec<(String, Value)> = (0..900)
        .map(|number| {
            (format!("i{number}"), json!({"exporter": {"endpoint": format!("http://c.o-{number}:4318")}}))
        })
        .collect();
    let specs: Vec<(&str, Value)> = specs.iter().map(|(name, spec)| (name.as_str(), spec.clone())).collect();
    let mut snapshot = snapshot(&specs);
    let small = json!({"metadata": {"name": "a", "namespace": "small"}, "spec": page()});
    snapshot.instrumentations.insert("small".into(), "a".into(), serde_json::from_value(small).unwrap());
    let (plan, findings) = compile(&snapshot, &Settings::default(), "");
    assert_eq!(plan.instrumentations.keys().collect::<Vec<_>>(), ["small/a"]);
    assert_eq!((plan.agents.len(), plan.telemetry.len()), (7, 1));
    assert_eq!(plan.sole.keys().collect::<Vec<_>>(), ["small"]);
    assert!(findings.len() == 900 && findings.iter().all(|finding| finding.code() == "PlanTooLarge"));
    // As many as any cluster has by far.
    let (plan, findings) = compiled(&specs[..200]);
    assert_eq!((plan.instrumentations.len(), findings.len()), (200, 0));
}

#[test]
fn a_trial_pod_has_all_that_is_planned() {
    let (plan, _) = compiled(&[("a", page())]);
    let pod = trial_pod(&plan, parts(&plan), "trial");
    let count = |key: &str| pod["spec"][key].as_array().unwrap().len();
    assert_eq!(count("containers"), plan.agents.len() + plan.telemetry.len());
    assert_eq!(
        count("initContainers"),
        plan.agents.values().map(|agent| agent.init_containers.len()).sum::<usize>()
    );
    let volumes = |plan: &PlanSpec| {
        let of_agents = plan.agents.values().flat_map(|agent| &agent.volumes);
        of_agents.chain(plan.telemetry.values().flat_map(|telemetry| &telemetry.volumes)).count()
    };
    assert_eq!(count("volumes"), volumes(&plan));
    for (container, name) in pod["spec"]["containers"].as_array().unwrap().iter().zip(parts(&plan)) {
        let planned = plan.agents.get(name).map_or(0, |agent| agent.prepended.len() + agent.env.len());
        let planned = planned + plan.telemetry.get(name).map_or(0, |telemetry| telemetry.env.len());
        assert_eq!(container["env"].as_array().unwrap().len(), planned, "{name}");
    }
    assert_eq!(pod["spec"]["initContainers"][0]["command"][0], "cp");
}

#[test]
fn what_the_api_server_refuses_is_left_out_and_what_it_has_not_tried_too() {
    let (plan, _) = compiled(&[("a", page())]);
    let python = plan.instrumentations["shop/a"]["python"].clone();
    for (error, told) in [(None, 0), (Some("unknown field".to_owned()), 1)] {
        let mut plan = plan.clone();
        let findings = leave_out(&mut plan, &BTreeMap::from([(python.agent.clone(), error)]));
        assert_eq!(findings.iter().filter(|finding| finding.code() == "PlanRefused").count(), told);
        assert!(
            !plan.instrumentations["shop/a"].contains_key("python")
                && !plan.agents.contains_key(&python.agent)
        );
        assert_eq!(plan.instrumentations["shop/a"].len(), 6);
    }
}

#[test]
fn probes_play_no_part() {
    let mut settings = Settings::default();
    settings.env_probe = EnvProbe::Always;
    settings.probe_image = "ingraft:1".to_owned();
    let snapshot = snapshot(&[("a", page())]);
    assert_eq!(compile(&snapshot, &settings, ""), compile(&snapshot, &Settings::default(), ""));
}

//! What pods show of their images, and what follows for the next ones.

use super::*;

/// Standby leaves images alone that set variables of ours: what injection itself puts into the list must not count.
#[test]
fn what_injection_adds_is_not_what_the_image_sets() {
    let mut snapshot = snapshot("v1.35.4");
    let spec =
        json!({"env": [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://$(OTEL_NODE_IP):4318"}]});
    let object = json!({"metadata": {"name": "base", "namespace": "shop"}, "spec": spec});
    let instrumentation = serde_json::from_value(object).unwrap();
    snapshot.instrumentations.insert("shop".into(), "base".into(), instrumentation);
    for language in ["java", "nodejs", "python", "dotnet", "sdk"] {
        let annotations = json!({format!("instrumentation.opentelemetry.io/inject-{language}"): "true"});
        let container = json!({"name": "app", "image": IMAGE, "command": ["/app"]});
        let pod = json!({"metadata": {"annotations": annotations}, "spec": {"containers": [container]}});
        let (mut pod, _) = injected(&pod, &snapshot);
        let said = json!({"terminated": {"message": "{\"sets\":[],\"arch\":\"amd64\"}"}});
        let status = json!({"name": "ingraft-probe-0", "imageID": "sha256:a", "state": said});
        pod["status"] = json!({"initContainerStatuses": [status]});
        let reports = crate::probe_report::reports(&pod, "example.com/ingraft:1");
        let [report] = reports.try_into().unwrap();
        let facts = report.said.unwrap().facts;
        assert!(facts.may_set("OTEL_NODE_IP"), "{language}: the list hides it");
        let mut knowing = snapshot.clone();
        knowing.facts.learn("shop", IMAGE, "sha256:a", "amd64", facts);
        let (plan, _) = crate::standby::compile(&knowing, &Settings::default(), "");
        assert!(plan.skipped_images.is_empty(), "{language}: {:?}", plan.skipped_images);
    }
}

/// Each pod shows at least what its image sets.
#[test]
fn what_all_pods_have_in_common_is_the_images() {
    let architectures = ["amd64"].into();
    let mut facts = Facts::default();
    let mut learn = |sets: &[&str], cut| {
        let sets = sets.iter().map(|&name| name.to_owned()).collect();
        let pod = ImageFacts { sets, cut, ..ImageFacts::default() };
        facts.learn("shop", IMAGE, "sha256:a", "amd64", pod);
        let known = facts.of("shop", IMAGE, &architectures).unwrap();
        ["A", "B", "C"].map(|name| known.may_set(name))
    };
    assert_eq!(learn(&["A"], true), [true, true, true]);
    assert_eq!(learn(&["A", "B"], false), [true, true, false]);
    assert_eq!(learn(&["A", "C"], false), [true, false, false]);
    assert_eq!(learn(&[], true), [true, false, false]);
    assert_eq!(learn(&[], false), [false, false, false]);
}

/// Nor what one of them hides.
#[test]
fn what_a_pod_hides_another_shows() {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let mut facts = Facts::default();
    let mut learn = |sets: &[&str], hidden: &[&str]| {
        let pod = ImageFacts { sets: names(sets), hidden: names(hidden), ..ImageFacts::default() };
        facts.learn("shop", IMAGE, "sha256:a", "amd64", pod);
        let known = facts.of("shop", IMAGE, &["amd64"].into()).unwrap();
        (Vec::from_iter(known.sets), Vec::from_iter(known.hidden))
    };
    learn(&["A"], &["B", "C", "D"]);
    let some = |names: &[&str]| -> Vec<String> { names.iter().map(|&name| name.to_owned()).collect() };
    assert_eq!(learn(&["B"], &["A", "C"]), (some(&["A", "B"]), some(&["C"])));
    assert_eq!(learn(&[], &["A"]), (some(&["A"]), some(&[])));
}

/// A literal in the pod's own list hides what the image sets, so its start shows nothing more.
#[test]
fn a_known_image_needs_no_probe_where_the_list_decides() {
    let mut snapshot = snapshot("v1.35.4");
    let hidden = ["OTEL_RESOURCE_ATTRIBUTES".to_owned()].into();
    let facts = ImageFacts { hidden, ..ImageFacts::default() };
    snapshot.facts.learn("shop", IMAGE, "sha256:a", "amd64", facts);
    let attributes = json!([{"name": "OTEL_RESOURCE_ATTRIBUTES", "value": "deployment.environment=prod"}]);
    let (after, _) = injected(&pod(&attributes), &snapshot);
    assert_eq!(init_containers(&after), ["opentelemetry-auto-instrumentation-java"]);
    let (after, _) = injected(&pod(&json!([])), &snapshot);
    assert!(init_containers(&after).contains(&"ingraft-probe-0"), "the image may set it");
}

/// A pod of a known image that has an agent of others is looked at again: it may have been in the other pod only.
#[test]
fn an_agent_of_others_in_the_image_keeps_the_probe() {
    let mut snapshot = snapshot("v1.35.4");
    let stood_down = [(Agent::Java, StandDown::OtherAgent)].into();
    let facts = ImageFacts { agents: vec!["datadog".to_owned()], stood_down, ..ImageFacts::default() };
    snapshot.facts.learn("shop", IMAGE, "sha256:a", "amd64", facts);
    let (with_probe, codes) = injected(&pod(&json!([])), &snapshot);
    assert_eq!(codes, ["Injected"]);
    assert!(init_containers(&with_probe).contains(&"ingraft-probe-0"));
    let mut job = pod(&json!([]));
    job["spec"]["restartPolicy"] = "Never".into();
    let (after, codes) = injected(&job, &snapshot);
    assert_eq!((after, codes), (job, vec!["AgentStoodDown"]));
}

#[test]
fn a_tag_that_moves_leaves_no_facts() {
    let mut facts = Facts::default();
    let architectures = ["amd64"].into();
    assert!(facts.learn("shop", IMAGE, "sha256:a", "amd64", ImageFacts::default()));
    assert!(facts.of("shop", IMAGE, &architectures).is_some());
    assert!(facts.of("other", IMAGE, &architectures).is_none());
    assert!(facts.learn("shop", IMAGE, "sha256:b", "amd64", ImageFacts::default()));
    assert!(facts.of("shop", IMAGE, &architectures).is_none());
}

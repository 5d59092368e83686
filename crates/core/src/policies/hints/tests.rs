use std::collections::BTreeSet;

use super::*;
use crate::inject::annotations::known_keys;
use crate::policies::cel::near;

fn all() -> Vec<Hint> {
    workload::hints().into_iter().chain(instrumentation::hints()).collect()
}

#[test]
fn at_least_fifteen_findings_of_the_catalogue_have_hints() {
    let codes: BTreeSet<_> = all().iter().map(|hint| hint.reason.code()).collect();
    let known: BTreeSet<_> =
        Reason::FAMILIES.iter().flat_map(|(_, codes)| codes.iter().map(|code| code.name)).collect();
    assert!(codes.is_subset(&known) && codes.len() >= 15, "{codes:?}");
}

#[test]
fn they_speak_only_when_nobody_is_reached_unless_on_trial() {
    let conditions = |document: &Value| {
        let conditions = document["spec"]["matchConditions"].as_array().unwrap().iter();
        conditions.map(|condition| condition["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (trial, installed) = (hints(None), hints(Some("observability")));
    for (trial, installed) in trial.chunks(2).zip(installed.chunks(2)) {
        let [policy, binding] = installed else { unreachable!() };
        assert_eq!(policy["spec"]["failurePolicy"], "Ignore");
        assert_eq!(binding["spec"]["validationActions"], json!(["Warn"]));
        assert_eq!(conditions(policy)[0], "no-replica-is-reached");
        assert_eq!(conditions(policy)[1..], conditions(&trial[0]));
        let parameter = json!({"name": "ingraft-operator", "namespace": "observability", "parameterNotFoundAction": "Allow"});
        assert_eq!(binding["spec"]["paramRef"], parameter);
        assert!(trial[1]["spec"].get("paramRef").is_none() && trial[0]["spec"].get("paramKind").is_none());
    }
}

#[test]
fn expressions_are_one_line_and_every_value_has_its_place() {
    for hint in all() {
        let validation = hint.validation().to_string();
        assert!(!validation.contains("\\n\"") && !validation.contains("\\u0002"), "{validation}");
    }
}

#[test]
fn every_key_is_near_what_is_almost_it() {
    let longest = known_keys().map(str::len).max().unwrap();
    let places = near("meant", "written", 2);
    assert!(places.contains(&format!(", {longest},")), "{longest}: {places}");
}

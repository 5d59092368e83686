use super::*;

const OURS: &str = "/agent";

fn merged(entries: &Value) -> Result<Value, NotMergeable> {
    let entries = entries.as_array().unwrap().clone();
    let mut env = Env::new(&entries);
    let join = Join::Around {
        prefix: format!("{OURS}:"),
        suffix: String::new(),
        alone: OURS.to_owned(),
        mark: OURS.into(),
    };
    env.merge("X", join)?;
    Ok(env.into_changed().unwrap_or_else(|| Value::Array(entries.clone())))
}

#[test]
fn joins_a_value_in_place_and_keeps_unknown_fields() {
    let entries = json!([{"name": "A", "value": "1"}, {"name": "X", "value": "old", "new": 1}, {"name": "B", "value": "$(X)"}]);
    let expected = json!([{"name": "A", "value": "1"}, {"name": "X", "value": "/agent:old", "new": 1}, {"name": "B", "value": "$(X)"}]);
    assert_eq!(merged(&entries).unwrap(), expected);
}

#[test]
fn edits_the_entry_that_the_kubelet_uses_when_a_name_stands_twice() {
    let entries = json!([{"name": "X", "value": "a"}, {"name": "X", "value": "$(X) b"}]);
    assert_eq!(merged(&entries).unwrap()[1]["value"], "/agent:$(X) b");
}

#[test]
fn renames_a_required_source_and_refers_to_it() {
    let source = json!({"secretKeyRef": {"name": "s", "key": "k"}});
    let entries = json!([{"name": "X", "valueFrom": source}, {"name": "B", "value": "1"}]);
    let expected = json!([
        {"name": "OTEL_ORIG_X", "valueFrom": source},
        {"name": "X", "value": "/agent:$(OTEL_ORIG_X)"},
        {"name": "B", "value": "1"},
    ]);
    assert_eq!(merged(&entries).unwrap(), expected);
    assert_eq!(merged(&expected).unwrap(), expected);
}

#[test]
fn refuses_a_source_that_may_be_absent() {
    for source in
        [json!({"configMapKeyRef": {"name": "c", "key": "k", "optional": true}}), json!({"somethingNew": {}})]
    {
        assert_eq!(merged(&json!([{"name": "X", "valueFrom": source}])), Err(NotMergeable));
    }
}

#[test]
fn adds_only_what_is_not_set_even_if_it_is_empty() {
    let entries = [json!({"name": "A", "value": ""}), json!({"name": "B"}), json!(null), json!("x")];
    let mut env = Env::new(&entries);
    env.set_default("A", "1");
    env.set_default("B", "1");
    env.set_first_field("A", "status.podIP");
    assert!(env.into_changed().is_none());
}

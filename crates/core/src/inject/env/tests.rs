use super::*;
use crate::environment::Presence;

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

fn settled(own: &[Value], given: &[Value]) -> (Vec<Value>, Vec<(String, String)>) {
    let mut env = Env::new(own);
    env.set_defaults(given);
    let left_out = env.settle(|name| if name == "FROM" { Presence::Yes } else { Presence::No });
    let pair = |left_out: LeftOut| (left_out.variable, left_out.reference);
    (env.entries(), left_out.into_iter().map(pair).collect())
}

fn names(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["name"].as_str().unwrap()).collect()
}

#[test]
fn what_is_added_follows_what_it_refers_to() {
    let own = [json!({"name": "OWN", "value": "$(B)"})];
    let given = json!([
        {"name": "A", "value": "$(B) $(C) $(OWN) $(NOBODY)"},
        {"name": "D", "value": "$$(E)"},
        {"name": "B", "value": "$(C)"},
        {"name": "E", "value": "e"},
        {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
    ]);
    let (entries, left_out) = settled(&own, given.as_array().unwrap());
    assert_eq!(names(&entries), ["OWN", "D", "E", "C", "B", "A"]);
    assert_eq!(entries[5]["value"], "$(B) $(C) $(OWN) $(NOBODY)");
    assert_eq!(left_out, []);
}

#[test]
fn a_reference_that_finds_nothing_is_left_out() {
    for (value, expected) in [
        ("$(X) -Dx=y", " -Dx=y"),
        ("$(X):/mine", "/mine"),
        ("/a:$(X):/b", "/a:/b"),
        ("/a:$(X)", "/a"),
        ("$(X),$(X),k=$$(X)", "k=$$(X)"),
        ("$(X)", ""),
    ] {
        let (entries, left_out) = settled(&[], &[json!({"name": "X", "value": value})]);
        assert_eq!(entries[0]["value"], expected, "{value}");
        assert_eq!(left_out, [("X".to_owned(), "X".to_owned())]);
    }
    let own = [json!({"name": "OWN", "value": "$(OWN) $(X)"})];
    let given = json!([{"name": "X", "value": "$(OWN)"}, {"name": "FROM", "value": "$(FROM) x"}]);
    let (entries, left_out) = settled(&own, given.as_array().unwrap());
    assert_eq!(entries[0], own[0], "what the container has stays as it is");
    assert_eq!(entries[2]["value"], "$(FROM) x", "envFrom sets it");
    assert_eq!(left_out, []);
}

#[test]
fn a_circle_keeps_its_order() {
    let given = json!([
        {"name": "A", "value": "a$(B)$(D)"},
        {"name": "B", "value": "b$(A)"},
        {"name": "C", "value": "$(A)"},
        {"name": "D", "value": "d"},
        {"name": "LAST", "value": ""},
    ]);
    let (entries, left_out) = settled(&[], given.as_array().unwrap());
    assert_eq!(names(&entries), ["A", "B", "C", "D", "LAST"]);
    assert_eq!(entries[0]["value"], "a");
    assert_eq!(entries[2]["value"], "$(A)");
    assert_eq!(left_out, ["B", "D"].map(|reference| ("A".to_owned(), reference.to_owned())));
}

#[test]
fn a_value_that_extends_itself_extends_what_the_image_sets() {
    let mut env = Env::new(&[]).with_probe(true);
    env.set_defaults(&[json!({"name": "JAVA_TOOL_OPTIONS", "value": "$(JAVA_TOOL_OPTIONS) -Dx=y"})]);
    env.merge("JAVA_TOOL_OPTIONS", Join::appended("", " -javaagent:/a.jar", "/a.jar")).unwrap();
    env.settle(|_| Presence::No);
    assert_eq!(env.entries()[0]["value"], " -Dx=y -javaagent:/a.jar");
    let [added] = env.added() else { panic!("one variable: {:?}", env.added()) };
    assert!(matches!(added.standing, Standing::New));
    assert_eq!(added.join.merge(Some("-Xmx1g")).unwrap(), "-Xmx1g -Dx=y -javaagent:/a.jar");
    assert_eq!(added.join.merge(None).unwrap(), " -Dx=y -javaagent:/a.jar");
}

/// What `envFrom` may set is not hidden by an Instrumentation that only extends it.
#[test]
fn an_instrumentation_that_extends_what_may_be_set_yields_to_it() {
    let extends = [json!({"name": "JAVA_OPTS", "value": "$(JAVA_OPTS) -Dx=y"})];
    let settled = |presence: Presence| {
        let mut env = Env::new(&[]);
        env.set_defaults(&extends);
        let left_out = env.settle(|_| presence).len();
        (
            left_out,
            env.differs_from(&Env::new(&[])),
            env.entries().first().map(|entry| entry["value"].clone()),
        )
    };
    assert_eq!(settled(Presence::Yes), (0, true, Some("$(JAVA_OPTS) -Dx=y".into())));
    assert_eq!(settled(Presence::Maybe), (1, false, None));
    assert_eq!(settled(Presence::No).2, Some(" -Dx=y".into()));
}

/// What is added and taken back again leaves no trace, whatever was moved in between.
#[test]
fn what_is_taken_back_changes_nothing() {
    let original = [json!({"name": "FIRST", "value": "1"}), json!({"name": "LAST", "value": "2"})];
    let mut env = Env::new(&original);
    env.set_defaults(&[json!({"name": "A", "value": "$(A)"})]);
    env.move_last("LAST");
    env.settle(|_| Presence::Maybe);
    assert_eq!(env.into_changed(), None);
}

use ingraft_core::Edit;
use serde_json::json;

use super::{set, without};
use crate::{Reason, apply};

#[test]
fn what_would_change_elsewhere_is_refused_with_its_place() {
    let cases = [
        ("a: &x {b: 1}\nc: *x\n", "/c/d", Reason::Alias, "/c"),
        ("a: &x {b: 1}\nc: *x\n", "/a/d", Reason::Anchor, "/a"),
        ("a: &x\n  b:\n    c: 1\nd: *x\n", "/a/b/d", Reason::Anchor, "/a"),
        ("a: &x {b: {c: 1}}\nd:\n  <<: *x\n", "/d/b/c", Reason::Merge, "/d"),
        ("x: [a: 1]\n", "/x/0/b", Reason::Pair, "/x/0"),
        ("a: 1\n", "", Reason::Document, ""),
    ];
    for (text, pointer, reason, place) in cases {
        assert_eq!(set(text, &[(pointer, json!(2))]), Err(reason.of(place)), "{text}");
    }
    assert_eq!(
        without("a: &x 1\nb: *x\n", "/a"),
        Err(Reason::Different.of("")),
        "the alias would lead nowhere"
    );
}

#[test]
fn a_value_that_the_text_does_not_say_is_refused() {
    let value = json!({"a": 1, "b": 2});
    let refused = apply("a: 1\n", &value, &[Edit::add("/a", 3)]);
    assert_eq!(refused, Err(Reason::Different.of("")));
    assert_eq!(apply("a: [\n", &value, &[Edit::add("/a", 3)]), Err(Reason::Unreadable.of("")));
}

#[test]
fn a_number_that_is_written_otherwise_is_not_put_in_quotes() {
    assert_eq!(set("a: 511 # b\n", &[("/a", json!("511"))]).as_deref(), Ok("a: \"511\" # b\n"));
    let words = [("a: no\n", "false"), ("a: ON\n", "true"), ("a: True\n", "true"), ("a: +49\n", "49")];
    for (text, read) in
        [("a: 0777\n", "511"), ("a: 0x10\n", "16"), ("a: 1.50\n", "1.5")].into_iter().chain(words)
    {
        assert_eq!(set(text, &[("/a", json!(read))]), Err(Reason::Number.of("/a")), "{text}");
        assert!(set(text, &[("/a", json!("other"))]).is_ok(), "{text}");
    }
}

#[test]
fn yes_is_true_where_injection_is_requested() {
    let text = "annotations:\n  x.io/inject-python: yes # b\n  x.io/names: n\n";
    let quoted = text.replace("yes", "\"true\"");
    assert_eq!(set(text, &[("/annotations/x.io~1inject-python", json!("true"))]), Ok(quoted));
    let names = "/annotations/x.io~1names";
    assert_eq!(set(text, &[(names, json!("false"))]), Err(Reason::Number.of(names)));
}

#[test]
fn nothing_to_change_is_no_change() {
    assert_eq!(set("a: [\n  1 ]", &[]).as_deref(), Ok("a: [\n  1 ]"));
}

use ingraft_core::Edit;
use serde_json::json;

use super::without;
use crate::{Reason, Refused, apply, read};

#[test]
fn what_is_removed_takes_its_lines_with_it() {
    let cases = [
        ("a: 1\nb: 2 # two\n# c\nc: 3\n", "/b", "a: 1\n# c\nc: 3\n"),
        ("a: 1\nb:\n  x: |\n    y\n\nc: 3\n", "/b", "a: 1\n\nc: 3\n"),
        ("a: 1\nb: 2", "/b", "a: 1"),
        ("a: 1\r\nb: 2", "/b", "a: 1"),
        ("- a: 1\n  b: 2\n", "/0/a", "- b: 2\n"),
        ("-   a: 1 \n\n    b: 2\n", "/0/a", "-   b: 2\n"),
        ("l:\n- a\n- b # c\n- d\n", "/l/1", "l:\n- a\n- d\n"),
        ("l:\n- - a\n  - b\n", "/l/0/0", "l:\n- - b\n"),
        ("a:\n  b: 1 # c\n# d\ne: 1\n", "/a/b", "a: {}\n# d\ne: 1\n"),
        ("a: # c\n- b\n", "/a/0", "a: [] # c\n"),
        ("? a\n: b\n? c\n: d\n", "/a", "? c\n: d\n"),
        ("{a: 1, b: 2, c: 3}\n", "/a", "{b: 2, c: 3}\n"),
        ("{a: 1, b: 2, c: 3}\n", "/b", "{a: 1, c: 3}\n"),
        ("{a: 1, b: 2, c: 3,}\n", "/c", "{a: 1, b: 2,}\n"),
        ("x: {a: 1}\n", "/x/a", "x: {}\n"),
        ("[1, 2]\n", "/1", "[1]\n"),
        ("[\n  1, # one\n  2\n]\n", "/1", ""),
        ("{\n  \"a\": 1,\n  \"b\": 2\n}\n", "/b", "{\n  \"a\": 1\n}\n"),
        ("{\n  \"a\": 1,\n  \"b\": 2\n}\n", "/a", "{\n  \"b\": 2\n}\n"),
    ];
    for (text, pointer, expected) in cases {
        let expected =
            if expected.is_empty() { Err(Reason::Comment.of("")) } else { Ok(expected.to_owned()) };
        assert_eq!(without(text, pointer), expected, "{text}");
    }
}

#[test]
fn a_comment_between_is_no_reason_to_lose_it() {
    let refused = without("- a: 1 # one\n  b: 2\n", "/0/a");
    assert_eq!(refused, Err(Refused { pointer: "/0".to_owned(), reason: Reason::Comment }));
}

#[test]
fn comments_within_what_is_removed_stay() {
    let cases = [
        ("env:\n- name: A\n  # inner\n  value: a\n- name: B\n", "/env/0", "env:\n# inner\n- name: B\n"),
        ("a: |\n  text\nb:\n  # c\n  x: 1\n", "/b", "a: |\n  text\n# c\n"),
        ("a:\n  b:\n      # c\n      x: |\n        # no comment\n", "/a/b", "a: {}\n  # c\n"),
        ("a:\n  b: 1\n  # c\n  d: 2", "/a", "{}"),
        ("- a:\n    # c\n    b: 1\n  d: 2\n", "/0/a", ""),
        ("{\n  a: {\n    # c\n    b: 1\n  },\n  d: 2\n}\n", "/a", ""),
    ];
    for (text, pointer, expected) in cases {
        let refused = |reason: Reason| Err(reason.of(""));
        let expected = match expected {
            "" => refused(Reason::Comment),
            "{}" => refused(Reason::Document),
            expected => Ok(expected.to_owned()),
        };
        assert_eq!(without(text, pointer), expected, "{text}");
        let windows = text.replace('\n', "\r\n");
        assert_eq!(without(&windows, pointer), expected.map(|text| text.replace('\n', "\r\n")), "{text}");
    }
}

#[test]
fn a_comment_goes_with_what_moves() {
    let text = "a:\n  key: 'x'   # why\n  other: y # stays\nb:\n  other: y\n";
    let edits = [Edit::remove("/a/key"), Edit::add("/b/c", json!({"key": "x"}))];
    let expected = "a:\n  other: y # stays\nb:\n  other: y\n  c:\n    key: x   # why\n";
    assert_eq!(apply(text, &read(text).unwrap(), &edits).as_deref(), Ok(expected));
    let text = "a:
  # head

  # why
  #  and where from
  key: x
  other: y
b:
  c: 1
";
    let edits = [Edit::remove("/a/key"), Edit::add("/b/key", "x")];
    let expected = "a:
  # head

  other: y
b:
  c: 1
  # why
  #  and where from
  key: x
";
    assert_eq!(apply(text, &read(text).unwrap(), &edits).as_deref(), Ok(expected));
    let alone = "a:\n  b:\n    # why\n    key: x\n  c: 1\n";
    let edits = [Edit::remove("/a/b"), Edit::add("/d", json!({"key": "x"}))];
    let expected = "a:\n  c: 1\nd:\n  # why\n  key: x\n";
    assert_eq!(apply(alone, &read(alone).unwrap(), &edits).as_deref(), Ok(expected));
    // There is no room for it beside the `-`.
    let edits = [Edit::remove("/a/b"), Edit::add("/d", json!([{"key": "x"}]))];
    let expected = "a:\n  # why\n  c: 1\nd:\n- key: x\n";
    assert_eq!(apply(alone, &read(alone).unwrap(), &edits).as_deref(), Ok(expected));
    let text = "a:\n  key: 'x'   # why\n  other: y # stays\nb:\n  other: y\n";
    let copied = [Edit::add("/b/key", "x")];
    let expected = "a:\n  key: 'x'   # why\n  other: y # stays\nb:\n  other: y\n  key: x\n";
    assert_eq!(apply(text, &read(text).unwrap(), &copied).as_deref(), Ok(expected), "it is there still");
}

#[test]
fn of_two_that_say_the_same_each_comment_goes_with_its_own() {
    let item = |head: &str, tail: &str| format!("- a: 1\n{head}  b:\n    c: 2\n{tail}");
    let own = |why: &str| format!("  # above {why}\n  key: x # beside {why}\n");
    let moved = |why: &str| format!("    # above {why}\n    key: x # beside {why}\n");
    let text = [item(&own("A"), ""), item(&own("B"), "")].concat();
    let expected = [item("", &moved("A")), item("", &moved("B"))].concat();
    let edits = [0, 1]
        .map(|index| [Edit::remove(format!("/{index}/key")), Edit::add(format!("/{index}/b/key"), "x")]);
    assert_eq!(apply(&text, &read(&text).unwrap(), edits.as_flattened()), Ok(expected));
}

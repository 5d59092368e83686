use ingraft_core::Edit;
use serde_json::{Value, json};

use super::check;
use crate::{apply, read};

#[test]
fn a_new_key_comes_after_the_last_one_and_before_comments_about_what_follows() {
    let annotation = json!("yes");
    check(&[
        ("a: 1\n", &[("/b", json!(2))], "a: 1\nb: 2\n"),
        (
            "# head\nmetadata:\n  annotations: # why\n    a: b # c\n\n  # about labels\n  labels:\n    x: y\n",
            &[("/metadata/annotations/example.com~1b~0c", annotation.clone())],
            "# head\nmetadata:\n  annotations: # why\n    a: b # c\n    example.com/b~c: \"yes\"\n\n  # about labels\n  labels:\n    x: y\n",
        ),
        (
            "a:\n    b:\n        c: é # ü\n# end\n",
            &[("/a/b/d", json!(1)), ("/a/e", json!(2))],
            "a:\n    b:\n        c: é # ü\n        d: 1\n    e: 2\n# end\n",
        ),
        ("é: {ü: 1} # ö\n\"b\": 'c'\n", &[("/ä", json!("é"))], "é: {ü: 1} # ö\n\"b\": 'c'\nä: é\n"),
        (
            "l:\n- e:\n    - a\n    # - b\n      # c\n    # d\n\n    # e\n- f\n",
            &[("/l/0/x", json!(1)), ("/l/0/e/-", json!("z"))],
            "l:\n- e:\n    - a\n    - z\n    # - b\n      # c\n    # d\n  x: 1\n\n    # e\n- f\n",
        ),
        ("a: 1\n...\n", &[("/b", json!(2))], "a: 1\nb: 2\n...\n"),
        ("%YAML 1.2\n---\na: 1\n# end\n", &[("/b", json!(2))], "%YAML 1.2\n---\na: 1\nb: 2\n# end\n"),
        (
            "? a\n: b\n? c\n: - d\n",
            &[("/e", json!(1)), ("/c/-", json!("f"))],
            "? a\n: b\n? c\n: - d\n  - f\ne: 1\n",
        ),
        (
            "- name: a\n  b: c\n-   name: d\n    e: f\n",
            &[("/0/x", json!(1)), ("/1/x", json!(2))],
            "- name: a\n  b: c\n  x: 1\n-   name: d\n    e: f\n    x: 2\n",
        ),
        ("\u{feff}a: 1\n", &[("/b", json!(2))], "\u{feff}a: 1\nb: 2\n"),
        ("a: 1\t# tab\nb:\t2\n", &[("/c", json!(3))], "a: 1\t# tab\nb:\t2\nc: 3\n"),
    ]);
}

#[test]
fn a_new_key_comes_after_texts_of_several_lines() {
    check(&[
        (
            "a:\n  b: |\n    x\n\n    y\n\n# end\nc: 1\n",
            &[("/a/d", json!(2))],
            "a:\n  b: |\n    x\n\n    y\n  d: 2\n\n# end\nc: 1\n",
        ),
        ("a:\n  b: |+\n    x\n\n\nc: 1\n", &[("/a/d", json!(2))], "a:\n  b: |+\n    x\n\n\n  d: 2\nc: 1\n"),
        (
            "a:\n  b: >- # folded\n    x\n    y\nc: 1\n",
            &[("/a/d", json!(2))],
            "a:\n  b: >- # folded\n    x\n    y\n  d: 2\nc: 1\n",
        ),
        ("a:\n  b: x\n    y\nc: 1\n", &[("/a/d", json!(2))], "a:\n  b: x\n    y\n  d: 2\nc: 1\n"),
        (
            "a:\n  b: \"x\n    y\" # z\nc: 1\n",
            &[("/a/d", json!(2))],
            "a:\n  b: \"x\n    y\" # z\n  d: 2\nc: 1\n",
        ),
        ("a:\n  b: |\nc: 1\n", &[("/a/d", json!(2))], "a:\n  b: |\n  d: 2\nc: 1\n"),
        ("a:\n  b:\nc: 1\n", &[("/a/d", json!(2))], "a:\n  b:\n  d: 2\nc: 1\n"),
    ]);
}

#[test]
fn collections_are_written_as_the_document_writes_them() {
    let env = json!([{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]);
    check(&[
        (
            "spec:\n  containers:\n  - name: app\n    image: web # i\n\n  # second\n  - name: b\n",
            &[("/spec/containers/0/env", env.clone())],
            "spec:\n  containers:\n  - name: app\n    image: web # i\n    env:\n    - name: A\n      value: \"1\"\n    - name: B\n      valueFrom:\n        fieldRef:\n          fieldPath: status.podIP\n\n  # second\n  - name: b\n",
        ),
        (
            "spec:\n    containers:\n        - name: app\n",
            &[("/spec/containers/0/env", env), ("/spec/volumes", json!([{"name": "v", "emptyDir": {}}]))],
            "spec:\n    containers:\n        - name: app\n          env:\n              - name: A\n                value: \"1\"\n              - name: B\n                valueFrom:\n                    fieldRef:\n                        fieldPath: status.podIP\n    volumes:\n        - name: v\n          emptyDir: {}\n",
        ),
        (
            "a:\n  b: 1\nc:\n- d\n",
            &[("/a/text", json!("x\n  y\n\n")), ("/c/-", json!("x\ny")), ("/c/-", json!([[1], []]))],
            "a:\n  b: 1\n  text: \"x\\n  y\\n\\n\"\nc:\n- d\n- |-\n  x\n  y\n- - - 1\n  - []\n",
        ),
    ]);
}

#[test]
fn an_item_comes_before_another_one_with_its_comments_or_last() {
    check(&[
        (
            "l:\n- a # 1\n\n# two\n- b\n# end\n",
            &[("/l/1", json!("x"))],
            "l:\n- a # 1\n\n- x\n# two\n- b\n# end\n",
        ),
        (
            "l:\n  # first\n  # of all\n  - name: a\n",
            &[("/l/0", json!({"name": "x", "z": 1}))],
            "l:\n  - name: x\n    z: 1\n  # first\n  # of all\n  - name: a\n",
        ),
        (
            "l: # c\n- a\n- - b\n  - c\n",
            &[("/l/-", json!("d")), ("/l/1/0", json!("x")), ("/l/1/-", json!("z"))],
            "l: # c\n- a\n- - x\n  - b\n  - c\n  - z\n- d\n",
        ),
        ("# head\n- a\n", &[("/0", json!("x")), ("/2", json!("z"))], "- x\n# head\n- a\n- z\n"),
        (
            "l:\n- a: |\n    # text\n- b: 1\n",
            &[("/l/1", json!({"x": 1}))],
            "l:\n- a: |\n    # text\n- x: 1\n- b: 1\n",
        ),
    ]);
}

#[test]
fn values_that_say_nothing_become_collections() {
    let map = json!({"a": "b"});
    let expected = "m:\n  x:\n    a: b\n  y: 1\n";
    check(&[
        ("m:\n  x:\n  y: 1\n", &[("/m/x", map.clone())], expected),
        ("m:\n  x: {}\n  y: 1\n", &[("/m/x/a", json!("b"))], expected),
        ("m:\n  x: null\n  y: 1\n", &[("/m/x", map.clone())], expected),
        ("m:\n  x: ~ # none\n  y: 1\n", &[("/m/x", map.clone())], "m:\n  x: # none\n    a: b\n  y: 1\n"),
        ("m:\n  x: # none\n  y: 1\n", &[("/m/x", map.clone())], "m:\n  x: # none\n    a: b\n  y: 1\n"),
        (
            "m:\n  x:\n    {\n    } # c\n  y: 1\n",
            &[("/m/x", map.clone())],
            "m:\n  x: # c\n    a: b\n  y: 1\n",
        ),
        ("l: [] # c\n", &[("/l/-", json!({"a": 1, "b": 2}))], "l: # c\n- a: 1\n  b: 2\n"),
        (
            "l:\n-\n- # c\n",
            &[("/l", json!([map.clone(), {"a": 1, "b": 2}]))],
            "l:\n- a: b\n- a: 1 # c\n  b: 2\n",
        ),
        (
            "m:\n  x:\n",
            &[("/m/x", map), ("/m/k", json!(1)), ("/z", json!(2))],
            "m:\n  x:\n    a: b\n  k: 1\nz: 2\n",
        ),
        ("x: &a\ny: 1\n", &[("/x", json!({"a": 1}))], "x:\n  a: 1\ny: 1\n"),
    ]);
}

#[test]
fn collections_in_the_place_of_others() {
    check(&[
        ("a: # c\n  b: 1 # d\n# e\nf: 1\n", &[("/a", json!({"x": [1]}))], "a: # c\n  x:\n  - 1\n# e\nf: 1\n"),
        ("a: # c\n  b: 1\nf: 1\n", &[("/a", json!("x"))], "a: x # c\nf: 1\n"),
        ("a:\n- b\n- c\nf: 1\n", &[("/a", json!([]))], "a: []\nf: 1\n"),
        ("a:\n- b: 1\n  c: 2 # d\n- e: 1\n", &[("/a", json!(["x", {"e": 1}]))], "a:\n- x\n- e: 1\n"),
        ("a: |\n  text\nf: 1\n", &[("/a", json!({"x": 1}))], "a:\n  x: 1\nf: 1\n"),
        ("a: \"t\n  u\" # c\nf: 1\n", &[("/a", json!([1]))], "a: # c\n- 1\nf: 1\n"),
    ]);
}

#[test]
fn a_changed_list_keeps_what_stays() {
    check(&[(
        "env:\n# ours\n- name: A # a\n  value: x\n- {name: B, value: 'y'} # b\n",
        &[(
            "/env",
            json!([
                {"name": "M", "value": "0"},
                {"name": "A", "value": "x z"},
                {"name": "B", "value": "y"},
                {"name": "C", "value": "1e3"},
            ]),
        )],
        "env:\n- name: M\n  value: \"0\"\n# ours\n- name: A # a\n  value: x z\n- {name: B, value: 'y'} # b\n- name: C\n  value: \"1e3\"\n",
    )]);
}

#[test]
fn anchors_aliases_and_merge_keys_elsewhere_stay() {
    check(&[
        (
            "a: &x {b: 1}\nc: *x\nd:\n  <<: *x\n  e: 1\n",
            &[("/d/f", json!(2))],
            "a: &x {b: 1}\nc: *x\nd:\n  <<: *x\n  e: 1\n  f: 2\n",
        ),
        ("a: &unused\n  b: 1\n", &[("/a/c", json!(2))], "a: &unused\n  b: 1\n  c: 2\n"),
        (
            "l:\n- &i\n  name: a\n- &j name: b\n",
            &[("/l/0/x", json!(1)), ("/l/1/x", json!(2))],
            "l:\n- &i\n  name: a\n  x: 1\n- &j name: b\n  x: 2\n",
        ),
        (
            "? &k a\n: !!map\n  b: !!str 1\nc: *k\n",
            &[("/a/d", json!(2))],
            "? &k a\n: !!map\n  b: !!str 1\n  d: 2\nc: *k\n",
        ),
    ]);
}

#[test]
fn a_renamed_key_stays_where_it_is() {
    let renamed = |text: &str, from: &str, to: &str, value: Value| {
        let edits = [Edit::remove(from), Edit::add(to, value)];
        apply(text, &read(text).unwrap(), &edits).unwrap()
    };
    for (before, after) in [
        ("a:\n  # why\n  b: x # here\n  c: y\n", "a:\n  # why\n  e: x # here\n  c: y\n"),
        ("a:\n  b: x # the only one\n", "a:\n  e: x # the only one\n"),
        ("a: {b: x, c: y} # z\n", "a: {e: x, c: y} # z\n"),
        ("{\"a\": {\"c\": 1, \"b\": \"x\"}}", "{\"a\": {\"c\": 1, \"e\": \"x\"}}"),
        ("a:\n  'b': &x x\n  c: *x\n  ? d\n  : 1\n", "a:\n  'e': &x x\n  c: *x\n  ? d\n  : 1\n"),
        ("a:\n  ? b\n  : x\n", "a:\n  ? e\n  : x\n"),
    ] {
        assert_eq!(renamed(before, "/a/b", "/a/e", json!("x")), after, "{before}");
    }
    let several = "a:\n  b: x\n  c: x\n";
    let edits = [Edit::remove("/a/b"), Edit::remove("/a/c"), Edit::add("/a/e", json!("x"))];
    assert_eq!(apply(several, &read(several).unwrap(), &edits).unwrap(), "a:\n  e: x\n", "{several}");
}

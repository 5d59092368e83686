use serde_json::{Value, json};

use super::{check, read, set};

#[test]
fn a_new_text_has_the_quotes_of_the_old_one_and_its_comment() {
    check(&[
        ("a: b # c\n", &[("/a", json!("x"))], "a: x # c\n"),
        ("a: b\n", &[("/a", json!("yes"))], "a: \"yes\"\n"),
        ("a: 'b' # c\n", &[("/a", json!("it's"))], "a: 'it''s' # c\n"),
        ("a: 'b'\n", &[("/a", json!("x\ny"))], "a: |-\n  x\n  y\n"),
        ("a: \"b\" # c\n", &[("/a", json!("x\ny\u{2028}"))], "a: \"x\\ny\\u2028\" # c\n"),
        ("a: 1\n", &[("/a", json!(true))], "a: true\n"),
        ("é: ü # ö\n", &[("/é", json!("ä"))], "é: ä # ö\n"),
        ("a: |\n  b\n  c\nd: 1\n", &[("/a", json!("x\n\ny\n"))], "a: |\n  x\n\n  y\nd: 1\n"),
        ("a: |\n  b\n  c\nd: 1\n", &[("/a", json!("x"))], "a: x\nd: 1\n"),
        ("a: b\n  c # d\ne: 1\n", &[("/a", json!("x"))], "a: x # d\ne: 1\n"),
        ("a: \"b\n\n  c\" # d\n", &[("/a", json!("x"))], "a: \"x\" # d\n"),
        ("a: # d\n  b\ne: 1\n", &[("/a", json!("x"))], "a: # d\n  x\ne: 1\n"),
        ("a: b # c\n", &[("/a", json!("x\ny"))], "a: |- # c\n  x\n  y\n"),
        ("- a\n- 'b'\n", &[("", json!(["x", "b"]))], "- x\n- 'b'\n"),
        ("'a': &x b\n", &[("/a", json!("c"))], "'a': c\n"),
        (
            "{\"a\": \"b\", c: 'd', e: f, g: h}\n",
            &[("/a", json!("x")), ("/c", json!("y")), ("/e", json!("z")), ("/g", json!("a, b"))],
            "{\"a\": \"x\", c: 'y', e: z, g: \"a, b\"}\n",
        ),
    ]);
}

#[test]
fn texts_that_some_reader_takes_for_something_else_are_quoted() {
    let look_alikes = [
        "",
        " ",
        "yes",
        "No",
        "on",
        "off",
        "y",
        "N",
        "true",
        "null",
        "~",
        "1",
        "1e3",
        "1E3",
        "0644",
        "0o7",
        "0x1F",
        "0b1",
        "1_000",
        "+1",
        "-1",
        ".5",
        "1.",
        ".inf",
        ".NaN",
        "2026-01-02",
        "2026-01-02T03:04:05Z",
        "1:20",
        "12:30:45.5",
        "@a",
        "`a",
        "- a",
        "-",
        "? a",
        "?",
        ": a",
        ":",
        "a:",
        "a: b",
        "a #b",
        "#a",
        "a ",
        " a",
        "\ta",
        "a\t",
        "!a",
        "&a",
        "*a",
        "%a",
        "|",
        ">",
        "{a",
        "[a",
        "\"a",
        "'a",
        ", a",
        "=",
        "<<",
        "---",
        "...",
        "--- a",
        "{{ .a }}",
        "\u{85}",
        "a\u{2028}b",
        "\u{feff}",
        "a\rb",
    ];
    for text in look_alikes {
        for (before, place) in [
            ("a: b\n", "/c"),
            ("a: b\n", "/a"),
            ("- a\n", "/-"),
            ("{a: b}\n", "/c"),
            ("{a: b}\n", "/a"),
            ("[b]\n", "/-"),
        ] {
            let after = set(before, &[(place, json!(text))]).unwrap();
            let quoted = after.contains('"') || after.contains('\'');
            assert!(quoted, "{text:?} in {after:?}");
        }
        let after =
            set("a: b\n", &[(&*format!("/{}", text.replace('~', "~0").replace('/', "~1")), json!(1))])
                .unwrap();
        assert!(after.contains('"') || after.contains('\''), "{text:?} as a key in {after:?}");
    }
}

#[test]
fn texts_of_several_lines_survive_in_every_place() {
    let texts = [
        "a\nb",
        "a\n",
        "a\n\n",
        "\n",
        "\na",
        " a\nb",
        "a \nb",
        "a\n b\n",
        "a\n\n\n b",
        "\ta\nb",
        "a\r\nb\r\n",
        "# a\nb: c\n",
        "a\n  ",
        "- a\n- b\n",
        "a\n---\nb\n",
    ];
    let places = [
        ("a: b\n", "/c"),
        ("a: b # c\n", "/a"),
        ("x:\n- a\n- b\n", "/x/1"),
        ("a: |\n  b\nc: 1\n", "/a"),
        ("a:\n  b: 1\nc: 1\n", "/a"),
        ("{a: b}\n", "/c"),
        ("a:\n  b:\nc: 1\n", "/a/b"),
    ];
    for text in texts {
        for (before, place) in places {
            let after = set(before, &[(place, json!(text))])
                .unwrap_or_else(|error| panic!("{text:?} in {before:?}: {error}"));
            assert!(read(&after).is_some_and(|value| contains(&value, text)), "{after:?}");
        }
    }
}

fn contains(value: &Value, text: &str) -> bool {
    match value {
        Value::Object(entries) => entries.values().any(|value| contains(value, text)),
        Value::Array(items) => items.iter().any(|value| contains(value, text)),
        _ => value == text,
    }
}

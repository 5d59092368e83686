//! Texts of documents in mixed styles, with comments, blank lines and all kinds of scalars.

use proptest::prelude::*;
use serde_json::{Value, json};

/// A value as it will be written.
#[derive(Debug, Clone)]
enum Written {
    /// Lines below a key, or text beside it, without indentation of its own.
    Scalar(&'static str),
    Mapping(Vec<(&'static str, Self)>, Style),
    Sequence(Vec<Self>, Style),
}

#[derive(Debug, Clone, Copy)]
struct Style {
    is_flow: bool,
    is_broken: bool,
    step: usize,
    comment: u8,
}

const SCALARS: &[&str] = &[
    "x",
    "é ü",
    "1",
    "0644",
    "true",
    "",
    "~",
    "null # c",
    "'it''s'",
    "\"a\\n\\u00e9\" # c",
    "a\tb",
    "2026-01-02",
    "\"\"",
    "x # c\u{e9}",
    "!!str 5",
    "{}",
    "[] # c",
];
/// Texts with lines: `@` stands for the indentation.
const LINES: &[&str] = &[
    "|\n@text\n\n@  more",
    ">- # c\n@folded\n@text",
    "|+\n@kept\n\n",
    "|2\n@  led",
    "plain\n@text\n\n@on",
    "\"quoted\n@text\" # c",
    "'a\n\n@b'",
    "|",
];
const KEYS: &[&str] = &["a", "b-c", "'d'", "\"e/f\"", "g~h", "é", "i.j/k", "m n", "\"yes\""];

/// Any value, to be put into a document.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        Just(json!("yes")),
        Just(json!("a\nb\n")),
        Just(json!("")),
        any::<i32>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec(("[a-z~/é]{1,3}", inner), 0..3)
                .prop_map(|entries| entries.into_iter().collect()),
        ]
    })
}

/// The text of a document that is a mapping or a sequence.
pub(crate) fn document() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![3 => prop::sample::select(SCALARS), 1 => prop::sample::select(LINES)];
    let written = leaf.prop_map(Written::Scalar).prop_recursive(4, 20, 4, |inner| collection(inner).boxed());
    (collection(written.boxed()), 0..6).prop_map(|(root, frame)| {
        let mut text = String::new();
        match &root {
            Written::Mapping(_, style) | Written::Sequence(_, style) if style.is_flow => {
                text = flow(&root, 0, false);
            }
            _ => block(&root, 0, &mut text),
        }
        let text = text.trim_start_matches('\n');
        match frame {
            0 => format!("%YAML 1.2\n---\n{text}"),
            1 => format!("\u{feff}# c head\n{text}\n# c end"),
            2 => format!("{text}\n...\n").replace('\n', "\r\n"),
            3 => text.to_owned(),
            4 => format!("# c head\n\n{text}\n").replace('\n', "\r\n"),
            _ => format!("\n{text}\n"),
        }
    })
}

fn collection(inner: BoxedStrategy<Written>) -> impl Strategy<Value = Written> {
    let style = (prop::bool::weighted(0.25), any::<bool>(), prop_oneof![Just(2_usize), Just(4)], 0..8_u8);
    let style =
        style.prop_map(|(is_flow, is_broken, step, comment)| Style { is_flow, is_broken, step, comment });
    let keys = prop::sample::subsequence(KEYS, 1..4);
    (style, any::<bool>(), keys, prop::collection::vec(inner, 4)).prop_map(
        |(style, is_mapping, keys, values)| {
            if is_mapping {
                Written::Mapping(keys.into_iter().zip(values).collect(), style)
            } else {
                Written::Sequence(values.into_iter().take(keys.len()).collect(), style)
            }
        },
    )
}

/// Lines at an indentation. The first one has a line break before it.
fn block(node: &Written, indentation: usize, text: &mut String) {
    let (style, children): (Style, Vec<(String, &Written)>) = match node {
        Written::Mapping(entries, style) => {
            (*style, entries.iter().map(|(key, value)| (format!("{key}:"), value)).collect())
        }
        Written::Sequence(items, style) => {
            (*style, items.iter().map(|item| ("-".to_owned(), item)).collect())
        }
        Written::Scalar(_) => return,
    };
    let space = " ".repeat(indentation);
    for (index, (marker, child)) in children.iter().enumerate() {
        match style.comment {
            1 => text.push_str(&format!("\n{space}# c above {index}")),
            2 => text.push('\n'),
            _ => {}
        }
        text.push_str(&format!("\n{space}{marker}"));
        beside(child, indentation, marker == "-", style, text);
    }
}

/// A value behind its key or dash.
fn beside(child: &Written, indentation: usize, is_item: bool, parent: Style, text: &mut String) {
    let comment = if parent.comment == 3 { " # c beside" } else { "" };
    match child {
        Written::Scalar(scalar) => {
            let lines = scalar.replace('@', &" ".repeat(indentation + 2));
            text.push_str(&format!(" {lines}"));
        }
        Written::Mapping(_, style) | Written::Sequence(_, style) if style.is_flow => {
            text.push_str(&format!(" {}{comment}", flow(child, indentation + 2, true)));
        }
        _ if is_item && parent.is_broken => {
            let mut lines = String::new();
            let uncommented = without_comments(child);
            block(&uncommented, indentation + 2, &mut lines);
            text.push_str(&format!(" {}", lines.trim_start()));
        }
        Written::Sequence(..) if !is_item && parent.is_broken => {
            text.push_str(comment);
            block(child, indentation, text);
        }
        _ => {
            text.push_str(comment);
            block(child, indentation + parent.step, text);
        }
    }
}

/// The first line must not be a comment where it stands beside a dash.
fn without_comments(node: &Written) -> Written {
    let plain = |style: &Style| Style { comment: 0, ..*style };
    match node {
        Written::Mapping(entries, style) => Written::Mapping(entries.clone(), plain(style)),
        Written::Sequence(items, style) => Written::Sequence(items.clone(), plain(style)),
        Written::Scalar(_) => node.clone(),
    }
}

fn flow(node: &Written, indentation: usize, is_inner: bool) -> String {
    let (open, close, style, children): (_, _, _, Vec<String>) = match node {
        Written::Mapping(entries, style) => {
            let entry =
                |(key, value): &(&str, Written)| format!("{key}: {}", flow(value, indentation + 2, true));
            ('{', '}', style, entries.iter().map(entry).collect())
        }
        Written::Sequence(items, style) => {
            ('[', ']', style, items.iter().map(|item| flow(item, indentation + 2, true)).collect())
        }
        Written::Scalar(scalar) if scalar.contains('\n') || scalar.starts_with('|') => {
            return "\"l\\n\"".to_owned();
        }
        Written::Scalar(scalar) => {
            let scalar = scalar.split(" #").next().unwrap_or_default();
            return if scalar.is_empty() { "''".to_owned() } else { scalar.to_owned() };
        }
    };
    if style.is_broken && is_inner == (style.comment < 6) {
        let space = " ".repeat(indentation);
        let comment = if style.comment == 3 { " # c in flow" } else { "" };
        let comma = if style.comment == 4 { "," } else { "" };
        let lines = children.join(&format!(",{comment}\n{space}  "));
        format!("{open}\n{space}  {lines}{comma}{comment}\n{space}{close}")
    } else {
        format!("{open}{}{close}", children.join(", "))
    }
}

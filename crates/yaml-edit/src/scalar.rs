//! Values on one line.

use std::fmt::Write as _;

use granit_parser::ScalarStyle;
use serde_json::Value;

/// A value that needs no more than one line of a block collection, quoted as the text before it was. `None` for
/// collections with content and for texts that are better written as lines.
pub(crate) fn in_block(value: &Value, before: Option<ScalarStyle>) -> Option<String> {
    match (value, before) {
        (Value::String(text), Some(ScalarStyle::DoubleQuoted)) => Some(double_quoted(text)),
        (Value::String(text), Some(ScalarStyle::SingleQuoted)) if is_printable(text) => {
            Some(format!("'{}'", text.replace('\'', "''")))
        }
        // Empty lines at the end would be joined by those that follow.
        (Value::String(text), _) if text.ends_with("\n\n") || text == "\n" => Some(double_quoted(text)),
        (Value::Object(entries), _) if !entries.is_empty() => None,
        (Value::Array(items), _) if !items.is_empty() => None,
        _ => written(value).filter(|text| !text.contains('\n')),
    }
}

/// A value without content in braces or brackets.
pub(crate) fn in_flow(value: &Value, before: Option<ScalarStyle>) -> String {
    match (value, before) {
        (Value::String(text), Some(ScalarStyle::Plain)) if is_word(text) => text.clone(),
        (Value::String(text), before) => {
            let single = before == Some(ScalarStyle::SingleQuoted);
            single.then(|| in_block(value, before)).flatten().unwrap_or_else(|| double_quoted(text))
        }
        _ => written(value).unwrap_or_default(),
    }
}

/// Whether a text means itself without quotes, everywhere and to every reader.
pub(crate) fn is_word(text: &str) -> bool {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "._-/".contains(character);
    text.chars().all(is_plain) && written(&text.into()).as_deref() == Some(text)
}

/// A text in double quotes, as both JSON and YAML have it. What some readers take for a line break is escaped.
pub(crate) fn double_quoted(text: &str) -> String {
    let mut quoted = String::new();
    for character in serde_json::Value::from(text).to_string().chars() {
        match character {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            _ => quoted.push(character),
        }
    }
    quoted
}

fn is_printable(text: &str) -> bool {
    !double_quoted(text).contains("\\u") && !text.contains(char::is_control)
}

/// A key of a block mapping.
pub(crate) fn key(key: &str) -> String {
    in_block(&key.into(), None).unwrap_or_else(|| double_quoted(key))
}

/// A key in the place of another one, quoted as that one was.
pub(crate) fn renamed(key: &str, quote: Option<char>, is_block: bool) -> String {
    let before = match quote {
        Some('"') => ScalarStyle::DoubleQuoted,
        Some(_) => ScalarStyle::SingleQuoted,
        None => ScalarStyle::Plain,
    };
    let text = key.into();
    if is_block {
        in_block(&text, Some(before)).unwrap_or_else(|| double_quoted(key))
    } else {
        in_flow(&text, Some(before))
    }
}

/// What follows the `:` of a value, as lines: a text of several lines is indented by `step`.
pub(crate) fn tail(value: &Value, step: usize) -> String {
    if let Some(text) = in_block(value, None) {
        return format!(" {text}");
    }
    let entry = written_indented(&serde_json::json!({"k": value}), step);
    entry.as_deref().and_then(|entry| entry.strip_prefix("k:")).unwrap_or_default().to_owned()
}

fn written(value: &Value) -> Option<String> {
    written_indented(value, 2)
}

/// As serde-saphyr writes it: what is a number, a date, or yes and no to some reader is quoted.
fn written_indented(value: &Value, step: usize) -> Option<String> {
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX, indent_step: step };
    let text = serde_saphyr::to_string_with_options(value, options).ok()?;
    Some(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}

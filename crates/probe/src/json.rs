//! As much of JSON as is needed: strings out, and one member of an object in.

use alloc::string::String;
use core::fmt::Write;

/// Appends a string with its quotes.
pub(crate) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            _ if character.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

/// The text of a member of the outermost object, escapes and all, if it is a string.
pub(crate) fn text_member<'t>(document: &'t str, name: &str) -> Option<&'t str> {
    let mut depth = 0_u32;
    let mut key = None;
    let mut is_value = false;
    for token in (Tokens { rest: document }) {
        match token {
            Token::Mark('{' | '[') => depth += 1,
            Token::Mark('}' | ']') => depth = depth.saturating_sub(1),
            Token::Mark(':') if depth == 1 => is_value = true,
            Token::Mark(',') if depth == 1 => is_value = false,
            Token::Text(text) if depth == 1 && !is_value => key = Some(text),
            Token::Text(text) if depth == 1 && key == Some(name) => return Some(text),
            _ => {}
        }
    }
    None
}

enum Token<'t> {
    Text(&'t str),
    Mark(char),
}

struct Tokens<'t> {
    rest: &'t str,
}

impl<'t> Iterator for Tokens<'t> {
    type Item = Token<'t>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut rest = self.rest.chars();
        let first = rest.next()?;
        let body = rest.as_str();
        if first != '"' {
            self.rest = body;
            return Some(Token::Mark(first));
        }
        let mut escaped = false;
        let end = body.find(|character| {
            let ends = character == '"' && !escaped;
            escaped = character == '\\' && !escaped;
            ends
        });
        let (text, rest) = body.split_at(end.unwrap_or(body.len()));
        self.rest = rest.strip_prefix('"').unwrap_or(rest);
        Some(Token::Text(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_json_demands() {
        let mut out = String::new();
        push_string(&mut out, "a\"b\\c\nd\u{e9}");
        assert_eq!(out, "\"a\\\"b\\\\c\\u000ad\u{e9}\"");
    }

    #[test]
    fn finds_members_of_the_outermost_object_only() {
        let document =
            r#"{"name": "type", "a": {"type": "inner"}, "b": ["type", "x"], "e": "\"", "type" : "module"}"#;
        assert_eq!(text_member(document, "type"), Some("module"));
        assert_eq!(text_member(document, "inner"), None);
        assert_eq!(text_member(r#"{"type": 1, "x": "module"}"#, "type"), None);
        assert_eq!(text_member(r#"{"type": "mod"#, "type"), Some("mod"));
        assert_eq!(text_member("", "type"), None);
    }
}

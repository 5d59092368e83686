//! What becomes of texts.

mod block;
mod flow;
mod refusals;
mod removal;
mod scalars;

use ingraft_core::Edit;
use serde_json::Value;

use crate::{Refused, apply, read};

/// The text after values have been set at pointers.
fn set(text: &str, values: &[(&str, Value)]) -> Result<String, Refused> {
    let edits: Vec<Edit> = values.iter().map(|(pointer, value)| Edit::add(*pointer, value.clone())).collect();
    apply(text, &read(text).expect("the text is YAML"), &edits)
}

/// The text after a key or item has been removed.
fn without(text: &str, pointer: &str) -> Result<String, Refused> {
    apply(text, &read(text).expect("the text is YAML"), &[Edit::remove(pointer)])
}

/// A text, what is set in it, and what becomes of it.
type Case<'a> = (&'a str, &'a [(&'a str, Value)], &'a str);

fn check(cases: &[Case<'_>]) {
    for (text, values, expected) in cases {
        assert_eq!(set(text, values).as_deref(), Ok(*expected), "\n{text}");
        let windows = |text: &str| text.replace('\n', "\r\n");
        assert_eq!(set(&windows(text), values).as_deref(), Ok(&*windows(expected)), "with CRLF:\n{text}");
        let (Some(text), Some(expected)) = (text.strip_suffix('\n'), expected.strip_suffix('\n')) else {
            continue;
        };
        if !text.ends_with('\n') && read(text) == read(&format!("{text}\n")) {
            assert_eq!(set(text, values).as_deref(), Ok(expected), "without a last line break:\n{text}");
        }
    }
}

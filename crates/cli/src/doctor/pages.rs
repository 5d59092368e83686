//! What each finding means: the pages of the documentation, which are part of the program.

use anyhow::Context as _;
use include_dir::{Dir, include_dir};

use crate::output;

static PAGES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../docs/findings");

/// A text of the documentation without its links to other files, which only the documentation has.
pub fn without_links(text: &str) -> String {
    let mut left = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        left.push_str(before);
        let link = after.split_once("](").and_then(|(name, after)| Some((name, after.split_once(')')?)));
        match link {
            Some((name, (target, after))) if !name.contains(']') && !target.contains("://") => {
                left.push_str(name);
                rest = after;
            }
            _ => {
                left.push('[');
                rest = after;
            }
        }
    }
    left + rest
}

/// Prints the page of a finding.
pub fn print(code: &str) -> anyhow::Result<()> {
    let page = PAGES.get_file(format!("{code}.md")).with_context(|| format!("there is no page of {code}"))?;
    let page = page.contents_utf8().context("its page is not UTF-8")?;
    // The first line is for those who change the documentation.
    let text = page.split_once("-->").map_or(page, |(_, text)| text.trim_start());
    output::print(without_links(text).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_to_the_web_are_left_in_a_remedy() {
        for (text, expected) in [
            ("see [standby](../standby.md), or not", "see standby, or not"),
            ("see [the docs](https://kubernetes.io)", "see [the docs](https://kubernetes.io)"),
            ("spec.env[0] (see [a](b.md))", "spec.env[0] (see a)"),
            ("an open [ stays", "an open [ stays"),
        ] {
            assert_eq!(without_links(text), expected);
        }
    }
}

//! A text and its lines. Positions are bytes.

use std::fmt::Display;
use std::ops::Range;

/// The text of a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'t>(pub(crate) &'t str);

impl<'t> Text<'t> {
    pub(crate) fn slice(self, range: Range<usize>) -> &'t str {
        self.0.get(range).unwrap_or_default()
    }

    pub(crate) fn before(self, position: usize) -> &'t str {
        self.slice(0..position)
    }

    pub(crate) fn from(self, position: usize) -> &'t str {
        self.slice(position..self.0.len())
    }

    /// The line break that the first line has.
    pub(crate) fn line_break(self) -> &'static str {
        let first = self.0.split_inclusive('\n').next().unwrap_or_default();
        if first.ends_with("\r\n") { "\r\n" } else { "\n" }
    }

    /// Where the line of a position begins, after a byte order mark.
    pub(crate) fn line_start(self, position: usize) -> usize {
        match self.before(position).rfind('\n') {
            Some(found) => found + 1,
            None => self.0.len() - self.0.trim_start_matches('\u{feff}').len(),
        }
    }

    /// Where the line of a position ends, before its line break.
    pub(crate) fn line_end(self, position: usize) -> usize {
        let line = self.from(position).split_inclusive('\n').next().unwrap_or_default();
        position + line.trim_end_matches(['\r', '\n']).len()
    }

    /// Where the line after that of a position begins.
    pub(crate) fn next_line(self, position: usize) -> usize {
        self.from(position).find('\n').map_or(self.0.len(), |found| position + found + 1)
    }

    /// How many characters stand before a position in its line.
    pub(crate) fn column(self, position: usize) -> usize {
        self.slice(self.line_start(position)..position).chars().count()
    }

    /// The white space with which the line of a position begins.
    pub(crate) fn indentation(self, position: usize) -> &'t str {
        let line = self.from(self.line_start(position));
        let rest = line.trim_start_matches([' ', '\t']);
        line.get(..line.len() - rest.len()).unwrap_or_default()
    }

    /// Whether nothing but white space stands before a position in its line.
    pub(crate) fn is_first_in_line(self, position: usize) -> bool {
        self.slice(self.line_start(position)..position).trim().is_empty()
    }

    /// The first position from here on that is neither white space nor a comment.
    pub(crate) fn skip_blank(self, mut position: usize) -> usize {
        loop {
            let rest = self.from(position);
            let text = rest.trim_start_matches([' ', '\t', '\r', '\n']);
            position += rest.len() - text.len();
            if !text.starts_with('#') {
                return position;
            }
            position = self.line_end(position);
        }
    }

    /// The first position of a node's own text from here on, after its anchor and its tag.
    pub(crate) fn skip_properties(self, mut position: usize) -> usize {
        loop {
            position = self.skip_blank(position);
            let rest = self.from(position);
            if !rest.starts_with(['&', '!']) {
                return position;
            }
            position += rest.find([' ', '\t', '\r', '\n']).unwrap_or(rest.len());
        }
    }

    pub(crate) fn is_at(self, position: usize, character: char) -> bool {
        self.from(position).starts_with(character)
    }
}

/// The JSON pointer of a child.
pub(crate) fn below(pointer: &str, step: impl Display) -> String {
    format!("{pointer}/{}", step.to_string().replace('~', "~0").replace('/', "~1"))
}

//! The changes of a text, collected before they are carried out.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::refused::Reason;
use crate::text::Text;

/// Changes of a text. Where two insert at the same place, the one found first comes first.
pub(crate) struct Splices<'t> {
    pub(crate) text: Text<'t>,
    line_break: &'static str,
    found: Vec<(Range<usize>, String)>,
}

impl<'t> Splices<'t> {
    pub(crate) fn new(text: Text<'t>) -> Self {
        Self { text, line_break: text.line_break(), found: Vec::new() }
    }

    /// Puts a text in the place of another. Its line breaks become those of the document.
    pub(crate) fn replace(&mut self, range: Range<usize>, new: &str) {
        self.found.push((range, new.replace('\n', self.line_break)));
    }

    pub(crate) fn insert(&mut self, position: usize, new: &str) {
        self.replace(position..position, new);
    }

    /// Inserts lines, which have no line break at their end, after the line of a position.
    pub(crate) fn insert_below(&mut self, position: usize, lines: &str) {
        self.insert(self.text.next_line(position), &format!("{lines}\n"));
    }

    /// Removes all lines that a range touches.
    pub(crate) fn remove_lines(&mut self, range: &Range<usize>) {
        self.replace(self.text.line_start(range.start)..self.text.next_line(range.end), "");
    }

    /// The changed text, unless changes overlap. Of the `comments`, each of which has a line of its own, those that have been written
    /// elsewhere go; the others stay, or nothing is changed.
    pub(crate) fn apply(
        mut self,
        comments: &BTreeSet<usize>,
        written: &BTreeSet<usize>,
    ) -> Result<String, Reason> {
        let removed = self.found.iter().flat_map(|(range, _)| comments.range(range.clone()));
        let removed: BTreeSet<usize> = removed.copied().collect();
        for comment in written.difference(&removed) {
            self.remove_lines(&(*comment..self.text.line_end(*comment)));
        }
        let (text, line_break) = (self.text, self.line_break);
        for (range, new) in &mut self.found {
            let kept: Vec<usize> =
                comments.range(range.clone()).filter(|comment| !written.contains(comment)).copied().collect();
            if kept.is_empty() {
                continue;
            }
            let ends_line = text.line_start(range.end) == range.end;
            let has_lines = text.line_start(range.start) == range.start
                && (ends_line || text.line_end(range.end) == range.end);
            if !has_lines {
                return Err(Reason::Comment);
            }
            // Further to the right, it could become a part of a text above.
            let furthest = text.indentation(range.start);
            let line = |comment: usize| {
                let own = text.indentation(comment);
                let indentation = if own.len() < furthest.len() { own } else { furthest };
                format!("{indentation}{}", text.slice(comment..text.line_end(comment)))
            };
            let mut lines = kept.into_iter().map(line).collect::<Vec<_>>().join(line_break);
            if ends_line || !new.is_empty() {
                lines.push_str(line_break);
            }
            new.insert_str(0, &lines);
        }
        self.joined().ok_or(Reason::Different)
    }

    fn joined(mut self) -> Option<String> {
        self.found.sort_by_key(|(range, _)| (range.start, range.end));
        let (mut new, mut position) = (String::with_capacity(self.text.0.len()), 0);
        for (range, text) in &self.found {
            new.push_str(self.text.0.get(position..range.start)?);
            new.push_str(text);
            position = range.end;
        }
        new.push_str(self.text.0.get(position..)?);
        Some(new)
    }
}

//! Block style: one line or more for each child.

use std::ops::Range;

use crate::refused::{Reason, Refused};
use crate::rewrite::{NewChild, Rewriter};
use crate::text::below;
use crate::tree::{Node, Place};

impl Rewriter<'_> {
    /// Removes the children that do not stay from a block collection, and adds new ones. Each child is its range and
    /// whether it stays, which at least one does.
    pub(crate) fn block_children(
        &mut self,
        children: &[(Range<usize>, bool)],
        added: &[NewChild<'_>],
        place: Option<Place>,
    ) -> Result<(), Refused> {
        let Some(Place::Value(column) | Place::Item(column)) = place else {
            return Err(self.refuse(Reason::Unreadable));
        };
        let mut above = 0;
        let mut is_inline = self.begins_inline(children);
        for (index, (range, stays)) in children.iter().enumerate() {
            for child in added.iter().filter(|child| child.before == index) {
                let lines = self.lines(*child, column);
                if is_inline {
                    let text = format!("{}\n{}", lines.trim_start(), " ".repeat(column));
                    self.splices.insert(range.start, &text);
                } else {
                    self.add_before(range.start, above, &lines, column);
                }
            }
            above = range.end;
            is_inline &= !stays;
        }
        for child in added.iter().filter(|child| child.before == children.len()) {
            let lines = self.lines(*child, column);
            self.splices.insert_below(self.with_deeper_comments(above, column), &lines);
        }
        self.remove_from_block(children)
    }

    fn lines(&self, child: NewChild<'_>, column: usize) -> String {
        match child.key {
            Some(key) => self.layout.entry(&self.new_pointer, key, child.value, column),
            None => self.layout.item(&below(&self.new_pointer, child.index), child.value, column),
        }
    }

    /// Where the comments end that follow directly below a position and stand further to the right than a column: they
    /// belong to what is above them.
    fn with_deeper_comments(&self, mut position: usize, column: usize) -> usize {
        loop {
            let below = self.text.next_line(position);
            let comment = below + self.text.indentation(below).len();
            if !self.text.is_at(comment, '#') || self.text.column(comment) <= column {
                return position;
            }
            position = comment;
        }
    }

    /// Inserts lines before a child, above the comments directly above it, but below `end`.
    fn add_before(&mut self, start: usize, end: usize, lines: &str, column: usize) {
        let mut position = self.text.line_start(start);
        while let Some(above) = position.checked_sub(1).map(|end| self.text.line_start(end)) {
            let comment = above + self.text.indentation(above).len();
            if above < end
                || above == position
                || self.text.column(comment) != column
                || !self.text.is_at(comment, '#')
            {
                break;
            }
            position = above;
        }
        self.splices.insert(position, &format!("{lines}\n"));
    }

    /// Whether the first child shares its line with what announces the collection.
    fn begins_inline(&self, children: &[(Range<usize>, bool)]) -> bool {
        children.first().is_some_and(|(range, _)| !self.text.is_first_in_line(range.start))
    }

    fn remove_from_block(&mut self, all: &[(Range<usize>, bool)]) -> Result<(), Refused> {
        let mut removed: Vec<&Range<usize>> = Vec::new();
        let mut children = all.iter().peekable();
        // What follows moves up there.
        if self.begins_inline(all) {
            while let Some((range, _)) = children.next_if(|(_, stays)| !stays) {
                removed.push(range);
            }
            if let (Some(first), Some((next, _))) = (removed.first(), children.peek()) {
                let mut ends = removed.iter().map(|range| range.end);
                let mut starts = removed.iter().skip(1).map(|range| range.start).chain([next.start]);
                self.no_comments(&mut ends, &mut starts)?;
                self.splices.replace(first.start..next.start, "");
            }
        }
        for (range, _) in children.filter(|(_, stays)| !stays) {
            self.splices.remove_lines(range);
        }
        Ok(())
    }

    /// Fails if there are comments between any of the ends and starts.
    pub(crate) fn no_comments(
        &self,
        ends: &mut dyn Iterator<Item = usize>,
        starts: &mut dyn Iterator<Item = usize>,
    ) -> Result<(), Refused> {
        if ends.zip(starts).any(|(end, start)| self.text.slice(end..start).contains('#')) {
            return Err(self.refuse(Reason::Comment));
        }
        Ok(())
    }

    /// Puts lines, which follow the `:` or `-` that announces a value, in the place of the value. A comment beside
    /// what announces it stays.
    pub(crate) fn replace_in_block(&mut self, node: &Node, tail: &str) -> Result<(), Refused> {
        let (first, below) = match tail.split_once('\n') {
            Some((first, below)) => (first, Some(below)),
            None => (tail, None),
        };
        let is_below = self.text.slice(node.slot..node.start).contains('\n');
        if !node.is_block_collection() {
            if is_below {
                self.no_comments(&mut [node.slot].into_iter(), &mut [node.start].into_iter())?;
            }
            self.splices.replace(node.slot..node.end, first);
            if let Some(below) = below {
                self.splices.insert_below(node.end, below);
            }
        } else if is_below {
            let mut start = self.text.line_start(node.start);
            if announces_text(first) {
                // What stands above the value or within it would become a part of the text.
                let beside = self.text.line_end(node.slot);
                self.no_comments(&mut [beside].into_iter(), &mut [node.end].into_iter())?;
                start = self.text.next_line(node.slot);
            }
            self.splices.insert(node.slot, first);
            match below {
                Some(below) => self.splices.replace(start..self.text.line_end(node.end), below),
                None => self.splices.remove_lines(&(start..node.end)),
            }
        } else {
            self.splices.replace(node.slot..self.text.line_end(node.end), tail);
        }
        Ok(())
    }
}

/// Whether the lines below belong to a text, as `|` says.
fn announces_text(line: &str) -> bool {
    line.trim_end_matches(|last: char| "+-".contains(last) || last.is_ascii_digit()).ends_with('|')
}

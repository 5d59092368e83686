//! How a document is laid out, so that what is new looks like what is there.

use serde_json::Value;

use crate::moved::Comments;
use crate::scalar;
use crate::text::{Text, below};
use crate::tree::{Kind, Node, Place, Style};

/// The layout of a document.
#[derive(Debug)]
pub(crate) struct Layout {
    /// By how many spaces block collections are indented.
    step: usize,
    /// Whether lists are indented below their key.
    indents_lists: bool,
    pub(crate) flow: FlowLayout,
    /// What stands beside and above entries that come from elsewhere.
    pub(crate) comments: Comments,
}

/// The layout of what stands in braces and brackets.
#[derive(Debug)]
pub(crate) struct FlowLayout {
    /// Whether keys are quoted, as in JSON.
    pub(crate) quotes_keys: bool,
    /// Whether there are no spaces after colons and commas.
    pub(crate) is_tight: bool,
    /// By what children on lines of their own are indented.
    pub(crate) unit: String,
    /// Whether the last child has a comma after it, as in KYAML.
    pub(crate) ends_with_comma: bool,
}

impl Layout {
    /// The layout of the first collections that show it.
    pub(crate) fn of(text: Text<'_>, root: &Node, comments: Comments) -> Self {
        let mut seen = Seen::default();
        seen.look(text, root);
        let broken = seen.broken.unwrap_or_else(|| ("  ".to_owned(), false));
        Self {
            comments,
            step: seen.step.unwrap_or(2),
            indents_lists: seen.indents_lists.unwrap_or(false),
            flow: FlowLayout {
                quotes_keys: seen.quotes_keys.unwrap_or_else(|| root.is_flow_collection()),
                is_tight: seen.is_tight.unwrap_or(false),
                unit: broken.0,
                ends_with_comma: broken.1,
            },
        }
    }

    /// A key with its value, as lines of a block mapping in a column. `pointer` is that of the mapping in what the text shall say.
    pub(crate) fn entry(&self, pointer: &str, key: &str, value: &Value, column: usize) -> String {
        indented(&self.entry_lines(pointer, key, value, true), column)
    }

    /// An item, as lines of a block sequence in a column. `pointer` is its own.
    pub(crate) fn item(&self, pointer: &str, value: &Value, column: usize) -> String {
        indented(&format!("-{}", self.tail(pointer, value, true)), column)
    }

    /// What follows the `:` or `-` of a value, which stands in a column, as lines. `pointer` is its own.
    pub(crate) fn value(&self, pointer: &str, value: &Value, place: Place) -> String {
        let (column, is_item) = match place {
            Place::Item(column) => (column, true),
            Place::Value(column) => (column, false),
            Place::Root | Place::Flow => (0, false),
        };
        let tail = self.tail(pointer, value, is_item);
        match tail.split_once('\n') {
            Some((first, below)) => format!("{first}\n{}", indented(below, column)),
            None => tail,
        }
    }

    /// A key with its value and its comments, which need a line that is its own for those above it.
    fn entry_lines(&self, pointer: &str, key: &str, value: &Value, has_own_line: bool) -> String {
        let pointer = below(pointer, key);
        let tail = self.tail(&pointer, value, false);
        let moved = self.comments.get(&pointer);
        let beside = moved.filter(|_| !tail.contains('\n')).map_or("", |moved| &moved.beside);
        let mut lines: Vec<String> = Vec::new();
        if let Some(moved) = moved.filter(|_| has_own_line) {
            lines.extend(moved.above.iter().cloned());
            moved.is_written.set(true);
        }
        lines.push(format!("{}:{tail}{beside}", scalar::key(key)));
        lines.join("\n")
    }

    /// What follows the `:` or `-` of a value, as lines as if that stood in the first column.
    fn tail(&self, pointer: &str, value: &Value, is_item: bool) -> String {
        let lines: Vec<String> = match value {
            Value::Object(entries) => {
                let entries = entries.iter().enumerate();
                entries
                    .map(|(index, (key, value))| self.entry_lines(pointer, key, value, index > 0 || !is_item))
                    .collect()
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                items
                    .map(|(index, item)| format!("-{}", self.tail(&below(pointer, index), item, true)))
                    .collect()
            }
            _ => Vec::new(),
        };
        let lines = lines.join("\n");
        if lines.is_empty() {
            return scalar::tail(value, self.step);
        }
        match value {
            // The first child stands beside the `-`.
            _ if is_item => format!(" {}", indented(&lines, 2).trim_start()),
            Value::Array(_) if !self.indents_lists => format!("\n{lines}"),
            _ => format!("\n{}", indented(&lines, self.step)),
        }
    }
}

/// Lines, further to the right.
fn indented(lines: &str, column: usize) -> String {
    let indentation = " ".repeat(column);
    let line = |line: &str| if line.is_empty() { String::new() } else { format!("{indentation}{line}") };
    lines.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// What the collections seen so far show.
#[derive(Default)]
struct Seen {
    step: Option<usize>,
    indents_lists: Option<bool>,
    quotes_keys: Option<bool>,
    is_tight: Option<bool>,
    broken: Option<(String, bool)>,
}

impl Seen {
    fn look(&mut self, text: Text<'_>, node: &Node) {
        if let Kind::Mapping(Style::Flow, entries) = &node.kind
            && let Some(entry) = entries.first()
        {
            self.quotes_keys.get_or_insert(entry.is_quoted);
            self.is_tight.get_or_insert(entry.value.start == entry.value.slot);
        }
        if node.is_flow_collection() {
            self.look_at_lines(text, node);
        } else if let (Place::Value(outer), Some(child)) = (node.place, node.children().next()) {
            match child.place {
                Place::Value(inner) => drop(self.step.get_or_insert_with(|| inner.saturating_sub(outer))),
                Place::Item(inner) => drop(self.indents_lists.get_or_insert(inner > outer)),
                Place::Root | Place::Flow => {}
            }
        }
        for child in node.children() {
            self.look(text, child);
        }
    }

    fn look_at_lines(&mut self, text: Text<'_>, node: &Node) {
        let children = || node.children();
        let (Some(first), Some(last)) = (children().next(), children().last()) else { return };
        let (inner, outer) = (text.indentation(first.start), text.indentation(node.end.saturating_sub(1)));
        if let Some(unit) = inner.strip_prefix(outer).filter(|unit| !unit.is_empty()) {
            let ends_with_comma = text.is_at(text.skip_blank(last.end), ',');
            self.broken.get_or_insert_with(|| (unit.to_owned(), ends_with_comma));
        }
    }
}

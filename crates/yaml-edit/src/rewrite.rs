//! Compares what a text says with what it shall say, and changes the places where they differ.

use std::collections::BTreeSet;
use std::fmt::Display;

use granit_parser::ScalarStyle;
use serde_json::{Map, Value};

use crate::layout::Layout;
use crate::matching::align;
use crate::moved;
use crate::refused::{Reason, Refused};
use crate::scalar;
use crate::splices::Splices;
use crate::text::{Text, below};
use crate::tree::{Entry, Kind, Node, Place, Style, Tree};

/// The changed text, not yet checked.
pub(crate) fn rewrite(text: &str, old: &Value, new: &Value) -> Result<String, Refused> {
    if text.ends_with('\n') {
        return rewrite_lines(text, old, new);
    }
    let line_break = Text(text).line_break();
    let mut changed = rewrite_lines(&format!("{text}{line_break}"), old, new)?;
    changed.truncate(changed.strip_suffix(line_break).map_or(changed.len(), str::len));
    Ok(changed)
}

/// The changed text, of a text whose last line has a line break too.
fn rewrite_lines(text: &str, old: &Value, new: &Value) -> Result<String, Refused> {
    let text = Text(text);
    let tree = Tree::read(text).ok_or_else(|| Reason::Unreadable.of(""))?;
    let layout = Layout::of(text, &tree.root, moved::comments(text, &tree, old, new));
    let Tree { root, aliased, comments } = tree;
    let splices = Splices::new(text);
    let mut rewriter =
        Rewriter { text, aliased, layout, splices, pointer: String::new(), new_pointer: String::new() };
    rewriter.node(&root, old, new)?;
    let Rewriter { layout, splices, .. } = rewriter;
    splices.apply(&comments, &moved::written(&layout.comments)).map_err(|reason| reason.of(""))
}

/// The state of one rewriting.
pub(crate) struct Rewriter<'t> {
    pub(crate) text: Text<'t>,
    aliased: BTreeSet<usize>,
    pub(crate) layout: Layout,
    pub(crate) splices: Splices<'t>,
    /// The JSON pointer of the node that is looked at.
    pointer: String,
    /// The same in what the text shall say.
    pub(crate) new_pointer: String,
}

/// A child that a collection does not have yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewChild<'v> {
    pub(crate) key: Option<&'v str>,
    pub(crate) value: &'v Value,
    /// The index of the child that it precedes, or the number of children.
    pub(crate) before: usize,
    /// The index that an item will have.
    pub(crate) index: usize,
}

impl Rewriter<'_> {
    pub(crate) fn refuse(&self, reason: Reason) -> Refused {
        reason.of(self.pointer.clone())
    }

    fn node(&mut self, node: &Node, old: &Value, new: &Value) -> Result<(), Refused> {
        if old == new {
            return Ok(());
        }
        if matches!(node.kind, Kind::Alias) {
            return Err(self.refuse(Reason::Alias));
        }
        if self.aliased.contains(&node.anchor) {
            return Err(self.refuse(Reason::Anchor));
        }
        match (&node.kind, old, new) {
            (Kind::Mapping(style, entries), Value::Object(old), Value::Object(new))
                if entries
                    .iter()
                    .any(|entry| stays(entry, old, new) || renamed(entry, old, new).is_some()) =>
            {
                self.mapping(node, *style, entries, old, new)
            }
            (Kind::Sequence(style, items), Value::Array(old), Value::Array(new)) => {
                let matches = align(old, new);
                if old.len() != items.len() || matches.iter().all(Option::is_none) {
                    return self.replace(node, &Value::Array(new.clone()));
                }
                self.sequence(node, *style, items, (old, new), &matches)
            }
            // Nobody can tell whether 0777 was meant as it is read, or as it is written, and who writes `no` may mean Norway.
            (Kind::Scalar(_), Value::Number(_) | Value::Bool(_), Value::String(text))
                if !is_switch(&self.pointer)
                    && is_written_otherwise(text, old, self.text.slice(node.start..node.end)) =>
            {
                Err(self.refuse(Reason::Number))
            }
            _ => self.replace(node, new),
        }
    }

    /// The node one step further.
    fn child(
        &mut self,
        (step, new_step): (impl Display, impl Display),
        node: &Node,
        old: &Value,
        new: &Value,
    ) -> Result<(), Refused> {
        let pointers = (below(&self.pointer, step), below(&self.new_pointer, new_step));
        let (pointer, new_pointer) = (
            std::mem::replace(&mut self.pointer, pointers.0),
            std::mem::replace(&mut self.new_pointer, pointers.1),
        );
        self.node(node, old, new)?;
        (self.pointer, self.new_pointer) = (pointer, new_pointer);
        Ok(())
    }

    fn mapping(
        &mut self,
        node: &Node,
        style: Style,
        entries: &[Entry],
        old: &Map<String, Value>,
        new: &Map<String, Value>,
    ) -> Result<(), Refused> {
        let keys: BTreeSet<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
        if old.iter().any(|(key, value)| !keys.contains(key.as_str()) && new.get(key) != Some(value)) {
            return Err(self.refuse(Reason::Merge));
        }
        for entry in entries {
            if let (Some(old), Some(new)) = (old.get(&entry.key), new.get(&entry.key)) {
                self.child((&entry.key, &entry.key), &entry.value, old, new)?;
            }
        }
        let mut names = BTreeSet::new();
        for entry in entries {
            let Some(name) = renamed(entry, old, new) else { continue };
            let quoted =
                self.text.slice(entry.written.clone()).chars().next().filter(|c| matches!(c, '"' | '\''));
            self.splices
                .replace(entry.written.clone(), &scalar::renamed(name, quoted, style == Style::Block));
            names.insert(name);
        }
        let added = new.iter().filter(|(key, _)| !old.contains_key(*key) && !names.contains(key.as_str()));
        let added: Vec<NewChild<'_>> = added
            .map(|(key, value)| NewChild { key: Some(key), value, before: entries.len(), index: 0 })
            .collect();
        let remains = |entry| stays(entry, old, new) || renamed(entry, old, new).is_some();
        let children: Vec<_> = entries.iter().map(|entry| (entry.range(), remains(entry))).collect();
        match style {
            Style::Block => {
                self.block_children(&children, &added, entries.first().map(|entry| entry.value.place))
            }
            Style::Flow => self.flow_children(node, &children, &added),
            Style::Pair if added.is_empty() => Ok(()),
            Style::Pair => Err(self.refuse(Reason::Pair)),
        }
    }

    fn sequence(
        &mut self,
        node: &Node,
        style: Style,
        items: &[Node],
        (old, new): (&[Value], &[Value]),
        matches: &[Option<usize>],
    ) -> Result<(), Refused> {
        let mut added = Vec::new();
        // From the end, so that the item that follows a new one is known.
        let mut before = items.len();
        for (index, (value, found)) in new.iter().zip(matches).enumerate().rev() {
            match found {
                Some(old) => before = *old,
                None => added.push(NewChild { key: None, value, before, index }),
            }
        }
        added.reverse();
        for (new_index, (value, found)) in new.iter().zip(matches).enumerate() {
            let Some(index) = *found else { continue };
            if let (Some(item), Some(old)) = (items.get(index), old.get(index)) {
                self.child((index, new_index), item, old, value)?;
            }
        }
        let kept: BTreeSet<usize> = matches.iter().copied().flatten().collect();
        let start = |item: &Node| if style == Style::Block { item.dash() } else { item.start };
        let children: Vec<_> = items
            .iter()
            .enumerate()
            .map(|(index, item)| (start(item)..item.end, kept.contains(&index)))
            .collect();
        match style {
            Style::Block => self.block_children(&children, &added, items.first().map(|item| item.place)),
            Style::Flow | Style::Pair => self.flow_children(node, &children, &added),
        }
    }

    /// Writes another value in the place of a node.
    fn replace(&mut self, node: &Node, new: &Value) -> Result<(), Refused> {
        let before = match node.kind {
            Kind::Scalar(style) => Some(style),
            _ => None,
        };
        let has_content = scalar::in_block(new, Some(ScalarStyle::DoubleQuoted)).is_none();
        match node.place {
            Place::Root => Err(self.refuse(Reason::Document)),
            Place::Flow => {
                self.replace_in_flow(node, new, before);
                Ok(())
            }
            _ if has_content && node.is_flow_collection() && !node.is_empty_collection() => {
                self.replace_in_flow(node, new, before);
                Ok(())
            }
            place => match scalar::in_block(new, before) {
                Some(text) if !node.is_block_collection() => {
                    let text = if matches!(node.kind, Kind::Nothing) { format!(" {text}") } else { text };
                    self.splices.replace(node.start..node.end, &text);
                    Ok(())
                }
                Some(text) => self.replace_in_block(node, &format!(" {text}")),
                None => self.replace_in_block(node, &self.layout.value(&self.new_pointer, new, place)),
            },
        }
    }
}

/// Whether an entry of a mapping is also one of the new mapping. What is not in the value, such as `<<`, stays.
fn stays(entry: &Entry, old: &Map<String, Value>, new: &Map<String, Value>) -> bool {
    new.contains_key(&entry.key) || !old.contains_key(&entry.key)
}

/// The new key of an entry that is the only one to go with its value, where only one comes with the same.
fn renamed<'v>(entry: &Entry, old: &Map<String, Value>, new: &'v Map<String, Value>) -> Option<&'v str> {
    let value = old.get(&entry.key)?;
    let mut gone = old.iter().filter(|(key, other)| *other == value && !new.contains_key(*key));
    let mut come = new.iter().filter(|(key, other)| *other == value && !old.contains_key(*key));
    let (only_gone, only_come) = (gone.next()?, come.next()?);
    let is_it = *only_gone.0 == entry.key && gone.next().is_none() && come.next().is_none();
    is_it.then_some(only_come.0.as_str())
}

/// Whether a field is an annotation that requests injection: whoever writes `yes` there means true.
fn is_switch(pointer: &str) -> bool {
    pointer.rsplit_once("/annotations/").is_some_and(|(_, key)| key.contains("~1inject"))
}

/// Whether a text is what a value says, and not how it is written, an anchor or tag aside.
fn is_written_otherwise(text: &str, value: &Value, written: &str) -> bool {
    let read = value.to_string();
    read == text && written.split_whitespace().next_back() != Some(text)
}

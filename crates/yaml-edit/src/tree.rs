//! A document as its parser sees it: nodes with their places in the text.

use std::collections::BTreeSet;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};

use crate::text::Text;

/// A document.
pub(crate) struct Tree {
    pub(crate) root: Node,
    /// The anchors that have an alias.
    pub(crate) aliased: BTreeSet<usize>,
    /// Where the comments begin that have lines of their own.
    pub(crate) comments: BTreeSet<usize>,
}

/// A value in the text.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    /// Where it may begin: after the `:` or `-` that announces it.
    pub(crate) slot: usize,
    /// Where it begins, anchor and tag included.
    pub(crate) start: usize,
    /// Where its last character ends. A comment or line break after it does not belong to it.
    pub(crate) end: usize,
    /// Its anchor, or 0.
    pub(crate) anchor: usize,
    pub(crate) kind: Kind,
}

/// What announces a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Place {
    /// The document.
    Root,
    /// The key of a block mapping in this column.
    Value(usize),
    /// The `-` of a block sequence in this column.
    Item(usize),
    /// Brackets or braces.
    Flow,
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Nothing is written, which says null.
    Nothing,
    Scalar(ScalarStyle),
    Alias,
    Mapping(Style, Vec<Entry>),
    Sequence(Style, Vec<Node>),
}

/// How a collection is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Style {
    Block,
    Flow,
    /// A mapping of one pair without braces, within brackets.
    Pair,
}

/// A key with its value.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) is_quoted: bool,
    /// Where the key begins, with its anchor, its tag, or its `?`.
    pub(crate) start: usize,
    /// The key's own text, quotes included.
    pub(crate) written: Range<usize>,
    pub(crate) value: Node,
}

impl Entry {
    pub(crate) fn range(&self) -> Range<usize> {
        self.start..self.value.end
    }
}

impl Node {
    /// The `-` of an item of a block sequence.
    pub(crate) fn dash(&self) -> usize {
        self.slot.saturating_sub(1)
    }

    /// Whether the value is a collection in block style.
    pub(crate) fn is_block_collection(&self) -> bool {
        matches!(self.kind, Kind::Mapping(Style::Block, _) | Kind::Sequence(Style::Block, _))
    }

    pub(crate) fn is_flow_collection(&self) -> bool {
        matches!(self.kind, Kind::Mapping(Style::Flow, _) | Kind::Sequence(Style::Flow, _))
    }

    pub(crate) fn is_empty_collection(&self) -> bool {
        match &self.kind {
            Kind::Mapping(_, entries) => entries.is_empty(),
            Kind::Sequence(_, items) => items.is_empty(),
            _ => false,
        }
    }

    /// The places of all texts within, in which `#` may mean nothing.
    fn scalars(&self, found: &mut Vec<Range<usize>>) {
        match &self.kind {
            Kind::Scalar(_) => found.push(self.start..self.end),
            Kind::Mapping(_, entries) => found.extend(entries.iter().map(|entry| entry.written.clone())),
            _ => {}
        }
        self.children().for_each(|child| child.scalars(found));
    }

    /// The values directly within.
    pub(crate) fn children(&self) -> impl Iterator<Item = &Self> {
        let (entries, items): (&[Entry], &[Self]) = match &self.kind {
            Kind::Mapping(_, entries) => (entries, &[]),
            Kind::Sequence(_, items) => (&[], items),
            _ => (&[], &[]),
        };
        entries.iter().map(|entry| &entry.value).chain(items)
    }
}

impl Tree {
    /// Reads one document. `None` if it is not YAML, not exactly one document, or has keys that are no texts.
    pub(crate) fn read(text: Text<'_>) -> Option<Self> {
        let mut options = granit_parser::options! { emit_anchor_events: true };
        options.set_emit_comments(false);
        let events: Vec<(Event<'_>, Span)> =
            Parser::new_from_str_with_options(text.0, options).collect::<Result<_, _>>().ok()?;
        let mut reader = Reader { text, events: events.into_iter().peekable(), aliased: BTreeSet::new() };
        reader.next()?;
        let (Event::DocumentStart(is_explicit, _), span) = reader.next()? else { return None };
        let start = span.byte_range()?;
        let root = reader.node(if is_explicit { start.end } else { start.start }, Place::Root)?;
        reader.next()?;
        let (Event::StreamEnd, _) = reader.next()? else { return None };
        let comments = comments(text, &root);
        Some(Self { root, aliased: reader.aliased, comments })
    }
}

fn comments(text: Text<'_>, root: &Node) -> BTreeSet<usize> {
    let mut scalars = Vec::new();
    root.scalars(&mut scalars);
    scalars.retain(|scalar| text.slice(scalar.clone()).contains('\n'));
    let mut comments = BTreeSet::new();
    let mut line = text.line_start(0);
    while line < text.0.len() {
        let start = line + text.indentation(line).len();
        if text.is_at(start, '#') && !scalars.iter().any(|scalar| scalar.contains(&start)) {
            comments.insert(start);
        }
        line = text.next_line(line);
    }
    comments
}

struct Reader<'t> {
    text: Text<'t>,
    events: std::iter::Peekable<std::vec::IntoIter<(Event<'t>, Span)>>,
    aliased: BTreeSet<usize>,
}

/// The range of a node's own text and that of its anchor and tag.
struct Extent {
    content: Range<usize>,
    properties: Option<Range<usize>>,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Option<(Event<'t>, Span)> {
        self.events.next()
    }

    /// The next node event with its places.
    fn node_event(&mut self) -> Option<(Event<'t>, Extent)> {
        let (event, span) = self.next()?;
        let mut properties = span.tag_span().and_then(|tag| tag.byte_range());
        if let Some((_, anchor)) = self.events.next_if(|(event, _)| matches!(event, Event::Anchor(..))) {
            let anchor = anchor.byte_range()?;
            properties = Some(match properties {
                Some(tag) => tag.start.min(anchor.start)..tag.end.max(anchor.end),
                None => anchor,
            });
        }
        Some((event, Extent { content: span.byte_range()?, properties }))
    }

    fn node(&mut self, slot: usize, place: Place) -> Option<Node> {
        let (event, Extent { content, properties }) = self.node_event()?;
        let anchor = event.anchor_id().unwrap_or_default();
        let (own, end, kind) = match event {
            Event::Alias(id) => {
                self.aliased.insert(id);
                (content.start, content.end, Kind::Alias)
            }
            Event::Scalar(_, style @ (ScalarStyle::Literal | ScalarStyle::Folded), ..) => {
                let header = self.text.skip_properties(slot);
                (header, block_scalar_end(self.text, header, content.end), Kind::Scalar(style))
            }
            Event::Scalar(_, ScalarStyle::Plain, ..) if content.is_empty() => {
                let after = properties.as_ref().map_or(slot, |properties| properties.end.max(slot));
                (after, after, Kind::Nothing)
            }
            Event::Scalar(_, style, ..) => (content.start, content.end, Kind::Scalar(style)),
            Event::MappingStart(style, ..) => self.mapping(style, &content)?,
            Event::SequenceStart(StructureStyle::Block, ..) => {
                let dash = self.text.skip_properties(slot);
                let (end, items) = self.block_sequence(dash)?;
                (dash, end, Kind::Sequence(Style::Block, items))
            }
            Event::SequenceStart(StructureStyle::Flow, ..) => self.flow_sequence(&content)?,
            _ => return None,
        };
        let start = properties.map_or(own, |properties| properties.start.min(own));
        Some(Node { place, slot, start, end, anchor, kind })
    }

    fn mapping(&mut self, style: StructureStyle, open: &Range<usize>) -> Option<(usize, usize, Kind)> {
        let style = match style {
            StructureStyle::Block => Style::Block,
            StructureStyle::Flow if open.is_empty() => Style::Pair,
            StructureStyle::Flow => Style::Flow,
        };
        let place = match style {
            Style::Block => Place::Value(self.text.column(open.start)),
            Style::Flow | Style::Pair => Place::Flow,
        };
        let (mut entries, mut end) = (Vec::new(), open.end);
        loop {
            if let Some((_, close)) = self.events.next_if(|(event, _)| *event == Event::MappingEnd) {
                let end = if style == Style::Flow { close.byte_range()?.end } else { end };
                return Some((open.start, end, Kind::Mapping(style, entries)));
            }
            let is_first_block = entries.is_empty() && style == Style::Block;
            let start = if is_first_block { open.start } else { self.next_child(end) };
            let entry = self.entry(start, place)?;
            end = entry.value.end;
            entries.push(entry);
        }
    }

    fn entry(&mut self, start: usize, place: Place) -> Option<Entry> {
        let (event, extent) = self.node_event()?;
        let Event::Scalar(key, style, ..) = event else { return None };
        let after = extent.content.end.max(start);
        let colon = self.text.skip_blank(after);
        let slot = if self.text.is_at(colon, ':') { colon + 1 } else { after };
        let value = self.node(slot, place)?;
        let is_quoted = style != ScalarStyle::Plain;
        Some(Entry { key: key.into_owned(), is_quoted, start, written: extent.content, value })
    }

    fn block_sequence(&mut self, first: usize) -> Option<(usize, Vec<Node>)> {
        let place = Place::Item(self.text.column(first));
        let (mut items, mut dash, mut end) = (Vec::new(), first, first);
        while self.events.next_if(|(event, _)| *event == Event::SequenceEnd).is_none() {
            if !self.text.is_at(dash, '-') {
                return None;
            }
            let item = self.node(dash + 1, place)?;
            end = item.end;
            dash = self.text.skip_blank(end);
            items.push(item);
        }
        Some((end, items))
    }

    fn flow_sequence(&mut self, open: &Range<usize>) -> Option<(usize, usize, Kind)> {
        let (mut items, mut end): (Vec<Node>, usize) = (Vec::new(), open.end);
        loop {
            if let Some((_, close)) = self.events.next_if(|(event, _)| *event == Event::SequenceEnd) {
                return Some((open.start, close.byte_range()?.end, Kind::Sequence(Style::Flow, items)));
            }
            let item = self.node(self.next_child(end), Place::Flow)?;
            end = item.end;
            items.push(item);
        }
    }

    /// Where the next child of a collection begins: after white space, comments and at most one comma.
    fn next_child(&self, end: usize) -> usize {
        let position = self.text.skip_blank(end);
        if self.text.is_at(position, ',') { self.text.skip_blank(position + 1) } else { position }
    }
}

/// Where the text below a `|` or `>` ends. Empty lines after it belong to it only if it keeps them (`|+`).
fn block_scalar_end(text: Text<'_>, header: usize, parsed: usize) -> usize {
    let body = text.line_end(header);
    let keeps = text.slice(header..body).split('#').next().is_some_and(|header| header.contains('+'));
    let content = text.slice(body..parsed.max(body));
    let lines = content.trim_end_matches([' ', '\t']);
    let mut content = if lines.ends_with('\n') { lines } else { content };
    while let Some(shorter) = content.strip_suffix('\n') {
        let shorter = shorter.strip_suffix('\r').unwrap_or(shorter);
        let ends_with_empty_line = shorter.ends_with('\n') && !keeps;
        content = shorter;
        if !ends_with_empty_line {
            break;
        }
    }
    body + content.len()
}

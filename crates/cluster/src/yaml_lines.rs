//! Line and column of each field of a text, so that a finding can name them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

/// A place in a text. Both are counted from 1; columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: u64,
    /// The column.
    pub column: u64,
}

/// The lines of the fields of a text.
///
/// ```
/// use ingraft_cluster::yaml_lines::{Lines, Position};
/// let lines = Lines::read("spec:\n  containers:\n  - name: app\n");
/// assert_eq!(lines.position("/spec/containers/0/name"), Position { line: 3, column: 5 });
/// assert_eq!(lines.position("/spec/template"), Position { line: 1, column: 1 });
/// ```
#[derive(Debug, Clone)]
pub struct Lines(Option<Node>);

impl Lines {
    /// Reads a text. If it is not YAML, every field is on its first line.
    pub fn read(text: &str) -> Self {
        Self(serde_saphyr::from_str(text).ok())
    }

    /// Where the field is that a JSON pointer leads to: its key. If the field does not exist, where the nearest part of the
    /// pointer is that does.
    pub fn position(&self, pointer: &str) -> Position {
        let mut position = Position { line: 1, column: 1 };
        let Some(mut node) = self.0.as_ref() else { return position };
        position = node.position;
        for step in pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            let next = match &node.children {
                Children::Entries(entries) => entries
                    .iter()
                    .find(|(key, _)| key.value == step)
                    .map(|(key, child)| (position_of(&key.referenced), child)),
                Children::Items(items) => step
                    .parse()
                    .ok()
                    .and_then(|index: usize| items.get(index))
                    .map(|child| (child.position, child)),
                Children::None => None,
            };
            let Some((next_position, next)) = next else { break };
            (position, node) = (next_position, next);
        }
        Position { line: position.line.max(1), column: position.column.max(1) }
    }
}

fn position_of(location: &Location) -> Position {
    Position { line: location.line(), column: location.column() }
}

/// A value with its place, and nothing else.
#[derive(Debug, Clone)]
struct Node {
    position: Position,
    children: Children,
}

#[derive(Debug, Clone)]
enum Children {
    None,
    Items(Vec<Node>),
    Entries(Vec<(Spanned<String>, Node)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Children>::deserialize(deserializer)?;
        Ok(Self { position: position_of(&spanned.referenced), children: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Children {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChildrenVisitor)
    }
}

struct ChildrenVisitor;

/// Scalars have no children, whatever their type.
macro_rules! scalars {
    ($($visit:ident: $type:ty),*) => {
        $(fn $visit<E>(self, _: $type) -> Result<Children, E> { Ok(Children::None) })*
    };
}

impl<'de> Visitor<'de> for ChildrenVisitor {
    type Value = Children;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    scalars! {
        visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128, visit_f64: f64,
        visit_str: &str
    }

    fn visit_unit<E>(self) -> Result<Children, E> {
        Ok(Children::None)
    }

    fn visit_none<E>(self) -> Result<Children, E> {
        Ok(Children::None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Children, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Children::None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Children, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = items.next_element()? {
            nodes.push(node);
        }
        Ok(Children::Items(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Children, A::Error> {
        let mut nodes = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            nodes.push(entry);
        }
        Ok(Children::Entries(nodes))
    }
}

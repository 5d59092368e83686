//! What can be wrong with a value.

use crate::place::Place;

/// Something that the API server does not take as it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Flaw {
    /// The JSON pointer of the value.
    pub pointer: String,
    /// The field, as the API server writes it.
    pub field: String,
    /// The name of the entry of a list that it is in, where it has one.
    pub entry: Option<String>,
    /// What is wrong.
    pub kind: Kind,
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// There is no such field.
    Unknown {
        /// What was probably meant.
        suggestion: Option<String>,
        /// The fields that exist there.
        known: Vec<String>,
    },
    /// The field must be there.
    Missing,
    /// The value is of another type.
    WrongType {
        /// The type that it must have.
        expected: Type,
        /// The value, as JSON.
        value: String,
    },
    /// The value is none of those that are allowed.
    NotAllowed {
        /// The value.
        value: String,
        /// All that may be written.
        allowed: Vec<String>,
    },
    /// The value does not match a pattern.
    NotMatching {
        /// The value.
        value: String,
        /// The regular expression.
        pattern: String,
    },
    /// The text is too long.
    TooLong {
        /// How many characters it may have.
        limit: u64,
    },
    /// A rule refuses it.
    Rule {
        /// The message that goes with the rule.
        message: String,
    },
}

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list.
    List,
    /// Fields with values.
    Map,
    /// A whole number or a text.
    IntegerOrText,
    /// Any number, or a text.
    NumberOrText,
}

impl Flaw {
    pub(crate) fn new(place: &Place, kind: Kind) -> Self {
        Self { pointer: place.pointer.clone(), field: place.field.clone(), entry: place.entry.clone(), kind }
    }

    /// Whether the API server refuses the object, rather than leaving the field out.
    pub fn refuses(&self) -> bool {
        !matches!(self.kind, Kind::Unknown { .. })
    }

    /// Whether the API server looks at no rules any more, as
    /// <https://github.com/kubernetes/kubernetes/blob/v1.37.2/staging/src/k8s.io/apiextensions-apiserver/pkg/registry/customresource/strategy.go>
    /// has it.
    pub(crate) fn blocks_rules(&self) -> bool {
        matches!(self.kind, Kind::Missing | Kind::WrongType { .. } | Kind::TooLong { .. })
    }
}

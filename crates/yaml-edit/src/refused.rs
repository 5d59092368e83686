//! Why a text was not changed.

use std::fmt::{Display, Formatter, Result};

use ingraft_core::Locale;

/// A text was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refused {
    /// The JSON pointer of the field that is in the way; that of the document if it is none in particular.
    pub pointer: String,
    /// What is in the way.
    pub reason: Reason,
}

/// What is in the way of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// `*name`
    Alias,
    /// `&name`
    Anchor,
    /// `<<`
    Merge,
    /// `0777`, which is read as 511, and `no`, which is read as false.
    Number,
    /// Comments are never removed silently.
    Comment,
    /// `[a: b]`
    Pair,
    /// The text of the document as a whole.
    Document,
    /// The text is not one document of YAML with keys that are texts.
    Unreadable,
    /// The last check.
    Different,
}

impl Reason {
    /// The refusal for a field.
    pub(crate) fn of(self, pointer: impl Into<String>) -> Refused {
        Refused { pointer: pointer.into(), reason: self }
    }

    /// What is in the way, for people.
    pub const fn message(self, locale: Locale) -> &'static str {
        let (english, spanish) = match self {
            Self::Alias => (
                "the field is an alias, whose text is elsewhere",
                "el campo es un alias, cuyo texto está en otro lugar",
            ),
            Self::Anchor => (
                "the field has an anchor, so that its aliases would change too",
                "el campo tiene un ancla, así que sus alias también cambiarían",
            ),
            Self::Merge => {
                ("the field comes from a merge key (<<)", "el campo viene de una clave de mezcla (<<)")
            }
            Self::Number => (
                "YAML does not read the value as it is written (no is false to it, and 0777 is 511): write what is meant in quotes",
                "YAML no lee el valor tal como está escrito (para YAML, no es false y 0777 es 511): escribe entre comillas lo que se quiere decir",
            ),
            Self::Comment => (
                "a comment stands between what is removed and what follows",
                "hay un comentario entre lo que se quita y lo que sigue",
            ),
            Self::Pair => (
                "the field is a single pair within brackets, which has no room for more",
                "el campo es un único par entre corchetes, donde no cabe nada más",
            ),
            Self::Document => ("nothing of the document stays", "no queda nada del documento"),
            Self::Unreadable => {
                ("the places of its fields cannot be told", "no se puede saber dónde están sus campos")
            }
            Self::Different => (
                "the changed text would not say what was asked for",
                "el texto cambiado no diría lo que se pidió",
            ),
        };
        match locale {
            Locale::En => english,
            Locale::Es => spanish,
        }
    }
}

impl Display for Reason {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        formatter.write_str(self.message(Locale::En))
    }
}

//! Fields that the API server does not take as they are written.

use super::{Locale, Text, list};

family! {
    /// Fields that the API server does not take as they are written.
    FieldFinding {
        /// There is no such field: kubectl refuses the object, other clients lose the field.
        Error: FieldUnknown {
            /// The field, such as `spec.node`.
            field: String,
            /// What was probably meant, from the same object on.
            suggestion: Option<String>,
            /// The fields that exist there.
            known: Vec<String>,
        },
        /// The API server refuses what a field holds, or that it is absent.
        Error: FieldRefused {
            /// The field, such as `spec.env[0].value`.
            field: String,
            /// The name of the entry of a list that the field is in, where it has one.
            entry: Option<String>,
            /// What is wrong.
            problem: FieldProblem,
        },
    }
}

/// Why the API server refuses what a field holds.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldProblem {
    /// The field must be there.
    Missing,
    /// The value is of another type.
    WrongType {
        /// The type that it must have.
        expected: FieldType,
        /// The type that it has.
        found: FieldType,
        /// The value, as JSON.
        value: String,
    },
    /// The value is not among those that are allowed.
    NotAllowed {
        /// The value.
        value: String,
        /// All that may be written.
        allowed: Vec<String>,
    },
    /// The value is not a quantity.
    NotAQuantity {
        /// The value.
        value: String,
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
    /// A rule of the schema refuses it.
    Rule {
        /// The value, where the rule is about a text.
        value: Option<String>,
        /// What the API server says then.
        message: String,
    },
}

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
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
    /// Nothing.
    Null,
}

impl FieldFinding {
    pub(super) fn text(&self, locale: Locale) -> Text {
        match self {
            Self::FieldUnknown { field, suggestion, known } => {
                let parent = field.rsplit_once('.').map(|(parent, _)| format!("{parent}."));
                let parent = parent.unwrap_or_default();
                let message =
                    format!("there is no field {field}: kubectl refuses it, other clients leave it out");
                Text::new(message).help(match suggestion {
                    Some(meant) => format!("write {parent}{meant}"),
                    None => format!("remove it; what exists here is {}", list(known)),
                })
            }
            Self::FieldRefused { field, entry, problem } => {
                let field = match entry {
                    Some(entry) => format!("{field} of \"{entry}\""),
                    None => field.clone(),
                };
                problem.text(&field, locale)
            }
        }
    }
}

impl FieldProblem {
    fn text(&self, field: &str, locale: Locale) -> Text {
        match self {
            Self::Missing => Text::new(format!("{field} is missing")).help("add it"),
            Self::WrongType { expected, found, value } => {
                let value = match found {
                    FieldType::List | FieldType::Map => found.name(locale),
                    _ => value,
                };
                let text = Text::new(format!("{field} is {value}, but must be {}", expected.name(locale)));
                match (expected, found) {
                    (
                        FieldType::Text | FieldType::IntegerOrText,
                        FieldType::Integer | FieldType::Number | FieldType::Boolean,
                    ) => text.help("put the value in quotes"),
                    (FieldType::Integer | FieldType::Number | FieldType::Boolean, FieldType::Text) => {
                        text.help("write it without quotes")
                    }
                    (FieldType::Map, FieldType::Text) => match value.trim_matches('"').split_once('=') {
                        Some((name, value)) => {
                            text.help(format!("write {{name: {name}, value: \"{value}\"}}"))
                        }
                        None => text,
                    },
                    (FieldType::List, _) => text.help("write one entry a line, each after \"- \""),
                    _ => text,
                }
            }
            Self::NotAllowed { value, allowed } => {
                let text = Text::new(format!("{field} cannot be \"{value}\""));
                match allowed.as_slice() {
                    [only] => text.help(format!("write {only}")),
                    several => text.help(format!("write one of {}", list(several))),
                }
            }
            Self::NotAQuantity { value } => {
                Text::new(format!("{field} is \"{value}\", which is not a quantity"))
                    .help("write a number with or without a unit, such as 500m, 0.5 or 64Mi")
            }
            Self::NotMatching { value, pattern } => {
                Text::new(format!("{field} is \"{value}\", which does not match {pattern}"))
            }
            Self::TooLong { limit } => Text::new(format!("{field} is longer than {limit} characters")),
            Self::Rule { value: Some(value), message } => {
                let text = Text::new(format!("{field} is \"{value}\": {message}"));
                match share(value) {
                    Some(share) => text.help(format!("write \"{share}\"")),
                    None => text,
                }
            }
            Self::Rule { value: None, message } => Text::new(format!("{field}: {message}")),
        }
    }
}

/// What a percentage is as a number from 0 to 1.
fn share(value: &str) -> Option<f64> {
    let percent: f64 = value.strip_suffix('%')?.trim().parse().ok()?;
    (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
}

impl FieldType {
    fn name(self, _: Locale) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::List => "a list",
            Self::Map => "a map",
            Self::IntegerOrText => "a whole number or text",
            Self::NumberOrText => "a number or text",
            Self::Null => "null",
        }
    }
}

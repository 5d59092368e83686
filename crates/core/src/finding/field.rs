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
                Text::new(say!(
                    locale,
                    "there is no field {field}: kubectl refuses it, other clients leave it out",
                    "no existe el campo {field}: kubectl lo rechaza y otros clientes lo omiten",
                ))
                .help(if let Some(meant) = suggestion {
                    say!(locale, "write {parent}{meant}", "escribe {parent}{meant}")
                } else {
                    let known = list(known);
                    say!(locale, "remove it; what exists here is {known}", "quítalo; aquí existen {known}")
                })
            }
            Self::FieldRefused { field, entry, problem } => {
                let field = match entry {
                    Some(entry) => say!(locale, "{field} of \"{entry}\"", "{field} de \"{entry}\""),
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
            Self::Missing => Text::new(say!(locale, "{field} is missing", "falta {field}")).help(say!(
                locale,
                "add it",
                "añádelo"
            )),
            Self::WrongType { expected, found, value } => wrong_type(field, *expected, *found, value, locale),
            Self::NotAllowed { value, allowed } => {
                let text = Text::new(say!(
                    locale,
                    "{field} cannot be \"{value}\"",
                    "{field} no puede ser \"{value}\"",
                ));
                text.help(if let [only] = allowed.as_slice() {
                    say!(locale, "write {only}", "escribe {only}")
                } else {
                    let several = list(allowed);
                    say!(locale, "write one of {several}", "escribe uno de estos: {several}")
                })
            }
            Self::NotAQuantity { value } => Text::new(say!(
                locale,
                "{field} is \"{value}\", which is not a quantity",
                "{field} es \"{value}\", que no es una cantidad",
            ))
            .help(say!(
                locale,
                "write a number with or without a unit, such as 500m, 0.5 or 64Mi",
                "escribe un número con o sin unidad, como 500m, 0.5 o 64Mi",
            )),
            Self::NotMatching { value, pattern } => Text::new(say!(
                locale,
                "{field} is \"{value}\", which does not match {pattern}",
                "{field} es \"{value}\", que no cumple el patrón {pattern}",
            )),
            Self::TooLong { limit } => Text::new(say!(
                locale,
                "{field} is longer than {limit} characters",
                "{field} tiene más de {limit} caracteres",
            )),
            Self::Rule { value: Some(value), message } => {
                let text = Text::new(say!(
                    locale,
                    "{field} is \"{value}\": {message}",
                    "{field} es \"{value}\": {message}",
                ));
                match share(value) {
                    Some(share) => text.help(say!(locale, "write \"{share}\"", "escribe \"{share}\"")),
                    None => text,
                }
            }
            Self::Rule { value: None, message } => Text::new(format!("{field}: {message}")),
        }
    }
}

fn wrong_type(field: &str, expected: FieldType, found: FieldType, value: &str, locale: Locale) -> Text {
    let seen = match found {
        FieldType::List | FieldType::Map => found.name(locale),
        _ => value,
    };
    let must = expected.name(locale);
    let text = Text::new(say!(
        locale,
        "{field} is {seen}, but must be {must}",
        "{field} es {seen}, pero debe ser {must}",
    ));
    match (expected, found) {
        (
            FieldType::Text | FieldType::IntegerOrText,
            FieldType::Integer | FieldType::Number | FieldType::Boolean,
        ) => text.help(say!(locale, "put the value in quotes", "pon el valor entre comillas")),
        (FieldType::Integer | FieldType::Number | FieldType::Boolean, FieldType::Text) => {
            text.help(say!(locale, "write it without quotes", "escríbelo sin comillas"))
        }
        (FieldType::Map, FieldType::Text) => match value.trim_matches('"').split_once('=') {
            Some((name, value)) => text.help(say!(
                locale,
                "write {{name: {name}, value: \"{value}\"}}",
                "escribe {{name: {name}, value: \"{value}\"}}",
            )),
            None => text,
        },
        (FieldType::List, _) => text.help(say!(
            locale,
            "write one entry a line, each after \"- \"",
            "escribe un elemento por línea, cada uno tras \"- \"",
        )),
        _ => text,
    }
}

/// What a percentage is as a number from 0 to 1.
fn share(value: &str) -> Option<f64> {
    let percent: f64 = value.strip_suffix('%')?.trim().parse().ok()?;
    (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
}

impl FieldType {
    const fn name(self, locale: Locale) -> &'static str {
        match (locale, self) {
            (Locale::En, Self::Text) => "text",
            (Locale::En, Self::Integer) => "a whole number",
            (Locale::En, Self::Number) => "a number",
            (Locale::En, Self::Boolean) => "true or false",
            (Locale::En, Self::List) => "a list",
            (Locale::En, Self::Map) => "a map",
            (Locale::En, Self::IntegerOrText) => "a whole number or text",
            (Locale::En, Self::NumberOrText) => "a number or text",
            (Locale::Es, Self::Text) => "texto",
            (Locale::Es, Self::Integer) => "un número entero",
            (Locale::Es, Self::Number) => "un número",
            (Locale::Es, Self::Boolean) => "true o false",
            (Locale::Es, Self::List) => "una lista",
            (Locale::Es, Self::Map) => "un mapa",
            (Locale::Es, Self::IntegerOrText) => "un número entero o texto",
            (Locale::Es, Self::NumberOrText) => "un número o texto",
            (_, Self::Null) => "null",
        }
    }
}

//! Fields that the API server does not take as they are written.

use super::{Locale, Said, Text, list};

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
        /// The API server refuses the value of a field, or its absence.
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
                    let all = list(known);
                    say!(
                        locale,
                        "remove it; the fields here are {all}",
                        "quítalo; los campos que hay aquí son {all}",
                    )
                })
            }
            Self::FieldRefused { field, entry: None, problem } => problem.text(field, locale),
            Self::FieldRefused { field, entry: Some(entry), problem } => {
                let field = say!(locale, "{field} of \"{entry}\"", "{field} de \"{entry}\"");
                problem.text(&field.to_string(), locale)
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
            Self::WrongType { expected, found, value } => {
                let value = match found {
                    FieldType::List | FieldType::Map => found.name(locale).to_string(),
                    _ => value.clone(),
                };
                let kind = expected.name(locale);
                let text = Text::new(say!(
                    locale,
                    "{field} is {value}, but must be {kind}",
                    "{field} es {value}, pero debe ser {kind}",
                ));
                match type_help(*expected, *found, &value, locale) {
                    Some(help) => text.help(help),
                    None => text,
                }
            }
            Self::NotAllowed { value, allowed } => {
                let all = list(allowed);
                Text::new(say!(locale, "{field} cannot be \"{value}\"", "{field} no puede ser \"{value}\""))
                    .help(match allowed.as_slice() {
                        [only] => say!(locale, "write {only}", "escribe {only}"),
                        _ => say!(locale, "write one of {all}", "escribe uno de estos: {all}"),
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
                "escribe un número con o sin unidad, por ejemplo 500m, 0.5 o 64Mi",
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
            // What the rule says is the API server's own text.
            Self::Rule { value: None, message } => {
                Text::new(say!(locale, "{field}: {message}", "{field}: {message}"))
            }
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
        }
    }
}

fn type_help(expected: FieldType, found: FieldType, value: &str, locale: Locale) -> Option<Said> {
    use FieldType::{Boolean, Integer, IntegerOrText, List, Map, Number, Text};
    Some(match (expected, found) {
        (Text | IntegerOrText, Integer | Number | Boolean) => {
            say!(locale, "put the value in quotes", "pon el valor entre comillas")
        }
        (Integer | Number | Boolean, Text) => {
            say!(locale, "write it without quotes", "escríbelo sin comillas")
        }
        (Map, Text) => {
            let (name, value) = value.trim_matches('"').split_once('=')?;
            say!(
                locale,
                "write {{name: {name}, value: \"{value}\"}}",
                "escribe {{name: {name}, value: \"{value}\"}}",
            )
        }
        (List, _) => say!(
            locale,
            "write one entry a line, each after \"- \"",
            "escribe una entrada por línea, cada una después de \"- \"",
        ),
        _ => return None,
    })
}

/// What a percentage is as a number from 0 to 1.
fn share(value: &str) -> Option<f64> {
    let percent: f64 = value.strip_suffix('%')?.trim().parse().ok()?;
    (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
}

impl FieldType {
    fn name(self, locale: Locale) -> Said {
        match self {
            Self::Text => say!(locale, "text", "texto"),
            Self::Integer => say!(locale, "a whole number", "un número entero"),
            Self::Number => say!(locale, "a number", "un número"),
            Self::Boolean => say!(locale, "true or false", "true o false"),
            Self::List => say!(locale, "a list", "una lista"),
            Self::Map => say!(locale, "a map", "un mapa"),
            Self::IntegerOrText => say!(locale, "a whole number or text", "un número entero o texto"),
            Self::NumberOrText => say!(locale, "a number or text", "un número o texto"),
            Self::Null => say!(locale, "null", "null"),
        }
    }
}

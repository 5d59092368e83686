//! Fields that the API server does not take as they are written.

use super::{Locale, Said, Text, list};

family! {
    /// Fields that the API server does not take as they are written.
    FieldFinding {
        /// There is no such field: kubectl refuses the object, other clients lose the field.
        Error: FieldUnknown {
            /// The field, such as `spec.node`.
            field: String,
            /// The field that was probably meant, such as `spec.nodejs`.
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
    /// The value is no name of an object or namespace.
    NotAName {
        /// The value.
        value: String,
        /// Whether such a name may have dots.
        has_dots: bool,
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
    /// The JSON pointer of the field that was probably meant by an unknown one.
    pub fn meant_pointer(&self) -> Option<String> {
        let Self::FieldUnknown { suggestion: Some(meant), .. } = self else { return None };
        Some(format!("/{}", meant.replace(['.', '['], "/").replace(']', "")))
    }

    pub(super) fn text(&self, locale: Locale) -> Text {
        match self {
            Self::FieldUnknown { field, suggestion, known } => Text::new(say!(
                locale,
                "there is no field {field}: kubectl refuses it, other clients leave it out",
                "no existe el campo {field}: kubectl lo rechaza y otros clientes lo omiten",
            ))
            .help(if let Some(meant) = suggestion {
                say!(locale, "write {meant}", "escribe {meant}")
            } else {
                let all = list(known);
                say!(
                    locale,
                    "remove it; the fields here are {all}",
                    "quítalo; los campos que hay aquí son {all}",
                )
            }),
            Self::FieldRefused { field, entry: None, problem } => problem.text(field, field, locale),
            Self::FieldRefused { field, entry: Some(entry), problem } => {
                let shown = say!(locale, "{field} of \"{entry}\"", "{field} de \"{entry}\"");
                problem.text(field, &shown.to_string(), locale)
            }
        }
    }
}

impl FieldProblem {
    /// What is told of the field `name`, which is called `field` where people read of it.
    fn text(&self, name: &str, field: &str, locale: Locale) -> Text {
        match self {
            Self::Missing => Text::new(say!(locale, "{field} is missing", "falta {field}")).help(say!(
                locale,
                "add it",
                "añádelo"
            )),
            Self::WrongType { expected, found, value } => {
                // What was to be a text may be a password, such as that of a variable.
                let is_hidden =
                    [*expected, *found].iter().any(|kind| matches!(kind, FieldType::List | FieldType::Map))
                        || *expected == FieldType::Text;
                let shown = if is_hidden { found.name(locale).to_string() } else { value.clone() };
                let kind = expected.name(locale);
                let text = Text::new(say!(
                    locale,
                    "{field} is {shown}, but must be {kind}",
                    "{field} es {shown}, pero debe ser {kind}",
                ));
                match type_help(*expected, *found, value, name, locale) {
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
            Self::NotAName { value, has_dots } => Text::new(say!(
                locale,
                "{field} is \"{value}\", which is not a valid name",
                "{field} es \"{value}\", que no es un nombre válido",
            ))
            .help(if *has_dots {
                say!(
                    locale,
                    "use lowercase letters, digits, \"-\" and \".\", with a letter or digit at both ends",
                    "usa minúsculas sin acento, dígitos, \"-\" y \".\", con una letra o un dígito en ambos extremos",
                )
            } else {
                say!(
                    locale,
                    "use lowercase letters, digits and \"-\", with a letter or digit at both ends",
                    "usa minúsculas sin acento, dígitos y \"-\", con una letra o un dígito en ambos extremos",
                )
            }),
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

fn type_help(
    expected: FieldType,
    found: FieldType,
    value: &str,
    field: &str,
    locale: Locale,
) -> Option<Said> {
    use FieldType::{Boolean, Integer, IntegerOrText, List, Map, Number, Text};
    let (name, value) = (field.rsplit('.').next().unwrap_or_default(), value.trim_matches('"'));
    Some(match (expected, found) {
        (Text | IntegerOrText, Integer | Number | Boolean) => {
            say!(locale, "put the value in quotes", "pon el valor entre comillas")
        }
        (Integer | Number | Boolean, Text) => {
            say!(locale, "write it without quotes", "escríbelo sin comillas")
        }
        (Map, Text) if lacks_space(value) => {
            say!(locale, "write a space after the colon", "escribe un espacio después de los dos puntos",)
        }
        (Map, Text) => {
            let within = match name {
                "exporter" => "endpoint",
                "sampler" => "type",
                "configMapRef" | "secretRef" => "name",
                _ => {
                    let (name, _) = value.split_once('=')?;
                    return Some(say!(
                        locale,
                        "write {{name: {name}, value: …}}",
                        "escribe {{name: {name}, value: …}}",
                    ));
                }
            };
            say!(locale, "write it as {field}.{within}", "escríbelo como {field}.{within}")
        }
        (Map, List) => say!(
            locale,
            "write each entry as a line \"name: value\", without \"- \"",
            "escribe cada entrada como una línea \"nombre: valor\", sin \"- \"",
        ),
        (List, Map) if name == "env" => say!(
            locale,
            "write each as an entry of its own: {{name: …, value: …}}",
            "escribe cada una como una entrada propia: {{name: …, value: …}}",
        ),
        (List, _) => say!(
            locale,
            "write one entry a line, each after \"- \"",
            "escribe una entrada por línea, cada una después de \"- \"",
        ),
        (Text, List) => say!(locale, "write one value, not a list", "escribe un solo valor, no una lista"),
        (Text, Map) if field.ends_with(".labels.annotations") => say!(
            locale,
            "write annotations beside labels, not within",
            "escribe annotations al lado de labels, no dentro",
        ),
        _ => return None,
    })
}

/// Whether a text is a name and a value without the space after the colon, which makes a field of them: `name:value`.
fn lacks_space(text: &str) -> bool {
    let is_of_name = |one: char| one.is_ascii_alphanumeric() || "-_./".contains(one);
    text.split_once(':').is_some_and(|(name, value)| {
        !name.is_empty()
            && name.chars().all(is_of_name)
            && !value.starts_with([' ', '/'])
            && !value.is_empty()
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

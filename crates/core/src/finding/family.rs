//! How a family of findings is declared: each with its severity, its code, what it means, and the values that its text
//! needs.

use super::Severity;

/// What is to be said of a finding whatever its values.
#[derive(Debug, Clone, Copy)]
pub struct Code {
    /// The stable code, in CamelCase.
    pub name: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What it means.
    pub meaning: &'static str,
    /// What causes it, and how to fix it, where no manifest of the tests shows it.
    pub example: Option<Example>,
}

/// A finding that no manifest by itself causes.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// What causes it, as Markdown.
    pub cause: &'static str,
    /// How to fix it, as Markdown.
    pub fix: &'static str,
}

/// Declares one family. The name of a finding is its code; its comment is what the documentation says that it means.
macro_rules! family {
    (
        $(#[$family_doc:meta])*
        $family:ident {
            $(
                $(#[doc = $doc:literal])+
                $severity:ident: $code:ident $({
                    $( $(#[$field_doc:meta])+ $field:ident: $type:ty, )+
                })? $(example $cause:literal fix $fix:literal)?,
            )+
        }
    ) => {
        $(#[$family_doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $family {
            $(
                $(#[doc = $doc])+
                $code $({ $( $(#[$field_doc])+ $field: $type, )+ })?,
            )+
        }

        impl $family {
            /// All findings of the family.
            pub const CODES: &[$crate::finding::Code] = &[
                $( $crate::finding::Code {
                    name: stringify!($code),
                    severity: $crate::finding::Severity::$severity,
                    meaning: concat!($($doc, "\n"),+),
                    example: family!(@example $($cause, $fix)?),
                }, )+
            ];

            /// The stable code.
            pub const fn code(&self) -> &'static str {
                match self {
                    $( Self::$code { .. } => stringify!($code), )+
                }
            }

            /// How much it matters.
            pub const fn severity(&self) -> $crate::finding::Severity {
                match self {
                    $( Self::$code { .. } => $crate::finding::Severity::$severity, )+
                }
            }

            /// The language that it is about: what its field `language` holds.
            pub const fn language(&self) -> Option<ingraft_api::Language> {
                $($($( family!(@language self $code $field); )+)?)+
                None
            }
        }
    };
    (@language $self:ident $code:ident language) => {
        if let Self::$code { language, .. } = $self {
            return Some(*language);
        }
    };
    (@language $self:ident $code:ident $field:ident) => {};
    (@example) => { None };
    (@example $cause:literal, $fix:literal) => {
        Some($crate::finding::Example { cause: $cause, fix: $fix })
    };
}

/// Declares all families.
macro_rules! families {
    ($( $(#[doc = $doc:literal])+ $variant:ident($family:ident), )+) => {
        /// What was decided or noticed, with the values that the text needs.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Reason {
            $( $(#[doc = $doc])+ $variant($family), )+
        }

        impl Reason {
            /// All findings, by family, each with what it is about.
            pub const FAMILIES: &[(&str, &[Code])] = &[ $( (concat!($($doc),*), $family::CODES), )+ ];

            /// The stable code.
            pub const fn code(&self) -> &'static str {
                match self {
                    $( Self::$variant(finding) => finding.code(), )+
                }
            }

            /// How much it matters.
            pub const fn severity(&self) -> Severity {
                match self {
                    $( Self::$variant(finding) => finding.severity(), )+
                }
            }

            /// The language that it is about, if that is exactly one.
            pub const fn language(&self) -> Option<Language> {
                match self {
                    $( Self::$variant(finding) => finding.language(), )+
                }
            }

            /// What it says to people.
            pub fn text(&self, locale: Locale) -> Text {
                match self {
                    $( Self::$variant(finding) => finding.text(locale), )+
                }
            }
        }

        $(
            impl From<$family> for Reason {
                fn from(finding: $family) -> Self {
                    Self::$variant(finding)
                }
            }
        )+
    };
}

/// A text in every language, the one that is chosen. Only this makes what [`Text`](super::Text) takes, so a finding that
/// lacks a language does not compile.
macro_rules! say {
    ($locale:expr, $english:literal, $spanish:literal $(,)?) => {
        $crate::finding::Said(match $locale {
            $crate::finding::Locale::En => format!($english),
            $crate::finding::Locale::Es => format!($spanish),
        })
    };
}

//! How a family of findings is declared: each with its severity, its code, and the values that its text needs.

/// Declares one family. The name of a finding is its code.
macro_rules! family {
    (
        $(#[$family_doc:meta])*
        $family:ident {
            $(
                $(#[$doc:meta])+
                $severity:ident: $code:ident $({
                    $( $(#[$field_doc:meta])+ $field:ident: $type:ty, )+
                })?,
            )+
        }
    ) => {
        $(#[$family_doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $family {
            $(
                $(#[$doc])+
                $code $({ $( $(#[$field_doc])+ $field: $type, )+ })?,
            )+
        }

        impl $family {
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
        }
    };
}

/// Declares all families.
macro_rules! families {
    ($( $(#[$doc:meta])* $variant:ident($family:ident), )+) => {
        /// What was decided or noticed, with the values that the text needs.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Reason {
            $( $(#[$doc])* $variant($family), )+
        }

        impl Reason {
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

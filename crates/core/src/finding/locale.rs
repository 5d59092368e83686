//! The languages that people read.

/// A language that people read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// Spanish.
    Es,
}

impl Locale {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::En, Self::Es];

    /// Its code, as in `LANG`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Es => "es",
        }
    }

    /// The language that a POSIX locale such as `es_ES.UTF-8` names, if it is one of ours. `C` and `POSIX` are English.
    pub fn parse(name: &str) -> Option<Self> {
        match name.split(['_', '.', '@', '-']).next().unwrap_or_default() {
            "C" | "POSIX" => Some(Self::En),
            language => Self::ALL.into_iter().find(|locale| locale.as_str().eq_ignore_ascii_case(language)),
        }
    }

    /// The language of a user: of the first of `LC_ALL`, `LC_MESSAGES` and `LANG` that is set, as
    /// <https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html#tag_08_02> has it. English where that
    /// names none of ours.
    pub fn of_user<'a>(variables: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let first = variables.into_iter().flatten().find(|value| !value.is_empty());
        first.and_then(Self::parse).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Locale;

    #[test]
    fn is_what_the_first_variable_says() {
        for (variables, expected) in [
            ([None, None, Some("es_ES.UTF-8")], Locale::Es),
            ([None, None, Some("es")], Locale::Es),
            ([None, Some("es_MX@euro"), Some("en_US.UTF-8")], Locale::Es),
            ([Some("C"), Some("es_ES"), Some("es_ES")], Locale::En),
            ([Some("C.UTF-8"), None, Some("es_ES")], Locale::En),
            ([Some(""), None, Some("es_AR.utf8")], Locale::Es),
            ([Some("POSIX"), None, None], Locale::En),
            ([None, None, Some("de_DE.UTF-8")], Locale::En),
            ([None, None, Some("est_EE")], Locale::En),
            ([None, None, None], Locale::En),
        ] {
            assert_eq!(Locale::of_user(variables), expected, "{variables:?}");
        }
    }
}

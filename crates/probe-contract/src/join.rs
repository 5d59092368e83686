//! How the user's value of a variable and ours become one.

use std::borrow::Cow;

use crate::attributes;

/// How the user's value of a variable and ours become one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Join {
    /// The user's value, or else ours.
    Default {
        /// Ours.
        ours: String,
        /// Another variable by which the user may say the same.
        unless: Option<Unless>,
    },
    /// The user's value between two texts of ours.
    Around {
        /// What goes before the user's value.
        prefix: String,
        /// What goes after the user's value.
        suffix: String,
        /// The value where the user sets none.
        alone: String,
        /// Text that shows that ours has been added already; empty if nothing does.
        mark: Cow<'static, str>,
    },
    /// Resource attributes: the user's, then those of ours whose keys the user does not have.
    Attributes {
        /// Ours.
        ours: String,
    },
}

/// A variable by which the user may say what a default of ours would say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unless {
    /// Its name.
    pub variable: String,
    /// The key that counts, if the variable is a list of resource attributes; otherwise empty.
    pub key: String,
}

impl Join {
    /// Ours, unless the user sets the variable.
    pub fn default(ours: impl Into<String>) -> Self {
        Self::Default { ours: ours.into(), unless: None }
    }

    /// Ours after the user's value and a separator.
    pub fn appended(separator: &str, ours: &str, mark: &'static str) -> Self {
        let suffix = format!("{separator}{ours}");
        Self::Around { prefix: String::new(), suffix, alone: ours.to_owned(), mark: mark.into() }
    }

    /// The same with another value where the user sets none.
    #[must_use]
    pub fn or_alone(self, alone: String) -> Self {
        match self {
            Self::Default { unless, .. } => Self::Default { ours: alone, unless },
            Self::Around { prefix, suffix, mark, .. } => Self::Around { prefix, suffix, alone, mark },
            Self::Attributes { .. } => Self::Attributes { ours: alone },
        }
    }

    /// The value where the user sets none.
    pub fn alone(&self) -> &str {
        match self {
            Self::Default { ours, .. } | Self::Attributes { ours } | Self::Around { alone: ours, .. } => ours,
        }
    }

    /// All texts of ours that a value may be made of.
    pub fn texts(&self) -> [&str; 3] {
        match self {
            Self::Default { ours, .. } | Self::Attributes { ours } => [ours, "", ""],
            Self::Around { prefix, suffix, alone, .. } => [prefix, suffix, alone],
        }
    }

    /// The variable's new value, or nothing if the user's stays.
    pub fn merge(&self, user: Option<&str>) -> Option<String> {
        let Some(user) = user else {
            return Some(self.alone().to_owned());
        };
        match self {
            Self::Default { .. } => None,
            Self::Around { mark, .. } if !mark.is_empty() && user.contains(mark.as_ref()) => None,
            Self::Around { prefix, suffix, .. } => Some([prefix, user, suffix].concat()),
            Self::Attributes { ours } => attributes::merge(user, ours),
        }
    }

    /// Whether the user says by another variable what ours would say. `value_of` returns the user's values.
    pub fn yields<'v>(&self, value_of: impl FnOnce(&str) -> Option<&'v str>) -> bool {
        let Self::Default { unless: Some(Unless { variable, key }), .. } = self else {
            return false;
        };
        value_of(variable).is_some_and(|value| key.is_empty() || attributes::has(value, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_as_each_language_needs() {
        let java = Join::appended("", " -javaagent:/o/a.jar", "/o/a.jar");
        assert_eq!(java.merge(Some("-Xmx1g")).as_deref(), Some("-Xmx1g -javaagent:/o/a.jar"));
        assert_eq!(java.merge(None).as_deref(), Some(" -javaagent:/o/a.jar"));
        assert_eq!(java.merge(Some("-javaagent:/o/a.jar -Xmx1g")), None);
        let python = Join::Around {
            prefix: "/o/a:".to_owned(),
            suffix: ":/o".to_owned(),
            alone: "/o/a:/o".to_owned(),
            mark: "/o/a".into(),
        };
        assert_eq!(python.merge(Some("/app")).as_deref(), Some("/o/a:/app:/o"));
        assert_eq!(python.merge(Some("")).as_deref(), Some("/o/a::/o"));
        assert_eq!(python.merge(None).as_deref(), Some("/o/a:/o"));
        assert_eq!(Join::appended("+", "y", "").merge(Some("x")).as_deref(), Some("x+y"));
    }

    #[test]
    fn a_default_stands_back() {
        assert_eq!(Join::default("1").merge(Some("")), None);
        assert_eq!(Join::default("1").merge(None).as_deref(), Some("1"));
    }

    #[test]
    fn a_default_yields_to_what_says_the_same() {
        let yields = |key: &str, value: Option<&'static str>| {
            let unless = Unless { variable: "Y".to_owned(), key: key.to_owned() };
            let join = Join::Default { ours: "1".to_owned(), unless: Some(unless) };
            join.yields(|name| value.filter(|_| name == "Y"))
        };
        assert!(!yields("", None));
        assert!(yields("", Some("0")));
        assert!(!yields("service.name", Some("a=1,service=2")));
        assert!(yields("service.name", Some("a=1, service%2Ename =2")));
        assert!(!Join::default("1").yields(|_| Some("0")));
    }

    #[test]
    fn keeps_the_users_attributes_and_adds_new_keys() {
        let merged = |user, ours: &str| Join::Attributes { ours: ours.to_owned() }.merge(Some(user));
        for (user, ours, expected) in [
            ("", "a=1,b=2", "a=1,b=2"),
            ("a=9", "a=1,b=2", "a=9,b=2"),
            ("a=9,", "b=2", "a=9,b=2"),
            // Without a value it is not an attribute.
            (",a=x%2Cy, ,c", "a=1,,b=2,c=3", ",a=x%2Cy, ,c,b=2,c=3"),
            ("service%2ename=u", "service.name=o,x=1", "service%2ename=u,x=1"),
            (" service.name =u", "service.name=o,x=1", " service.name =u,x=1"),
            ("%zz=1,%=2,a%4=3", "%zz=0,%=0,a%4=0,b=1", "%zz=1,%=2,a%4=3,b=1"),
            ("a=1", "b=1,b=2", "a=1,b=1"),
        ] {
            assert_eq!(merged(user, ours).as_deref(), Some(expected));
        }
        assert_eq!(merged("a=1,a=2", "a=3"), None);
    }
}

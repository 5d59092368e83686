//! References from one variable to another.

/// Replaces `$(NAME)` by the value of the variable, and `$$` by `$`. A reference to what has no value stays as it is.
/// What was put in is not looked at again.
///
/// The rules of <https://github.com/kubernetes/kubernetes/blob/v1.35.4/third_party/forked/golang/expansion/expand.go>:
/// a name is all up to the next `)`, whatever it holds.
///
/// ```
/// use ingraft_core::environment::expand;
///
/// let value_of = |name: &str| (name == "HOST").then_some("db");
/// assert_eq!(expand("$(HOST):$(PORT) $$(HOST)", value_of), "db:$(PORT) $(HOST)");
/// ```
pub fn expand<'v>(text: &str, mut value_of: impl FnMut(&str) -> Option<&'v str>) -> String {
    let mut expanded = String::with_capacity(text.len());
    for part in parts(text) {
        match part {
            Part::Text(text) => expanded.push_str(text),
            Part::Escape => expanded.push('$'),
            Part::Reference(name) => match value_of(name) {
                Some(value) => expanded.push_str(value),
                None => expanded.extend(["$(", name, ")"]),
            },
        }
    }
    expanded
}

/// The names that a text refers to.
pub(crate) fn references(text: &str) -> impl Iterator<Item = &str> {
    parts(text).filter_map(|part| match part {
        Part::Reference(name) => Some(name),
        Part::Text(_) | Part::Escape => None,
    })
}

/// Whether a text refers to a variable.
pub(crate) fn refers_to(text: &str, name: &str) -> bool {
    references(text).any(|found| found == name)
}

/// The first of the references that are wanted: what is before it, its name, and what is behind it.
pub(crate) fn split_at_reference(text: &str, wanted: impl Fn(&str) -> bool) -> Option<(&str, &str, &str)> {
    let mut place = 0;
    for part in parts(text) {
        place += match part {
            Part::Text(text) => text.len(),
            Part::Escape => "$$".len(),
            Part::Reference(name) => {
                let behind = place + "$()".len() + name.len();
                if wanted(name) {
                    return Some((text.get(..place)?, name, text.get(behind..)?));
                }
                behind - place
            }
        };
    }
    None
}

/// A piece of a text with references.
enum Part<'t> {
    Text(&'t str),
    /// `$$`
    Escape,
    /// `$(NAME)`
    Reference(&'t str),
}

fn parts(mut rest: &str) -> impl Iterator<Item = Part<'_>> {
    // Without this, many references that nothing closes take quadratic time.
    let mut closes = true;
    std::iter::from_fn(move || {
        let Some(after) = rest.strip_prefix('$') else {
            let (before, behind) = rest.split_at(rest.find('$').unwrap_or(rest.len()));
            rest = behind;
            return (!before.is_empty()).then_some(Part::Text(before));
        };
        if let Some(behind) = after.strip_prefix('$') {
            rest = behind;
            return Some(Part::Escape);
        }
        let opened = after.strip_prefix('(').filter(|_| closes);
        if let Some((name, behind)) = opened.and_then(|opened| opened.split_once(')')) {
            rest = behind;
            return Some(Part::Reference(name));
        }
        closes &= opened.is_none();
        rest = after;
        Some(Part::Text("$"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_is_not_a_reference() {
        assert!(refers_to("a $(A)", "A") && refers_to("$$$(A)", "A"));
        assert!(!refers_to("$$(A) $(AB) $(A", "A"));
    }

    #[test]
    fn follows_the_rules_of_the_kubelet() {
        let value_of = |name: &str| match name {
            "A" => Some("a"),
            "EMPTY" => Some(""),
            "REF" => Some("$(A)"),
            "MONEY" => Some("$"),
            "odd name" | "B$(A" => Some("odd"),
            _ => None,
        };
        for (text, expanded) in [
            ("", ""),
            ("plain", "plain"),
            ("$(A)", "a"),
            ("x$(A)y$(A)", "xaya"),
            ("[$(EMPTY)]", "[]"),
            ("$(NOBODY)", "$(NOBODY)"),
            ("$()", "$()"),
            ("$$(A)", "$(A)"),
            ("$$$(A)", "$a"),
            ("$$$$(A)", "$$(A)"),
            ("$(REF)", "$(A)"),
            ("$(MONEY)(A)", "$(A)"),
            ("$", "$"),
            ("A$", "A$"),
            ("$$", "$"),
            ("$A ${A} $é", "$A ${A} $é"),
            ("$(A", "$(A"),
            ("$(A $$ $(", "$(A $ $("),
            ("$(B$(A)", "odd"),
            ("$(C$(A))", "$(C$(A))"),
            ("$(odd name)", "odd"),
            ("$(A)$(A", "a$(A"),
            (")$(A))", ")a)"),
        ] {
            assert_eq!(expand(text, value_of), expanded, "{text}");
        }
    }

    #[test]
    fn finds_what_is_around_a_reference() {
        let around = |text| split_at_reference(text, |name| name == "A");
        assert_eq!(around("$$(A)é$(B)$(A) $(A)"), Some(("$$(A)é$(B)", "A", " $(A)")));
        assert_eq!(around("$$(A) $(A"), None);
        assert_eq!(references("$(A)$$(B)$ $(C)").collect::<Vec<_>>(), ["A", "C"]);
    }

    #[test]
    fn takes_linear_time() {
        let text = "$(".repeat(1 << 20);
        assert_eq!(expand(&text, |_| None), text);
    }
}

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
    let mut rest = text;
    // Without this, many references that nothing closes take quadratic time.
    let mut closes = true;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        if let Some(escaped) = after.strip_prefix('$') {
            expanded.push('$');
            rest = escaped;
            continue;
        }
        let opened = after.strip_prefix('(').filter(|_| closes);
        if let Some((name, behind)) = opened.and_then(|opened| opened.split_once(')')) {
            match value_of(name) {
                Some(value) => expanded.push_str(value),
                None => expanded.extend(["$(", name, ")"]),
            }
            rest = behind;
        } else {
            closes &= opened.is_none();
            expanded.push('$');
            rest = after;
        }
    }
    expanded.push_str(rest);
    expanded
}

/// Whether a text refers to a variable.
pub(crate) fn refers_to(text: &str, name: &str) -> bool {
    let mut refers = false;
    expand(text, |found| {
        refers |= found == name;
        None
    });
    refers
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
    fn takes_linear_time() {
        let text = "$(".repeat(1 << 20);
        assert_eq!(expand(&text, |_| None), text);
    }
}

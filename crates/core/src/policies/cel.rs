//! CEL as text (<https://kubernetes.io/docs/reference/using-api/cel/>), and findings as CEL.

use crate::finding::{Locale, Reason};

/// What stands around a value in the text of a finding while it is made.
const BEGIN: char = '\u{2}';
const END: char = '\u{3}';

/// More of a value is not shown: a message may have 5 KiB.
const LONGEST_VALUE: usize = 200;

/// A literal.
pub(super) fn text(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A list of literals.
pub(super) fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    let values: Vec<_> = values.into_iter().map(text).collect();
    format!("[{}]", values.join(", "))
}

/// A value that is known only when the expression is evaluated, in place of one that a finding shows.
pub(super) fn value(expression: &str) -> String {
    format!("{BEGIN}{expression}{END}")
}

/// The same for what people write freely: as one line, and not too long.
pub(super) fn free_value(expression: &str) -> String {
    value(&format!(
        "[({expression}).replace('\\n', ' ').replace('\\r', ' ')].map(line, size(line) > {LONGEST_VALUE} ? \
         line.substring(0, {LONGEST_VALUE}) + '…' : line)[0]"
    ))
}

/// What a finding says, as an expression: code, message and remedy.
pub(super) fn said(reason: &Reason) -> String {
    let said = reason.text(Locale::En);
    let help = said.help.map(|help| format!("; {help}")).unwrap_or_default();
    let said = format!("{}: {}{help}", reason.code(), said.message);
    let parts = said.split(BEGIN).flat_map(|part| match part.split_once(END) {
        Some((expression, rest)) => vec![format!("({expression})"), text(rest)],
        None => vec![text(part)],
    });
    parts.filter(|part| part != "''").collect::<Vec<_>>().join(" + ")
}

/// Whether `written` is `meant` but for one place, where at most `most` letters are others, missing or too many. Whoever
/// is so near is no farther than `most` by Damerau and Levenshtein, who need a loop that CEL does not have.
pub(super) fn near(meant: &str, written: &str, most: usize) -> String {
    let numbers = |range: std::ops::RangeInclusive<usize>| {
        let numbers: Vec<_> = range.map(|number| number.to_string()).collect();
        format!("[{}]", numbers.join(", "))
    };
    let lost = numbers(0..=most);
    // The longest key that anybody can mean has fewer letters.
    let places = numbers(0..=63);
    format!(
        "{lost}.exists(lost, size({written}) + lost - size({meant}) in {lost} && {places}.exists(place, \
         place + lost <= size({meant}) && {written}.startsWith({meant}.substring(0, place)) && \
         {written}.endsWith({meant}.substring(place + lost))))"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::AnnotationFinding;

    #[test]
    fn a_finding_becomes_an_expression() {
        let suggestion = Some(value("keys[1]"));
        let reason = AnnotationFinding::AnnotationUnknown { key: value("keys[0]"), suggestion }.into();
        assert_eq!(
            said(&reason),
            "'AnnotationUnknown: annotation \"' + (keys[0]) + '\" is unknown and has no effect; write ' + (keys[1])"
        );
        let reason = AnnotationFinding::RequireMisplaced { template: "" }.into();
        assert!(said(&reason).contains(r"ingraft.dev/require: \'true\' in"), "{}", said(&reason));
    }
}

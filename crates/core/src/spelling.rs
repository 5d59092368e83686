//! How much a word differs from one that was perhaps meant.

/// By how many letters two words differ, swapped neighbours counted as one, if by no more than so many
/// (<https://en.wikipedia.org/wiki/Damerau%E2%80%93Levenshtein_distance>). Most pairs that reviews ask about are of different
/// lengths, which costs nothing to see.
pub(crate) fn distance(one: &str, other: &str, most: usize) -> Option<usize> {
    let by_length = one.chars().count().abs_diff(other.chars().count());
    let distance = (by_length <= most).then(|| strsim::damerau_levenshtein(one, other))?;
    (distance <= most).then_some(distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_differ_are_counted_up_to_a_limit() {
        for (one, other, most, expected) in [
            ("java", "java", 0, Some(0)),
            ("java", "jvaa", 1, Some(1)),
            ("java", "jav", 1, Some(1)),
            ("java", "jåva", 1, Some(1)),
            ("java", "ruby", 3, None),
            ("java", "javascript", 3, None),
        ] {
            assert_eq!(distance(one, other, most), expected, "{one} {other}");
        }
    }
}

//! Which items of a list are those of another list.

use serde_json::Value;

/// For each item of `new` the index of the item of `old` that it is, changed or not. The indices ascend.
pub(crate) fn align(old: &[Value], new: &[Value]) -> Vec<Option<usize>> {
    let same = |(old, new): (&Value, &Value)| old == new || old.is_object() && name(old) == name(new);
    if old.len() == new.len() && old.iter().zip(new).all(same) {
        return (0..old.len()).map(Some).collect();
    }
    let first = common(old.iter(), new.iter());
    let last = common(old.iter().skip(first).rev(), new.iter().skip(first).rev());
    let mut matches: Vec<Option<usize>> = (0..first).map(Some).collect();
    let mut rest = old.get(first..old.len() - last).unwrap_or_default();
    for item in new.get(first..new.len() - last).unwrap_or_default() {
        let found = rest.iter().position(|old| old == item);
        let found =
            found.or_else(|| rest.iter().position(|old| name(old).is_some() && name(old) == name(item)));
        matches.push(found.map(|skipped| old.len() - last - rest.len() + skipped));
        if let Some(skipped) = found {
            rest = rest.get(skipped + 1..).unwrap_or_default();
        }
    }
    matches.extend((old.len() - last..old.len()).map(Some));
    pair_in_gaps(old, new, &mut matches);
    matches
}

/// How many values are alike from the start on.
fn common<'v>(old: impl Iterator<Item = &'v Value>, new: impl Iterator<Item = &'v Value>) -> usize {
    old.zip(new).take_while(|(old, new)| old == new).count()
}

/// Where as many items are left over on both sides between two that match, they are each other's, unless their names say
/// otherwise.
fn pair_in_gaps(old: &[Value], new: &[Value], matches: &mut [Option<usize>]) {
    let mut after = 0;
    let mut start = 0;
    while start <= matches.len() {
        let length = matches.iter().skip(start).take_while(|found| found.is_none()).count();
        let next = matches.get(start + length).copied().flatten().unwrap_or(old.len());
        if next - after == length
            && old.iter().skip(after).zip(new.iter().skip(start)).take(length).all(is_renamed)
        {
            matches
                .iter_mut()
                .skip(start)
                .take(length)
                .zip(after..next)
                .for_each(|(found, old)| *found = Some(old));
        }
        (start, after) = (start + length + 1, next + 1);
    }
}

/// Whether an item may have become another one: neither has a name, or something else in it is the same.
fn is_renamed((old, new): (&Value, &Value)) -> bool {
    let same = |(key, value): (&String, &Value)| new.get(key) == Some(value);
    name(old).is_none() && name(new).is_none() || old.as_object().is_some_and(|old| old.iter().any(same))
}

/// What Kubernetes tells most items of lists apart by.
fn name(item: &Value) -> Option<&str> {
    item.get("name").and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn aligned(old: &Value, new: &Value) -> Vec<Option<usize>> {
        align(old.as_array().unwrap(), new.as_array().unwrap())
    }

    #[test]
    fn items_are_found_by_what_they_say_then_by_name_then_by_place() {
        let cases = [
            (json!([1, 2]), json!([0, 1, 2]), vec![None, Some(0), Some(1)]),
            (json!([1, 2, 3]), json!([3, 1, 2, 3]), vec![None, Some(0), Some(1), Some(2)]),
            (json!([1, 2, 3]), json!([1, 3]), vec![Some(0), Some(2)]),
            (json!([1, 2]), json!([1, 5]), vec![Some(0), Some(1)]),
            (json!([{"name": "a"}]), json!([{"name": "b"}, {"name": "a", "x": 1}]), vec![None, Some(0)]),
            (json!([{"name": "a"}]), json!([{"name": "b"}]), vec![None]),
            (json!([{"name": "a", "x": 1}]), json!([{"name": "b", "x": 1}]), vec![Some(0)]),
            (json!([{"a": 1}, {"b": 2}]), json!([{"a": 3}, {"b": 4}]), vec![Some(0), Some(1)]),
            (json!([]), json!([1]), vec![None]),
            (json!([1]), json!([]), vec![]),
        ];
        for (old, new, expected) in cases {
            assert_eq!(aligned(&old, &new), expected, "{old} {new}");
        }
    }
}

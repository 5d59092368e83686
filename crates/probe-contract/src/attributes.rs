//! Lists of resource attributes: `key=value,key=value`, percent-encoded.
//! <https://opentelemetry.io/docs/specs/otel/resource/sdk/#specifying-resource-information-via-an-environment-variable>

/// The user's list as it is, followed by those of our attributes whose keys are new; nothing if none is.
pub(crate) fn merge(user: &str, ours: &str) -> Option<String> {
    let mut keys: Vec<Vec<u8>> = attributes(user).map(|(key, _)| key).collect();
    let known = keys.len();
    let mut merged = user.to_owned();
    for (key, item) in attributes(ours) {
        if !keys.contains(&key) {
            if !merged.is_empty() && !merged.ends_with(',') {
                merged.push(',');
            }
            merged.push_str(item);
            keys.push(key);
        }
    }
    (keys.len() > known).then_some(merged)
}

/// Whether the list has a key.
pub(crate) fn has(list: &str, wanted: &str) -> bool {
    attributes(list).any(|(key, _)| key == wanted.as_bytes())
}

/// The list's attributes, each with its key. Items without a value are not attributes.
fn attributes(list: &str) -> impl Iterator<Item = (Vec<u8>, &str)> {
    list.split(',').filter_map(|item| Some((decoded(item.split_once('=')?.0.trim()), item.trim())))
}

/// The key, decoded, so that two spellings of it are equal.
fn decoded(name: &str) -> Vec<u8> {
    let mut rest = name.bytes();
    let mut decoded = Vec::with_capacity(name.len());
    while let Some(byte) = rest.next() {
        match (byte, hexadecimal(rest.clone())) {
            (b'%', Some(value)) => {
                decoded.push(value);
                rest.nth(1);
            }
            _ => decoded.push(byte),
        }
    }
    decoded
}

fn hexadecimal(mut digits: impl Iterator<Item = u8>) -> Option<u8> {
    let high = char::from(digits.next()?).to_digit(16)?;
    let low = char::from(digits.next()?).to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

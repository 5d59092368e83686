//! Lists of resource attributes: `key=value,key=value`, percent-encoded.
//! <https://opentelemetry.io/docs/specs/otel/resource/sdk/#specifying-resource-information-via-an-environment-variable>

/// The user's list as it is, followed by those of our attributes whose keys are new; nothing if none is.
pub(crate) fn merge(user: &str, ours: &str) -> Option<String> {
    let mut keys: Vec<Vec<u8>> = items(user).map(key).collect();
    let known = keys.len();
    let mut merged = user.to_owned();
    for item in items(ours) {
        let key = key(item);
        if !keys.contains(&key) {
            if !merged.ends_with(',') {
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
    items(list).any(|item| key(item) == wanted.as_bytes())
}

fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// The item's key, decoded, so that two spellings of it are equal.
fn key(item: &str) -> Vec<u8> {
    let name = item.split_once('=').map_or(item, |(name, _)| name).trim();
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

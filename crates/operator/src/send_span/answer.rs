//! What an answer means: <https://opentelemetry.io/docs/specs/otlp/#otlphttp-response>.

use ingraft_core::finding::Fault;
use serde_json::Value;

use super::shortened;

/// As much as is told of what others say.
pub const LONGEST: usize = 500;

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// The status, for people.
    pub status: String,
    /// Whether the span was accepted, and what is said besides.
    pub verdict: Result<String, Fault>,
}

impl Answer {
    /// An answer that says that all is well, unless its content says otherwise.
    pub fn success(status: String, partial: &Partial) -> Self {
        let said = shortened(&partial.said, LONGEST);
        let verdict = if partial.rejected > 0 { Err(Fault::Rejected { said }) } else { Ok(said) };
        Self { status, verdict }
    }

    /// An answer that says that something is wrong.
    pub const fn failure(status: String, fault: Fault) -> Self {
        Self { status, verdict: Err(fault) }
    }
}

/// What of a request was not accepted. With nothing rejected, the text is a warning.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Partial {
    rejected: u64,
    said: String,
}

impl Partial {
    /// Reads an `ExportTraceServiceResponse`. What cannot be read says nothing.
    pub fn of_protobuf(content: &[u8]) -> Self {
        let Some(Content::Bytes(partial)) = field(content, 1) else { return Self::default() };
        let rejected = match field(partial, 1) {
            Some(Content::Number(number)) => number,
            _ => 0,
        };
        Self { rejected, said: text(partial, 2) }
    }

    /// The same in JSON, where numbers of 64 bits are text.
    pub fn of_json(content: &[u8]) -> Self {
        let content: Value = serde_json::from_slice(content).unwrap_or_default();
        let partial = content.get("partialSuccess").unwrap_or(&Value::Null);
        let rejected = partial.get("rejectedSpans");
        let of_text = || rejected.and_then(Value::as_str).and_then(|text| text.parse().ok());
        let rejected = rejected.and_then(Value::as_u64).or_else(of_text).unwrap_or_default();
        let said = partial.get("errorMessage").and_then(Value::as_str).unwrap_or_default().to_owned();
        Self { rejected, said }
    }
}

/// What the body of a failure says: a `google.rpc.Status`, or text.
pub fn failure(kind: &str, content: &[u8]) -> String {
    let said = if kind.starts_with("application/x-protobuf") {
        text(content, 2)
    } else if kind.starts_with("application/json") {
        let content: Value = serde_json::from_slice(content).unwrap_or_default();
        content.get("message").and_then(Value::as_str).unwrap_or_default().to_owned()
    } else {
        String::new()
    };
    let is_text = || kind.is_empty() || kind.starts_with("text/") || kind.starts_with("application/json");
    let said =
        if said.is_empty() && is_text() { String::from_utf8_lossy(content).into_owned() } else { said };
    shortened(&said, LONGEST)
}

/// The content of a field.
enum Content<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn text(message: &[u8], tag: u64) -> String {
    match field(message, tag) {
        Some(Content::Bytes(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    }
}

/// The first field with a number, as far as a message can be read.
fn field(message: &[u8], wanted: u64) -> Option<Content<'_>> {
    let mut rest = message;
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        let content = match key & 7 {
            0 => Content::Number(varint(&mut rest)?),
            1 => Content::Bytes(take(&mut rest, 8)?),
            2 => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                Content::Bytes(take(&mut rest, length)?)
            }
            5 => Content::Bytes(take(&mut rest, 4)?),
            _ => return None,
        };
        if key >> 3 == wanted {
            return Some(content);
        }
    }
    None
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for place in 0..10 {
        let byte = *take(rest, 1)?.first()?;
        value |= u64::from(byte & 0x7f).checked_shl(place * 7)?;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_was_rejected_in_both_encodings() {
        let partial = |rejected, said: &str| Partial { rejected, said: said.to_owned() };
        assert_eq!(Partial::of_protobuf(b"\x0a\x06\x08\x01\x12\x02no"), partial(1, "no"));
        assert_eq!(Partial::of_protobuf(b"\x0a\x06\x12\x04warn"), partial(0, "warn"));
        for odd in
            [&b""[..], b"\x0a", b"\x0a\x7f\x08", b"\x08\x01", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"]
        {
            assert_eq!(Partial::of_protobuf(odd), Partial::default(), "{odd:?}");
        }
        let json = br#"{"partialSuccess": {"rejectedSpans": "2", "errorMessage": "no"}}"#;
        assert_eq!(Partial::of_json(json), partial(2, "no"));
        assert_eq!(Partial::of_json(br#"{"partialSuccess": {"rejectedSpans": 2}}"#), partial(2, ""));
        assert_eq!(Partial::of_json(b"nothing"), Partial::default());
    }

    #[test]
    fn reads_what_a_failure_says() {
        assert_eq!(failure("application/x-protobuf", b"\x08\x03\x12\x02no"), "no");
        assert_eq!(failure("application/json", br#"{"code": 3, "message": "no"}"#), "no");
        assert_eq!(failure("application/json", br#"{"error": 3}"#), r#"{"error": 3}"#);
        assert_eq!(failure("text/plain; charset=utf-8", b"no\nway"), "no way");
        assert_eq!(failure("image/png", b"\x89PNG"), "");
        assert_eq!(failure("text/html", "x".repeat(9000).as_bytes()).chars().count(), LONGEST + 1);
    }
}

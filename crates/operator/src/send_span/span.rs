//! The span, as an `ExportTraceServiceRequest`: in protobuf and in JSON. The numbers are those of the fields in
//! <https://github.com/open-telemetry/opentelemetry-proto/tree/v1.7.0/opentelemetry/proto>, in the files `collector/trace/v1`,
//! `trace/v1`, `resource/v1` and `common/v1`. The encoding is <https://protobuf.dev/programming-guides/encoding/>.

use serde_json::{Value, json};

use super::settings::decoded;
use super::{Args, TraceId};

/// The name of the span.
const NAME: &str = "ingraft doctor";
/// The attribute by which it is found.
const MARK: &str = "ingraft.trace";
/// `SPAN_KIND_INTERNAL`
const INTERNAL: u64 = 1;
/// What the span took, in nanoseconds: backends may leave out those that took nothing.
const DURATION: u64 = 1_000_000;

/// One span, and what it says of its service.
#[derive(Debug)]
pub struct Span {
    resource: Vec<(String, String)>,
    trace: TraceId,
    mark: String,
    end: u64,
}

impl Span {
    /// The span that ends at a time, in nanoseconds since 1970. The service is described as agents do it, by
    /// <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>.
    pub fn new(args: &Args, read: &impl Fn(&str) -> Option<String>, end: u64) -> Self {
        let attributes = read("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
        let pairs = attributes.split(',').filter_map(|pair| pair.split_once('='));
        let mut resource: Vec<_> =
            pairs.map(|(key, value)| (decoded(key.trim()), decoded(value.trim()))).collect();
        let name = read("OTEL_SERVICE_NAME");
        let is_named = resource.iter().any(|(key, _)| key == "service.name");
        if let Some(name) = name.or_else(|| (!is_named).then(|| args.service.clone())) {
            resource.retain(|(key, _)| key != "service.name");
            resource.insert(0, ("service.name".to_owned(), name));
        }
        Self { resource, trace: args.trace_id, mark: args.mark.clone(), end }
    }

    /// The number of the span: a part of that of its trace, which is random.
    fn id(&self) -> [u8; 8] {
        let end = self.trace.last_chunk().copied();
        // All zero is none.
        end.filter(|id| *id != [0; 8]).unwrap_or([1; 8])
    }

    /// The request in protobuf.
    pub fn protobuf(&self) -> Vec<u8> {
        let attribute = |key: &str, value: &str| message(&[text(1, key), field(2, &text(1, value))]);
        let resource = self.resource.iter().map(|(key, value)| field(1, &attribute(key, value)));
        let resource: Vec<u8> = resource.flatten().collect();
        let span = message(&[
            field(1, &self.trace),
            field(2, &self.id()),
            text(5, NAME),
            number(6, INTERNAL),
            fixed(7, self.end.saturating_sub(DURATION)),
            fixed(8, self.end),
            field(9, &attribute(MARK, &self.mark)),
        ]);
        let scope = text(1, "ingraft");
        let of_scope = message(&[field(1, &scope), field(2, &span)]);
        field(1, &message(&[field(1, &resource), field(2, &of_scope)]))
    }

    /// The request in JSON: <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>.
    pub fn json(&self) -> Value {
        let attribute = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
        let resource: Vec<Value> = self.resource.iter().map(|(key, value)| attribute(key, value)).collect();
        let span = json!({
            "traceId": format!("{:032x}", u128::from_be_bytes(self.trace)),
            "spanId": format!("{:016x}", u64::from_be_bytes(self.id())),
            "name": NAME,
            "kind": INTERNAL,
            "startTimeUnixNano": self.end.saturating_sub(DURATION).to_string(),
            "endTimeUnixNano": self.end.to_string(),
            "attributes": [attribute(MARK, &self.mark)],
        });
        let scope = json!({"name": "ingraft"});
        json!({"resourceSpans": [{
            "resource": {"attributes": resource}, "scopeSpans": [{"scope": scope, "spans": [span]}],
        }]})
    }
}

fn message<const N: usize>(fields: &[Vec<u8>; N]) -> Vec<u8> {
    fields.concat()
}

/// A field of text, bytes or another message.
fn field(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag << 3 | 2];
    bytes.extend(varint(content.len() as u64));
    bytes.extend(content);
    bytes
}

fn text(tag: u8, content: &str) -> Vec<u8> {
    field(tag, content.as_bytes())
}

fn number(tag: u8, value: u64) -> Vec<u8> {
    let mut bytes = vec![tag << 3];
    bytes.extend(varint(value));
    bytes
}

/// A number of eight bytes.
fn fixed(tag: u8, value: u64) -> Vec<u8> {
    let mut bytes = vec![tag << 3 | 1];
    bytes.extend(value.to_le_bytes());
    bytes
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let seven = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(seven);
            return bytes;
        }
        bytes.push(seven | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(variables: &[(&str, &str)]) -> Span {
        let args = super::super::tests::args("http/protobuf");
        let read = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Span::new(&args, &read, 1_700_000_000_000_000_000)
    }

    /// The bytes are those that the generated code of the OpenTelemetry project writes for the same request.
    #[test]
    fn is_what_protobuf_has_it_be() {
        let expected = concat!(
            "0a7f0a170a150a0c736572766963652e6e616d6512050a0377656212640a090a07696e67726166741257",
            "0a100af7651916cd43dd8448eb211c80319c12088448eb211c80319c2a0e696e677261667420646f6374",
            "6f72300139c0bd1a36fe9c97174100002a36fe9c97174a150a0d696e67726166742e747261636512040a",
            "026d31",
        );
        let bytes = span(&[]).protobuf();
        let expected: Vec<u8> = (0..expected.len())
            .step_by(2)
            .map(|place| u8::from_str_radix(&expected[place..place + 2], 16).unwrap())
            .collect();
        assert_eq!(bytes, expected);
    }

    #[test]
    fn says_the_same_in_json() {
        let json = span(&[]).json();
        let span = &json["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        assert_eq!(span["traceId"], "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(span["endTimeUnixNano"], "1700000000000000000");
        assert_eq!(span["attributes"][0], json!({"key": "ingraft.trace", "value": {"stringValue": "m1"}}));
    }

    #[test]
    fn says_which_service_it_is_of() {
        let resource = |variables: &[(&str, &str)]| {
            let resource = span(variables).resource;
            resource.into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
        };
        let attributes = ("OTEL_RESOURCE_ATTRIBUTES", "a=b%2Cc, service.name=attributes,d");
        assert_eq!(resource(&[]), "service.name=web");
        assert_eq!(resource(&[attributes]), "a=b,c service.name=attributes");
        assert_eq!(resource(&[attributes, ("OTEL_SERVICE_NAME", "own")]), "service.name=own a=b,c");
    }

    #[test]
    fn numbers_are_of_any_length() {
        assert_eq!(varint(0), [0]);
        assert_eq!(varint(300), [0xac, 2]);
        assert_eq!(varint(u64::MAX).len(), 10);
    }
}

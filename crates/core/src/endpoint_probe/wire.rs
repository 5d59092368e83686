//! What is sent to a target without TLS, and what its answer means. No telemetry is made up.

use super::{Outcome, Protocol, Target};
use crate::finding::Step;

/// What a client of HTTP/2 sends first: the preface, and SETTINGS that change nothing
/// (<https://www.rfc-editor.org/rfc/rfc9113#section-3.4>).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The length of what comes before the content of each frame of HTTP/2:
/// <https://www.rfc-editor.org/rfc/rfc9113#section-4.1>.
const FRAME_HEADER: usize = 9;
/// The type of the frame that a server sends first: <https://www.rfc-editor.org/rfc/rfc9113#section-6.5>.
const SETTINGS: u8 = 4;
/// The length of `HTTP/1.1 200`.
const STATUS: usize = 12;

impl Target {
    /// What to send first. By HTTP it is an empty request to export traces, which receivers take
    /// (<https://opentelemetry.io/docs/specs/otlp/#otlphttp-request>).
    pub fn opening(&self) -> Vec<u8> {
        if self.protocol == Protocol::Grpc {
            return PREFACE.to_vec();
        }
        let (path, authority) = (&self.path, self.authority());
        format!(
            "POST {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: ingraft-operator\r\n\
             Content-Type: application/x-protobuf\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        .into_bytes()
    }

    /// What the beginning of an answer means; `None` where it takes more of it to tell.
    pub fn judge(&self, answer: &[u8]) -> Option<Outcome> {
        let is_text = answer.starts_with(b"HTTP/1.");
        if answer.len() < if is_text { STATUS } else { FRAME_HEADER } {
            return None;
        }
        let is_grpc = !is_text && answer.get(3) == Some(&SETTINGS);
        // Go says so to those who should speak TLS, and nothing else in this version of HTTP:
        // https://github.com/golang/go/blob/go1.25.0/src/net/http/server.go (tlsRecordHeaderLooksLikeHTTP).
        let is_http = is_text && !answer.starts_with(b"HTTP/1.0 400");
        Some(match self.protocol {
            Protocol::Grpc if is_grpc => Outcome::Answers,
            Protocol::Http if is_http && answer.get(8..STATUS) == Some(b" 404") => {
                Outcome::Failed(Step::NotFound)
            }
            Protocol::Http if is_http => Outcome::Answers,
            Protocol::Any if is_grpc || is_http => Outcome::Answers,
            _ => Outcome::Failed(Step::WrongProtocol(self.protocol)),
        })
    }
}

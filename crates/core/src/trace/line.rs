//! What the program in the pod tells: a line of JSON for each step. Program and command line may be of different versions.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::endpoint_probe::Protocol;
use crate::finding::{Fault, Stage, Step, TlsFault};

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The step.
    pub stage: Stage,
    /// What was seen, such as an address.
    pub detail: String,
    /// What failed; `None` if nothing did.
    pub fault: Option<Fault>,
}

/// The line as it is written.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Written {
    step: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
    /// A number that belongs to the failure: a status, or seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    /// A text that belongs to the failure: what the other side says, or a path.
    #[serde(skip_serializing_if = "String::is_empty")]
    said: String,
}

impl Line {
    /// A step that was taken.
    pub fn done(stage: Stage, detail: impl Into<String>) -> Self {
        Self { stage, detail: detail.into(), fault: None }
    }

    /// A step that failed.
    pub fn failed(stage: Stage, fault: Fault) -> Self {
        Self { stage, detail: String::new(), fault: Some(fault) }
    }

    /// As one object.
    pub fn json(&self) -> Value {
        let (number, said) = self.fault.as_ref().map_or((None, ""), values);
        let written = Written {
            step: self.stage.as_str().to_owned(),
            failed: self.fault.as_ref().map(|fault| word(fault).to_owned()),
            detail: match &self.fault {
                Some(Fault::File { why, .. }) => why.clone(),
                _ => self.detail.clone(),
            },
            number,
            said: said.to_owned(),
        };
        serde_json::to_value(written).unwrap_or_default()
    }

    /// Reads a line; `None` for what is none.
    pub fn parse(text: &str) -> Option<Self> {
        let Written { step, failed, detail, number, said } = serde_json::from_str(text.trim()).ok()?;
        let stage = Stage::ALL.into_iter().find(|stage| stage.as_str() == step)?;
        let fault = failed.map(|word| fault(&word, stage, number, said, &detail));
        Some(Self { stage, detail, fault })
    }
}

/// The lines of a text, which may have others.
pub fn lines(text: &str) -> Vec<Line> {
    text.lines().filter_map(Line::parse).collect()
}

/// The word of a failure: more exact than that for people's eyes where the remedy differs.
const fn word(fault: &Fault) -> &'static str {
    match fault {
        Fault::Unreached(Step::TlsFailed(fault)) => tls_word(*fault),
        other => other.as_str(),
    }
}

const fn tls_word(fault: TlsFault) -> &'static str {
    match fault {
        TlsFault::NoHandshake => "NoHandshake",
        TlsFault::NotValidNow => "NotValidNow",
        TlsFault::OtherHost => "OtherHost",
        TlsFault::UnknownAuthority => "UnknownAuthority",
        TlsFault::ClientRefused => "ClientRefused",
    }
}

/// The number and the text of a failure.
fn values(fault: &Fault) -> (Option<u64>, &str) {
    match fault {
        Fault::Unreached(Step::WrongProtocol(Protocol::Grpc)) => (None, "grpc"),
        Fault::Unreached(_) | Fault::ResolverFails | Fault::PodItself => (None, ""),
        Fault::TooSlow { seconds, .. } => (Some(*seconds), ""),
        Fault::NotAUrl { text } | Fault::ProtocolUnknown { text } => (None, text),
        Fault::File { path, .. } => (None, path),
        Fault::Status { status, said } | Fault::Grpc { status, said } => (Some(u64::from(*status)), said),
        Fault::Rejected { said } | Fault::Broken { why: said } | Fault::Other { said } => (None, said),
    }
}

fn fault(word: &str, stage: Stage, number: Option<u64>, said: String, detail: &str) -> Fault {
    let status = number.and_then(|number| u16::try_from(number).ok()).unwrap_or_default();
    let tls = |fault| Fault::Unreached(Step::TlsFailed(fault));
    match word {
        "NameNotResolved" => Fault::Unreached(Step::NameNotResolved),
        "Refused" => Fault::Unreached(Step::Refused),
        "NotFound" => Fault::Unreached(Step::NotFound),
        "WrongProtocol" if said == "grpc" => Fault::Unreached(Step::WrongProtocol(Protocol::Grpc)),
        "WrongProtocol" => Fault::Unreached(Step::WrongProtocol(Protocol::Http)),
        "NoHandshake" => tls(TlsFault::NoHandshake),
        "NotValidNow" => tls(TlsFault::NotValidNow),
        "OtherHost" => tls(TlsFault::OtherHost),
        "UnknownAuthority" => tls(TlsFault::UnknownAuthority),
        "ClientRefused" => tls(TlsFault::ClientRefused),
        "TimedOut" => Fault::TooSlow { stage, seconds: number.unwrap_or_default() },
        "ResolverFails" => Fault::ResolverFails,
        "PodItself" => Fault::PodItself,
        "NotAUrl" => Fault::NotAUrl { text: said },
        "ProtocolUnknown" => Fault::ProtocolUnknown { text: said },
        "File" => Fault::File { path: said, why: detail.to_owned() },
        "Status" => Fault::Status { status, said },
        "GrpcStatus" => Fault::Grpc { status, said },
        "Rejected" => Fault::Rejected { said },
        "Broken" => Fault::Broken { why: said },
        other => Fault::Other { said: format!("{other} {said} {detail}").trim().to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let tls = |fault| Fault::Unreached(Step::TlsFailed(fault));
        let text = || "b".to_owned();
        for fault in [
            Fault::Unreached(Step::NameNotResolved),
            Fault::Unreached(Step::Refused),
            Fault::Unreached(Step::NotFound),
            Fault::Unreached(Step::WrongProtocol(Protocol::Grpc)),
            Fault::Unreached(Step::WrongProtocol(Protocol::Http)),
            tls(TlsFault::NoHandshake),
            tls(TlsFault::NotValidNow),
            tls(TlsFault::OtherHost),
            tls(TlsFault::UnknownAuthority),
            tls(TlsFault::ClientRefused),
            Fault::TooSlow { stage: Stage::Send, seconds: 10 },
            Fault::ResolverFails,
            Fault::PodItself,
            Fault::NotAUrl { text: text() },
            Fault::ProtocolUnknown { text: text() },
            Fault::Status { status: 503, said: text() },
            Fault::Grpc { status: 12, said: text() },
            Fault::Rejected { said: text() },
            Fault::Broken { why: text() },
        ] {
            let line = Line::failed(Stage::Send, fault);
            assert_eq!(Line::parse(&line.json().to_string()), Some(line));
        }
        let file = Line::failed(Stage::Tls, Fault::File { path: "/a".to_owned(), why: text() });
        let again = Line::parse(&file.json().to_string()).unwrap();
        assert_eq!(again.fault, file.fault);
        let done = Line::done(Stage::Resolve, "10.0.0.7");
        assert_eq!(done.json(), serde_json::json!({"step": "resolve", "detail": "10.0.0.7"}));
        assert_eq!(lines(&format!("noise\n{}\n{{}}\n[]\n", done.json())), [done]);
    }

    #[test]
    fn what_a_newer_program_tells_is_handed_on() {
        let line = Line::parse(r#"{"step":"send","failed":"TooHot","said":"40 degrees"}"#).unwrap();
        assert_eq!(line.fault, Some(Fault::Other { said: "TooHot 40 degrees".to_owned() }));
    }
}

//! The file that the kubelet reads by `fileKeyRef`: lines of `NAME='value'`, without any escape.
//!
//! Only what the kubelet reads back byte by byte is written. Its reader takes lines with a `bufio.Scanner`: a line of
//! 64 KiB is an error for that key and all later ones, and `\r\n` loses its `\r`.
//! <https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/kubelet/util/env/env_util.go>

use alloc::string::String;

use crate::environment::Value;

/// The scanner's limit is 65,536 bytes.
const LONGEST_LINE: usize = 60_000;
/// `execve` refuses one string of more than 128 KiB, name included.
const LONGEST_VALUE: usize = 100_000;

/// Why a variable can't be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The value holds a single quote, which ends it.
    Quote,
    /// The value holds a carriage return, which the reader may drop.
    CarriageReturn,
    /// A line is too long for the reader.
    Line,
    /// The value is too long for a process.
    Size,
    /// The value is no UTF-8.
    Encoding,
    /// The name would be read differently.
    Name,
}

impl Refusal {
    /// The word for it in facts.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Quote => "quote",
            Self::CarriageReturn => "carriage-return",
            Self::Line => "line",
            Self::Size => "size",
            Self::Encoding => "encoding",
            Self::Name => "name",
        }
    }
}

/// The text of a value that can be written under this name.
pub(crate) fn writable<'v>(name: &str, value: &'v Value) -> Result<&'v str, Refusal> {
    let Value::Text(text) = value else {
        return Err(Refusal::Encoding);
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(Refusal::Name);
    }
    if text.contains('\'') {
        return Err(Refusal::Quote);
    }
    if text.contains('\r') {
        return Err(Refusal::CarriageReturn);
    }
    if text.len() + name.len() > LONGEST_VALUE {
        return Err(Refusal::Size);
    }
    if text.split('\n').any(|line| line.len() + name.len() > LONGEST_LINE) {
        return Err(Refusal::Line);
    }
    Ok(text)
}

/// Appends one variable that [`writable`] accepted.
pub(crate) fn append(file: &mut String, name: &str, text: &str) {
    for part in [name, "='", text, "'\n"] {
        file.push_str(part);
    }
}

#[cfg(test)]
mod tests;

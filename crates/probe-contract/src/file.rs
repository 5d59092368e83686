//! The file that the kubelet reads by `fileKeyRef`: lines of `NAME='value'`, without any escape.
//!
//! Only what the kubelet reads back byte by byte is written. Its reader takes lines with a `bufio.Scanner`: a line of
//! 64 KiB is an error for that key and all later ones, and `\r\n` loses its `\r`.
//! <https://github.com/kubernetes/kubernetes/blob/v1.35.4/pkg/kubelet/util/env/env_util.go>

use serde::{Deserialize, Serialize};

/// The longest line, name included. The scanner's limit is 65,536 bytes.
pub const LONGEST_LINE: usize = 60_000;
/// The longest value, name included: `execve` refuses one string of more than 128 KiB.
pub const LONGEST_VALUE: usize = 100_000;

/// Why a variable cannot be written to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The value holds a single quote, which would end it.
    Quote,
    /// The value holds a carriage return, which the reader may drop.
    CarriageReturn,
    /// A line is longer than [`LONGEST_LINE`].
    Line,
    /// The value is longer than [`LONGEST_VALUE`].
    Size,
    /// The value is not UTF-8.
    Encoding,
    /// The name would be read differently.
    Name,
}

/// Whether the kubelet reads a variable as it is written.
pub fn writable(name: &str, value: &str) -> Result<(), Refusal> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if name.is_empty() || !name.bytes().all(plain) {
        Err(Refusal::Name)
    } else if value.contains('\'') {
        Err(Refusal::Quote)
    } else if value.contains('\r') {
        Err(Refusal::CarriageReturn)
    } else if value.len() + name.len() > LONGEST_VALUE {
        Err(Refusal::Size)
    } else if value.split('\n').any(|line| line.len() + name.len() > LONGEST_LINE) {
        Err(Refusal::Line)
    } else {
        Ok(())
    }
}

/// Appends a variable that is [`writable`].
pub fn append(file: &mut String, name: &str, value: &str) {
    for part in [name, "='", value, "'\n"] {
        file.push_str(part);
    }
}

#[cfg(test)]
mod tests;

//! Errors for people: what was tried, and why it failed.

use std::error::Error;
use std::fmt;

/// Prints an error with its causes, once each: `failed to apply x: forbidden: …`.
pub struct Chain<'a>(pub &'a dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut error = self.0;
        loop {
            let text = error.to_string();
            let Some(source) = error.source() else {
                return f.write_str(&text);
            };
            let own = without_cause(&text, &source.to_string());
            f.write_str(own)?;
            if !own.is_empty() {
                f.write_str(": ")?;
            }
            error = source;
        }
    }
}

/// The part of an error's text before the text of its cause, which some libraries repeat in their own.
fn without_cause<'a>(text: &'a str, cause: &str) -> &'a str {
    match text.find(cause) {
        Some(start) if !cause.is_empty() => {
            text.get(..start).unwrap_or_default().trim_end_matches([' ', ':', '('])
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("failed to apply x")]
    struct Apply(#[source] kube::Error);

    #[test]
    fn prints_each_cause_once_and_never_in_its_debug_form() {
        let status = kube::core::Status::failure("namespaces \"none\" not found", "NotFound").boxed();
        let printed = Chain(&Apply(kube::Error::Api(status))).to_string();
        assert_eq!(printed.matches("not found").count(), 1, "{printed}");
        assert!(printed.starts_with("failed to apply x: ApiError: "), "{printed}");
        assert!(!printed.contains("Status"), "{printed}");
    }
}

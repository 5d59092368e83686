//! Why an image could not be read. Each error names the object; where there is a remedy, that too.

use std::io;

/// Why an image could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is no reference.
    #[error(
        "\"{text}\" is not the name of an image: write HOST/PATH:TAG, or ./FILE.tar or ./FOLDER for one that is stored here"
    )]
    Reference {
        /// As it was written.
        text: String,
    },
    /// A file or folder cannot be read.
    #[error("failed to read {path}")]
    Open {
        /// Its path.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// What was read is not what it should be.
    #[error("{what} cannot be used: {why}")]
    Malformed {
        /// What.
        what: String,
        /// Why.
        why: String,
    },
    /// What was read has no end, or none within what is reasonable.
    #[error("{what} is refused: it has more than {limit}")]
    TooMuch {
        /// What.
        what: String,
        /// Of what there is too much.
        limit: String,
    },
    /// There is nothing for the platform that was asked for.
    #[error("{image} has nothing for {wanted}, only for {found}: name one with --platform")]
    Platform {
        /// The image.
        image: String,
        /// What was asked for.
        wanted: String,
        /// What there is.
        found: String,
    },
    /// An archive holds several images.
    #[error("{path} holds {count} images: name one of them, as {path}#{name}")]
    Several {
        /// The archive.
        path: String,
        /// How many.
        count: usize,
        /// The name of one.
        name: String,
    },
    /// A registry cannot be asked.
    #[error("failed to ask {registry} for {what}")]
    Ask {
        /// The registry.
        registry: String,
        /// What for.
        what: String,
        /// Why.
        source: Box<ureq::Error>,
    },
    /// A registry does not give what it was asked for.
    #[error("{registry} does not give {what}: {why}")]
    Refused {
        /// The registry.
        registry: String,
        /// What.
        what: String,
        /// Its answer, and what helps.
        why: String,
    },
}

impl Error {
    /// Something that is not what it should be.
    pub(crate) fn malformed(what: impl Into<String>, why: impl std::fmt::Display) -> Self {
        Self::Malformed { what: what.into(), why: why.to_string() }
    }

    /// An error of a stream, with the name of what was read; limits are told as such.
    pub(crate) fn of_stream(what: &str, error: io::Error) -> Self {
        match error.downcast::<crate::stream::TooMuch>() {
            Ok(limit) => Self::TooMuch { what: what.to_owned(), limit: limit.0 },
            Err(error) => Self::malformed(what, error),
        }
    }
}

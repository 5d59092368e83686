//! What reviews may hold in memory at once. `deploy/operator.yaml` allows for all of it, and says the sum.
//!
//! Anyone in the cluster can send a body, and a body of 4 MiB can become hundreds of megabytes as a document. Large
//! bodies and large documents wait for their turn. Ordinary ones do not: the number of connections bounds them, and
//! nobody who sends large ones keeps them waiting.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::StatusCode;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::review::{Request, Review};

/// The largest body that is read (docs/reference/operator.md 5); the API server's own limit for objects is 3 MiB.
pub(crate) const BODY_LIMIT: usize = 4 * 1024 * 1024;
/// A body that is larger than this waits for its turn.
const SMALL_BODY: usize = 32 * 1024;
/// So many bytes of larger bodies are read at once.
const BODIES: usize = 16 * 1024 * 1024;
/// A document that may take more memory than this waits for its turn. An ordinary pod takes less.
const SMALL_DOCUMENT: usize = 256 * 1024;
/// Larger documents take this much memory at once. The largest one that an API server sends for good reason, 3 MiB of
/// one-digit numbers, fits alone.
const DOCUMENTS: usize = 112 * 1024 * 1024;
/// A body that has not been read by then, turns included, is refused. The API server waits for 5 s.
const READ: Duration = Duration::from_secs(2);

/// Why a body is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) StatusCode, pub(crate) String);

/// What is reserved for a large body or document, for as long as this value is kept.
pub(crate) type Turn = Option<OwnedSemaphorePermit>;

/// What is still free.
#[derive(Debug)]
pub(crate) struct Limits {
    bodies: Arc<Semaphore>,
    documents: Arc<Semaphore>,
}

impl Default for Limits {
    fn default() -> Self {
        let semaphore = |size| Arc::new(Semaphore::new(size));
        Self { bodies: semaphore(BODIES), documents: semaphore(DOCUMENTS) }
    }
}

impl Limits {
    /// Reads an admission review, when it is its turn.
    pub(crate) async fn admit(&self, body: Body) -> Result<(Request, Turn), Refusal> {
        timeout(READ, self.read(body)).await.unwrap_or_else(|_| {
            let detail = format!("the body could not be read within {} s", READ.as_secs());
            Err(Refusal(StatusCode::SERVICE_UNAVAILABLE, detail))
        })
    }

    async fn read(&self, mut body: Body) -> Result<(Request, Turn), Refusal> {
        let too_large = |what: &str, limit: usize| {
            Refusal(StatusCode::PAYLOAD_TOO_LARGE, format!("{what} exceeds {limit} bytes"))
        };
        let expected = body.size_hint().upper().and_then(|size| usize::try_from(size).ok());
        let expected = expected.map_or(BODY_LIMIT, |size| size.min(BODY_LIMIT));
        let _turn = turn(&self.bodies, expected, SMALL_BODY).await;
        let mut bytes = Vec::with_capacity(expected);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Refusal(StatusCode::BAD_REQUEST, error.to_string()))?;
            let data = frame.into_data().unwrap_or_default();
            if bytes.len() + data.len() > BODY_LIMIT {
                return Err(too_large("the body", BODY_LIMIT));
            }
            bytes.extend_from_slice(&data);
        }
        let weight = weight(&bytes);
        if weight > DOCUMENTS {
            return Err(too_large("the memory that the document may take", DOCUMENTS));
        }
        let memory = turn(&self.documents, weight, SMALL_DOCUMENT).await;
        let request = Review::request(&bytes);
        request.map(|request| (request, memory)).map_err(|detail| Refusal(StatusCode::BAD_REQUEST, detail))
    }
}

/// Reserves what is large.
async fn turn(semaphore: &Arc<Semaphore>, size: usize, small: usize) -> Turn {
    if size <= small {
        return None;
    }
    // Never closed, and never asked for more than it has.
    Arc::clone(semaphore).acquire_many_owned(u32::try_from(size).ok()?).await.ok()
}

/// How much memory a document may take at most, from its punctuation. A value takes 32 bytes, and twice as much while
/// the list that holds it grows; a list has room for 4 at least, an object for 11 with their names.
fn weight(json: &[u8]) -> usize {
    let mut weight = json.len();
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        weight += match byte {
            b',' | b':' => 64,
            b'[' => 128,
            b'{' => 640,
            b'"' => {
                skip_string(&mut bytes);
                16
            }
            _ => 0,
        };
    }
    weight
}

/// Skips the rest of a string.
fn skip_string<'a>(bytes: &mut impl Iterator<Item = &'a u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'"' => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;

//! Reading with an end: whatever a stream claims, no more than a limit is taken from it.

use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read};

use flate2::read::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use sha2::{Digest as _, Sha256, Sha512};

/// There is more than is reasonable.
#[derive(Debug)]
pub(crate) struct TooMuch(pub(crate) String);

impl fmt::Display for TooMuch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more than {}", self.0)
    }
}

impl std::error::Error for TooMuch {}

/// An error that says what there is too much of.
pub(crate) fn too_much(limit: impl Into<String>) -> io::Error {
    io::Error::other(TooMuch(limit.into()))
}

/// Fails once more bytes come than are left.
pub(crate) struct Limited<'l, R> {
    inner: R,
    left: &'l mut u64,
    what: &'static str,
}

impl<'l, R> Limited<'l, R> {
    /// `left` is what may come, also from others; `what` is its name.
    pub(crate) fn new(inner: R, left: &'l mut u64, what: &'static str) -> Self {
        Self { inner, left, what }
    }
}

impl<R: Read> Read for Limited<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        *self.left = self.left.checked_sub(count as u64).ok_or_else(|| too_much(self.what))?;
        Ok(count)
    }
}

/// All of something short.
pub(crate) fn read_short(source: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(too_much(format!("{limit} bytes"))) } else { Ok(bytes) }
}

/// Hashes and counts what passes through.
pub(crate) struct Hashing<R> {
    inner: R,
    hash: Hash,
    length: u64,
}

enum Hash {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl<R: Read> Hashing<R> {
    /// With the algorithm of a digest; nothing for an algorithm that is not known.
    pub(crate) fn like(digest: &str, inner: R) -> Option<Self> {
        let hash = match digest.split_once(':')?.0 {
            "sha256" => Hash::Sha256(Sha256::new()),
            "sha512" => Hash::Sha512(Sha512::new()),
            _ => return None,
        };
        Some(Self { inner, hash, length: 0 })
    }

    /// Reads what is left, and compares.
    pub(crate) fn finish(mut self, digest: &str, length: Option<u64>) -> io::Result<()> {
        io::copy(&mut self, &mut io::sink())?;
        if let Some(length) = length.filter(|length| *length != self.length) {
            return Err(io::Error::other(format!("it has {} bytes in place of {length}", self.length)));
        }
        let found = match self.hash {
            Hash::Sha256(hash) => format!("sha256:{:x}", hash.finalize()),
            Hash::Sha512(hash) => format!("sha512:{:x}", hash.finalize()),
        };
        if found == digest { Ok(()) } else { Err(io::Error::other(format!("its digest is {found}"))) }
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let bytes = buffer.get(..count).unwrap_or_default();
        match &mut self.hash {
            Hash::Sha256(hash) => hash.update(bytes),
            Hash::Sha512(hash) => hash.update(bytes),
        }
        self.length += count as u64;
        Ok(count)
    }
}

/// The beginning of a gzip stream.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// The beginning of a frame of zstd, and of one that is skipped but for its lowest four bits.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];

/// What was compressed by gzip or zstd, or as it is. Media types lie; the first bytes do not.
pub(crate) fn decompressed<'r>(mut source: impl Read + 'r) -> io::Result<Box<dyn Read + 'r>> {
    let mut start = Vec::new();
    source.by_ref().take(4).read_to_end(&mut start)?;
    let begins = |magic: &[u8]| start.starts_with(magic);
    let is_gzip = begins(&GZIP);
    let is_zstd = begins(&ZSTD) || start.get(1..) == Some(&SKIPPABLE);
    let whole = io::Cursor::new(start).chain(source);
    Ok(if is_gzip {
        Box::new(MultiGzDecoder::new(BufReader::with_capacity(64 * 1024, whole)))
    } else if is_zstd {
        let source = BufReader::with_capacity(64 * 1024, whole);
        Box::new(Frames { source, decoder: FrameDecoder::new(), is_open: false })
    } else {
        Box::new(whole)
    })
}

/// Frames of zstd, one after the other: tools cut layers into many of them.
struct Frames<R> {
    source: BufReader<R>,
    decoder: FrameDecoder,
    /// Whether a frame has begun and not ended.
    is_open: bool,
}

impl<R: Read> Frames<R> {
    /// Begins the next frame; false where there is none.
    fn open(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let skipped = io::copy(&mut self.source.by_ref().take(length.into()), &mut io::sink())?;
                    if skipped < length.into() {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(io::Error::other(error.to_string())),
            }
        }
        Ok(false)
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.is_open {
                self.is_open = self.open()?;
                if !self.is_open {
                    return Ok(0);
                }
            }
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            if self.decoder.is_finished() {
                self.is_open = false;
            } else {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                let decoded = self.decoder.decode_blocks(&mut self.source, one);
                decoded.map_err(|error| io::Error::other(error.to_string()))?;
            }
        }
    }
}

#[cfg(test)]
mod tests;

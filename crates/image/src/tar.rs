//! Archives of tar, read from the beginning to the end: <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html>,
//! with what GNU tar adds: <https://www.gnu.org/software/tar/manual/html_node/Standard.html>.
//!
//! Names of any length may stand in an archive, and libraries take them up whole. Here everything has a limit.

use std::io::{self, Read};

const BLOCK: usize = 512;
/// Longer than any path, and than what writers add to one.
const LONGEST_NAME: u64 = 256 * 1024;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    File,
    Folder,
    /// Another name of an entry before.
    HardLink,
    Link,
    /// Something that holds nothing: a device, a pipe.
    Other,
}

/// The head of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: Type,
    /// As it stands there; empty where it is not UTF-8.
    pub(crate) path: String,
    pub(crate) link: String,
    pub(crate) mode: u64,
    pub(crate) size: u64,
}

/// An archive while it is read.
pub(crate) struct Archive<R> {
    source: R,
    /// What is left of the current entry's content, and of what fills its last block.
    left: u64,
    padding: u64,
    /// Blocks of zeros that came last.
    zeros: u8,
}

/// What stands before an entry, because its own head has no room for it.
#[derive(Debug, Default)]
struct Ahead {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
}

impl<R: Read> Archive<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { source, left: 0, padding: 0, zeros: 0 }
    }

    /// The next entry. What was not read of the last one is passed over.
    pub(crate) fn next(&mut self) -> io::Result<Option<Entry>> {
        let mut ahead = Ahead::default();
        loop {
            self.skip()?;
            let Some(block) = self.block()? else { return Ok(None) };
            let head = Head(&block);
            let size = head.number(124..136)?;
            match head.0.get(156).copied().unwrap_or_default() {
                b'L' => ahead.path = Some(self.name(size)?),
                b'K' => ahead.link = Some(self.name(size)?),
                b'x' => {
                    let records = self.name(size)?;
                    ahead.read(&records);
                }
                b'g' => drop(self.name(size)?),
                flag => return self.entry(&head, flag, ahead).map(Some),
            }
        }
    }

    fn entry(&mut self, head: &Head<'_>, flag: u8, ahead: Ahead) -> io::Result<Entry> {
        let size = ahead.size.map_or_else(|| head.number(124..136), Ok)?;
        let path = ahead.path.unwrap_or_else(|| head.path());
        let kind = match flag {
            b'0' | 0 | b'7' if path.ends_with(b"/") => Type::Folder,
            b'0' | 0 | b'7' | b'S' => Type::File,
            b'1' => Type::HardLink,
            b'2' => Type::Link,
            b'5' => Type::Folder,
            _ => Type::Other,
        };
        if flag == b'S' && head.0.get(482).is_some_and(|more| *more != 0) {
            self.pass_map()?;
        }
        // Writers state sizes of links too, and add nothing.
        let size = if matches!(flag, b'1'..=b'6') { 0 } else { size };
        self.expect(size);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap_or_default();
        let link = text(ahead.link.unwrap_or_else(|| head.text(157..257)));
        Ok(Entry { kind, path: text(path), link, mode: head.number(100..108)?, size })
    }

    /// Passes over where the holes of a sparse file are.
    fn pass_map(&mut self) -> io::Result<()> {
        let mut block = [0; BLOCK];
        loop {
            self.source.read_exact(&mut block)?;
            if block.get(504).is_none_or(|more| *more == 0) {
                return Ok(());
            }
        }
    }

    fn expect(&mut self, size: u64) {
        (self.left, self.padding) = (size, size.wrapping_neg() % BLOCK as u64);
    }

    /// The content of an entry that belongs to the head of the next one.
    fn name(&mut self, size: u64) -> io::Result<Vec<u8>> {
        if size > LONGEST_NAME {
            return Err(crate::stream::too_much(format!("{LONGEST_NAME} bytes in the head of a file")));
        }
        self.expect(size);
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)?;
        if self.left > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        Ok(bytes)
    }

    /// Passes over what is left of the current entry.
    fn skip(&mut self) -> io::Result<()> {
        let rest = self.left.saturating_add(self.padding);
        let skipped = io::copy(&mut self.source.by_ref().take(rest), &mut io::sink())?;
        // Some writers leave out what fills the last block of an archive.
        if skipped < self.left {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        (self.left, self.padding) = (0, 0);
        Ok(())
    }

    /// The next head; none at the end, which two blocks of zeros mark, or nothing.
    fn block(&mut self) -> io::Result<Option<[u8; BLOCK]>> {
        let mut block = [0; BLOCK];
        loop {
            let mut filled = 0;
            while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
                match self.source.read(rest)? {
                    0 if filled == 0 => return Ok(None),
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    count => filled += count,
                }
            }
            if block.iter().any(|byte| *byte != 0) {
                self.zeros = 0;
                Head(&block).check()?;
                return Ok(Some(block));
            }
            self.zeros += 1;
            if self.zeros == 2 {
                return Ok(None);
            }
        }
    }
}

/// The content of the current entry.
impl<R: Read> Read for Archive<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.by_ref().take(self.left).read(buffer)?;
        if count == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= count as u64;
        Ok(count)
    }
}

impl Ahead {
    /// Records of the form `LENGTH KEY=VALUE\n`.
    fn read(&mut self, mut records: &[u8]) {
        while let Some(space) = records.iter().position(|byte| *byte == b' ') {
            let length = records.get(..space).and_then(|digits| std::str::from_utf8(digits).ok());
            let Some(length) = length.and_then(|digits| digits.parse::<usize>().ok()) else { return };
            let Some((record, rest)) = records.split_at_checked(length) else { return };
            let Some(record) = record.get(space + 1..) else { return };
            let record = record.strip_suffix(b"\n").unwrap_or(record);
            let equals = record.iter().position(|byte| *byte == b'=').unwrap_or(record.len());
            let (key, value) = record.split_at(equals);
            let value = value.get(1..).unwrap_or_default();
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => {
                    self.size = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
                }
                _ => {}
            }
            records = rest;
        }
    }
}

/// The block before an entry's content.
struct Head<'b>(&'b [u8; BLOCK]);

impl Head<'_> {
    fn field(&self, place: std::ops::Range<usize>) -> &[u8] {
        self.0.get(place).unwrap_or_default()
    }

    /// Up to the first zero.
    fn text(&self, place: std::ops::Range<usize>) -> Vec<u8> {
        self.field(place).split(|byte| *byte == 0).next().unwrap_or_default().to_vec()
    }

    fn path(&self) -> Vec<u8> {
        let name = self.text(0..100);
        // GNU tar has something else in the place of the prefix.
        let prefix = if self.field(257..263) == b"ustar\0" { self.text(345..500) } else { Vec::new() };
        if prefix.is_empty() { name } else { [prefix.as_slice(), b"/", name.as_slice()].concat() }
    }

    /// Octal digits, or, where these do not suffice, bytes of which the first has its highest bit set.
    fn number(&self, place: std::ops::Range<usize>) -> io::Result<u64> {
        let field = self.field(place);
        let bad = || io::Error::other("the archive is damaged: a number is none");
        if let Some((first, rest)) = field.split_first().filter(|(first, _)| **first & 0x80 != 0) {
            let add = |number: u64, byte: &u8| number.checked_mul(256)?.checked_add(u64::from(*byte));
            return rest.iter().try_fold(u64::from(first & 0x7f), add).ok_or_else(bad);
        }
        let text = std::str::from_utf8(field).map_err(|_| bad())?;
        let digits = text.trim_matches(['\0', ' ']);
        let digits = digits.split(['\0', ' ']).next().unwrap_or_default();
        if digits.is_empty() { Ok(0) } else { u64::from_str_radix(digits, 8).map_err(|_| bad()) }
    }

    /// Whether it is a head at all: the sum of its bytes, with spaces in the place of the sum.
    fn check(&self) -> io::Result<()> {
        let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
        let found = sum(self.field(0..148)) + 8 * u64::from(b' ') + sum(self.field(156..BLOCK));
        if self.number(148..156).ok() == Some(found) {
            return Ok(());
        }
        Err(io::Error::other("it is no archive of tar, or damaged"))
    }
}

#[cfg(test)]
mod tests;

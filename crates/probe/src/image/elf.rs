//! How a program is linked, from its ELF header.

use ingraft_probe_contract::Libc;

use super::Files;

/// More than any program has before its interpreter's name.
const HEADERS: u64 = 4096;
/// Longer than any loader's path.
const LOADER: u64 = 256;
/// The program header that names the interpreter.
const PT_INTERP: u64 = 3;

/// The C library that a program needs; nothing if it is no ELF file or names an unknown loader.
///
/// The layout: <https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.pheader.html>
pub(crate) fn libc(files: &Files<'_>, path: &str) -> Option<Libc> {
    let bytes = files.bytes(path, 0, HEADERS)?;
    let [0x7f, b'E', b'L', b'F', class, order, ..] = *bytes.as_slice() else {
        return None;
    };
    let header = Header { bytes: &bytes, is_wide: class == 2, is_little: order == 1 };
    let table = header.word(if header.is_wide { 0x20 } else { 0x1c })?;
    let [size, count] = if header.is_wide { [0x36, 0x38] } else { [0x2a, 0x2c] };
    let (size, count) = (header.half(size)?, header.half(count)?);
    for index in 0..count {
        let entry = usize::try_from(table).ok()?.checked_add(index.checked_mul(size)?)?;
        if header.number(entry, 4)? == PT_INTERP {
            let start = header.word(entry + if header.is_wide { 8 } else { 4 })?;
            return loader(&files.bytes(path, start, LOADER)?);
        }
    }
    Some(Libc::None)
}

/// The C library of a loader.
fn loader(path: &[u8]) -> Option<Libc> {
    let path = path.split(|byte| *byte == 0).next()?;
    let name = path.rsplit(|byte| *byte == b'/').next()?;
    if name.starts_with(b"ld-musl-") {
        Some(Libc::Musl)
    } else if name.starts_with(b"ld-linux") || name.starts_with(b"ld64.so") || name.starts_with(b"ld.so") {
        Some(Libc::Glibc)
    } else {
        None
    }
}

struct Header<'b> {
    bytes: &'b [u8],
    is_wide: bool,
    is_little: bool,
}

impl Header<'_> {
    /// An address, whose size is the class's.
    fn word(&self, at: usize) -> Option<u64> {
        self.number(at, if self.is_wide { 8 } else { 4 })
    }

    fn half(&self, at: usize) -> Option<usize> {
        self.number(at, 2).and_then(|number| usize::try_from(number).ok())
    }

    fn number(&self, at: usize, size: usize) -> Option<u64> {
        let bytes = self.bytes.get(at..at.checked_add(size)?)?.iter();
        let add = |number, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.is_little { bytes.rev().fold(0, add) } else { bytes.fold(0, add) })
    }
}

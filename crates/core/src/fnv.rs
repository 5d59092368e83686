//! FNV-1a, whose result never changes between versions: <http://www.isthe.com/chongo/tech/comp/fnv/>.

use std::io::Write;

use serde::Serialize;

/// The hash of what was added.
pub(crate) struct Fnv(u64);

impl Fnv {
    pub(crate) fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn add_bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub(crate) fn add(&mut self, value: &impl Serialize) {
        // Writing to a number cannot fail, and neither can turning these types to JSON.
        let _ = serde_json::to_writer(self, value);
    }

    /// The hash.
    pub(crate) fn number(&self) -> u64 {
        self.0
    }

    /// The hash as text.
    pub(crate) fn text(&self) -> String {
        format!("{:016x}", self.0)
    }
}

/// The hash of some bytes, as text.
pub(crate) fn of(bytes: &[u8]) -> String {
    let mut hasher = Fnv::new();
    hasher.add_bytes(bytes);
    hasher.text()
}

impl Write for &mut Fnv {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.add_bytes(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
